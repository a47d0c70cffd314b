"""Opens files as nobody should: Keras without safe mode, graphs loaded and run. Tells what came of it.

Runs in processes of its own only: once beside the tests, to see that the attacks are real, and once in a
worker, as a file of the operator's own, to see that the sandbox holds them without any inspection. So it
stands alone, and what it opens is appended to its text.
"""

import base64
import os
import tempfile
import zipfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf


def state() -> tuple:
    return keras.config.floatx(), keras.config.image_data_format(), keras.config.dtype_policy().name


def reset(before: tuple) -> None:
    keras.config.set_floatx(before[0])
    keras.config.set_image_data_format(before[1])
    keras.config.set_dtype_policy(before[2])


def run_model(file: Path, safe: bool) -> None:
    model = keras.models.load_model(file, compile=False, safe_mode=safe)
    model(np.zeros((1, 12, 12, 3), np.float32))


def run_saved(file: Path) -> None:
    folder = file.with_suffix("")
    zipfile.ZipFile(file).extractall(folder)
    tf.saved_model.load(os.fspath(folder)).signatures["serving_default"](image=tf.zeros((1, 12, 12, 3)))


def run_frozen(file: Path) -> None:
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(tf.compat.v1.GraphDef.FromString(file.read_bytes()), name="")
        last = [each for each in graph.get_operations() if each.type == "Softmax"][-1]
        with tf.compat.v1.Session() as session:
            session.run(last.outputs[0], {"image:0": np.zeros((1, 12, 12, 3))})


def run(file: Path, safe: bool) -> None:
    if file.suffix == ".pb":
        run_frozen(file)
    elif file.suffix == ".zip":
        run_saved(file)
    else:
        run_model(file, safe)


def suffered(files: dict[str, str], marker: str, safe: bool) -> dict[str, str]:
    """{name: "marker", "state", "opened" or the error} for files by name, in base64."""
    folder, found, before = Path(tempfile.mkdtemp()), {}, state()
    for name, data in files.items():
        file = folder / name
        file.write_bytes(base64.b64decode(data))
        try:
            run(file, safe)
            found[name] = "opened"
        except Exception as error:
            found[name] = type(error).__name__
        marks = marks_of(Path(marker))
        if marks:
            found[name] = "marker"
        elif state() != before:
            found[name] = "state"
        for one in marks:
            one.unlink()
        reset(before)
    return found


def marks_of(marker: Path) -> list[Path]:
    """The marker, and files whose names begin as its does. None where the folder may not be read."""
    return list(marker.parent.glob(marker.name + "*")) if os.access(marker.parent, os.R_OK) else []
