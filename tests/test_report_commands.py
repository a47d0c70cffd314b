"""The commands that reports print: run as they are printed, they give the same numbers."""

# ruff: noqa: F811  (fixtures are imported)

from __future__ import annotations

import json
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import networks
import numpy as np
import pytest
from reporting import heat  # noqa: F401

import explain
from explain import provenance, render, report
from explain.commands import DONE, main
from explain.commands.parsing import parse
from explain.report.commands import command, commands

ODD = "my $(rm) 'cat' & <b>.png"  # what a shell would read as something else
LOOKS = {"opacity": 0.25, "threshold": 0.125}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A network of a file with a scaling that no guess finds, and a picture with an odd name."""
    folder = tmp_path_factory.mktemp("printed")
    networks.plain().save(folder / "-small.keras")
    image = networks.pictures(1, size=24)[0]
    (folder / ODD).write_bytes(render.png(image.pixels))
    model = explain.load(folder / "-small.keras", scaling="-1..1")
    return folder, replace(model, name="-small.keras"), replace(image, name=ODD)


def printed(view) -> list[str]:
    """The words after `python -m explain` of the one command, as a shell reads them."""
    (line,) = commands(view)
    words = shlex.split(line)
    assert words[:3] == ["python", "-m", "explain"] and "\n" not in line
    return words[3:]


def items(words: list[str], where: Path, monkeypatch) -> list[dict]:
    """What the command computes, as its manifest tells."""
    monkeypatch.chdir(where)
    shutil.rmtree("out", ignore_errors=True)
    assert main([*words, "--quiet"]) == DONE
    return json.loads(Path("out/manifest.json").read_text(encoding="utf-8"))["items"]


@pytest.mark.parametrize(
    "method, layer, knobs",
    [
        ("gradcam", "first", {"signed": True}),
        ("eigencam", "second", {}),
        ("integrated_gradients", None, {"steps": 6}),
        ("occlusion", None, {"patch": 0.5, "fill": "black", "signed": False}),
    ],
)
def test_the_printed_command_of_a_heatmap_gives_its_bits(method, layer, knobs, place, monkeypatch):
    folder, model, image = place
    heatmap = explain.heatmap(model, image, method, layer, 1, fresh=True, **knobs)
    view = report.view_of_heatmaps(model, image, heatmap, **LOOKS)
    words = printed(view)
    assert "--scaling=-1..1" in words and words[1:3] == ["./-small.keras", ODD]
    (item,) = items(words, folder, monkeypatch)
    assert item["values"]["sha256"] == provenance.digest(heatmap.values)
    asked = parse(words)[1]
    assert (asked.opacity, asked.threshold, asked.colormap) == (0.25, 0.125, view.colormap)


def test_the_printed_command_of_maps_gives_their_bits(place, monkeypatch):
    folder, model, image = place
    maps = explain.activations(model, image, "first", fresh=True)
    words = printed(report.view_of_maps(model, image, maps, [1, 2]))
    (item,) = items(words, folder, monkeypatch)
    assert item["values"]["sha256"] == provenance.digest(maps.values)


def test_the_printed_command_of_a_pattern_gives_its_bits(place, monkeypatch):
    folder, model, _ = place
    (pattern,) = explain.patterns(model, "first", [3], steps=3, size=40, seed=7, method="robust")
    knobs = explain.methods.method("patterns", "robust").options({"size": 40})
    view = report.view_of_patterns(model, pattern, steps=3, size=40, seed=7, options=knobs)
    (item,) = items(printed(view), folder, monkeypatch)
    assert item["values"]["sha256"] == provenance.digest(pattern.pixels)


def test_titles_of_the_dashboard_are_said_as_the_command_line_knows_them(default_model, cat, heat):
    """There the network goes by its title, and the photo by its."""
    view = report.view_of_heatmaps(replace(default_model, name="EfficientNet-Lite0"), cat, heat)
    words = printed(view)
    assert words[:3] == ["heatmaps", "efficientnet-lite0", "explain/samples/cat.jpg"]
    assert Path(explain.__file__).parents[1].joinpath(words[2]).is_file()
    asked = parse(words)[1]
    assert (asked.scaling, asked.input_size) == ("(x-127)/128", "224x224")
    assert asked.class_index == str(heat.class_index) and asked.layer == heat.layer
    assert asked.output == default_model.outputs[0].name and asked.option == ["signed=False"]


def test_weights_that_are_not_the_network_s_own(default_model, cat, heat):
    def words(**changes) -> list[str]:
        return printed(report.view_of_heatmaps(replace(default_model, **changes), cat, heat))

    assert "--random-weights" in words(about="Someone 2019; efficientnet-lite0 with random weights")
    about = "Someone 2019; efficientnet-lite0 with weights from a file"
    assert words(name="mine.h5", about=about)[1:5:2] == ["efficientnet-lite0", "--weights"]
    assert "mine.h5" in words(name="mine.h5", about=about)
    assert "weights.h5" in words(about=about)


def test_a_network_without_colours_says_its_channels(place):
    _, model, image = place
    heatmap = explain.heatmap(model, image, fresh=True)
    grey = replace(model, input_shape=(12, 10, 1))
    assert "--input-size=12x10x1" in printed(report.view_of_heatmaps(grey, image, heatmap))


def test_what_cannot_be_shown_is_not_printed(default_model, cat, heat):
    """A command that names another layer than it shows would be worse than none."""
    for layer in ("two  blanks", "feed\nline", "a\u202eb", "\x1b[2J"):
        view = report.view_of_heatmaps(default_model, cat, replace(heat, layer=layer))
        assert command(view.panels[0], view) == "" and commands(view) == []
    view = report.view_of_heatmaps(default_model, replace(cat, name="feed\nline"), heat)
    assert "'feed line'" in command(view.panels[0], view)
    bare = replace(view.panels[0], recipe=None)
    assert command(bare, view) == ""


def test_values_that_look_like_options_stay_values(default_model, cat, heat):
    odd = replace(heat, layer="--out", options={"signed": False, "x": "--help"})
    words = printed(report.view_of_heatmaps(default_model, cat, odd))
    asked = parse(words)[1]
    assert asked.layer == "--out" and asked.option == ["signed=False", "x=--help"] and asked.out == "out"


def test_every_document_prints_it(default_model, cat, heat):
    view = report.view_of_heatmaps(default_model, cat, heat)
    document = report.Report("A report", (view,))
    (line,) = commands(view)
    assert line in report.html(document).decode().replace("&#x27;", "'")
    assert np.frombuffer(report.pdf(document), np.uint8).size
