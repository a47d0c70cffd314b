"""What a graph must not do, wherever it is hidden, and what would exhaust or confuse the one who reads it."""

from __future__ import annotations

import shutil
import struct
import time
from pathlib import Path

import networks
import numpy as np
import pytest
import tensorflow as tf
from graph_files import (
    SIDE, frozen, kernels, message_of, noise, of_tensorflow_1, opened, refrozen, rewritten, saved, served, tf1,
)  # fmt: skip

from explain.errors import BrokenModel, ModelTooLarge, TruncatedModel, UnknownFile, UnsafeGraph
from explain.inspecting import graphs
from explain.inspecting.checkpoints import Checkpoint
from explain.inspecting.protobuf import Cut, Damage, fields, put, varint_of

UNSAFE = (
    "WriteFile", "ReadFile", "MatchingFiles", "PyFunc", "PyFuncStateless", "EagerPyFunc", "PrintV2", "Print",
    "DebugIdentity", "DebugIdentityV2", "DebugNumericSummary", "WholeFileReaderV2", "TextLineDataset", "IteratorV2",
    "ReduceDataset", "HashTableV2", "InitializeTableFromTextFileV2", "LookupTableFindV2", "QueueDequeueV2",
    "FIFOQueueV2", "Recv", "Send", "_Recv", "RemoteCall", "RemoteFusedGraphExecute", "RpcCall", "Abort",
    "ImmutableConst", "DecodeProtoV2", "LoadAndRemapMatrix", "Restore", "Save", "SaveSlices", "CreateSummaryFileWriter",
    "WriteSummary", "SymbolicGradient", "XlaCallModule", "TPUExecute", "AudioSpectrogram", "NotAnOperation",
)  # fmt: skip


@pytest.fixture(scope="module")
def honest(tmp_path_factory) -> Path:
    return saved(networks.plain(), tmp_path_factory.mktemp("honest") / "graph")


@pytest.fixture
def folder(honest, tmp_path) -> Path:
    """A SavedModel to be changed."""
    return Path(shutil.copytree(honest, tmp_path / "graph"))


@pytest.fixture
def pb(tmp_path) -> Path:
    """A frozen graph to be changed."""
    return frozen(networks.plain(), tmp_path / "graph.pb")


def add(nodes, op: str, name="added", inputs=(), **types):
    node = nodes.add(name=name, op=op, input=list(inputs))
    for key, dtype in types.items():
        node.attr[key].type = dtype
    return node


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


def constant(graph, shape: tuple, values=(1.0,)) -> None:
    """A constant of that shape beside the bias of the head, added to the scores."""
    node = add(graph.node, "Const", "huge", dtype=1)
    node.attr["value"].tensor.dtype = 1
    node.attr["value"].tensor.float_val[:] = values
    node.attr["value"].tensor.tensor_shape.CopyFrom(tf.TensorShape(shape).as_proto())
    last = next(node for node in graph.node if node.op == "Softmax")
    add(graph.node, "AddV2", "sum", [last.input[0], "huge"], T=1)
    last.input[0] = "sum"


