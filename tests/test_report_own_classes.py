"""Models that need more than their file: what exports say about it, and that no stranger's file says it for us."""

from __future__ import annotations

import json
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_opening_files import CUSTOM, custom_model

import explain
from explain import provenance, render, report, workers
from explain.commands import DONE, REFUSED, main
from explain.report import archives, facts
from explain.report.commands import commands


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A model with a class of its own, the file of that class elsewhere, and a photo."""
    folder = tmp_path_factory.mktemp("own")
    custom_model().save(folder / "own.keras")
    (folder / "private").mkdir()
    shutil.copy(CUSTOM, folder / "private" / "my layers.py")
    pixels = np.random.default_rng(5).integers(0, 256, (32, 32, 3), np.uint8)
    (folder / "photo.png").write_bytes(render.png(pixels))
    return folder


def shown(place: Path, trusted: bool = False) -> tuple[explain.Heatmap, report.View]:
    own = str(place / "private" / "my layers.py")
    model = explain.load(place / "own.keras", "0..1", custom_objects=own, trusted=trusted)
    image = explain.read(place / "photo.png")
    heatmap = explain.heatmap(model, image, layer="wider", fresh=True)
    return heatmap, report.view_of_heatmaps(replace(model, name="own.keras"), image, heatmap)


@pytest.mark.parametrize("trusted", [False, True])
def test_the_printed_command_names_the_file_of_the_classes(trusted, place, tmp_path, monkeypatch, capsys):
    """By its base name: run where that file lies, it gives the same bits."""
    heatmap, view = shown(place, trusted)
    (line,) = commands(view)
    words = shlex.split(line)[3:]
    assert "--custom-objects=my layers.py" in words and ("--trusted" in words) == trusted
    assert "private" not in line
    for file in ("own.keras", "photo.png", "private/my layers.py"):
        shutil.copy(place / file, tmp_path)
    monkeypatch.chdir(tmp_path)
    assert main([*words, "--quiet"]) == DONE
    (item,) = json.loads(Path("out/manifest.json").read_text(encoding="utf-8"))["items"]
    assert item["values"]["sha256"] == provenance.digest(heatmap.values)
    told = facts.rows(view.panels[0], view)["opened"]
    assert "my layers.py, which must be given" in told and ("--trusted" in told) == trusted
    assert main(["reproduce", "out/photo.png", "--images", "."]) == REFUSED
    assert "then: with --custom-objects (my layers.py)" in capsys.readouterr().out
    own = ["--custom-objects", "my layers.py", *(["--trusted"] if trusted else [])]
    assert main(["reproduce", "out/photo.png", "--images", ".", "--model", "own.keras", *own]) == DONE


def test_a_file_of_a_stranger_names_no_code(place):
    """A report that is opened again does not say which Python file the reader's command would run."""
    _, view = shown(place)
    again = report.open_archive(archives.archive(report.Report("", (view,))))
    (line,) = commands(again.views[0])
    assert "custom-objects" in commands(view)[0] and "custom-objects" not in line
    assert "opened" not in again.views[0].panels[0].recipe["model"]


def test_one_channel_is_said_as_one(default_model, cat):
    maps = explain.activations(default_model, cat, "block1a_depthwise_conv", fresh=True)
    assert "channel 3." in report.view_of_maps(default_model, cat, maps, channels=[3]).caption
    assert "channels 3, 0." in report.view_of_maps(default_model, cat, maps, channels=[3, 0]).caption


@pytest.mark.parametrize("told", [{}, {"custom_objects": ["evil.py"], "trusted": True}, "evil.py"])
def test_a_worker_is_not_asked_which_code_was_given(told, place, default_model, monkeypatch):
    """It has opened a stranger's file: the page knows itself what it gave it."""

    class Lying:
        def load(self, source, on_progress):
            return replace(default_model, opened=told, network=None)

    monkeypatch.setattr(workers, "_pool", Lying)
    own = str(place / "private" / "my layers.py")
    assert workers.load(str(place / "own.keras")).opened == {}
    assert workers.load("resnet50", trusted=True).opened == {}
    found = workers.load(str(place / "own.keras"), custom_objects=own, trusted=True).opened
    assert found == {"custom_objects": ["my layers.py"], "trusted": True}
