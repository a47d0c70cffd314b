"""From concrete functions to a folder: whole or not at all, and only where it answers as it should."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from explain import jobs
from explain.errors import ModelError, OptionError
from explain.exporting.describing import FILE
from explain.image import from_pixels
from explain.results import Model

PYTHON = ("PyFunc", "PyFuncStateless", "EagerPyFunc")     # operations that call back into a Python process
CLOSE = 1e-2                                    # of the largest number: what rounding never explains


def check_path(path: str | os.PathLike[str]) -> Path:
    """OptionError where the folder exists already."""
    place = Path(path)
    if os.path.lexists(place):
        raise OptionError(
            f"'{place}' exists already. Expected a new folder for the explainer: choose another path, or "
            "remove it."
        )
    return place


def save(functions: dict[str, Callable], place: Path, told: dict[str, Any], model: Model) -> Path:
    """Write the SavedModel under another name, compare what it answers, and give it its own name.

    OptionError where it cannot be written, ModelError where the network cannot be exported.
    """
    for function in functions.values():
        _refuse_python(function)
    module = tf.Module()
    module.network_variables = _variables(functions.values(), model)
    part = place.absolute().with_name(f".{place.name}.{os.getpid()}.part")
    try:
        try:
            os.makedirs(part)
            _write(module, functions, part)
            (part / FILE).write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", "utf-8")
            _compare(part, told, model)
            _to_disk(part)
            check_path(place)
            os.rename(part, place)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        raise OptionError(
            f"Expected a folder to write into, but '{place}' cannot be written: {error.strerror}."
        ) from error
    return place


def _write(module: tf.Module, functions: dict[str, Callable], part: Path) -> None:
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)       # slopes are in the graph
    try:
        tf.saved_model.save(module, os.fspath(part), signatures=functions, options=options)
    except (AssertionError, ValueError, TypeError, NotImplementedError) as error:
        said = " ".join(str(error).split())[:300]
        raise ModelError(
            f"This network cannot be written as a SavedModel. TensorFlow says: {said}"
        ) from error


def _variables(functions: Iterable[Callable], model: Model) -> list[tf.Variable]:
    """The variables that the graphs read. ModelError where they read anything else that has a state."""
    functions = list(functions)
    known = [v for function in functions for v in function.graph.variables]
    known += [variable.value for variable in model.network.model.variables]
    by_handle = {id(variable.handle): variable for variable in known}
    found = {}
    for function in functions:
        for tensor, inside in function.graph.captures:
            if id(tensor) in by_handle:
                found[id(tensor)] = by_handle[id(tensor)]
            elif tensor.dtype in (tf.resource, tf.variant):
                raise ModelError(
                    f"This network cannot be exported: it reads '{inside.name}', which is no weight but a "
                    "table or something else with a state of its own. Save the network without it."
                )
    return list(found.values())


def _refuse_python(function: Callable) -> None:
    graph = function.graph.as_graph_def()
    nodes = [*graph.node, *(node for each in graph.library.function for node in each.node_def)]
    for node in nodes:
        if node.op in PYTHON:
            raise ModelError(
                f"This network cannot be exported: it calls Python while it runs (operation '{node.name}'), "
                "and no Python is where a SavedModel is served. Write that part with TensorFlow's operations."
            )


def _compare(part: Path, told: dict[str, Any], model: Model) -> None:
    """Open the folder as a stranger would, and ask it about two pictures of noise."""
    noise = np.random.default_rng(0)
    height, width, _ = model.input_shape
    images = [from_pixels(noise.integers(0, 256, (height, width, 3), np.uint8)) for _ in range(2)]
    expected = jobs.heatmaps(
        model, images, told["method"]["name"], told["layer"]["name"], output=told["output"]["name"],
        fresh=True, **told["method"]["options"],
    )  # fmt: skip
    opened = tf.saved_model.load(os.fspath(part))
    answers = opened.signatures["serving_default"](pixels=tf.constant(jobs.pixels_of(model.network, images)))
    found = answers["heatmap"].numpy()
    wanted = np.stack([one.values for one in expected])
    if found.shape != wanted.shape or np.abs(found - wanted).max() > CLOSE * np.abs(wanted).max():
        raise ModelError(
            "The exported network answers other heatmaps than the one that was exported, so it is not kept. "
            "It may hold layers that behave otherwise once they are saved, such as random ones."
        )


def _to_disk(folder: Path) -> None:
    """A name must not outlive the content: everything below is on the disk before the folder is renamed."""
    for path in [*folder.rglob("*"), folder]:
        number = os.open(path, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
