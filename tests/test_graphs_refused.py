"""What a graph must not do, wherever it is hidden, and what would exhaust or confuse the one who reads it."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import networks
import numpy as np
import pytest
import tensorflow as tf
from graph_files import (
    SIDE, add, constant, doubling, frozen, kernels, message_of, noise, of_tensorflow_1, opened, refrozen,
    rewritten, saved, served,
)  # fmt: skip

from explain.errors import BrokenModel, ModelTooLarge, UnsafeGraph
from explain.inspecting import graphs

UNSAFE = (
    "WriteFile", "ReadFile", "MatchingFiles", "PyFunc", "PyFuncStateless", "EagerPyFunc", "PrintV2", "Print",
    "DebugIdentity", "DebugIdentityV2", "DebugNumericSummary", "WholeFileReaderV2", "TextLineDataset",
    "IteratorV2",
    "ReduceDataset", "HashTableV2", "InitializeTableFromTextFileV2", "LookupTableFindV2", "QueueDequeueV2",
    "FIFOQueueV2", "Recv", "Send", "_Recv", "RemoteCall", "RemoteFusedGraphExecute", "RpcCall", "Abort",
    "ImmutableConst", "DecodeProtoV2", "LoadAndRemapMatrix", "Restore", "Save", "SaveSlices",
    "CreateSummaryFileWriter",
    "WriteSummary", "SymbolicGradient", "XlaCallModule", "TPUExecute", "AudioSpectrogram", "NotAnOperation",
)  # fmt: skip


@pytest.fixture
def folder(tmp_path) -> Path:
    """A SavedModel to be changed."""
    return saved(networks.plain(), tmp_path / "graph")


@pytest.fixture
def pb(tmp_path) -> Path:
    """A frozen graph to be changed."""
    return frozen(networks.plain(), tmp_path / "graph.pb")


def library(meta):
    return meta.graph_def.library


def body(meta, part: str):
    """The nodes of the first function whose name holds `part`."""
    return next(f for f in library(meta).function if part in f.signature.name).node_def


def alone(meta):
    """A function that nobody calls."""
    function = library(meta).function.add()
    function.signature.name = "alone"
    return function.node_def


def gradient(meta):
    """A function that is only named as another's gradient."""
    nodes = alone(meta)
    library(meta).gradient.add(function_name=library(meta).function[0].signature.name, gradient_func="alone")
    return nodes


def initialiser(meta):
    """What TensorFlow's loader runs by itself."""
    nodes = alone(meta)
    meta.graph_def.node.add(name="init", op="PartitionedCall").attr["f"].func.name = "alone"
    meta.collection_def["saved_model_main_op"].node_list.value[:] = ["init"]
    meta.signature_def["__saved_model_init_op"].outputs["__saved_model_init_op"].name = "init"
    return nodes


PLACES = {
    "in the graph": lambda meta: meta.graph_def.node,
    "in the signature": lambda meta: body(meta, "signature_wrapper"),
    "in the saver": lambda meta: body(meta, "traced_save"),
    "in a function nobody calls": alone,
    "in a gradient": gradient,
    "in an initialiser": initialiser,
}


@pytest.mark.parametrize("place", PLACES)
def test_unsafe_operations_are_refused_wherever_they_stand(place, folder, tmp_path):
    rewritten(folder, lambda meta: add(PLACES[place](meta), "WriteFile"))
    with pytest.raises(UnsafeGraph, match="'WriteFile' .node 'added'"):
        graphs.check(folder, tmp_path)
    assert not (tmp_path / "graph.pb").exists()


@pytest.mark.parametrize("op", UNSAFE)
def test_unsafe_operations_are_refused_by_name(op, pb, tmp_path):
    refrozen(pb, lambda graph: add(graph.node, op))
    with pytest.raises(UnsafeGraph, match=f"'{op}'"):
        graphs.check(pb, tmp_path)


def test_the_copy_may_replace_its_source(pb):
    """Both are called graph.pb: the source is read to its end before it goes."""
    assert graphs.check(pb, pb.parent)[0] == pb and graphs.is_copy(pb)


@pytest.mark.parametrize("op", ["SaveV2", "RestoreV2", "MergeV2Checkpoints", "ShardedFilename"])
def test_savers_belong_beside_a_saved_network_only(op, pb, folder, tmp_path):
    refrozen(pb, lambda graph: add(graph.node, op))
    with pytest.raises(UnsafeGraph, match=op):
        graphs.check(pb, tmp_path)
    rewritten(folder, lambda meta: add(body(meta, "signature_wrapper"), op))
    with pytest.raises(UnsafeGraph, match=op):
        graphs.check(folder, tmp_path)


def test_a_gradient_hidden_behind_a_call(folder, tmp_path):
    """The call names its own gradient; it is not on the list, and the attribute is left out of the copy."""

    def change(meta):
        for node in body(meta, "signature_wrapper"):
            node.attr["_gradient_op_type"].s = b"PartitionedCall-1"

    copy, _ = graphs.check(rewritten(folder, change), tmp_path)
    assert b"_gradient_op_type" not in copy.read_bytes()
    rewritten(folder, lambda meta: add(gradient(meta), "PyFunc"))
    with pytest.raises(UnsafeGraph, match="PyFunc"):
        graphs.check(folder, tmp_path)


