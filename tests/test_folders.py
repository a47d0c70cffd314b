"""Folders: what is written, in which batches, what a second run believes, and what it refuses."""

from __future__ import annotations

import csv
import errno
import json
import os
import threading
from pathlib import Path

import numpy as np
import pytest
from folder_runs import (
    BATCH,
    carried_out,
    files_of,
    fill,
    job_for,
    small_model,
    sources_in,
)

import explain
from explain import folders
from explain.errors import ModelError, NotWritten, OptionError
from explain.folders import engines, files, work
from explain.folders.journal import NAME


@pytest.fixture(scope="module")
def model():
    return small_model()


@pytest.fixture
def photos(tmp_path):
    return fill(tmp_path / "photos")


def document(folder: Path) -> dict:
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))


# ── one run ──


def test_every_picture_has_its_files_and_its_row(model, photos, tmp_path):
    run = carried_out(
        model, job_for(model, tmp_path / "out"), sources_in(photos), html=True, command="heatmaps"
    )
    assert (run.items, run.skipped, run.kept, run.finished) == (22, 2, 0, True)
    told = document(tmp_path / "out")
    assert told["format"] == 2 and told["finished"] is True and told["command"] == "heatmaps"
    assert [Path(item["image"]["path"]).stem for item in told["items"]] == [f"p{i:02d}" for i in range(22)]
    assert [Path(one["path"]).name for one in told["skipped"]] == ["p03b.png", "p17b.jpg"]
    written = files_of(tmp_path / "out")
    for item in told["items"]:
        assert all(written[file["name"]] == file["sha256"] for file in item["files"].values())
    named = {file["name"] for item in told["items"] for file in item["files"].values()}
    assert set(written) - named == {"manifest.json", "results.csv", "index.html"}


def test_batches_are_of_files_and_computed_fresh(model, photos, tmp_path):
    """The picture that cannot be read leaves a gap; the bits are those of exactly this batch."""
    sources = sources_in(photos)
    carried_out(model, job_for(model, tmp_path / "out"), sources)
    items = document(tmp_path / "out")["items"]
    assert [len(item["together"]) for item in items[:7]] == [4, 4, 4, 4, 3, 3, 3]  # p03b is in the second
    batch = [explain.read(source.path) for source in sources if source.slug in ("p04", "p05", "p06")]
    assert items[4]["together"] == [image.key for image in batch]
    alone = explain.heatmaps(model, batch, layer="second", fresh=True, batch=3)
    for item, heatmap in zip(items[4:7], alone):
        np.testing.assert_array_equal(
            np.load(tmp_path / "out" / item["files"]["values"]["name"]), heatmap.values
        )
        assert item["score"] == heatmap.score and item["values"]["sha256"] == explain.provenance.digest(
            heatmap.values
        )


def test_one_batch_alone_writes_what_a_run_writes(model, photos, tmp_path):
    """`run_batch` is all that another engine needs; twice does no harm."""
    sources = sources_in(photos)
    carried_out(model, job_for(model, tmp_path / "one"), sources)
    job = job_for(model, tmp_path / "two")
    (tmp_path / "two").mkdir()

    class Backwards:
        def run(self, model, job, batches, stopping):
            for batch in reversed(list(batches)):
                assert work.run_batch(model, job, batch) == (rows := work.run_batch(model, job, batch))
                yield rows

    carried_out(model, job, sources, Backwards())
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")


def test_large_photos_are_read_again_and_look_the_same(model, photos, tmp_path, monkeypatch):
    carried_out(model, job_for(model, tmp_path / "one"), sources_in(photos))
    monkeypatch.setattr(work, "KEPT_PIXELS", 0)
    carried_out(model, job_for(model, tmp_path / "two"), sources_in(photos))
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")


def test_pngs_or_numbers_can_be_left_out(model, photos, tmp_path):
    carried_out(model, job_for(model, tmp_path / "out", png=False), sources_in(photos)[:3])
    assert sorted(files_of(tmp_path / "out")) == [
        "manifest.json",
        "p00.npy",
        "p01.npy",
        "p02.npy",
        "results.csv",
    ]


