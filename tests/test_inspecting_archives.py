"""Zips of every malice and damage: nothing leaves its folder, nothing grows, every sentence says why."""

from __future__ import annotations

import io
import random
import stat
import struct
import zipfile
import zlib
from pathlib import Path

import pytest
from weight_files import keras_bytes, zip_bytes

from explain.errors import (
    BrokenModel,
    ModelTooLarge,
    RefusedModel,
    TruncatedModel,
    UnknownFile,
    UnsafeArchive,
)
from explain.inspecting import labels, limits
from explain.inspecting.archives import Archive
from explain.inspecting.contents import Choice, choose
from explain.inspecting.folders import Folder


@pytest.fixture
def opened(tmp_path):
    """Opens bytes as an archive; what it opened is closed at the end."""
    archives = []

    def open_bytes(data: bytes) -> Archive:
        path = tmp_path / f"{len(archives)}.zip"
        path.write_bytes(data)
        archives.append(None)
        archives[-1] = Archive(path, "a.zip")
        return archives[-1]

    yield open_bytes
    for archive in filter(None, archives):
        archive.__exit__(None, None, None)


def one_member(name: str = "a", data: bytes = b"some bytes", **fields) -> bytes:
    """A zip with one member, whose fields of the directory are as given."""
    info = zipfile.ZipInfo(name)
    for field, value in fields.items():
        setattr(info, field, value)
    whole = zip_bytes({"first": b"1"})
    buffer = io.BytesIO(whole)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(info, data)
    return buffer.getvalue()


def bent(data: bytes, signature: bytes, offset: int, layout: str, *values: int, last: bool = False) -> bytes:
    """The same bytes with a number written over, so many bytes behind a record's signature."""
    changed = bytearray(data)
    at = data.rfind(signature) if last else data.find(signature)
    struct.pack_into(layout, changed, at + offset, *values)
    return bytes(changed)


DIRECTORY, LOCAL, END = b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06"


def test_what_is_in_it_comes_out_unchanged(opened, tmp_path):
    archive = opened(keras_bytes(compression=zipfile.ZIP_DEFLATED))
    assert archive.names == ("metadata.json", "config.json", "model.weights.h5")
    assert archive.read("metadata.json", 1000).startswith(b'{"keras_version"')
    out = archive.fetch("model.weights.h5", tmp_path / "out")
    assert out.read_bytes()[:4] == b"\x89HDF"
    stretch = opened(keras_bytes()).weights("model.weights.h5", tmp_path / "unused")
    with stretch.open() as window:
        assert window.read(4) == b"\x89HDF" and window.seek(0, 2) == stretch.length
    assert not (tmp_path / "unused").exists()  # stored members are read where they lie


ODD = {
    "leaves its folder": ("../up", "a/../../b", "..", ".", "a//b", "a/./b"),
    "an absolute path": ("/etc/passwd", "C:/x", "c:x"),
    "backslashes": ("a\\b",),
    "invisible characters": ("line\nbreak", "bidi\u202e", "x" * 300),
}


@pytest.mark.parametrize("reason, name", [(reason, name) for reason, names in ODD.items() for name in names])
def test_names_that_lead_elsewhere(opened, reason, name):
    with pytest.raises(UnsafeArchive, match=f"'a.zip' is not unpacked: it holds the member .*{reason}"):
        opened(one_member(name))


def test_a_name_that_ends_at_a_zero_byte(opened):
    data = one_member("abc.h5").replace(b"abc.h5", b"ab\0.h5")
    with pytest.raises(UnsafeArchive, match="invisible"):
        opened(data)


@pytest.mark.parametrize("twice", ["first", "FIRST", "first/"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_the_same_name_twice(opened, twice):
    with pytest.raises(UnsafeArchive, match="twice"):
        opened(one_member(twice, b"" if twice[-1] == "/" else b"2"))


def test_accents_composed_and_not_are_the_same_name(opened):
    with pytest.raises(UnsafeArchive, match="twice"):
        opened(zip_bytes({"caf\u00e9": b"1", "cafe\u0301": b"2"}))


def test_a_file_that_is_a_folder_too(opened):
    with pytest.raises(UnsafeArchive, match="'first' is a file and a folder at once"):
        opened(one_member("first/second"))


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK, stat.S_IFDIR])
def test_links_and_devices(opened, kind):
    with pytest.raises(
        UnsafeArchive, match="is a link" if kind == stat.S_IFLNK else "neither a file nor a folder"
    ):
        opened(one_member(external_attr=(kind | 0o777) << 16))