class Opening(tf.saved_model.experimental.TrackableResource):
    """A table whose initialiser writes a file: it runs as soon as TensorFlow loads the model."""

    def __init__(self, marker: Path):
        super().__init__()
        self.marker = str(marker)

    def _create_resource(self):
        return tf.raw_ops.MutableHashTableV2(key_dtype=tf.string, value_dtype=tf.int64)

    def _initialize(self):
        tf.io.write_file(self.marker, "marker")


def test_nothing_of_an_attack_runs(tmp_path):
    """TensorFlow's own loader writes the marker; neither the check nor the opening does."""
    marker = tmp_path / "marker"
    kernel = kernels(3, 3, 3, 3)

    def call(x):
        return tf.nn.softmax(tf.reduce_mean(tf.nn.conv2d(x, kernel, 1, "SAME"), [1, 2]))

    def writing(x):
        with tf.control_dependencies([tf.io.write_file(str(marker), "marker")]):
            return call(x)

    loaded = served(call, tmp_path / "loaded", kernel=kernel, table=Opening(marker))
    called = served(writing, tmp_path / "called", kernel=kernel)
    for path in (loaded, called):
        model = tf.saved_model.load(path)
        model.signatures["serving_default"](tf.constant(noise((SIDE, SIDE, 3))))
        assert marker.exists()
        marker.unlink()
        with pytest.raises(UnsafeGraph):
            opened(path)
        assert not marker.exists()


def test_functions_must_not_be_called_like_operations(pb, tmp_path):
    """TensorFlow would take the function for the operation."""

    def change(graph):
        graph.library.function.add().signature.name = "Relu"

    with pytest.raises(BrokenModel, match="'Relu'"):
        graphs.check(refrozen(pb, change), tmp_path)


def test_a_checkpoint_is_read_where_it_stands(tmp_path):
    """A path in the graph, and one in the list of names, lead nowhere."""
    path, expected = of_tensorflow_1(tmp_path, "saved")
    outside = tmp_path / "outside"
    shutil.copytree(path / "variables", outside)

    def change(meta):
        prefix = next(n for n in meta.graph_def.node if n.name == "save/Const")
        prefix.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(str(outside / "variables")))
        meta.saver_def.filename_tensor_name = str(outside)

    graph = opened(rewritten(path, change))
    assert np.abs(graph(noise((SIDE, SIDE, 3))).numpy() - expected).max() < 1e-6
    (path / "variables" / "variables.index").unlink()
    with pytest.raises(BrokenModel, match="'variables.index' is missing"):
        graphs.check(path, tmp_path / "again")
    (path / "variables" / "variables.index").symlink_to(outside / "variables.index")
    with pytest.raises(BrokenModel, match="'variables.index' is missing"):
        graphs.check(path, tmp_path / "again")


# Bombs ---------------------------------------------------------------------------------------------------


def chain(graph, many: int) -> None:
    """Before the last node so many more."""
    last = next(node for node in graph.node if node.op == "Softmax")
    before = last.input[0]
    for i in range(many):
        add(graph.node, "Relu", f"more_{i}", [before], T=1)
        before = f"more_{i}"
    last.input[0] = before


BOMBS = {
    "many nodes": (lambda graph: chain(graph, 60_000), "50,000 operations"),
    "one number, repeated": (lambda graph: constant(graph, (100_000, 100_000)), "grow from single numbers"),
    "a shape beyond all bounds": (lambda graph: constant(graph, (2**39,) * 8), "grow from single numbers"),
    "functions that double": (lambda graph: doubling(graph, 40), "50,000 operations"),
    "functions in functions": (lambda graph: doubling(graph, 60), "50 deep|50,000 operations"),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs_are_refused_quickly(bomb, pb, tmp_path):
    change, said = BOMBS[bomb]
    refrozen(pb, change)
    began = time.process_time()
    with pytest.raises(ModelTooLarge, match=said):
        graphs.check(pb, tmp_path)
    assert time.process_time() - began < 5


def test_small_repetitions_are_no_bombs(pb, tmp_path):
    graph = opened(refrozen(pb, lambda graph: constant(graph, (3,), [0.0])))
    assert graph(noise((SIDE, SIDE, 3))).shape == (2, 3)


def test_more_nodes_than_a_file_may_have(pb, tmp_path, monkeypatch):
    monkeypatch.setattr(graphs, "MOST_FILE_NODES", 30)
    with pytest.raises(ModelTooLarge, match="more than 30 operations"):
        graphs.check(pb, tmp_path)


def test_one_tensor_for_many_variables(folder, tmp_path, monkeypatch):
    """Variables that all read the same numbers would make a copy many times as large as the file."""

    def change(meta):
        objects = meta.object_graph_def
        for name, function in objects.concrete_functions.items():
            if "signature_wrapper" in name:
                function.bound_inputs[:] = [largest] * len(function.bound_inputs)

    nodes = message_of(folder).meta_graphs[0].object_graph_def.nodes
    sizes = [np.prod([dim.size for dim in node.variable.shape.dim]) for node in nodes]
    largest = int(np.argmax(sizes))
    whole = graphs.check(folder, tmp_path)[0].stat().st_size
    many = graphs.check(rewritten(folder, change), tmp_path)[0].stat().st_size
    assert many > whole
    monkeypatch.setattr(graphs, "most_bytes", lambda: (whole + many) // 2)
    with pytest.raises(ModelTooLarge, match="take more than"):
        graphs.check(folder, tmp_path)
