"""Opening a model: by name from the zoo, from a file, or one that is already in memory."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from explain import device
from explain.errors import ExplainError, ModelError, OptionError, UnknownModel, near
from explain.opening import zoo
from explain.opening.guess import guess_scaling
from explain.opening.labels import imagenet_labels
from explain.probe.anatomy import check_picture_input
from explain.probe.network import Network
from explain.results import Model
from explain.scaling import scaling_of

FREE_SIZE = 224                                        # for a network that takes pictures of any size
FILES = (".keras", ".h5", ".hdf5")


def load(
    name: str | os.PathLike[str] = zoo.DEFAULT,
    scaling: str | None = None,
    labels: Sequence[str] | str | os.PathLike[str] | None = None,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_shape: tuple[int, int, int] | None = None,
    on_progress: Any = None,
) -> Model:
    """Open a network: a zoo name, or a .keras or .h5 file.

    scaling: a name of `explain.scaling`, None for the entry's own or the best guess (the model says
    which); labels: names of the classes, or a text file with one per line; weights, for zoo names: a
    file of weights, or None for random ones; input_shape: (h, w, C) for a network that takes any size.
    on_progress(bytes done, bytes in all, None) while weights are fetched; False cancels.

    Raises UnknownModel, ModelError, NoInternet, Cancelled, OptionError.
    """
    device.ready()
    text = os.fspath(name)
    path = Path(text)
    if path.is_dir():
        raise ModelError(f"'{path.name}' is a folder. Expected a .keras or .h5 file, or a name of the zoo.")
    if path.is_file():
        return wrap(_from_file(path), scaling, labels, path.stem, input_shape)
    if path.suffix.lower() in FILES or len(path.parts) > 1:
        beside = [p.name for p in path.parent.glob("*") if p.suffix in FILES] if path.parent.is_dir() else []
        raise UnknownModel(f"There is no file '{text}'.{near(path.name, beside)}")
    entry = zoo.entry_of(text)
    network = zoo.build(entry.name, weights, seed=0 if weights is None else None, on_progress=on_progress)
    given = "its own" if scaling is None else "given"
    return _model(
        network,
        scaling or entry.scaling,
        f"{given}: {entry.title} was trained with '{entry.scaling}'",
        labels,
        entry.name,
        input_shape or (*entry.input_size, 3),
        about=entry.about + ("" if weights is not None else "; random weights"),
    )


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
    if not network.built and input_shape is not None:
        empty = np.zeros((1, *_checked(input_shape)), np.float32)
        _or_model_error(network.name, input_shape, lambda: network(empty, training=False))
    why = "given"
    if scaling is None:
        scaling, why = guess_scaling(network)
    return _model(network, scaling, why, labels, name or network.name, input_shape)


def _model(network, scaling, why, labels, name, input_shape, about="") -> Model:
    height, width, channels = check_picture_input(network) if input_shape is None else _checked(input_shape)
    shape, how = (height or FREE_SIZE, width or FREE_SIZE, channels), scaling_of(scaling)
    opened = _or_model_error(name, shape, lambda: Network(network, how, shape))
    names, classes = _labels(labels), opened.outputs[0].classes
    if names and len(names) != classes:
        raise OptionError(f"Expected {classes} labels, one for each class, received {len(names)}.")
    if labels is None and about and classes == len(imagenet_labels()):     # of the zoo, with its classifier
        names = imagenet_labels()
    return Model(
        key=_digest(network, scaling, shape),
        name=name,
        input_shape=shape,
        layers=opened.layers,
        outputs=opened.outputs,
        scaling=scaling,
        labels=names,
        default_layer=opened.default_layers[0],
        scaling_note=why,
        about=about,
        network=opened,
    )


def _or_model_error(name: str, shape: tuple, run: Callable[[], Any]) -> Any:
    """What `run` gives. ModelError when the network cannot be run on a picture of that shape."""
    try:
        return run()
    except ExplainError:
        raise
    except Exception as error:  # whatever its layers raise while they are called
        raise ModelError(
            f"The network '{name}' cannot be run on a picture of {'×'.join(map(str, shape))}. "
            f"Keras says: {_first_line(error)}"
        ) from error


def _from_file(path: Path) -> keras.Model:
    if path.suffix.lower() not in FILES:
        raise ModelError(f"'{path.name}' is no model file known here: expected {', '.join(FILES)}.")
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises anything from KeyError to RuntimeError for a bad file
        raise ModelError(
            f"'{path.name}' cannot be opened: expected a model saved by Keras 3 as .keras or .h5. "
            f"Keras says: {_first_line(error)}"
        ) from error


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)[:300]


def _checked(input_shape: Sequence[int]) -> tuple[int, int, int]:
    whole = all(isinstance(n, (int, np.integer)) and n > 0 for n in input_shape)
    if len(input_shape) != 3 or not whole or input_shape[2] not in (1, 3, 4):
        raise OptionError(
            f"Expected input_shape=(height, width, channels) with 1, 3 or 4 channels, received {tuple(input_shape)}."
        )
    return tuple(int(n) for n in input_shape)


def _labels(labels) -> tuple[str, ...]:
    if labels is None:
        return ()
    if not isinstance(labels, (str, os.PathLike)):
        return tuple(str(label) for label in labels)
    path = Path(labels)
    if not path.is_file():
        raise OptionError(f"There is no file of labels '{path}': expected a text file with one label per line.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise OptionError(f"'{path.name}' is no text in UTF-8: expected a file of labels, one per line.") from None
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _digest(network: keras.Model, scaling: str, shape: tuple) -> str:
    """SHA-256 of architecture, weights, scaling and size: what an answer depends on."""
    digest = hashlib.sha256()
    try:
        config = json.dumps(network.get_config(), sort_keys=True, default=lambda o: type(o).__qualname__)
    except NotImplementedError:                           # a subclassed model need not have one
        config = type(network).__qualname__
    digest.update(f"{config} {scaling} {shape}".encode())
    for weight in network.weights:
        value = np.ascontiguousarray(weight.numpy())
        digest.update(f"{weight.path} {value.shape} {value.dtype}".encode())
        digest.update(value.view(np.uint8).reshape(-1).data if value.size else b"")
    return digest.hexdigest()
