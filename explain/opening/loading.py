"""Opening a model: by name from the zoo, from a file, or one that is already in memory."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from explain import device
from explain.errors import ExplainError, ModelError, OptionError, UnknownModel, near
from explain.inspecting import inspect
from explain.inspecting.customs import opened_with, operator_files, read_customs
from explain.opening import zoo
from explain.opening.files import first_line, network_of, own_network
from explain.opening.guess import FREE_SIZE, Guess, guess_scaling
from explain.opening.labels import imagenet_labels, read_labels
from explain.opening.trial import check_memory, room, trial
from explain.probe.anatomy import check_picture_input
from explain.probe.network import Network
from explain.results import Inspection, Model, Notice
from explain.scaling import scaling_of

ENDINGS = (".keras", ".h5", ".hdf5", ".pb", ".zip", ".model")            # of what is no zoo name

UNTRAINED = (
    "The model was saved before it was built, so the file holds no weights: what you see are random numbers. "
    "Save it again after training."
)


def load(
    name: str | os.PathLike[str] = zoo.DEFAULT,
    scaling: str | None = None,
    labels: Sequence[str] | str | os.PathLike[str] | None = None,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_shape: tuple[int, int, int] | None = None,
    on_progress: Any = None,
    trusted: bool = False,
    custom_objects: Sequence[str] | str | None = None,
) -> Model:
    """Open a network: a zoo name, a file (.keras, .h5, .pb, zip) or a SavedModel folder.

    scaling: a name of `explain.scaling`, None for the entry's own or the best guess (the model says
    which); labels: names of the classes, or a text file with one per line; weights, for zoo names: a
    file of weights, or None for random ones; input_shape: (h, w, C) for a network that takes any size.
    on_progress(bytes done, bytes in all, None) while weights are fetched; False cancels.
    trusted: open the file itself, uninspected, for files of one's own; custom_objects: Python files
    whose classes a model may use (default: EXPLAIN_CUSTOM_OBJECTS).

    A file is inspected as data first, by another process, and only the copy that the inspection wrote is
    opened. Raises UnknownModel, RefusedModel (with a code for each reason), InputError, ModelError,
    NoInternet, Cancelled, OptionError, TooMuchMemory.
    """
    device.ready()
    path, labels, files = Path(name), read_labels(labels), operator_files(custom_objects)
    if not path.exists():
        return _from_zoo(os.fspath(name), scaling, labels, weights, input_shape, on_progress, trusted)
    if trusted:
        model = _from_file(own_network(path, files), path.stem, scaling, labels, input_shape)
        return replace(model, opened=opened_with(files, trusted=True))
    with tempfile.TemporaryDirectory(prefix="layerscope-") as folder:
        inspection = inspect(path, folder, read_customs(files), with_labels=labels is None)
        return open_inspected(inspection, scaling, labels, input_shape, files, path.stem, tried=False)


def open_inspected(
    inspection: Inspection,
    scaling: str | None = None,
    labels: Sequence[str] | None = None,
    input_shape: tuple[int, int, int] | None = None,
    custom_objects: Sequence[str] = (),
    name: str = "model",
    tried: bool = True,
) -> Model:
    """The model of a canonical copy; `tried` on a picture before anybody asks. Raises as `load` does."""
    device.ready()
    network = network_of(inspection, custom_objects)
    given = tuple(labels) if labels is not None else inspection.labels
    content = " ".join([inspection.digest, *(Path(file).read_text("utf-8") for file in custom_objects)])
    model = _from_file(
        network, name, scaling, given, input_shape, inspection.notices, labels is not None, content, tried
    )
    return replace(model, opened=opened_with(custom_objects))


def _from_zoo(text, scaling, labels, weights, input_shape, on_progress, trusted) -> Model:
    if Path(text).suffix.lower() in ENDINGS or len(Path(text).parts) > 1:
        folder = Path(text).parent
        beside = [p.name for p in folder.glob("*") if p.suffix in ENDINGS] if folder.is_dir() else []
        raise UnknownModel(f"There is no file '{text}'.{near(Path(text).name, beside)}")
    entry = zoo.entry_of(text)
    of_file = weights is not None and weights != "imagenet"
    with tempfile.TemporaryDirectory(prefix="layerscope-") as folder:
        if of_file and not trusted and Path(weights).suffix != ".pth" and Path(weights).is_file():
            weights = inspect(Path(weights), folder).path
        seed = 0 if weights is None else None
        network = zoo.build(entry.name, weights, seed, on_progress)
    given = "its own" if scaling is None else "given"
    return _model(
        network,
        scaling or entry.scaling,
        f"{given}: {entry.title} was trained with '{entry.scaling}'",
        labels,
        entry.name,
        input_shape or (*entry.input_size, 3),
        about=_about(entry, "random weights" if seed is not None else "weights from a file" if of_file else ""),
    )


def _about(entry: zoo.Entry, weights: str) -> str:
    """The paper, and whose weights they are; weights: those that were given instead of its own."""
    paper = entry.about.partition("; ")[0]
    return f"{paper}; {entry.name} with {weights}" if weights else entry.about


def _from_file(network, name, scaling, labels, input_shape, notices=(), named=True, content=None, tried=False) -> Model:
    """named: whether the user gave the labels; those that came with the file may not fit it; content: what
    the key is made of."""
    if not network.built and input_shape is not None:
        notices = (*notices, Notice("W_UNTRAINED", UNTRAINED))
    _build(network, input_shape)
    scaling, why, guessed = _scaling(network, scaling, name, input_shape)
    classes = None if named or not labels else _classes(network)
    if classes is not None and classes != len(labels):
        sentence = f"The labels beside the model are {len(labels)}, its classes {classes}: they are not used."
        labels, notices = None, (*notices, Notice("W_LABELS", sentence))
    model = _model(network, scaling, why, labels, name, input_shape, content=content)
    check_memory(model.layers, room())
    return replace(model, notices=(*notices, *guessed, *(trial(model.network) if tried else ())))


def wrap(
    network: keras.Model,
    scaling: str | None = None,
    labels: Sequence[str] | str | os.PathLike[str] | None = None,
    name: str | None = None,
    input_shape: tuple[int, int, int] | None = None,
) -> Model:
    """A Keras model that is in memory already; it is never changed.

    A model that was never called is built by one call on an empty picture of `input_shape`.
    Raises ModelError when its input is not one picture, or unknown.
    """
    device.ready()
    if not isinstance(network, keras.Model):
        raise ModelError(f"Expected a keras.Model, received {type(network).__name__}.")
    labels = read_labels(labels)
    _build(network, input_shape)
    name = name or network.name
    scaling, why, notices = _scaling(network, scaling, name, input_shape)
    return replace(_model(network, scaling, why, labels, name, input_shape), notices=notices)


def _model(network, scaling, why, labels, name, input_shape, about="", content=None) -> Model:
    height, width, channels = check_picture_input(network) if input_shape is None else _checked(input_shape)
    shape, how = (height or FREE_SIZE, width or FREE_SIZE, channels), scaling_of(scaling)
    opened = _or_model_error(name, shape, lambda: Network(network, how, shape))
    names, classes = labels or (), opened.outputs[0].classes
    if names and len(names) != classes:
        raise OptionError(f"Expected {classes} labels, one for each class, received {len(names)}.")
    if labels is None and about and classes == len(imagenet_labels()):     # of the zoo, with its classifier
        names = imagenet_labels()
    return Model(
        key=_sha256(f"{content or _content(network)} {scaling} {shape}"),
        name=name,
        input_shape=shape,
        layers=opened.layers,
        outputs=opened.outputs,
        scaling=scaling,
        labels=names,
        default_layer=opened.default_layers[0],
        scaling_note=why,
        about=about,
        device=device.ready(),
        network=opened,
    )


def _scaling(network, scaling, name, input_shape) -> Guess:
    if scaling is not None:
        return Guess(scaling, "given")
    shape = input_shape or check_picture_input(network)
    return _or_model_error(name, shape, lambda: guess_scaling(network, input_shape))


def _or_model_error(name: str, shape: tuple, run: Callable[[], Any]) -> Any:
    """What `run` gives. ModelError when the network cannot be run on a picture of that shape."""
    try:
        return run()
    except ExplainError:
        raise
    except Exception as error:  # whatever its layers raise while they are called
        raise ModelError(
            f"The network '{name}' cannot be run on a picture of {'×'.join(map(str, shape))}. "
            f"Keras says: {first_line(error)}"
        ) from error


def _build(network: keras.Model, input_shape: tuple[int, int, int] | None) -> None:
    """A model that was never called is built by one call on an empty picture."""
    if not network.built and input_shape is not None:
        empty = np.zeros((1, *_checked(input_shape)), np.float32)
        _or_model_error(network.name, input_shape, lambda: network(empty, training=False))


def _classes(network: keras.Model) -> int | None:
    """How many numbers its first output ends in, where that is known before it is run."""
    outputs = keras.tree.flatten(getattr(network, "outputs", None) or ())
    many = outputs[0].shape[-1] if outputs else None
    return 2 if many == 1 else many


def _checked(input_shape: Sequence[int]) -> tuple[int, int, int]:
    whole = all(isinstance(n, (int, np.integer)) and n > 0 for n in input_shape)
    if len(input_shape) != 3 or not whole or input_shape[2] not in (1, 3, 4):
        raise OptionError(
            f"Expected input_shape=(height, width, channels) with 1, 3 or 4 channels, received {tuple(input_shape)}."
        )
    return tuple(int(n) for n in input_shape)


def _content(network: keras.Model) -> str:
    """SHA-256 of architecture and weights: with scaling and size, what an answer depends on."""
    digest = hashlib.sha256()
    try:
        config = json.dumps(network.get_config(), sort_keys=True, default=lambda o: type(o).__qualname__)
    except NotImplementedError:                           # a subclassed model need not have one
        config = type(network).__qualname__
    digest.update(config.encode())
    for weight in network.weights:
        value = np.ascontiguousarray(weight.numpy())
        digest.update(f"{weight.path} {value.shape} {value.dtype}".encode())
        digest.update(value.view(np.uint8).reshape(-1).data if value.size else b"")
    return digest.hexdigest()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
