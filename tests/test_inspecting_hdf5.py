"""HDF5 with doors in its walls, arrays larger than their bytes, and damage: a walk that follows nothing."""

from __future__ import annotations

import io
import random
import struct

import h5py
import numpy as np
import pytest
from weight_files import ARRAYS, HEAD, KERNEL, classic, config, hdf5, vars_bytes

from explain.errors import (
    BrokenModel, ModelTooLarge, ObsoleteModel, RefusedModel, TruncatedModel, UnknownFile, UnsafeHdf5,
)  # fmt: skip
from explain.inspecting import layouts, limits, writing
from explain.inspecting.hdf5 import BLOCK, Weights, blocks
from explain.inspecting.stretches import Stretch


@pytest.fixture
def walked(tmp_path):
    """Writes a file by `change`, opens it and walks all of it."""

    def walk(change=None, data: bytes | None = None) -> Weights:
        path = tmp_path / "bent.h5"
        path.write_bytes(vars_bytes(change) if data is None else data)
        weights = Weights(Stretch.whole(path), "bent.h5")
        try:
            weights.walk(*weights.roots())
        except BaseException:
            weights.__exit__(None, None, None)
            raise
        return weights

    return walk


def test_an_honest_file(walked):
    with walked() as weights:
        assert sorted(weights.datasets) == [
            "layers/conv2d/vars/0", "layers/conv2d/vars/1", "layers/dense/vars/0", "optimizer/vars/0",
        ]  # fmt: skip
        assert KERNEL.shape in weights.shapes and weights.groups["layers/conv2d"].name == "/layers/conv2d"
        np.testing.assert_array_equal(weights.datasets["layers/conv2d/vars/0"][()], KERNEL)


def test_the_same_in_the_middle_of_another_file(tmp_path):
    path, data = tmp_path / "around", vars_bytes()
    path.write_bytes(b"x" * 77 + data + b"y" * 55)
    with Weights(Stretch(path, 77, len(data)), "inner") as weights:
        weights.walk("layers")
        np.testing.assert_array_equal(weights.datasets["layers/conv2d/vars/0"][()], KERNEL)


# Doors -------------------------------------------------------------------------------------------------


def external_file(file):
    file.create_dataset("layers/x", (10,), "f4", external=[("/etc/hostname", 0, 40)])


def virtual(file):
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("/tmp/other.h5", "x", shape=(4,))
    file.create_virtual_dataset("layers/x", layout)


def hard_twice(file):
    file["layers/again"] = file["layers/conv2d"]


def circle(file):
    file["layers/conv2d/up"] = file["layers"]


def to_the_top(file):
    file["layers/top"] = file["/"]


DOORS = {
    "a soft link": (
        lambda file: file.__setitem__("layers/x", h5py.SoftLink("/vars")),
        "'layers/x' is a link",
    ),
    "an external link": (
        lambda file: file.__setitem__("x", h5py.ExternalLink("other.h5", "/")),
        "'x' is a link",
    ),
    "external storage": (external_file, "'layers/x' lies in another file"),
    "virtual storage": (virtual, "'layers/x' is put together from other places"),
    "two hard links": (hard_twice, "is another name of something already seen"),
    "a circle": (circle, "'layers/conv2d/up' is another name"),
    "a circle by the top": (to_the_top, "'layers/top' is another name"),
    "a named type": (
        lambda file: file.__setitem__("layers/x", np.dtype("f4")),
        "neither a group nor an array",
    ),
    "strings": (
        lambda file: file.__setitem__("layers/x", ["a", "b"]),
        "'layers/x' holds no numbers but object",
    ),
    "complex numbers": (
        lambda file: file.__setitem__("layers/x", np.ones(2, "c8")),
        "holds no numbers but complex64",
    ),
    "compounds": (lambda file: file.__setitem__("layers/x", np.zeros(2, "i4,f4")), "holds no numbers"),
    "references": (lambda file: file.create_dataset("layers/x", (1,), h5py.ref_dtype), "holds no numbers"),
    "opaque bytes": (
        lambda file: file.__setitem__("layers/x", np.zeros(2, "V2")),
        "holds no numbers but |V2",
    ),
    "long doubles": (
        lambda file: file.__setitem__("layers/x", np.zeros(2, np.longdouble)),
        "holds no numbers",
    ),
    "nothing at all": (lambda file: file.__setitem__("layers/x", h5py.Empty("f4")), "has no shape"),
    "nine axes": (lambda file: file.__setitem__("layers/x", np.zeros([1] * 9)), "more than 8 axes"),
    "an unusual filter": (
        lambda file: file.create_dataset("layers/x", (9,), "i4", scaleoffset=0),
        "unusual filter 6",
    ),
}