def test_only_a_few_batches_are_held(model, photos, tmp_path, monkeypatch):
    """Reading waits for computing, and computing for writing, whatever the folder's size."""
    read, written, most = [0], [0], [0]
    reading, writing, lock = work.read, work.write, threading.Lock()

    def counted_read(*args):
        with lock:
            read[0] += 1
            most[0] = max(most[0], read[0] - written[0])
        return reading(*args)

    def counted_write(*args):
        row = writing(*args)
        with lock:
            written[0] += 1
        return row

    monkeypatch.setattr(work, "read", counted_read)
    monkeypatch.setattr(work, "write", counted_write)
    many = sources_in(photos)[:3] * 40
    sources = [folders.Source(source.path, f"s{i}") for i, source in enumerate(many)]
    carried_out(model, job_for(model, tmp_path / "out"), sources, folders.Local(threads=2))
    # Being read, waiting, computed, begun to be written, written to its end: a batch each; and what two threads
    # have in their hands.
    assert written[0] == 120 and most[0] <= (engines.AHEAD + 5) * BATCH


# ── going on ──


def stop_after(rows: int):
    """stopping() that turns true once the journal has so many rows."""
    return lambda seen=[0]: seen.__setitem__(0, seen[0] + 1) or seen[0] > rows


def test_a_stopped_run_goes_on_and_ends_the_same(model, photos, tmp_path):
    sources = sources_in(photos)
    carried_out(model, job_for(model, tmp_path / "one"), sources, html=True)
    job = job_for(model, tmp_path / "two")
    first = carried_out(model, job, sources, stopping=stop_after(3))
    assert 0 < first.items < 22 and document(tmp_path / "two")["finished"] is False
    second = carried_out(model, job, sources, html=True)
    assert second.kept == first.items + first.skipped and second.finished
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")
    third = carried_out(model, job, sources, engine=None, html=True)
    assert third.kept == 24 and files_of(tmp_path / "one") == files_of(tmp_path / "two")


def test_files_that_changed_are_not_believed(model, photos, tmp_path):
    sources, job = sources_in(photos), job_for(model, tmp_path / "out")
    carried_out(model, job, sources)
    before = files_of(tmp_path / "out")
    (tmp_path / "out" / "p00.png").write_bytes((tmp_path / "out" / "p01.png").read_bytes())
    os.truncate(tmp_path / "out" / "p08.npy", 10)
    (tmp_path / "out" / "p20.png").unlink()
    run = carried_out(model, job, sources)
    assert run.kept == 21 and files_of(tmp_path / "out") == before


def test_a_picture_that_changed_or_came_is_computed_and_the_others_are_kept(model, photos, tmp_path):
    job = job_for(model, tmp_path / "out")
    carried_out(model, job, sources_in(photos))
    (photos / "p21.png").write_bytes((photos / "p00.png").read_bytes())
    (photos / "p90.png").write_bytes((photos / "p01.png").read_bytes())
    run = carried_out(model, job, sources_in(photos))
    assert (run.items, run.kept) == (23, 20)  # the sixth batch is another one, a seventh is new
    carried_out(model, job_for(model, tmp_path / "new"), sources_in(photos))
    assert files_of(tmp_path / "out") == files_of(tmp_path / "new")


def test_a_torn_or_damaged_line_of_the_journal_does_no_harm(model, photos, tmp_path):
    sources, job = sources_in(photos), job_for(model, tmp_path / "out")
    carried_out(model, job, sources)
    before, path = files_of(tmp_path / "out"), tmp_path / "out" / NAME
    lines = path.read_bytes().splitlines(keepends=True)
    lines[3] = lines[3].replace(b'"score": ', b'"score": 1')  # its checksum is wrong now
    path.write_bytes(b"".join(lines)[:-25])
    run = carried_out(model, job, sources)
    assert run.kept == 22 and files_of(tmp_path / "out") == before
    path.write_bytes(lines[0][:20])  # killed while the first line was written
    assert carried_out(model, job, sources).kept == 0 and files_of(tmp_path / "out") == before


def test_leftovers_of_killed_runs_are_removed(model, photos, tmp_path):
    job = job_for(model, tmp_path / "out")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".p00.png.123-4.part").write_bytes(b"half")
    (tmp_path / "out" / "mine.part").write_bytes(b"whole")
    carried_out(model, job, sources_in(photos)[:2])
    assert sorted(n for n in files_of(tmp_path / "out") if n.endswith(".part")) == ["mine.part"]


@pytest.mark.parametrize(
    "change, sentence",
    [
        ({"opacity": 0.9}, "opacity 0.5, not 0.9.*--overwrite"),
        ({"layer": "first"}, "layer 'second', not 'first'"),
        ({"key": "other"}, "key '.*', not 'other'"),
        ({"batch": 5}, "batch 4, not 5"),
    ],
)
def test_another_run_is_refused_unless_it_shall_be_overwritten(change, sentence, model, photos, tmp_path):
    sources = sources_in(photos)[:3]
    carried_out(model, job_for(model, tmp_path / "out"), sources)
    before = files_of(tmp_path / "out")
    with pytest.raises(OptionError, match=sentence):
        folders.Run(model, job_for(model, tmp_path / "out", **change), sources).begin()
    assert files_of(tmp_path / "out") == before
    run = carried_out(model, job_for(model, tmp_path / "out", **change), sources, overwrite=True)
    assert run.kept == 0 and run.finished


