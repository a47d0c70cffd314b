"""Graphs and checkpoints that are cut, damaged or no such thing: told in one sentence."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import networks
import numpy as np
import pytest
from graph_files import (
    SIDE, add, constant, doubling, frozen, message_of, noise, opened, refrozen, rewritten, saved,
)  # fmt: skip

from explain.errors import BrokenModel, ModelTooLarge, TruncatedModel, UnknownFile, UnsafeGraph
from explain.inspecting import graphs
from explain.inspecting.checkpoints import Checkpoint
from explain.inspecting.protobuf import Cut, Damage, fields, put, varint_of


@pytest.fixture
def folder(tmp_path) -> Path:
    """A SavedModel to be changed."""
    return saved(networks.plain(), tmp_path / "graph")


@pytest.fixture
def pb(tmp_path) -> Path:
    """A frozen graph to be changed."""
    return frozen(networks.plain(), tmp_path / "graph.pb")


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


def test_zeros_may_be_written_as_nothing(pb):
    """TensorFlow's graph optimiser does so."""
    graph = opened(refrozen(pb, lambda graph: constant(graph, (3,), [])))
    expected = networks.plain()(noise((SIDE, SIDE, 3)))
    assert np.abs(graph(noise((SIDE, SIDE, 3))) - expected).max() < 1e-6


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
    footer = footer.ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)
    return data + bytes(5) + index + bytes(5) + footer


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
    assert b"".join(put(3, -1)) == b"\x18" + b"\xff" * 9 + b"\x01"


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
