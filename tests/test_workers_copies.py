"""On what terms a worker opens a file, and how long the canonical copy of it is kept."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import time
from pathlib import Path

import pytest
from networks import nested, pictures

from explain import workers
from explain.errors import ModelError, UnknownFile, WorkerDied
from explain.inspecting.customs import Customs
from explain.results import Inspection
from explain.workers import copies as copies_side
from explain.workers.copies import Copies
from explain.workers.deaths import Deaths
from explain.workers.pool import Pool
from explain.workers.terms import terms_of


@pytest.fixture
def copies(monkeypatch):
    """With an inspection that copies and asks for the content only: the real one has its own tests."""

    def inspect(path, folder, customs):
        if path.read_bytes() == b"bad":
            raise UnknownFile("This is no model.")
        copy = shutil.copy(path, folder)
        return Inspection(str(path.read_bytes()), "keras", copy, labels=(path.stem,))

    monkeypatch.setattr(copies_side, "inspect", inspect)
    made = Copies()
    yield made
    made.close()


def file(folder: Path, name: str, content: bytes = b"model") -> Path:
    (folder / name).write_bytes(content)
    return folder / name


# Copies ----------------------------------------------------------------------------------------------


def test_one_copy_for_one_content(copies, tmp_path):
    one = copies.take(file(tmp_path, "one.keras"), Customs())
    same = copies.take(file(tmp_path, "same.keras"), Customs())
    other = copies.take(file(tmp_path, "other.keras", b"another"), Customs())
    assert one.inspection.path == same.inspection.path != other.inspection.path
    assert (one.inspection.labels, same.inspection.labels) == (("one",), ("same",))     # what came with each
    root = Path(one.folder).parent
    assert len(list(root.iterdir())) == 2 and stat.S_IMODE(root.stat().st_mode) == 0o700


def test_the_last_hold_removes_it(copies, tmp_path):
    one = copies.take(file(tmp_path, "one.keras"), Customs())
    same, third = copies.take(tmp_path / "one.keras", Customs()), one.again()
    for hold in (one, one, same):                                     # letting go twice counts once
        hold.release()
        assert Path(third.inspection.path).is_file()
    third.release()
    assert not Path(one.folder).exists()
    again = copies.take(tmp_path / "one.keras", Customs())            # and it can be taken anew
    assert Path(again.inspection.path).is_file()


def test_a_refusal_leaves_nothing(copies, tmp_path):
    copies.folder("x")
    with pytest.raises(UnknownFile):
        copies.take(file(tmp_path, "bad", b"bad"), Customs())
    assert len(list(Path(copies._root.name).iterdir())) == 1


def test_closing_removes_everything_and_can_be_followed(copies, tmp_path):
    one = copies.take(file(tmp_path, "one.keras"), Customs())
    copies.close()
    assert not Path(one.folder).parent.exists()
    one.release()
    two = copies.take(tmp_path / "one.keras", Customs())
    assert Path(two.inspection.path).is_file() and two.folder != one.folder


# Terms -----------------------------------------------------------------------------------------------


def source(name, **given) -> dict:
    kept = {"scaling": None, "labels": None, "weights": "imagenet", "input_shape": None}
    return {"name": str(name)} | kept | given


def test_an_inspected_file_is_all_that_is_read(copies, tmp_path):
    upload, own = file(tmp_path, "upload.keras"), file(tmp_path, "own.py", b"")
    terms = terms_of(source(upload, custom_objects=(str(own),), labels=("a", "b")), copies, 2**30)
    assert terms.verb == "open" and terms.guarded and terms.content == terms.copy.inspection.digest
    assert terms.grants.read == (terms.copy.folder, str(own)) and terms.grants.memory_bytes == 2**30
    assert not terms.grants.network and terms.grants.scratch and terms.grants.cpu_seconds
    assert terms.keywords["inspection"].path.startswith(terms.copy.folder)
    assert terms.keywords["labels"] == ("a", "b") and terms.keywords["name"] == "upload"
    assert str(upload) not in repr(terms.keywords)
    next_one = terms.again(copies)
    assert next_one.copy.folder == terms.copy.folder and next_one.grants.scratch != terms.grants.scratch
    terms.release()
    assert Path(next_one.keywords["inspection"].path).is_file() and not Path(terms.grants.scratch).exists()
    next_one.release()
    assert not Path(next_one.copy.folder).exists()


def test_a_trusted_file_is_opened_as_it_is_and_still_kept_inside(copies, tmp_path):
    upload = file(tmp_path, "bad.keras", b"bad")
    terms = terms_of(source(upload, trusted=True), copies, 0)
    assert (terms.verb, terms.keywords["trusted"], terms.keywords["name"]) == ("load", True, str(upload))
    assert terms.grants.read == (str(upload),) and not terms.grants.network
    assert not terms.guarded and terms.copy is None


def test_weights_of_a_file_are_inspected_too(copies, tmp_path):
    weights = file(tmp_path, "w.h5")
    terms = terms_of(source("resnet50", weights=str(weights)), copies, 0)
    assert terms.verb == "load" and terms.keywords["name"] == "resnet50" and terms.guarded
    assert terms.keywords["weights"] == terms.copy.inspection.path and not terms.grants.network
    as_data = terms_of(source("efficientnet-lite0", weights=str(file(tmp_path, "w.pth"))), copies, 0)
    assert as_data.copy is None and as_data.grants.read == (str(tmp_path / "w.pth"),)
    assert as_data.grants.confined and not as_data.grants.network


@pytest.mark.parametrize("weights", ["imagenet", None])
def test_a_name_of_the_zoo_keeps_network_and_files(copies, weights):
    terms = terms_of(source("resnet50", weights=weights), copies, 0)
    assert terms.verb == "load" and terms.grants.network and not terms.grants.confined
    assert not terms.grants.scratch and terms.grants.file_bytes == 0 and not terms.guarded


def test_a_file_that_changed_is_another_source(tmp_path):
    upload = file(tmp_path, "upload.keras")
    first = workers._source(upload)
    assert first == workers._source(str(upload)) and first["name"] == str(upload)
    os.utime(upload, (1, 1))
    assert workers._source(upload) != first


def test_the_operators_files_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("EXPLAIN_CUSTOM_OBJECTS", os.pathsep.join(["a.py", "b.py"]))
    assert workers._source("resnet50")["custom_objects"] == ("a.py", "b.py")
    assert workers._source("resnet50", custom_objects="c.py")["custom_objects"] == ("c.py",)


# Through the pool ------------------------------------------------------------------------------------


@pytest.fixture
def pool():
    made = Pool(standby=False)
    yield made
    made.close()


def test_a_replaced_worker_needs_the_upload_no_more(pool, tmp_path):
    """It was inspected once; where the upload was dropped meanwhile, the copy is still there."""
    upload = tmp_path / "nested.keras"
    nested().save(upload)
    model = pool.load(source(upload, scaling="0..1", weights=None))
    (before,) = pool._workers.values()
    upload.unlink()
    os.kill(before._process.pid, signal.SIGKILL)
    asked = {"image": pictures(1)[0]}
    try:
        found = pool.ask(model.key, "predict", asked)                 # noticed before it was asked, or while
    except WorkerDied:
        found = pool.ask(model.key, "predict", asked)
    (after,) = pool._workers.values()
    assert len(found) == 3 and after is not before and after.terms.copy.folder == before.terms.copy.folder
    pool.close()
    assert not Path(after.terms.copy.folder).exists()


def test_the_copy_goes_with_its_worker(pool, tmp_path):
    pool.most = 1
    folders = []
    for name in ("one", "two"):
        nested().save(tmp_path / f"{name}.keras")
        pool.load(source(tmp_path / f"{name}.keras", weights=None))
        (worker,) = pool._workers.values()
        folders.append(Path(worker.terms.copy.folder))
    assert not folders[0].exists() and folders[1].exists()


def test_a_refusal_reaches_the_page_unchanged(pool, tmp_path):
    import explain

    path = file(tmp_path, "words.keras", b"no model at all")
    with pytest.raises(ModelError) as here:
        explain.load(path)
    with pytest.raises(ModelError) as there:
        pool.load(source(path))
    assert type(here.value) is type(there.value) and str(here.value) == str(there.value)
    assert pool._workers == {} and list(Path(pool._copies._root.name).iterdir()) == []


# Deaths ----------------------------------------------------------------------------------------------


def test_deaths_are_counted_by_content_and_forgotten(monkeypatch):
    deaths = Deaths()
    for _ in range(3):
        deaths.check("one")
        deaths.note("one")
    assert deaths.too_many("one") and not deaths.too_many("two")
    with pytest.raises(ModelError, match="3 times"):
        deaths.check("one")
    later = time.monotonic() + 601
    monkeypatch.setattr(time, "monotonic", lambda: later)
    deaths.check("one")
    assert deaths._when == {}
