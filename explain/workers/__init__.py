"""The same jobs, answered by another process: `explain`'s names, arguments and results.

`load` returns a `Model` whose `network` is None; its `key` addresses the worker. This process
imports no TensorFlow. Deadlines are seconds without a sign of life.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from explain import sandbox as guards
from explain.image import fit
from explain.inspecting.customs import opened_with, operator_files
from explain.opening.labels import read_labels
from explain.results import (
    CheckUp, Detection, Fingerprints, Grams, Heatmap, Image, Layer, Maps, Model, Pattern, Prediction,
)  # fmt: skip
from explain.sandbox import Part
from explain.workers import terms
from explain.workers.pool import Pool
from explain.workers.worker import Progress, context


@cache
def _pool() -> Pool:
    return Pool()


def warm() -> None:
    """Before anybody asks: start the fork server, which imports TensorFlow, and try the sandbox."""
    threading.Thread(target=guards.available, daemon=True).start()
    if context().get_start_method() == "forkserver":
        from multiprocessing import forkserver

        forkserver.ensure_running()


def load(
    name: str,
    scaling: str | None = None,
    labels: Sequence[str] | str | None = None,
    weights: str | None = "imagenet",
    input_shape: tuple[int, int, int] | None = None,
    on_progress: Progress | None = None,
    trusted: bool = False,
    custom_objects: Sequence[str] | str | None = None,
) -> Model:
    """As `explain.load`. on_progress(bytes done, bytes in all, None) is called several times a second.

    A file is opened by a process that can read nothing else. Where this system cannot keep it so, that is
    refused (Untrusted) unless EXPLAIN_TRUST_MODELS=1 or `trusted`.
    """
    source = _source(name, scaling, labels, weights, input_shape, trusted, custom_objects)
    model = _pool().load(source, on_progress)
    # What a worker says of code is not believed: reports print it in commands.
    files = source["version"] is not None
    told = opened_with(source["custom_objects"], source["trusted"]) if files else {}
    return model if model.opened == told else replace(model, opened=told)


def is_open(name: str) -> bool:
    """Whether a worker has the network of that name (loaded with no other options) or is loading it."""
    return _pool().is_open(_source(name))


def sandbox() -> tuple[Part, ...]:
    """What keeps a stranger's file inside on this machine, part by part, for the status page."""
    return guards.available()


def trusts_models() -> bool:
    """Whether files with models are opened here: there is a sandbox, or EXPLAIN_TRUST_MODELS=1."""
    return terms.trusts_models()


def _source(
    name, scaling=None, labels=None, weights="imagenet", input_shape=None, trusted=False, custom_objects=None
) -> dict[str, Any]:
    """What is to be opened, and how. A file that has changed since is another source."""
    return {
        "name": os.fspath(name), "scaling": scaling, "labels": read_labels(labels),
        "weights": weights if weights is None else os.fspath(weights), "input_shape": input_shape,
        "trusted": bool(trusted), "custom_objects": operator_files(custom_objects), "version": _version(name),
    }  # fmt: skip


def _version(name) -> tuple[int, int] | None:
    try:
        found = os.stat(name)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def layers(model: Model) -> tuple[Layer, ...]:
    """As `explain.layers`."""
    return model.layers


def predict(
    model: Model, image: Image, top: int = 5, output=None, deadline: float | None = None
) -> tuple[Prediction, ...]:
    """As `explain.predict`."""
    keywords = {"image": _small(image, model), "top": top, "output": output}
    return _ask(model, "predict", keywords, None, deadline)


def activations(
    model: Model, image: Image, layer=None, fresh: bool = False, deadline: float | None = None
) -> Maps | tuple[Maps, ...]:
    """As `explain.activations`."""
    layer = layer if layer is None or isinstance(layer, str) else list(layer)
    keywords = {"image": _small(image, model), "layer": layer, "fresh": fresh}
    return _ask(model, "activations", keywords, None, deadline)


def heatmap(
    model: Model, image: Image, method: str = "gradcam", layer=None, class_index=None, output=None,
    fresh: bool = False, deadline: float | None = None, **options: Any,
) -> Heatmap:  # fmt: skip
    """As `explain.heatmap`. A long method gives signs of life, so it may take longer than the deadline."""
    asked = {"fresh": fresh, "deadline": deadline} | options
    return heatmaps(model, [image], method, layer, class_index, output, **asked)[0]


