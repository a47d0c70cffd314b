"""The command line: help, the questions it answers, the pictures it finds, the bar."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import explain
from command_runs import ROOT, command, environment, here, in_a_process, opened  # noqa: F401
from explain.commands import COMMANDS, DONE, console, main, pictures
from explain.errors import OptionError
from explain.opening.zoo import DEFAULT, ZOO

# ── help, and the table: without anything heavy ──


@pytest.mark.parametrize("words", [[], *([name] for name in COMMANDS)], ids=lambda w: (w or ["program"])[0])
def test_help_imports_nothing_heavy(words, tmp_path):
    done = in_a_process(*words, "--help", cwd=tmp_path, python=("-X", "importtime"))
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "explain.commands" in imported and done.returncode == DONE
    assert not imported & {"numpy", "cv2", "tensorflow", "keras", "h5py", "PIL"}
    assert done.stdout.startswith("usage: python -m explain")
    for name in words or COMMANDS:
        assert name in done.stdout


@pytest.mark.parametrize("command", ["heatmaps", "report", "reproduce", "patterns"])
def test_help_loads_nothing_heavy(command):
    code = (
        "import sys; from explain.commands import main; assert main([sys.argv[1], '--help']) == 0; "
        "print([m for m in ('tensorflow', 'keras', 'numpy', 'cv2', 'PIL', 'pyarrow', 'fpdf') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, command], check=True, capture_output=True, text=True, cwd=ROOT
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_help_shows_the_knobs_of_the_shelf(capsys):
    assert main(["patterns", "--help"]) == DONE
    said = capsys.readouterr().out
    for method in explain.methods.shelf("patterns").values():
        assert method.title in said and all(f"{knob.name}={knob.default}" in said for knob in method.knobs)


def test_models_is_the_zoo(capsys):
    assert main(["models"]) == DONE
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + len(ZOO)
    row = next(line for line in lines if line.startswith("vgg16 "))
    assert re.split(r"\s{2,}", row)[:6] == ["vgg16", "VGG16", "224x224", "caffe", "553", "fetched"]
    assert "embedded" in lines[1] and lines[1].startswith(DEFAULT)

    assert main(["models", "--json"]) == DONE
    listed = json.loads(capsys.readouterr().out)["models"]
    assert [entry["name"] for entry in listed] == list(ZOO) and listed[1]["input_size"] == [224, 224]


def test_models_needs_no_tensorflow_and_survives_a_closed_pipe(tmp_path):
    done = in_a_process("models", cwd=tmp_path, python=("-X", "importtime"))
    assert not re.search(r"\| +(tensorflow|keras|numpy|cv2)$", done.stderr, re.M)
    process = subprocess.Popen(
        command("models"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path, env=environment()
    )
    process.stdout.close()
    assert process.stderr.read() == b"" and process.wait(60) == DONE


# ── asking ──


def test_layers_lists_all_and_marks_the_default(opened, capsys):
    assert main(["layers", DEFAULT]) == DONE
    lines = capsys.readouterr().out.splitlines()
    rows = {line[3:].split()[0]: line for line in lines[1:] if len(line.split()) >= 4}
    assert all(layer.name in rows for layer in opened.layers)
    assert [name for name, line in rows.items() if line.startswith("* ")][0] == opened.default_layer
    assert rows["stem_conv"].split() == ["stem_conv", "Conv2D", "112x112x32", "864"]

    assert main(["layers", DEFAULT, "--json"]) == DONE
    document = json.loads(capsys.readouterr().out)
    assert len(document["layers"]) == len(opened.layers) and document["default_layer"] == opened.default_layer
    assert document["model"]["key"] == opened.key
    assert [layer["name"] for layer in document["layers"] if layer["default"]] == [opened.default_layer]


def test_predict_in_columns(opened, here, capsys):
    assert main(["predict", DEFAULT, "photos/cat.jpg", "--top", "2", "photos/coffee.jpg"]) == DONE
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("photos")] == ["photos/cat.jpg", "photos/coffee.jpg"]
    assert len(lines) == 2 * 4 and "285  Egyptian cat" in lines[2] and "espresso" in lines[6]


def test_predict_as_json_skips_what_cannot_be_read(opened, here, capsys):
    assert main(["predict", DEFAULT, "photos", "--json", "--top", "3"]) == DONE
    said = capsys.readouterr()
    document = json.loads(said.out)
    assert [Path(one["path"]).stem for one in document["pictures"]] == ["cat", "coffee", "rocket"]
    best = explain.predict(opened, explain.read("photos/cat.jpg"))[0]
    first = document["pictures"][0]["predictions"][0]
    assert (first["class_index"], first["label"], first["score"]) == (285, "Egyptian cat", best.score)
    assert document["skipped"][0]["path"] == "photos/broken.jpg" and said.err.count("\n") == 1


# ── pictures, names and the bar ──


def test_slugs_are_safe_and_unique():
    names = ["cat", "Cat", "cat-2", "body/conv#2", "Café 1", "猫", "..", "con", "a" * 300]
    assert pictures.unique_slugs(names)[:8] == [
        "cat", "Cat-2", "cat-2-2", "body-conv-2", "Cafe-1", "unnamed", "unnamed-2", "con-file"
    ]  # fmt: skip
    assert len(pictures.slug_of("a" * 300)) == 80


def test_a_folder_is_searched_sorted_and_deeper_only_when_asked(here):
    deep = here / "photos" / "b" / "c"
    deep.mkdir(parents=True)
    shutil.copy(here / "photos" / "cat.jpg", deep)
    out = here / "photos" / "out"
    out.mkdir()
    shutil.copy(here / "photos" / "cat.jpg", out)
    flat = pictures.find(["photos"], recursive=False, out="photos/out")
    assert [source.slug for source in flat] == ["broken", "cat", "coffee", "rocket"]
    all_of_it = pictures.find(["photos"], recursive=True, out="photos/out")
    assert [source.slug for source in all_of_it] == ["b-c-cat", "broken", "cat", "coffee", "rocket"]
    with pytest.raises(OptionError, match="no picture"):
        pictures.find(["photos/b"], recursive=False)


def test_pictures_are_read_a_batch_at_a_time(here, monkeypatch):
    sources = pictures.find(["photos/cat.jpg"] * 40, recursive=False)
    read, reading = [], pictures.read_one
    monkeypatch.setattr(pictures, "read_one", lambda source: read.append(source) or reading(source))
    batches = pictures.batches(sources, skip=None)
    assert len(next(batches)) == 16 and len(read) == 16
    assert [len(batch) for batch in batches] == [16, 8] and len({source.slug for source in read}) == 40
    monkeypatch.setattr(pictures, "PIXELS_AT_ONCE", 300 * 451 * 3)
    assert {len(batch) for batch in pictures.batches(sources[:6], skip=None)} == {3}


class Screen(io.StringIO):
    def isatty(self):
        return True

    def fileno(self):
        return 2


def test_the_bar_is_for_terminals_only(monkeypatch, capsys):
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((80, 20)))
    console.Bar().update("patterns", 1, 2)
    assert capsys.readouterr().err == ""
    clock = iter([100.0, 110.0, 110.01, 120.0])
    monkeypatch.setattr(console.time, "monotonic", lambda: next(clock))
    for quiet in (True, False):
        monkeypatch.setattr(sys, "stderr", screen := Screen())
        if quiet:
            console.Bar(quiet).note("opening")
            assert screen.getvalue() == ""
    bar = console.Bar()
    bar.update("patterns", 0, 64)
    bar.update("patterns", 16, 64)                             # a quarter in 10 s: 30 s are left
    bar.update("patterns", 17, 64)                             # too soon to be drawn
    bar.update("weights", 5_000_000, 0, 1_000_000, " MB")
    drawn = [line.strip() for line in screen.getvalue().split(console.CLEAR)[1:]]
    assert drawn[1] == "patterns  [######..................]  25 %  16 of 64  0:30 left"
    assert drawn[2:] == ["weights  5 MB"] and all(len(line) < 80 for line in drawn)


def test_the_time_that_is_left_is_told_by_what_this_run_does(monkeypatch):
    """A run that goes on has most of it behind it already: that was not done in these seconds."""
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((80, 20)))
    monkeypatch.setattr(sys, "stderr", screen := Screen())
    clock = iter([100.0, 110.0, 1000.0, *(1000.0 + i for i in range(1, 65))])
    monkeypatch.setattr(console.time, "monotonic", lambda: next(clock))
    bar = console.Bar()
    bar.update("heatmaps", 5000, 6000)
    assert "left" not in screen.getvalue()
    bar.update("heatmaps", 5100, 6000)                         # 100 in 10 s: 900 more in 90 s
    assert screen.getvalue().rstrip().endswith("5100 of 6000  1:30 left")
    for i in range(65):                                        # slow for a while, then quick: the latest pace counts
        bar.update("heatmaps", 5110 + i, 6000)
    assert screen.getvalue().rstrip().endswith("5174 of 6000  13:46 left")