def test_plain_modes_are_fine(opened):
    assert opened(one_member(external_attr=(stat.S_IFREG | 0o644) << 16)).read("a", 100) == b"some bytes"


@pytest.mark.parametrize("flag", [0x1, 0x20, 0x40, 0x2000])
def test_encrypted(opened, flag):
    with pytest.raises(UnsafeArchive, match="encrypted"):
        opened(bent(one_member(), DIRECTORY, 8, "<H", flag, last=True))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_ways_to_pack(opened, method):
    with pytest.raises(UnsafeArchive, match=f"packed by method {method}"):
        opened(zip_bytes({"a": b"bytes" * 100}, method))


def test_a_zip_that_begins_too_late_or_ends_too_late(opened):
    with pytest.raises(UnsafeArchive, match="bytes follow its end"):
        opened(keras_bytes() + b"tail")
    with pytest.raises(UnsafeArchive, match="directory is not where"):
        opened(b"PK\x03\x04 head " + keras_bytes())


def test_members_over_each_other(opened):
    data = zip_bytes({"a": b"x" * 100, "b": b"y" * 100})
    with pytest.raises(UnsafeArchive, match="'b' lies over another"):
        opened(bent(data, DIRECTORY, 42, "<I", 0, last=True))
    longer = bent(
        bent(data, DIRECTORY, 20, "<II", 500, 500, last=True), LOCAL, 18, "<II", 500, 500, last=True
    )
    with pytest.raises(UnsafeArchive, match="'b' lies over the directory"):
        opened(longer)
    with pytest.raises(BrokenModel, match="'b' is not where the directory says"):
        opened(bent(data, DIRECTORY, 42, "<I", 17, last=True))


def test_too_many_members(opened):
    with pytest.raises(ModelTooLarge, match="1,001 members"):
        opened(zip_bytes({str(i): b"" for i in range(1001)}))
    with pytest.raises(ModelTooLarge, match="65,534 members"):  # before any of them is believed
        opened(bent(keras_bytes(), END, 10, "<H", 65_534))


def test_bombs(opened, monkeypatch):
    with pytest.raises(ModelTooLarge, match=r"'config.json' would grow from .* to 17\.8 MB"):
        opened(keras_bytes(members={"config.json": b" " * (17 << 20)}, compression=zipfile.ZIP_DEFLATED))
    several = {f"assets/{i}": bytes(15 << 20) for i in range(4)}  # each below the floor
    with pytest.raises(ModelTooLarge, match=r"it would grow from .* to 62\.9 MB"):
        opened(keras_bytes(members=several, compression=zipfile.ZIP_DEFLATED))
    assert opened(keras_bytes(members={"assets/a": bytes(15 << 20)}, compression=zipfile.ZIP_DEFLATED)).names
    monkeypatch.setenv("EXPLAIN_MAX_MODEL_MB", "1")
    with pytest.raises(ModelTooLarge, match=r"1\.0 MB are allowed \(EXPLAIN_MAX_MODEL_MB\)"):
        opened(zip_bytes({"a": zlib.compress(bytes(range(256))) * 5000}))


def test_what_is_read_is_bounded(opened):
    archive = opened(one_member(data=b"x" * 1000))
    with pytest.raises(ModelTooLarge, match="'a' in 'a.zip' has 1,000 bytes; at most 999 bytes are read"):
        archive.read("a", 999)


def test_lies_about_sizes_and_checksums(opened, tmp_path):
    data = zip_bytes({"a": b"x" * 1000}, zipfile.ZIP_DEFLATED)
    with pytest.raises(BrokenModel, match="'a'"):  # more is announced than comes
        opened(bent(data, DIRECTORY, 24, "<I", 2000)).read("a", 5000)
    with pytest.raises(BrokenModel, match="'a'"):  # less is announced than comes
        opened(bent(data, DIRECTORY, 24, "<I", 10)).read("a", 5000)
    with pytest.raises(BrokenModel, match="CRC"):
        opened(zip_bytes({"a": b"x" * 1000}).replace(b"x" * 9, b"x" * 8 + b"y", 1)).weights(
            "a", tmp_path / "a"
        )
    with pytest.raises(UnsafeArchive, match="two different sizes"):
        opened(bent(zip_bytes({"a": b"x" * 1000}), DIRECTORY, 24, "<I", 2000))
    with pytest.raises(BrokenModel, match="damaged zip"):  # another name in front of the bytes
        opened(zip_bytes({"aaa": b"x"}).replace(b"aaa", b"bbb", 1)).read("aaa", 10)


