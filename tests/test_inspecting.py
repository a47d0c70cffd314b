"""The inspection as the page sees it: a path in, a canonical copy or a sentence out, and always soon."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from weight_files import BIAS, HEAD, KERNEL, classic, config, hdf5, keras_bytes, layer, vars_bytes, zip_bytes

from explain import inspecting
from explain.errors import (
    BrokenModel, InspectionFailed, ModelTooLarge, TruncatedModel, UnknownFile, UnsafeArchive, UnsafeLayer,
)  # fmt: skip
from explain.inspecting import child, documents, inspect, limits
from explain.inspecting.kinds import kind_of

ROOT = Path(__file__).parents[1]


@pytest.fixture
def put(tmp_path):
    """Writes bytes under a name of the upload folder."""
    folder = tmp_path / "uploads"
    folder.mkdir()

    def write(data: bytes, name: str = "upload") -> Path:
        path = folder / name
        path.write_bytes(data)
        return path

    return write


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


# Kinds, by content alone ---------------------------------------------------------------------------------


def graph_bytes() -> bytes:
    node = b"\x0a\x05input\x12\x0bPlaceholder"
    return b"\x0a" + bytes([len(node)]) + node


def test_the_kinds_that_are_opened(put, tmp_path):
    assert kind_of(put(keras_bytes()), "x") == "zip"
    assert kind_of(put(vars_bytes()), "x") == "hdf5"
    assert kind_of(put(graph_bytes()), "x") == "graph"
    assert kind_of(tmp_path, "x") == "folder"


OTHERS = {
    "a Python pickle": pickle.dumps({"weights": [1, 2]}),
    "a Python pickle ": pickle.dumps([print], protocol=0),
    "a PyTorch file": b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.",
    "a TensorFlow Lite model": b"\x1c\0\0\0TFL3" + bytes(20),
    "a NumPy array": b"\x93NUMPY\x01\0",
    "an empty zip": zip_bytes({}),
    "packed with gzip": b"\x1f\x8b\x08\0\0\0\0\0",
    "a 7-Zip archive": b"7z\xbc\xaf\x27\x1c\0\4",
    "a tar archive": b"name".ljust(257, b"\0") + b"ustar\0",
    "a JPEG picture": b"\xff\xd8\xff\xe0" + bytes(20),
    "a PNG picture": b"\x89PNG\r\n\x1a\n" + bytes(20),
    "a WebP picture": b"RIFF\x10\0\0\0WEBPVP8 ",
    "a PDF document": b"%PDF-1.7\n%",
    "a GGUF language model": b"GGUF\x03\0\0\0",
    "an ONNX or Core ML model": b"\x08\x07\x12\x07pytorch\x1a\x032.1",
    "the saved_model.pb of a SavedModel alone": b"\x08\x01\x12\xaa\x02\x0a\x10",
    "a safetensors file": struct.pack("<Q", 20) + b'{"weight":{"dtype":1',
    "the index of a TensorFlow checkpoint": bytes(range(100)) + bytes.fromhex("57fb808b247547db"),
    "nothing but zeros": bytes(5000),
    "HDF5 behind 512 bytes of something else": b"head".ljust(512, b"\1") + vars_bytes(),
    "a Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 9\n",
    "an HTML page": b"\n<!DOCTYPE html>\n<html lang='en'>",
    "an XML document": b"<?xml version='1.0'?>",
    "a Keras architecture as JSON": json.dumps(config()).encode(),
    "the model.json of TensorFlow.js": b'{"format":"layers-model","modelTopology":{"class_name":"Model"}}',
    "a notebook": b'{"cells": [], "nbformat": 4}',
    "a JSON document": b'{"a": 1}',
    "a Keras architecture as YAML": b"backend: tensorflow\nclass_name: Model\n",
    "a text": "Ein Satz über Katzen.\n".encode() * 500,
    "of no kind that is known here": bytes(range(3, 256)) * 9,
}


@pytest.mark.parametrize("what", OTHERS)
def test_other_kinds_are_refused_by_name(put, what):
    with pytest.raises(UnknownFile) as caught:
        kind_of(put(OTHERS[what]), "cats.h5")
    said = str(caught.value)
    assert f"'cats.h5' is no Keras model: it is {what.strip()}" in said and said.count(". ") >= 1


@pytest.mark.parametrize("data", [b"", b"PK", b"\x89HDF\r\n"])
def test_beginnings_are_cut_files(put, data):
    with pytest.raises(TruncatedModel, match=f"{len(data)} bytes"):
        kind_of(put(data), "cats.h5")


# JSON ----------------------------------------------------------------------------------------------------


def test_json_that_is_fine():
    assert documents.parse(b'{"a": [NaN, "\\"]]]]{"], "b": null}', "config.json", "x")["b"] is None


@pytest.mark.parametrize(
    "text, error, says",
    [
        (b"[" * 201 + b"]" * 201, ModelTooLarge, "nested more than 200 levels"),
        (b"[" * 10**6, ModelTooLarge, "nested more than 200 levels"),
        (b'{"a": 1, "b": {"c": 1, "d": 2, "c": 3}}', BrokenModel, "the name 'c' stands twice"),
        (b'{"a": ', BrokenModel, "at character 6"),
        (b"", BrokenModel, "at character 0"),
        (b'{"a": "\xff"}', BrokenModel, "no text in UTF-8"),
        (b'"' + b'\\"' * 10**6, BrokenModel, "Unterminated string"),
        (b"1" * 10_000, BrokenModel, "digits"),
        (b" " * (limits.CONFIG_BYTES + 1), ModelTooLarge, "8.4 MB"),
    ],
)
def test_json_that_is_not(text, error, says):
    started = time.monotonic()
    with pytest.raises(error, match=says) as caught:
        documents.parse(text, "config.json", "x.keras")
    assert "config.json of 'x.keras'" in str(caught.value) and time.monotonic() - started < 2


def test_deep_brackets_inside_a_string_are_not_deep():
    assert documents.parse(json.dumps("[" * 500), "config.json", "x") == "[" * 500


def test_nothing_of_the_compilation_is_left():
    inner = {"class_name": "Model", "compile_config": {"loss": "mse"}}
    told = documents.without_compilation({"config": {"layers": [inner]}, "compile_config": 1})
    assert told == {"config": {"layers": [{"class_name": "Model"}]}}


# From upload to copy ---------------------------------------------------------------------------------------


def stored_in(path: Path) -> dict[str, np.ndarray]:
    found = {}
    with h5py.File(path) as file:
        file.visititems(
            lambda name, item: found.update({name: item[()]} if isinstance(item, h5py.Dataset) else {})
        )
    return found


def test_a_keras_file(put, out):
    upload = put(keras_bytes(members={"assets/words.txt": b"not wanted"}))
    found = inspect(upload, out)
    assert (found.kind, found.notices, found.labels) == ("keras", (), ())
    assert found.digest == hashlib.sha256(upload.read_bytes()).hexdigest()
    copy = Path(found.path)
    assert sorted(p.name for p in copy.iterdir()) == ["config.json", "metadata.json", "model.weights.h5"]
    written = json.loads((copy / "config.json").read_text())
    assert "compile_config" not in written and written["class_name"] == "Sequential"
    assert json.loads((copy / "metadata.json").read_text()) == {"keras_version": "3.9.2"}
    stored = stored_in(copy / "model.weights.h5")
    assert sorted(stored) == ["layers/conv2d/vars/0", "layers/conv2d/vars/1", "layers/dense/vars/0"]
    np.testing.assert_array_equal(stored["layers/conv2d/vars/0"], KERNEL)
    assert [p.name for p in out.iterdir()] == ["model"]  # nothing else is left behind


def test_an_h5_file_under_any_name(put, out, tmp_path):
    upload = hdf5(tmp_path / "holiday.jpg")
    found = inspect(upload, out)
    assert found.kind == "hdf5" and Path(found.path) == out / "model.h5"
    stored = stored_in(out / "model.h5")
    np.testing.assert_array_equal(stored["model_weights/conv/conv/bias:0"], BIAS)
    assert len(stored) == 3


def test_both_copies_open_in_keras_with_their_weights(put, out, tmp_path):
    import keras

    for upload in (put(keras_bytes(), "a.keras"), hdf5(tmp_path / "a.h5")):
        network = keras.models.load_model(inspect(upload, out).path, compile=False, safe_mode=True)
        for mine, theirs in zip(network.get_weights(), (KERNEL, BIAS, HEAD), strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_weights_alone(put, out, tmp_path):
    found = inspect(put(vars_bytes()), out)
    assert found.kind == "weights" and found.path.endswith(".weights.h5")
    with h5py.File(tmp_path / "old.h5", "w") as file:
        classic(file, "")
    found = inspect(tmp_path / "old.h5", out)
    assert found.kind == "weights" and not found.path.endswith(".weights.h5")


def test_a_zip_around_a_model_with_its_labels(put, out, tmp_path):
    inner = hdf5(tmp_path / "keras_model.h5").read_bytes()
    members = {"keras_model.h5": inner, "labels.txt": b"0 cat\n1 dog\n2 mouse\n"}
    found = inspect(put(zip_bytes(members)), out)
    assert found.kind == "hdf5" and found.labels == ("cat", "dog", "mouse")
    assert inspect(put(zip_bytes({"deep/net.keras": keras_bytes(), "notes.md": b"x"})), out).kind == "keras"


def test_labels_beside_a_file_count_when_asked_for(put, out, tmp_path):
    upload = hdf5(tmp_path / "keras_model.h5")
    (tmp_path / "labels.txt").write_text("0 cat\n1 dog\n2 mouse\n")
    assert inspect(upload, out).labels == ()
    assert inspect(upload, out, with_labels=True).labels == ("cat", "dog", "mouse")


def test_an_unpacked_keras_folder(put, out, tmp_path):
    folder = tmp_path / "unpacked"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config()))
    (folder / "model.weights.h5").write_bytes(vars_bytes())
    first = inspect(folder, out)
    assert first.kind == "keras" and len(first.digest) == 64
    (folder / "model.weights.h5").write_bytes(vars_bytes(lambda file: file.create_group("layers/more")))
    assert inspect(folder, out).digest != first.digest


def test_a_saved_model_as_folder_as_zip_and_by_its_pb(put, out, tmp_path):
    import keras

    home = tmp_path / "export"
    network = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3), keras.layers.Flatten()])
    network.export(home / "model.savedmodel", verbose=False)
    (home / "labels.txt").write_text("\n".join(f"{number} class {number}" for number in range(72)))
    files = {file.relative_to(home).as_posix(): file for file in home.rglob("*") if file.is_file()}
    zipped = put(zip_bytes({name: file.read_bytes() for name, file in files.items()}))
    folder = home / "model.savedmodel"
    for source in (folder, zipped, folder / "saved_model.pb"):
        found = inspect(source, out)
        assert found.kind == "graph" and Path(found.path).is_file() and Path(found.path).parent == out
        assert len(found.labels) == (72 if source == zipped else 0)
    alone = put((folder / "saved_model.pb").read_bytes(), "saved_model.pb")
    with pytest.raises(UnknownFile, match="pack the whole folder as a zip"):
        inspect(alone, out)


def test_weights_that_are_not_finite_are_noted(put, out, tmp_path):
    bent = vars_bytes(lambda file: file["layers/conv2d/vars/1"].__setitem__(0, np.nan))
    found = inspect(put(keras_bytes(bent)), out)
    assert [notice.code for notice in found.notices] == ["W_WEIGHTS_NOT_FINITE"]
    assert "'layers/conv2d/vars/1'" in found.notices[0].sentence


# Refusals --------------------------------------------------------------------------------------------------


def with_lambda() -> bytes:
    whole = config()
    whole["config"]["layers"].insert(2, layer("Lambda", "evil", function="abs"))
    return json.dumps(whole).encode()


REFUSED = {
    "a pickle": (pickle.dumps(1), UnknownFile),
    "nothing": (b"", TruncatedModel),
    "a cut zip": (keras_bytes()[:-9], TruncatedModel),
    "a cut weights file": (keras_bytes(vars_bytes()[:-9]), TruncatedModel),
    "a zip in a zip": (zip_bytes({"a.keras": zip_bytes({"b.keras": keras_bytes()})}), UnsafeArchive),
    "a path upwards": (zip_bytes({"../a.h5": b"x"}), UnsafeArchive),
    "weights that are none": (keras_bytes(b"no HDF5 at all, but as long as that"), BrokenModel),
    "code": (keras_bytes(members={"config.json": with_lambda()}), UnsafeLayer),
    "blanks": (keras_bytes(members={"config.json": b" " * (9 << 20)}), ModelTooLarge),
    "no architecture at all": (keras_bytes(members={"config.json": b"[]"}), BrokenModel),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refusals_leave_nothing_behind(put, out, what):
    data, error = REFUSED[what]
    started = time.monotonic()
    with pytest.raises(error) as caught:
        inspect(put(data), out, name="cats.keras")
    assert (
        type(caught.value) is error
        and "Traceback" not in str(caught.value)
        and str(out) not in str(caught.value)
    )
    assert list(out.iterdir()) == [] and time.monotonic() - started < 5


def test_names_from_files_stay_on_one_line(put, out):
    with pytest.raises(UnsafeArchive) as caught:
        inspect(put(zip_bytes({"a\n<b>\u202e/../x": b""})), out, name="cats\n\x1b[31m.zip")
    assert (
        "\n" not in str(caught.value)
        and "\x1b" not in str(caught.value)
        and "\u202e" not in str(caught.value)
    )


def test_a_missing_file_and_a_large_one(put, out, tmp_path, monkeypatch):
    with pytest.raises(UnknownFile, match="There is no file 'gone.h5'"):
        inspect(tmp_path / "gone.h5", out)
    monkeypatch.setenv("EXPLAIN_MAX_MODEL_MB", "0.001")
    with pytest.raises(
        ModelTooLarge, match=r"'upload' has 2,000 bytes; .* at most 1,048 bytes .*EXPLAIN_MAX_MODEL_MB"
    ):
        inspect(put(b"x" * 2000), out)


# The other process -----------------------------------------------------------------------------------------


def test_it_has_no_tensorflow_and_only_what_it_needs(put, out, tmp_path):
    """What the process has imported after a whole inspection, told by itself."""
    request = {
        "source": str(put(keras_bytes())), "scratch": str(out), "name": "x", "labels": "", "seconds": 10,
        "customs": {"files": [], "classes": [], "functions": []},
    }  # fmt: skip
    code = (
        f"import sys, json; sys.path.insert(0, {str(ROOT)!r}); from explain.inspecting import child; "
        "said = child.answer(json.load(sys.stdin)); print(json.dumps([said, sorted(sys.modules)]))"
    )
    run = subprocess.run(
        [sys.executable, "-I", "-c", code],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=True,
    )
    said, modules = json.loads(run.stdout)
    assert said["found"]["kind"] == "keras" and "h5py" in modules
    heavy = {"tensorflow", "keras", "cv2", "streamlit", "PIL", "ml_dtypes", "google.protobuf"}
    assert not heavy & set(modules)


def test_it_starts_from_any_folder_and_trusts_none(put, out, tmp_path, monkeypatch):
    trap = tmp_path / "trap"
    (trap / "explain").mkdir(parents=True)
    for name in ("explain/__init__.py", "json.py", "h5py.py"):
        (trap / name).write_text("raise SystemExit('taken from the folder it stands in')")
    monkeypatch.chdir(trap)
    assert inspect(put(keras_bytes()), out).kind == "keras"


def test_it_knows_nothing_of_our_environment(monkeypatch, put, out):
    monkeypatch.setenv("AWS_SECRET", "x")
    monkeypatch.setattr(
        inspecting, "_START", "import os, json; print(json.dumps({'fault': sorted(os.environ)}))"
    )
    told = []
    monkeypatch.setattr(
        inspecting, "_fault", lambda name, what: told.append(what) or InspectionFailed("told")
    )
    with pytest.raises(InspectionFailed, match="told"):
        inspect(put(keras_bytes()), out)
    assert "PATH" in told[0] and "AWS_SECRET" not in told[0] and "PYTHON" not in told[0]


def test_time_runs_out(monkeypatch, put, out):
    """A file on which the library hangs: here the process hangs by itself, and is gone afterwards."""
    monkeypatch.setattr(inspecting, "_START", "import os, time; open(os.dup(1), 'w'); time.sleep(60)")
    started = time.monotonic()
    with pytest.raises(InspectionFailed, match="'upload' was not understood within 0.5 seconds"):
        inspect(put(b"PK\x03\x04"), out, seconds=0.5)
    assert time.monotonic() - started < 3 and list(out.iterdir()) == []


def test_the_file_on_which_hdf5_never_returns(put, out, tmp_path):
    """One changed length in a heap; see test_inspecting_hdf5. Known at once, not by the clock."""
    data = bytearray(hdf5(tmp_path / "good.h5").read_bytes())
    struct.pack_into("<Q", data, data.find(b"GCOL") + 24, 2**64 - 16)
    started = time.monotonic()
    with pytest.raises(BrokenModel, match="contradict each other"):
        inspect(put(bytes(data)), out)
    assert time.monotonic() - started < 5


def test_a_hang_inside_hdf5_is_ended_by_the_clock(monkeypatch, put, out, tmp_path):
    """The same file with the check of heaps left out: Python's lock is held, and the page does not wait."""
    data = bytearray(hdf5(tmp_path / "good.h5").read_bytes())
    struct.pack_into("<Q", data, data.find(b"GCOL") + 24, 2**64 - 16)
    without = "import explain.inspecting.hdf5 as h; h.check_heaps = lambda *_: None; "
    monkeypatch.setattr(
        inspecting, "_START", inspecting._START.replace("from explain", without + "from explain")
    )
    started = time.monotonic()
    with pytest.raises((InspectionFailed, BrokenModel)) as caught:
        inspect(put(bytes(data)), out, seconds=2)
    assert time.monotonic() - started < 4
    assert isinstance(caught.value, InspectionFailed) or "HDF5" in str(caught.value)  # a mended library