def heatmaps(
    model: Model, images: Sequence[Image], method: str = "gradcam", layer=None, class_index=None, output=None,
    batch: int = 16, on_progress: Progress | None = None, fresh: bool = False, deadline: float | None = None,
    **options: Any,
) -> tuple[Heatmap, ...]:  # fmt: skip
    """As `explain.heatmaps`."""
    if isinstance(class_index, Sequence) and not isinstance(class_index, str):
        class_index = list(class_index)
    keywords = {
        "images": [_small(image, model) for image in images], "method": method, "layer": layer,
        "class_index": class_index, "output": output, "batch": batch, "fresh": fresh,
    }  # fmt: skip
    return _ask(model, "heatmaps", keywords | options, on_progress, deadline)


def patterns(
    model: Model, layer: str, channels: Iterable[int] = range(64), steps: int = 30, size: int = 128,
    seed: int = 0, method: str = "robust", at_once: int = 16, on_progress: Progress | None = None,
    deadline: float | None = None, **options: Any,
) -> tuple[Pattern, ...]:  # fmt: skip
    """As `explain.patterns`."""
    channels = list(channels) if isinstance(channels, Iterable) else channels
    keywords = {
        "layer": layer, "channels": channels, "steps": steps, "size": size, "seed": seed, "method": method,
        "at_once": at_once,
    }  # fmt: skip
    return _ask(model, "patterns", keywords | options, on_progress, deadline)


def examine(
    model: Model, image: Image | Sequence[Image] | None = None, on_progress: Progress | None = None,
    deadline: float | None = None,
) -> CheckUp:  # fmt: skip
    """As `explain.doctor.examine`."""
    images = [image] if isinstance(image, Image) else image
    images = images and [_small(one, model) for one in images]
    return _ask(model, "examine", {"image": images}, on_progress, deadline)


def detect_scaling(
    model: Model, images: Sequence[Image], classes: Sequence[int | str] | None = None, output=None,
    on_progress: Progress | None = None, deadline: float | None = None,
) -> Detection:  # fmt: skip
    """As `explain.detective.detect_scaling`."""
    classes = classes if classes is None or isinstance(classes, str) else list(classes)
    keywords = {"images": [_small(image, model) for image in images], "classes": classes, "output": output}
    return _ask(model, "detect_scaling", keywords, on_progress, deadline)


def grams(
    model: Model, images: Sequence[Image], layers: Sequence[str] | None = None,
    on_progress: Progress | None = None, deadline: float | None = None,
) -> Grams:  # fmt: skip
    """As `explain.representations.grams`."""
    layers = layers if layers is None or isinstance(layers, str) else list(layers)
    keywords = {"images": [_small(image, model) for image in images], "layers": layers}
    return _ask(model, "grams", keywords, on_progress, deadline)


def fingerprints(model: Model, deadline: float | None = None) -> Fingerprints:
    """As `explain.representations.fingerprints`."""
    return _ask(model, "fingerprints", {}, None, deadline)


def status() -> list[dict[str, Any]]:
    """One row per worker: name, loaded, and once it is loaded key, process, device, preloaded, store_bytes,
    memory_bytes (resident, None where the system does not tell), sandbox (as `sandbox()`)."""
    return _pool().status()


def forget(model: Model) -> None:
    """Empty the worker's store of maps, for honest measurements."""
    _ask(model, "forget", {}, None, None)


def discard(path: str | os.PathLike[str]) -> None:
    """The file is gone: so are the workers that hold it, and its copy."""
    _pool().discard(os.fspath(path))


def close() -> None:
    """End all workers of this process."""
    _pool().close()


def _ask(model: Model, verb: str, keywords: dict[str, Any], on_progress, deadline) -> Any:
    return _pool().ask(model.key, verb, keywords, on_progress, deadline)


def _small(image: Image, model: Model) -> Image:
    """The picture in the network's size: that is all the network sees, and all that need travel."""
    return replace(image, pixels=fit(image.pixels, *model.input_shape))