def doubling(graph, levels: int) -> None:
    """Functions that each call the one before twice."""
    for level in range(levels):
        function = graph.library.function.add()
        function.signature.name = f"f{level}"
        function.signature.input_arg.add(name="x", type=1)
        function.signature.output_arg.add(name="y", type=1)
        before = "x"
        for step in ("a", "b"):
            node = function.node_def.add(name=step, op="PartitionedCall" if level else "Relu", input=[before])
            if level:
                node.attr["f"].func.name = f"f{level - 1}"
            else:
                node.attr["T"].type = 1
            before = f"{step}:output:0" if level else f"{step}:activations:0"
        function.ret["y"] = before
    last = next(node for node in graph.node if node.op == "Softmax")
    add(graph.node, "PartitionedCall", "call", [last.input[0]]).attr["f"].func.name = f"f{levels - 1}"
    last.input[0] = "call"


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

    meta = message_of(folder).meta_graphs[0]
    shapes = [(np.prod([d.size for d in n.variable.shape.dim]), i) for i, n in enumerate(meta.object_graph_def.nodes)]
    largest = max(shapes)[1]
    whole = graphs.check(folder, tmp_path)[0].stat().st_size
    many = graphs.check(rewritten(folder, change), tmp_path)[0].stat().st_size
    assert many > whole
    monkeypatch.setattr(graphs, "most_bytes", lambda: (whole + many) // 2)
    with pytest.raises(ModelTooLarge, match="take more than"):
        graphs.check(folder, tmp_path)


# Broken files --------------------------------------------------------------------------------------------


def change_of(node: str, **attributes):
    def change(graph):
        found = next(each for each in graph.node if each.op == node)
        for key, value in attributes.items():
            getattr(found, key)[:] = value

    return change


BROKEN = {
    "a missing node": (change_of("Softmax", input=["nowhere"]), "'nowhere' is asked for"),
    "an answer that is not there": (change_of("Softmax", input=["nowhere:y:1"]), "'nowhere:y:1' is"),
    "a circle": (change_of("Conv2D", input=["Softmax"]), "asked for|circle"),
    "two nodes of one name": (lambda graph: graph.node.append(graph.node[0]), "two nodes are called"),
    "a call of nothing": (lambda graph: doubling(graph, 1) or graph.library.function.pop(), "'f0' is called"),
    "too many numbers": (lambda graph: constant(graph, (3,), [1.0] * 4), "4 numbers for the shape"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_broken_graphs_are_told(fault, pb, tmp_path):
    change, said = BROKEN[fault]
    with pytest.raises((BrokenModel, UnsafeGraph), match=said):
        graphs.check(refrozen(pb, change), tmp_path)


def test_graphs_that_go_in_a_circle_are_refused(pb, tmp_path):
    def change(graph):
        relu = next(node for node in graph.node if node.op == "Relu")
        add(graph.node, "Add", "again", [relu.input[0], relu.name], T=1)
        relu.input[0] = "again"

    with pytest.raises(UnsafeGraph, match="in a circle"):
        graphs.check(refrozen(pb, change), tmp_path)


@pytest.mark.parametrize("kept", [0.2, 0.5, 0.9])
def test_files_that_were_cut(kept, pb, folder, tmp_path):
    whole = pb.read_bytes()
    pb.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(TruncatedModel, match="ends too early"):
        graphs.check(pb, tmp_path)
    for part in ("saved_model.pb", "variables/variables.data-00000-of-00001"):
        other = Path(shutil.copytree(folder, tmp_path / part.replace("/", "_")))
        whole = (other / part).read_bytes()
        (other / part).write_bytes(whole[: int(len(whole) * kept)])
        with pytest.raises(TruncatedModel, match="too early"):
            graphs.check(other, tmp_path)


@pytest.mark.parametrize("content", [b"", b"\n", b"hello world, this is no graph", b"\xff" * 200, bytes(200)])
def test_garbage(content, folder, tmp_path):
    path = tmp_path / "garbage.pb"
    path.write_bytes(content)
    (folder / "saved_model.pb").write_bytes(content)
    for source in (path, folder):
        with pytest.raises((BrokenModel, TruncatedModel, UnknownFile)) as refusal:
            graphs.check(source, tmp_path)
        assert str(refusal.value).endswith(".")


def test_a_graph_without_its_variables(folder, tmp_path):
    alone_ = tmp_path / "saved_model.pb"
    shutil.copy(folder / "saved_model.pb", alone_)
    with pytest.raises(BrokenModel, match="without its variables. Give the whole folder"):
        graphs.check(alone_, tmp_path)
    shutil.rmtree(folder / "variables")
    with pytest.raises(BrokenModel, match="give the whole SavedModel folder"):
        graphs.check(folder, tmp_path)


def test_a_saved_model_without_signature(folder, tmp_path):
    rewritten(folder, lambda meta: meta.ClearField("signature_def"))
    with pytest.raises(BrokenModel, match="no signature"):
        graphs.check(folder, tmp_path)


def table(entries: list[tuple[bytes, bytes]]) -> bytes:
    """A checkpoint's index with these entries, keys written whole."""

    def block(pairs):
        written = b"".join(
            varint_of(0) + varint_of(len(k)) + varint_of(len(v)) + k + v for k, v in pairs
        ) + struct.pack("<II", 0, 1)
        return written

    data = block(entries)
    index = block([(b"~", varint_of(0) + varint_of(len(data)))])
    start = len(data) + 5
    footer = varint_of(0) + varint_of(0) + varint_of(start) + varint_of(len(index))
    return data + bytes(5) + index + bytes(5) + footer.ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)


def entry(dtype=1, shape=(2,), shard=0, offset=0, size=8, extra=()) -> bytes:
    dims = [piece for n in shape for piece in put(2, put(1, n))]
    parts = put(1, dtype) + put(2, dims) + put(3, shard) + put(4, offset) + put(5, size) + list(extra)
    return b"".join(parts)


HEADER = (b"", b"".join(put(1, 1)))
INDICES = {
    "behind the end": (entry(offset=10), TruncatedModel),
    "before the start": (entry(offset=-4), TruncatedModel),
    "in another file": (entry(shard=7), Damage),
    "of another size": (entry(size=4), Damage),
    "of text": (entry(dtype=7), BrokenModel),
    "in slices": (entry(extra=put(7, b"")), BrokenModel),
    "of unknown shape": (entry(shape=(-1,)), BrokenModel),
}


@pytest.mark.parametrize("fault", INDICES)
def test_checkpoints_are_read_within_bounds(fault, tmp_path):
    (tmp_path / "variables.data-00000-of-00001").write_bytes(struct.pack("<4f", 1, 2, 3, 4))
    bad, error = INDICES[fault]
    (tmp_path / "variables.index").write_bytes(table([HEADER, (b"bad", bad), (b"good", entry(offset=8))]))
    checkpoint = Checkpoint(tmp_path)
    good = checkpoint.tensor("good")
    assert good.shape == (2,) and bytes(good.raw[-1]) == struct.pack("<2f", 3, 4)
    with pytest.raises(error):
        checkpoint.tensor("bad")


def test_checkpoints_that_are_none(tmp_path):
    index = tmp_path / "variables.index"
    for content, error in (
        (b"short", TruncatedModel),
        (bytes(100), Damage),
        (table([(b"", b"".join(put(1, 999)))]), Damage),
        (table([(b"", b"".join(put(1, 1) + put(2, 1)))]), BrokenModel),                # big-endian
        (table([HEADER, (b"x" * 5000, b"")]), Damage),
    ):
        index.write_bytes(content)
        with pytest.raises(error):
            Checkpoint(tmp_path)


def test_the_wire_format_is_read_strictly():
    assert list(fields(b"\x08\x96\x01\x12\x02hi")) == [(1, 150), (2, b"hi")]
    for broken in (b"\x08", b"\x08\x96", b"\x12\x05hi", b"\x0d\x00"):
        with pytest.raises(Cut):
            list(fields(broken))
    for broken in (b"\x00\x01", b"\x0b", b"\x08" + b"\xff" * 11):
        with pytest.raises(Damage):
            list(fields(broken))
    assert b"".join(put(1, 150) + put(2, "hi")) == b"\x08\x96\x01\x12\x02hi"
    assert b"".join(put(3, -1)) == tf1.NodeDef.FromString(b"").SerializeToString() + b"\x18" + b"\xff" * 9 + b"\x01"


def test_random_damage_is_told_in_one_sentence(folder, pb, tmp_path):
    """Two hundred mutations: opened, or refused by an error of ours."""
    chance = np.random.default_rng(0)
    whole = {pb: pb.read_bytes(), folder: (folder / "saved_model.pb").read_bytes()}
    outcomes = {"copied": 0, "refused": 0}
    for _ in range(100):
        for source, content in whole.items():
            changed = bytearray(content)
            for at in chance.integers(0, len(changed), chance.choice([1, 2, 10])):
                changed[at] = chance.integers(256)
            (source / "saved_model.pb" if source.is_dir() else source).write_bytes(changed)
            try:
                graphs.check(source, tmp_path / "copy")
                outcomes["copied"] += 1
            except (BrokenModel, TruncatedModel, UnsafeGraph, UnknownFile, ModelTooLarge) as error:
                assert "\n" not in str(error)
                outcomes["refused"] += 1
    assert min(outcomes.values()) > 10, outcomes


def test_the_saved_model_is_what_it_was(folder):
    """The helpers of this file read and write without loss."""
    before = message_of(folder)
    rewritten(folder, lambda meta: None)
    assert message_of(folder) == before