def found(**value) -> str:
    """Code that answers so, and has written a copy."""
    written = "import sys, json, os; os.mkdir(json.load(sys.stdin)['scratch'] + '/model'); "
    return f"{written}print({json.dumps({'found': value})!r})"


@pytest.mark.parametrize(
    "code, error, says",
    [
        ("import os; os.kill(os.getpid(), 9)", ModelTooLarge, "ended by the system"),
        (
            "import os; os.kill(os.getpid(), 11)",
            InspectionFailed,
            r"brought its inspection down \(signal 11\)",
        ),
        ("import os; os._exit(3)", InspectionFailed, "under incident [0-9a-f]{8}"),
        ("raise ValueError('secret')", InspectionFailed, "under incident [0-9a-f]{8}"),
        ('print(\'{"fault": "secret"}\')', InspectionFailed, "under incident [0-9a-f]{8}"),
        ("print('no JSON')", InspectionFailed, "under incident [0-9a-f]{8}"),
        ("print('[]')", InspectionFailed, "under incident [0-9a-f]{8}"),
        ('print(\'{"refused": ["SystemExit", "x"]}\')', InspectionFailed, "under incident"),
        ('print(\'{"refused": ["BrokenModel", 7]}\')', InspectionFailed, "under incident"),
        (found(kind="keras", file="../../uploads", labels=[], notices=[]), InspectionFailed, "incident"),
        (found(kind="keras", file="model", labels=[7], notices=[]), InspectionFailed, "incident"),
        (found(kind="keras", file="model", labels=[], notices=[["W_X"]]), InspectionFailed, "incident"),
        (found(kind="keras", file=".", labels=[], notices=[]), InspectionFailed, "incident"),
        (found(kind="exe", file="model", labels=[], notices=[]), InspectionFailed, "incident"),
        (found(kind=["keras"], file=["model"], labels=[], notices=[]), InspectionFailed, "incident"),
        (found(), InspectionFailed, "incident"),
        ("print('x' * 10**8)", InspectionFailed, "under incident"),
    ],
)
def test_ends_and_answers_that_were_not_expected(monkeypatch, caplog, put, out, code, error, says):
    monkeypatch.setattr(inspecting, "_START", code)
    with pytest.raises(error, match=says) as caught:
        inspect(put(keras_bytes()), out)
    assert "secret" not in str(caught.value) and list(out.iterdir()) == []
    if "incident" in says:
        assert str(caught.value)[-9:-1] in caplog.text  # and the log tells more
    if "secret" in code:
        assert "secret" in caplog.text


