"""Folders in detail: what is refused, what goes, what tables and pages say of every picture."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from dataclasses import replace

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
from explain.errors import OptionError
from explain.folders import driver, gallery, tables
from explain.folders.job import batches_of
from explain.folders.journal import NAME


@pytest.fixture(scope="module")
def model():
    return small_model()


@pytest.fixture
def photos(tmp_path):
    return fill(tmp_path / "photos", 6)


# ── the run ──


def test_a_run_that_is_refused_lets_go_of_the_folder(model, photos, tmp_path):
    sources, job = sources_in(photos)[:2], job_for(model, tmp_path / "out")
    carried_out(model, job, sources)
    with pytest.raises(OptionError) as refused:  # what is caught keeps its frame, and with it what it opened
        folders.Run(model, replace(job, opacity=0.9), sources).begin()
    assert carried_out(model, job, sources).kept == 2 and refused


def test_tables_and_pages_of_before_go_when_a_run_goes_on(model, photos, tmp_path):
    sources, out = sources_in(photos)[:2], tmp_path / "out"
    job = job_for(model, out)
    carried_out(model, job, sources, html=True)
    run = folders.Run(model, job, sources)
    run.begin()
    left = {"index.html", "results.csv", "manifest.json"} & set(files_of(out))
    run.finish(table="parquet")
    assert not left and {"results.parquet", "manifest.json"} < set(files_of(out))
    carried_out(model, job, sources)
    assert not {"index.html", "results.parquet"} & set(files_of(out))


def test_a_new_folder_keeps_what_strangers_called_like_a_table(model, photos, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "index.html").write_text("mine")
    carried_out(model, job_for(model, tmp_path / "out"), sources_in(photos)[:1])
    assert (tmp_path / "out" / "index.html").read_text() == "mine"


def test_how_many_rows_are_checked_is_told_as_it_goes(model, photos, tmp_path, monkeypatch):
    sources, job = sources_in(photos), job_for(model, tmp_path / "out")
    carried_out(model, job, sources)
    monkeypatch.setattr(driver, "CHECKED_AT_ONCE", 3)
    run, told = folders.Run(model, job, sources), []
    run.begin(on_checked=told.append)
    run.finish()
    assert told == [3, 6, 8] and (run.items, run.skipped) == (6, 2)


def test_a_picture_that_is_skipped_again_counts_once(model, photos, tmp_path):
    sources, job = sources_in(photos), job_for(model, tmp_path / "out")
    carried_out(model, job, sources)
    (tmp_path / "out" / "p03.npy").unlink()  # in one batch with a file that is no picture
    run = carried_out(model, job, sources)
    assert (run.kept, run.items, run.skipped, run.finished) == (7, 6, 2, True)


def test_a_torn_line_costs_its_row_and_not_the_next(model, photos, tmp_path):
    sources, job = sources_in(photos), job_for(model, tmp_path / "out")
    carried_out(model, job, sources)
    log = tmp_path / "out" / NAME
    head, *lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join([head, *lines[:BATCH], lines[BATCH][:30]]))  # the first row of a batch
    assert carried_out(model, job, sources).kept == BATCH
    assert carried_out(model, job, sources).kept == 8


def test_what_is_half_written_goes_at_the_beginning_and_at_the_end(model, photos, tmp_path):
    run = folders.Run(model, job_for(model, tmp_path / "out"), sources_in(photos)[:1])
    part = tmp_path / "out" / ".x.png.1-2.part"
    part.parent.mkdir()
    part.write_bytes(b"half")
    run.begin()
    assert not part.exists()
    run.carry_out(folders.Local())
    part.write_bytes(b"half")  # of a worker that was killed
    run.finish()
    assert not part.exists()


def test_rows_are_journaled_under_the_lock_and_told_of_without_it(model, photos, tmp_path):
    held = []

    class Lock:
        def __enter__(self):
            held.append(run.items)

        def __exit__(self, *_):
            held.append(run.items)

    run = folders.Run(model, job_for(model, tmp_path / "out"), sources_in(photos)[:4])
    run.begin()
    run.carry_out(folders.Local(), on_rows=lambda rows: held.append("told"), lock=Lock())
    run.finish()
    assert held == [0, 3, "told"] or held == [0, run.items, "told"]


@pytest.mark.parametrize("signed", [False, True])
def test_the_page_says_whose_maps_it_shows_and_whether_they_have_a_sign(signed, model, photos, tmp_path):
    job = job_for(model, tmp_path / "out", options={"signed": signed}, method="gradcam")
    carried_out(model, job, sources_in(photos)[:1], html=True)
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    about = json.JSONDecoder().raw_decode(page, page.index('{"about": ') + len('{"about": '))[0]
    assert about == {"model": model.name, "method": "gradcam", "signed": signed}


def test_a_folder_that_was_there_stays_where_nothing_could_be_read(model, photos, tmp_path):
    broken = [source for source in sources_in(photos) if source.slug.endswith("b")]
    (tmp_path / "mine").mkdir()
    for name in ("mine", "new"):
        run = carried_out(model, job_for(model, tmp_path / name), broken)
        assert (run.items, run.skipped) == (0, 2)
    assert list((tmp_path / "mine").iterdir()) == [] and not (tmp_path / "new").exists()


def test_another_device_is_refused(model, photos, tmp_path, monkeypatch):
    job, sources = job_for(model, tmp_path / "out"), sources_in(photos)[:1]
    carried_out(model, job, sources)
    later = {**explain.provenance.surroundings(), "device": "another GPU"}
    monkeypatch.setattr(explain.provenance, "surroundings", lambda device=None: later)
    with pytest.raises(OptionError, match="device '.*', not 'another GPU'"):
        folders.Run(model, job, sources).begin()


def test_all_that_differs_is_said_up_to_three(model, photos, tmp_path):
    job, sources = job_for(model, tmp_path / "out"), sources_in(photos)[:1]
    carried_out(model, job, sources)
    other = replace(job, opacity=0.9, threshold=0.1, colormap="magma", batch=7)
    with pytest.raises(OptionError) as refused:
        folders.Run(model, other, sources).begin()
    assert str(refused.value).count(", not ") == 3 and "opacity 0.5, not 0.9; colormap" in str(refused.value)


def test_what_was_begun_anew_goes_on_as_the_new_run(model, photos, tmp_path):
    job, sources = job_for(model, tmp_path / "out"), sources_in(photos)[:2]
    carried_out(model, job, sources)
    other = replace(job, opacity=0.9)
    carried_out(model, other, sources, overwrite=True)
    assert carried_out(model, other, sources).kept == 2
    with pytest.raises(OptionError, match="opacity 0.9, not 0.5"):
        folders.Run(model, job, sources).begin()


def test_the_model_may_lie_and_be_written_elsewhere(model, photos, tmp_path):
    job, sources = job_for(model, tmp_path / "out"), sources_in(photos)[:2]
    carried_out(model, job, sources)
    os.rename(tmp_path / "out", tmp_path / "moved")
    moved = replace(job, source={"name": "elsewhere"}, out=str(tmp_path / "moved"))
    assert carried_out(model, moved, sources).kept == 2


# ── the table ──


ITEM = {
    "class_index": 1, "label": "cat", "score": 2.5, "probability": 0.25, "layer": "conv", "method": "gradcam",
    "values": {"low": -1.0, "high": 3.0, "sha256": "v"}, "facts": {"gap": 0.5, "rest": 1.0}, "note": "Why.",
    "notices": ["W_ONE", "W_TWO"], "files": {"overlay": {"name": "a.png"}, "values": {"name": "a.npy"}},
    "image": {"path": "a.jpg", "size": [20, 30], "key": "k"},
}  # fmt: skip
SKIP = {"path": "b.jpg", "reason": "It is cut off."}


def test_every_column_says_its_own():
    done = dict(zip(tables.HEADER, tables.cells({"n": 0, "item": ITEM}), strict=True))
    assert done == {
        "picture": "a.jpg", "status": "done", "reason": "", "class_index": 1, "label": "cat", "score": 2.5,
        "probability": 0.25, "layer": "conv", "method": "gradcam", "lowest": -1.0, "highest": 3.0,
        "facts": "gap=0.5; rest=1.0", "note": "Why.", "notices": "W_ONE W_TWO", "overlay": "a.png",
        "values": "a.npy", "height": 20, "width": 30, "image_key": "k", "values_sha256": "v",
    }  # fmt: skip
    skipped = tables.cells({"n": 1, "skip": SKIP})
    assert skipped[:3] == ("b.jpg", "skipped", "It is cut off.") and set(skipped[3:]) == {None}
    without = tables.cells({"n": 0, "item": {**ITEM, "files": {}}})
    assert dict(zip(tables.HEADER, without, strict=True))["overlay"] is None


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_names_that_are_no_text_can_be_listed(kind):
    file, strange = io.BytesIO(), "\udcff.jpg"  # as a file system may give it
    tables.write(file, kind, [{"n": 0, "skip": {"path": strange, "reason": "Why."}}])
    file.seek(0)
    if kind == "csv":
        (row,) = csv.DictReader(io.StringIO(file.read().decode("utf-8")))
    else:
        from pyarrow import parquet

        (row,) = parquet.read_table(file).to_pylist()
    assert row["picture"] == "\\udcff.jpg"


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_cell_is_a_formula(begin):
    assert tables.guarded(f"{begin}1") == f"'{begin}1" and tables.guarded(f"1{begin}") == f"1{begin}"


def test_parquet_is_refused_where_it_is_not_installed(monkeypatch):
    tables.check_installed("parquet")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    tables.check_installed("csv")
    with pytest.raises(OptionError, match="needs pyarrow, which is not installed"):
        tables.check_installed("parquet")


# ── the page, and what is computed ──


def test_the_page_lists_each_row_and_asks_nobody():
    file = io.BytesIO()
    bare = {**ITEM, "files": {}, "label": "<&>"}
    told = [{"n": 0, "item": ITEM}, {"n": 1, "skip": SKIP}, {"n": 2, "item": bare}]
    gallery.write(file, {"model": "M", "method": "gradcam"}, told)
    page = file.getvalue().decode()
    text = page.partition('id="data">')[2].partition("</script>")[0]
    first, skipped, last = json.loads(text)["rows"]
    assert first == ["a.jpg", "a.png", 1, "cat", 2.5, 0.25, ["W_ONE", "W_TWO"], "Why."]
    assert skipped == ["b.jpg", "It is cut off."] and last[1:4] == ["", 1, "<&>"]
    assert not {"<", ">", "&"} & set(text)
    policy = page.partition('Content-Security-Policy" content="')[2].partition('">')[0]
    allowed = {name: value for name, _, value in (part.strip().partition(" ") for part in policy.split(";"))}
    assert allowed["img-src"] == "'self' file:" and allowed["form-action"] == allowed["base-uri"] == "'none'"


def test_batches_are_numbered_and_follow_what_their_files_are(tmp_path):
    paths = [tmp_path / f"{i}.png" for i in range(5)]
    for path in paths:
        path.write_bytes(b"data")
    sources = [folders.Source(str(path), path.stem) for path in paths]
    before = list(batches_of(sources, 2))
    assert [(b.number, b.first, len(b.sources)) for b in before] == [(0, 0, 2), (1, 2, 2), (2, 4, 1)]
    assert list(batches_of(sources, 2)) == before
    os.utime(paths[2], ns=(1, 1))  # the same size at another time
    paths[4].unlink()
    changed = [a.of != b.of for a, b in zip(before, batches_of(sources, 2), strict=True)]
    assert changed == [False, True, True]
    renamed = [sources[0]._replace(slug="other"), *sources[1:]]
    assert next(batches_of(renamed, 2)).of != before[0].of
    assert next(batches_of([folders.Source("\udcff", "a")], 2)).of  # a name that is no text