def test_other_versions_are_refused(model, photos, tmp_path, monkeypatch):
    job, sources = job_for(model, tmp_path / "out"), sources_in(photos)[:3]
    carried_out(model, job, sources)
    told = explain.provenance.surroundings()
    later = {**told, "versions": {**told["versions"], "tensorflow": "9.9"}}
    monkeypatch.setattr(explain.provenance, "surroundings", lambda device=None: later)
    with pytest.raises(OptionError, match=r"tensorflow '.*', not '9\.9'"):
        folders.Run(model, job, sources).begin()


def test_two_runs_at_once_are_refused(model, photos, tmp_path):
    job, sources = job_for(model, tmp_path / "out"), sources_in(photos)
    first = folders.Run(model, job, sources)
    first.begin()
    with pytest.raises(OptionError, match="Another run is writing"):
        folders.Run(model, job, sources).begin()
    first.finish()
    assert not (tmp_path / "out").exists()  # nothing was computed: nothing is left


def test_a_full_disk_keeps_what_is_finished(model, photos, tmp_path, monkeypatch):
    job, sources = job_for(model, tmp_path / "out"), sources_in(photos)
    whole, left = files.write_stream, [20]

    def filling(folder, name, write):
        left[0] -= 1
        if left[0] < 0:
            raise files.cannot(os.path.join(folder, name), OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        whole(folder, name, write)

    monkeypatch.setattr(files, "write_stream", filling)
    with pytest.raises(NotWritten, match="No space left.*make room.*same command"):
        carried_out(model, job, sources)
    assert not (tmp_path / "out" / "manifest.json").exists()
    monkeypatch.undo()
    run = carried_out(model, job, sources)
    assert run.kept >= BATCH and run.finished
    carried_out(model, job_for(model, tmp_path / "new"), sources)
    assert files_of(tmp_path / "out") == files_of(tmp_path / "new")


def test_a_worker_refuses_another_model(tmp_path):
    job = folders.Job(source={"name": "efficientnet-lite0"}, key="0" * 64, out=str(tmp_path))
    with pytest.raises(ModelError, match="Expected the model with the key 000000000000"):
        folders.open_model(job)


def test_engines_by_name():
    assert isinstance(folders.engine_of("local"), folders.Local)
    with pytest.raises(OptionError, match="no engine 'locl'.*Did you mean 'local'"):
        folders.engine_of("locl")
    for given in ({"address": "ray://host:10001"}, {"workers": 2}, {"gpu_share": 0.5}):
        with pytest.raises(OptionError, match=f"--{next(iter(given)).replace('_', '-')} .*--engine ray"):
            folders.engine_of("local", **given)


# ── the table ──


def test_the_table_tells_of_every_picture_and_hides_no_formula(model, photos, tmp_path):
    (photos / "-2+3.png").write_bytes((photos / "p00.png").read_bytes())
    os.chdir(photos)
    sources = [folders.Source(Path(s.path).name, s.slug) for s in sources_in(photos)]
    carried_out(model, job_for(model, tmp_path / "out", class_index=2), sources)
    with open(tmp_path / "out" / "results.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 25 and rows[0]["picture"] == "'-2+3.png" and rows[0]["label"] == "'=cat"
    assert [row["picture"] for row in rows if row["status"] == "skipped"] == ["p03b.png", "p17b.jpg"]
    items = document(tmp_path / "out")["items"]
    assert [float(row["score"]) for row in rows if row["status"] == "done"] == [
        item["score"] for item in items
    ]


def test_the_table_as_parquet_holds_the_same(model, photos, tmp_path, monkeypatch):
    from pyarrow import parquet

    monkeypatch.setattr(folders.tables, "ROWS_AT_ONCE", 5)
    carried_out(model, job_for(model, tmp_path / "out"), sources_in(photos), table="parquet")
    assert not (tmp_path / "out" / "results.csv").exists()
    found = parquet.ParquetFile(tmp_path / "out" / "results.parquet")
    rows = found.read().to_pylist()
    assert found.num_row_groups == 5 and len(rows) == 24 and rows[4]["status"] == "skipped"
    items = document(tmp_path / "out")["items"]
    assert [row["score"] for row in rows if row["score"] is not None] == [item["score"] for item in items]
    assert rows[0]["label"] == items[0]["label"] and rows[4]["class_index"] is None