def test_memory_that_runs_out_is_a_sentence(monkeypatch, put, out):
    """8 MB of empty lists are half a gigabyte of Python's."""
    monkeypatch.setenv("EXPLAIN_INSPECTION_MB", "150")
    lists = b"[" + b"[]," * 2_600_000 + b"[]]"
    with pytest.raises(ModelTooLarge, match="needs more memory than an inspection has"):
        inspect(put(keras_bytes(members={"config.json": lists})), out)


def test_large_files_have_more_time(monkeypatch, put, out):
    monkeypatch.setattr(limits, "BYTES_A_SECOND", 1000)
    monkeypatch.setattr(inspecting, "_ask", lambda request, seconds: pytest.fail(f"{seconds}"))
    with pytest.raises(pytest.fail.Exception, match=r"^12\.0$"):
        inspect(put(bytes(2000)), out)


def test_the_answers_above_would_do_if_they_were_right(monkeypatch, put, out):
    right = found(kind="keras", file="model", labels=["cat"], notices=[["W_X", "y"]])
    monkeypatch.setattr(inspecting, "_START", right)
    told = inspect(put(keras_bytes()), out)
    assert told.labels == ("cat",) and told.notices[0].code == "W_X"


def test_links_are_not_left_in_the_folder(put, out, monkeypatch, tmp_path):
    """The other process may answer anything, a link to a file of the server's among it."""
    code = (
        "import sys, json, os; asked = json.load(sys.stdin); "
        "os.symlink('/etc/hostname', asked['scratch'] + '/model'); "
        "print(json.dumps({'found': {'kind': 'keras', 'file': 'model', 'labels': [], 'notices': []}}))"
    )
    monkeypatch.setattr(inspecting, "_START", code)
    with pytest.raises(InspectionFailed):
        inspect(put(keras_bytes()), out)
    assert list(out.iterdir()) == []