@pytest.mark.parametrize("door", DOORS)
def test_doors_are_refused_by_name(walked, door):
    change, says = DOORS[door]
    with pytest.raises(UnsafeHdf5) as caught:
        walked(change)
    assert says in str(caught.value) and str(caught.value).startswith("'bent.h5' is not opened")


def test_kinds_of_numbers_that_are_fine(walked):
    kinds = "f2 f4 f8 i1 i8 u4 ? >f4 <i2".split()
    with walked(
        lambda file: [file.__setitem__(f"layers/{kind}", np.ones(3, kind)) for kind in kinds]
    ) as weights:
        for kind in kinds:
            ((_, values),) = blocks(weights.datasets[f"layers/{kind}"])
            assert values.dtype == np.dtype(kind).newbyteorder("=") and values.tolist() == [1, 1, 1]


def test_bfloat16_comes_as_float32(walked):
    numbers = np.array([1.5, -3, 0.0078125, np.inf], np.float32)

    def half(file):
        stored = (numbers.view(np.uint32) >> 16).astype(np.uint16).view("V2")
        file["layers/x"] = stored
        file["layers/x"].attrs["dtype"] = "bfloat16"

    with walked(half) as weights:
        ((_, values),) = blocks(weights.datasets["layers/x"])
        np.testing.assert_array_equal(values, numbers)
        assert values.dtype == np.float32


# Sizes -------------------------------------------------------------------------------------------------


def never_written(file):
    file.create_dataset("layers/x", (6 << 20,), "f4")  # 25 MB announced, no byte stored


def packed_zeros(file):
    file.create_dataset("layers/x", data=np.zeros(6 << 20, "f4"), compression="gzip")


def many_small(file):
    for i in range(10):
        file.create_dataset(f"layers/{i}", (1 << 20,), "f4")  # 4 MB each: below the floor, but not together


def large_pieces(file):
    file.create_dataset("layers/x", (20 << 20,), "f4", chunks=(20 << 20,))


def deep(file):
    file.create_group("layers/" + "/".join("a" * 60))


