"""Attacks as graphs: SavedModels and frozen graphs whose operations touch files, the network or Python."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

from corpus import SIDE, Shelf, Target
from corpus_effects import EFFECTS

GRAPHS = Shelf()


def zipped(folder: Path) -> bytes:
    """A folder as a zip, its contents at the root."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for file in sorted(f for f in folder.rglob("*") if f.is_file()):
            archive.write(file, file.relative_to(folder))
    return buffer.getvalue()


def network(effect):
    """A classifier of three classes as a tf.Module; effect(x) gives a number that is added to its scores."""
    import tensorflow as tf

    class Network(tf.Module):
        def __init__(self):
            super().__init__()
            self.kernel = tf.Variable(tf.random.stateless_normal((3, 3, 3, 3), (1, 2)), name="kernel")

        @tf.function(input_signature=[tf.TensorSpec((None, SIDE, SIDE, 3), tf.float32, name="image")])
        def serve(self, image):
            maps = tf.nn.relu(tf.nn.conv2d(image, self.kernel, 1, "SAME"))
            return tf.nn.softmax(tf.reduce_mean(maps, (1, 2)) + effect(image))

    return Network()


def save_graph(module, folder: Path) -> Path:
    """As a SavedModel with its signature."""
    import tensorflow as tf

    tf.saved_model.save(module, os.fspath(folder), signatures={"serving_default": module.serve})
    return folder


def frozen(module) -> bytes:
    """As a frozen graph, the library of functions included."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    constant = convert_variables_to_constants_v2(
        module.serve.get_concrete_function(), lower_control_flow=False
    )
    return constant.graph.as_graph_def().SerializeToString()


# What a graph can do, see corpus_effects.py ---------------------------------------------------------

IN_A_FOLDER = (
    "reads",
    "lists",
    "in_a_function",
    "in_a_gradient",
    "in_a_branch",
    "by_a_dataset",
    "prints",
    "sends",
)


def as_zip(name: str):
    def make(folder: Path, target: Target) -> Path:
        path = folder / f"{name}.zip"
        path.write_bytes(zipped(save_graph(network(EFFECTS[name](target)), folder / name)))
        return path

    return make


def as_pb(name: str):
    def make(folder: Path, target: Target) -> Path:
        path = folder / f"{name}.pb"
        path.write_bytes(frozen(network(EFFECTS[name](target))))
        return path

    return make


for _name in EFFECTS:
    if _name in IN_A_FOLDER:
        GRAPHS.add("E_GRAPH", name=f"saved_model_{_name}")(as_zip(_name))
    if _name not in IN_A_FOLDER or _name == "reads":
        GRAPHS.add("E_GRAPH", name=f"frozen_{_name}")(as_pb(_name))


# While it is opened --------------------------------------------------------------------------------


def opening(target: Target):
    """A network with a resource whose initialiser makes the marker file: it runs in tf.saved_model.load."""
    import tensorflow as tf

    class Table(tf.saved_model.experimental.TrackableResource):
        def __init__(self):
            super().__init__()
            self.made = tf.constant(1.0)

        def _create_resource(self):
            return tf.raw_ops.HashTableV2(key_dtype=tf.string, value_dtype=tf.int64)

        def _initialize(self):
            tf.io.write_file(str(target.marker), "marker")

    module = network(lambda x: tf.zeros(3))
    module.table = Table()
    return module


def write_planted(target: Target) -> Path:
    """The SavedModel that attacks of other kinds name by its path. Once a target."""
    folder = target.secret.parent / "planted"
    return folder if folder.exists() else save_graph(opening(target), folder)


@GRAPHS.add("E_GRAPH", "marker")
def saved_model_writes_while_opened(folder, target):
    path = folder / "opened.zip"
    path.write_bytes(zipped(save_graph(opening(target), folder / "opened")))
    return path


@GRAPHS.add("E_GRAPH", "marker")
def saved_model_folder_writes_while_opened(folder, target):
    return save_graph(opening(target), folder / "opened_folder")


@GRAPHS.add("E_GRAPH")
def saved_model_reads_a_table(folder, target):
    """A table of words that is filled from a file of the server."""
    import tensorflow as tf

    words = tf.lookup.TextFileInitializer(
        str(target.secret),
        tf.string,
        tf.lookup.TextFileIndex.WHOLE_LINE,
        tf.int64,
        tf.lookup.TextFileIndex.LINE_NUMBER,
    )
    table = tf.lookup.StaticHashTable(words, -1)
    module = network(lambda x: tf.cast(table.lookup(tf.constant("root")), tf.float32))
    module.table = table
    path = folder / "table.zip"
    path.write_bytes(zipped(save_graph(module, folder / "table")))
    return path