def test_what_a_library_prints_is_no_answer(put, out, monkeypatch):
    noise = (
        "real = child.examined; child.examined = lambda asked: (print('noise'), real(asked))[1]; child.main()"
    )
    monkeypatch.setattr(inspecting, "_START", inspecting._START.replace("child.main()", noise))
    assert inspect(put(keras_bytes()), out).kind == "keras"


def test_an_error_of_ours_is_told_as_a_fault(monkeypatch):
    asked = {"source": "x", "scratch": "y", "name": "z", "labels": "", "seconds": 1, "customs": {}}
    monkeypatch.setattr(child, "shut_in", lambda asked: None)
    assert "KeyError" in child.answer(asked)["fault"]


# Files of other people -------------------------------------------------------------------------------------

EXPECTED = {
    "gh__dl4j-test-resources__model_lambda.h5": UnsafeLayer,
    "npm__tensorspace__weights_only.h5": "weights",
}


def test_every_real_file_is_opened_or_refused_with_its_reason(data, out):
    opened = 0
    for path in sorted((data / "models").iterdir()):
        expected = EXPECTED.get(path.name, "keras" if path.suffix == ".keras" else "hdf5")
        started = time.monotonic()
        if isinstance(expected, str):
            found = inspect(path, out)
            assert found.kind == expected, path.name
            assert {notice.code for notice in found.notices} <= {"W_REPAIRED"}
            opened += found.kind != "weights"
        else:
            with pytest.raises(expected):
                inspect(path, out)
        assert time.monotonic() - started < 10
    assert opened >= 12


def test_copies_of_real_files_have_the_same_weights(data, out):
    """Of those that plain Keras opens."""
    import keras

    for name in (
        "gh__Moha-1991_ciffarr-10__cnn_model.keras",
        "gh__oarriaga_face_classification__gender_mini_XCEPTION.hdf5",
        "pypi__drowsiness-validator__drowsiness_cnn_model.h5",
    ):  # fmt: skip
        plain = keras.models.load_model(data / "models" / name, compile=False)
        copy = keras.models.load_model(inspect(data / "models" / name, out).path, compile=False)
        for mine, theirs in zip(copy.get_weights(), plain.get_weights(), strict=True):
            np.testing.assert_array_equal(mine, theirs)
        shutil.rmtree(out)
        os.mkdir(out)
