"""Folders of pictures with the strangest names: found, computed, listed, and told of on a terminal."""

from __future__ import annotations

import csv
import json
import os
import sys

import pytest
from folder_runs import carried_out, job_for, small_model
from pyarrow import parquet

from explain import render
from explain.commands import pictures
from explain.commands.console import warn
from explain.folders.journal import NAME

STRANGE = [
    b"new\nline.png", b"qu\"ote'.png", b"com,ma;semi.png", b"=1+2.png", b"@y.png", b"x" * 240 + b".png",
    "ünï😀.png".encode(), b"cat.png", b"cat.bmp", b"CAT.PNG", b"\x1b[31mred.png", b"<script>.png",
]  # fmt: skip


@pytest.fixture
def strange(tmp_path, monkeypatch):
    """A folder that also links to itself, read from the folder above."""
    deep = tmp_path / "photos" / "deep"
    deep.mkdir(parents=True)
    (deep / "up").symlink_to("..")
    pixels = render.png(small_pixels())
    (deep / "cat.png").write_bytes(pixels)
    folder = os.fsencode(tmp_path / "photos")
    for name in [*STRANGE, *([b"by\xff\xfete.png"] if sys.platform == "linux" else [])]:
        with open(os.path.join(folder, name), "wb") as file:
            file.write(pixels)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def small_pixels():
    import numpy as np

    return np.random.default_rng(3).integers(0, 256, (20, 24, 3), np.uint8)


def test_each_is_listed_once_in_tables_that_hold_the_same(strange):
    model = small_model()
    sources = pictures.find(["photos"], recursive=True)
    assert len({source.slug.lower() for source in sources}) == len(sources) >= len(STRANGE) + 1
    for table in ("csv", "parquet"):
        run = carried_out(model, job_for(model, strange / "out"), sources, table=table, html=True)
        assert run.finished and not run.skipped
        if table == "csv":
            with open(strange / "out" / "results.csv", encoding="utf-8", newline="") as file:
                header, *rows = csv.reader(file)
    columns = parquet.read_table(strange / "out" / "results.parquet").to_pydict()
    assert header == list(columns)
    for row, other in zip(rows, zip(*columns.values()), strict=True):
        for cell, value in zip(row, other, strict=True):
            if isinstance(value, str):
                assert cell in (value, f"'{value}") and not cell.startswith(("=", "@"))
            else:
                assert cell == ("" if value is None else repr(value))  # a number comes back, to its last bit
    told = json.loads((strange / "out" / "manifest.json").read_text())
    assert [item["image"]["path"] for item in told["items"]] == [source.path for source in sources]


def test_what_an_earlier_run_wrote_is_no_photo(strange):
    before = pictures.find(["photos"], recursive=True)
    earlier = strange / "photos" / "heatmaps"
    earlier.mkdir()
    (earlier / "cat.png").write_bytes(b"an overlay")
    assert len(pictures.find(["photos"], recursive=True, out="elsewhere")) == len(before) + 1
    (earlier / NAME).touch()
    assert pictures.find(["photos"], recursive=True, out="elsewhere") == before
    assert len(pictures.find(["photos/heatmaps"], recursive=True)) == 1  # unless that is what is wanted


def test_a_name_does_not_steer_the_terminal(capsys):
    warn("Skipped \x1b[31m\x07a\nb\udcff.png: cut")
    assert capsys.readouterr().err == "Skipped ·[31m·a b·.png: cut\n"
