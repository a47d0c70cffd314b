"""The benchmarks run and compare two sides; what they find is not asserted here."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks import table
from benchmarks.timing import Row, in_turns

ROOT = Path(__file__).parents[1]
ROW = Row("name", "what", "against", ours=(3.0, 1.0, 20.0), theirs=(2.0, 2.0, 2.0), limit=1.5)


def test_one_row_is_measured_on_both_sides(tmp_path):
    file = tmp_path / "rows.json"
    asked = ["-m", "benchmarks", "--quick", "--only", "gradcam-new/mobilenetv2", "--json", str(file)]
    environment = os.environ | {"EXPLAIN_DEVICE": "cpu"}
    done = subprocess.run(
        [sys.executable, *asked], cwd=ROOT, capture_output=True, text=True, env=environment
    )
    report = json.loads(file.read_text())
    assert report["not measured"] == {}, done.stderr
    [row] = report["rows"]
    assert len(row["ours_each"]) == len(row["theirs_each"]) == 3
    assert min(row["ours_each"] + row["theirs_each"]) > 0
    assert row["ratio"] == pytest.approx(row["ours"] / row["theirs"])
    assert report["facts"]["device"].startswith("CPU")
    assert "| gradcam-new/mobilenetv2 |" in done.stdout
    assert done.returncode == int(not row["met"])


def test_the_sides_take_turns_and_warm_ups_do_not_count():
    calls = []
    ours, theirs, before = (lambda letter=letter: calls.append(letter) for letter in "AB-")
    times = in_turns(ours, theirs, 4, before=before, warm_ups=2)
    assert "".join(calls) == "-AB" * 6
    assert [len(side) for side in times] == [4, 4]


def test_a_row_compares_medians_with_its_limit():
    assert ROW.medians == (3.0, 2.0)
    assert (ROW.ratio, ROW.met) == (1.5, True)
    assert replace(ROW, limit=1.4).met is False
    assert replace(ROW, limit=None).met is None
    assert "| 1.500 | 1.5 | yes | 3 ms | 2 ms | 3 |" in table.line(ROW)
    assert "| **no** |" in table.line(replace(ROW, limit=1.4))


def test_a_row_that_fails_says_why_and_the_others_are_measured(monkeypatch, capsys):
    def broken(quick):
        raise ModuleNotFoundError("No module named 'abc|def'")

    rows = {"walls": {"good": lambda quick: ROW}, "peers": {"peer": broken}}
    monkeypatch.setattr(command, "_rows", lambda room: rows.get(room, {}).items())
    monkeypatch.setattr(table, "facts", lambda peers: {})
    assert command.main(["--peers"]) == 0                  # a peer that is missing is no failure
    shown = capsys.readouterr().out
    assert "| peer | not measured: ModuleNotFoundError: No module named 'abc\\|def' |" in shown
    assert "| name | what | against | 1.500 |" in shown
    rows["walls"]["bad"] = broken
    assert command.main([]) == 1


def test_an_unknown_row_is_refused_with_those_that_there_are(capsys):
    assert command.main(["--only", "gradcam-old"]) == 2
    assert "gradcam-new/vgg16" in capsys.readouterr().err