BOMBS = {
    "never written": (never_written, r"'layers/x' would grow from 0 bytes to 25\.2 MB"),
    "packed zeros": (packed_zeros, r"'layers/x' would grow from .* to 25\.2 MB"),
    "many small ones": (many_small, r"all of it would grow from .* to 41\.9 MB"),
    "large pieces": (large_pieces, r"in pieces of more than 67\.1 MB"),
    "deep": (deep, "nested more than 48 levels"),
    "huge": (lambda file: file.create_dataset("layers/x", (1 << 40,), "f4"), r"would have 4,398\.0 GB"),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs(walked, bomb):
    change, says = BOMBS[bomb]
    with pytest.raises(ModelTooLarge, match=says):
        walked(change)


def test_ordinary_packing_is_fine(walked):
    noise = np.random.default_rng(0).standard_normal((700, 3000)).astype("f4")
    options = {
        "compression": "gzip",
        "shuffle": True,
        "fletcher32": True,
        "chunks": (64, 64),
        "compression_opts": 1,
    }
    with walked(lambda file: file.create_dataset("layers/x", data=noise, **options)) as weights:
        np.testing.assert_array_equal(weights.datasets["layers/x"][()], noise)
    with walked(lambda file: file.create_dataset("layers/x", data=noise, compression="lzf")) as weights:
        np.testing.assert_array_equal(weights.datasets["layers/x"][()], noise)


def test_too_many_objects(walked, monkeypatch):
    monkeypatch.setattr(limits, "OBJECTS", 30)
    with pytest.raises(ModelTooLarge, match="more than 30 groups and arrays"):
        walked(lambda file: [file.create_group(f"layers/{i}") for i in range(40)])


def test_arrays_that_share_their_bytes(walked):
    """Two arrays of 40,000 bytes whose headers name the same place: found, because together they fill more
    than the file."""
    data = vars_bytes(
        lambda file: [file.__setitem__(f"layers/{i}", np.full(10_000, i, "f4")) for i in (1, 2)]
    )
    with h5py.File(io.BytesIO(data)) as file:
        first, second = (file[f"layers/{i}"].id.get_offset() for i in (1, 2))
    shared = data.replace(struct.pack("<QQ", second, 40_000), struct.pack("<QQ", first, 40_000))
    end = struct.pack("<Q", len(data))
    with pytest.raises(UnsafeHdf5, match="share bytes"):
        walked(data=shared[:second].replace(end, struct.pack("<Q", second)))


def test_large_arrays_come_in_blocks(walked):
    big = np.arange(2 * 3 * (BLOCK // 8), dtype="f4").reshape(2, 3, -1)
    with walked(lambda file: file.__setitem__("layers/x", big)) as weights:
        parts = list(blocks(weights.datasets["layers/x"]))
    assert len(parts) > 2 and all(values.nbytes <= BLOCK for _, values in parts)
    again = np.empty_like(big)
    for place, values in parts:
        again[place] = values
    np.testing.assert_array_equal(again, big)


# Damage ------------------------------------------------------------------------------------------------


def heap_objects(data: bytes) -> list[int]:
    """Where the lengths of the objects in the first global heap stand."""
    at, found = data.find(b"GCOL") + 16, []
    while (index := struct.unpack_from("<H", data, at)[0]) != 0:
        found.append(at + 8)
        at += 16 + -(-struct.unpack_from("<Q", data, at + 8)[0] // 8) * 8
        assert index < 100
    return [*found, at + 8]


@pytest.mark.parametrize("which", [0, -2])
@pytest.mark.parametrize("length", [2**64 - 16, 2**64 - 8, 2**63, 40_000, 2**32])
def test_lengths_that_lead_in_a_circle(tmp_path, which, length):
    """The first of these lengths keeps libhdf5 1.14.6 and 2.0 busy for ever."""
    data = bytearray(hdf5(tmp_path / "good.h5").read_bytes())
    struct.pack_into("<Q", data, heap_objects(data)[which], length)
    path = tmp_path / "circle.h5"
    path.write_bytes(data)
    with pytest.raises(BrokenModel, match="lengths in its heap at byte .* contradict each other"):
        Weights(Stretch.whole(path), "circle.h5")


def test_free_space_of_no_length(tmp_path):
    data = bytearray(hdf5(tmp_path / "good.h5").read_bytes())
    struct.pack_into("<Q", data, heap_objects(data)[-1], 0)
    (tmp_path / "circle.h5").write_bytes(data)
    with pytest.raises(BrokenModel, match="contradict"):
        Weights(Stretch.whole(tmp_path / "circle.h5"), "circle.h5")


def test_cut_files_tell_their_byte_counts(walked):
    data = vars_bytes()
    for length in (len(data) // 2, len(data) - 1):
        with pytest.raises(
            TruncatedModel, match=f"{length:,} bytes were received, {len(data):,} were expected"
        ):
            walked(data=data[:length])
    for none in (data[:20], b"x" + data, b""):
        with pytest.raises(BrokenModel, match="does not begin like one"):
            walked(data=none)


def test_flipped_bytes_are_always_a_sentence(walked, tmp_path):
    draw, data = random.Random(11), vars_bytes(compression="gzip")
    for _ in range(300):
        changed = bytearray(data)
        for _ in range(draw.randint(1, 4)):
            changed[draw.randrange(len(data))] = draw.choice([0, 1, 255, draw.randrange(256)])
        try:
            with walked(data=bytes(changed)) as weights:
                for path in tmp_path.glob("weights*"):
                    path.unlink()
                writing.write_keras_weights(tmp_path, weights)
        except RefusedModel as error:
            assert "'bent.h5'" in str(error)


# Layouts -----------------------------------------------------------------------------------------------


def opened(path) -> Weights:
    return Weights(Stretch.whole(path), path.name)


def bare(path, change=None, root="", arrays=None):
    """A file of weights alone, in the classic layout."""
    with h5py.File(path, "w") as file:
        classic(file, root, arrays)
        if change is not None:
            change(file)
    return path


def test_the_classic_layout_is_read_in_its_order(tmp_path):
    with opened(hdf5(tmp_path / "a.h5")) as weights:
        found = layouts.read_classic(weights, "model_weights")
        assert [(each.name, list(each.arrays)) for each in found.layers] == [
            ("conv", ["conv/kernel:0", "conv/bias:0"]), ("head", ["head/kernel:0"]),
        ]  # fmt: skip
        assert (found.keras_version, found.backend) == ("2.4.0", "tensorflow")
        assert "optimizer_weights" not in weights.groups  # nobody looks at the state of training


def test_lists_in_parts_and_names_with_slashes(tmp_path):
    def parts(file):
        group = file["model_weights"]
        del group.attrs["layer_names"]
        group.attrs["layer_names0"], group.attrs["layer_names1"] = [b"conv"], [b"head", b"block/deep"]
        group.create_group("block/deep").attrs["weight_names"] = [b"/block//deep/w"]
        group["block/deep/block/deep/w"] = HEAD

    with opened(hdf5(tmp_path / "a.h5", parts)) as weights:
        found = layouts.read_classic(weights, "model_weights")
        assert [each.name for each in found.layers] == ["conv", "head", "block/deep"]
        assert list(found.layers[2].arrays) == ["block/deep/w"]


@pytest.mark.parametrize(
    "change, says",
    [
        (
            lambda file: file["model_weights"].attrs.__setitem__("layer_names", [b"conv", b"gone"]),
            "'gone' are not in it",
        ),
        (lambda file: file["model_weights"].attrs.__setitem__("layer_names", [b"conv", b"conv"]), "twice"),
        (lambda file: file["model_weights/conv"].attrs.__setitem__("weight_names", [b"gone"]), "'gone'"),
        (
            lambda file: file["model_weights/conv"].attrs.__setitem__("weight_names", 7),
            "'weight_names' is no text",
        ),
        (lambda file: file.__delitem__("model_weights"), "'model_weights', which is not there"),
        (lambda file: file["model_weights"].attrs.__setitem__("layer_names", [b"\xff"]), "cannot be read"),
    ],
)
def test_lists_that_lead_nowhere(tmp_path, change, says):
    with opened(hdf5(tmp_path / "a.h5", change)) as weights, pytest.raises(BrokenModel, match=says):
        layouts.read_classic(weights, "model_weights")


def test_notes_have_a_size_before_they_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "NAMES_BYTES", 3)
    with opened(hdf5(tmp_path / "a.h5")) as weights:
        with pytest.raises(ModelTooLarge, match="'layer_names' has 16 bytes"):
            layouts.read_classic(weights, "model_weights")
        with pytest.raises(ModelTooLarge, match="'model_config' has"):
            weights.text("", "model_config", 20)


def test_which_weights_a_file_holds(tmp_path):
    with opened(bare(tmp_path / "a.h5")) as weights:
        assert layouts.weights_layout(weights) == ""
    with opened(bare(tmp_path / "b.h5", root="model_weights")) as weights:
        assert layouts.weights_layout(weights) == "model_weights"
    (tmp_path / "c.h5").write_bytes(vars_bytes())
    with opened(tmp_path / "c.h5") as weights:
        assert layouts.weights_layout(weights) == "vars" and "optimizer" not in weights.groups
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file["table"] = [1, 2]
    with opened(tmp_path / "d.h5") as weights, pytest.raises(UnknownFile, match="it holds 'table'"):
        layouts.weights_layout(weights)
    with h5py.File(tmp_path / "e.h5", "w") as file:
        file.attrs["nb_layers"] = 2
    with opened(tmp_path / "e.h5") as weights, pytest.raises(ObsoleteModel, match="Keras 0"):
        layouts.weights_layout(weights)


# Copies ------------------------------------------------------------------------------------------------


def everything(path) -> dict:
    """Every group, array and attribute of a file."""
    found = {}
    with h5py.File(path) as file:
        found[""] = dict(file.attrs)
        file.visititems(
            lambda name, item: found.__setitem__(name, (dict(item.attrs), getattr(item, "shape", None)))
        )
    return found


def test_a_copy_holds_what_was_asked_for_and_nothing_else(tmp_path):
    def extra(file):
        file["model_weights/conv"].attrs["note"] = "x" * 100
        file["model_weights/conv/conv/unnamed"] = [1]
        file["model_weights/stray"] = [1]

    with opened(hdf5(tmp_path / "a.h5", extra)) as weights:
        notices = writing.write_hdf5(
            tmp_path, config(), layouts.read_classic(weights, "model_weights"), "a.h5"
        )
    copy = everything(tmp_path / "model.h5")
    assert notices == () and sorted(copy) == [
        "", "model_weights", "model_weights/conv", "model_weights/conv/conv", "model_weights/conv/conv/bias:0",
        "model_weights/conv/conv/kernel:0", "model_weights/head", "model_weights/head/head",
        "model_weights/head/head/kernel:0",
    ]  # fmt: skip
    assert sorted(copy[""]) == ["backend", "keras_version", "model_config"]
    assert list(copy["model_weights/conv"][0]) == ["weight_names"]
    with h5py.File(tmp_path / "model.h5") as file:
        np.testing.assert_array_equal(file["model_weights/conv/conv/kernel:0"][()], KERNEL)
        assert list(file["model_weights"].attrs["layer_names"]) == [b"conv", b"head"]


def test_weights_alone_keep_their_layout(tmp_path):
    with opened(bare(tmp_path / "a.h5")) as weights:
        writing.write_classic_weights(tmp_path, layouts.read_classic(weights, ""), "a.h5")
    assert "layer_names" in everything(tmp_path / "weights.h5")[""]
    (tmp_path / "c.h5").write_bytes(vars_bytes())
    with opened(tmp_path / "c.h5") as weights:
        layouts.weights_layout(weights)
        writing.write_keras_weights(tmp_path, weights)
    copy = everything(tmp_path / "weights.weights.h5")
    assert "layers/conv2d/vars/1" in copy and copy["layers/conv2d/vars"] == ({}, None)
    assert not any(name.startswith("optimizer") for name in copy)


def test_long_lists_are_written_in_parts(tmp_path):
    names = [f"{'layer' * 20}{number:04}" for number in range(700)]
    with opened(bare(tmp_path / "a.h5", arrays={"x": {"w": HEAD}})) as weights:
        found = layouts.read_classic(weights, "")
        many = found._replace(layers=tuple(found.layers[0]._replace(name=name) for name in names))
        writing.write_classic_weights(tmp_path, many, "a.h5")
    with opened(tmp_path / "weights.h5") as weights:
        assert weights.names("", "layer_names") == names
        assert weights.has("", "layer_names1") and not weights.has("", "layer_names")


def test_the_first_weight_that_is_not_finite_is_named(tmp_path):
    broken = {name: {key: value.copy() for key, value in each.items()} for name, each in ARRAYS.items()}
    broken["conv"]["bias"][1:3] = np.nan, np.inf
    broken["head"]["kernel"][0, 0] = -np.inf
    with opened(bare(tmp_path / "a.h5", arrays=broken)) as weights:
        (notice,) = writing.write_classic_weights(tmp_path, layouts.read_classic(weights, ""), "a.h5")
    assert notice.code == "W_WEIGHTS_NOT_FINITE"
    assert "'conv/conv/bias:0'" in notice.sentence and "2 of 4, and so do 1 others" in notice.sentence