def test_cut_anywhere(opened):
    data = keras_bytes()
    for length in (22, 100, len(data) // 2, len(data) - 30, len(data) - 1):
        with pytest.raises(TruncatedModel, match=f"{limits.size(length)} were received"):
            opened(data[:length])


def test_flipped_bytes_are_always_a_sentence(opened, tmp_path):
    draw, data = random.Random(3), keras_bytes()
    for _ in range(300):
        changed = bytearray(data)
        for _ in range(draw.randint(1, 4)):  # mostly in the directory
            changed[draw.randrange(len(data) - 400 if draw.random() < 0.7 else 0, len(data))] = (
                draw.randrange(256)
            )
        try:
            archive = opened(bytes(changed))
            for name in archive.names:
                archive.read(name, 10**6)
        except RefusedModel as error:
            assert "'a.zip'" in str(error)


# Which model is in it ------------------------------------------------------------------------------------


def test_the_one_model_is_chosen():
    plain = ("metadata.json", "config.json", "model.weights.h5")
    assert choose(plain, "x") == Choice("keras", "")
    assert choose(tuple("my/" + name for name in plain) + ("__MACOSX/my/._config.json",), "x") == Choice(
        "keras", "my/"
    )
    assert choose(("keras_model.h5", "labels.txt", "__MACOSX/._keras_model.h5", ".DS_Store"), "x") == Choice(
        "file", "keras_model.h5", "labels.txt"
    )
    saved = ("model.savedmodel/saved_model.pb", "model.savedmodel/variables/variables.index", "labels.txt")
    assert choose(saved, "x") == Choice("saved_model", "model.savedmodel/", "labels.txt")
    assert choose(("saved_model.pb", "keras_metadata.pb", "fingerprint.pb"), "x") == Choice("saved_model", "")
    assert choose(("deep/er/net.HDF5", "deep/labels.txt", "notes.md"), "x") == Choice(
        "file", "deep/er/net.HDF5", "deep/labels.txt"
    )
    assert choose(("frozen.pb",), "x").member == "frozen.pb"


@pytest.mark.parametrize(
    "names, says",
    [
        (("a.h5", "b.keras"), "holds 2 models ('a.h5', 'b.keras')"),
        (("archive/data.pkl", "archive/data/0"), "a PyTorch file"),
        (("model.json", "weights.bin", "metadata.json"), "TensorFlow.js"),
        (("model_unquant.tflite", "labels.txt"), "TensorFlow Lite"),
        (("ckpt.index", "ckpt.data-00000-of-00001"), "checkpoint"),
        (("word/x.xml", "[Content_Types].xml"), "Office"),
        (("inner.zip",), "another zip"),
        (("cat.jpg",), "it holds 'cat.jpg'"),
        ((), "it is empty"),
    ],
)
def test_no_model_or_several(names, says):
    with pytest.raises(UnknownFile) as caught:
        choose(names, "x.zip")
    assert says in str(caught.value) and "'x.zip'" in str(caught.value)


def test_half_a_keras_file():
    with pytest.raises(BrokenModel, match="holds config.json and model.weights.h5, this one 'config.json'"):
        choose(("config.json",), "x.keras")


def test_a_folder_is_asked_the_same(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "net.h5").write_bytes(b"12345")
    folder = Folder(tmp_path, "f")
    assert folder.names == ("sub/net.h5",) and folder.read("sub/net.h5", 5) == b"12345"
    assert folder.fetch("sub/net.h5", Path("unused")) == tmp_path / "sub" / "net.h5"
    with pytest.raises(ModelTooLarge, match="more than the 4 bytes"):
        folder.read("sub/net.h5", 4)


# labels.txt ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, names",
    [
        (b"0 cat\n1 dog\n", ("cat", "dog")),
        (b"\xef\xbb\xbf0 Class A\r\n1 B\r\n", ("Class A", "B")),
        ("0 Katze\n1 Bär\n".encode(), ("Katze", "Bär")),
        (b"cat\n\ndog\n", ("cat", "dog")),
        (b"7 up\n5 alive\n", ("7 up", "5 alive")),  # no numbering: these are names
        (b"0: cat\n1: dog\n2: 3 mice", ("cat", "dog", "3 mice")),
    ],
)
def test_labels_with_and_without_numbers(text, names):
    assert labels.parse(text, "labels.txt") == (names, ())


@pytest.mark.parametrize("text", [b"", b"\n \n", b"\xff\xfe0", b"cat\0\n", b"a\n" * 20_001, b"x" * (2 << 20)])
def test_labels_that_are_none_are_noted(text):
    names, notices = labels.parse(text, "labels.txt")
    assert names == () and notices[0].code == "W_LABELS_UNREADABLE" and "'labels.txt'" in notices[0].sentence
