"""The command line refuses: exit code 2, one sentence on stderr, nothing written."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import pytest

import explain
from command_runs import QUICK_LAYER, here, opened, pixels_of  # noqa: F401
from explain.commands import REFUSED, main
from explain.opening.zoo import DEFAULT

HEATMAPS = ["heatmaps", DEFAULT, "photos", "--out", "out"]
PATTERNS = ["patterns", DEFAULT, "--layer", QUICK_LAYER, "--out", "out"]
REFUSALS = {
    "no command": ([], "Expected a command: models, layers"),
    "command": (["heatmap"], "no command 'heatmap'. Did you mean 'heatmaps'"),
    "missing": (["layers"], "required: MODEL"),
    "option": ([*HEATMAPS, "--opactiy", "1"], "'--opactiy'. Did you mean '--opacity'"),
    "opacity": ([*HEATMAPS, "--opacity", "1.5"], "from 0 to 1, received '1.5'"),
    "top": (["predict", DEFAULT, "photos", "--top", "0"], "at least 1, received '0'"),
    "method": ([*HEATMAPS, "--method", "gradcm"], "no method 'gradcm'.*Did you mean 'gradcam'"),
    "colormap": ([*HEATMAPS, "--colormap", "virids"], "Did you mean 'viridis'"),
    "knob": ([*PATTERNS, "--option", "rte=1"], "no option 'rte'.*Did you mean 'rate'"),
    "knob value": ([*PATTERNS, "--option", "rate=fast"], "for 'rate', received 'fast'"),
    "knob form": ([*PATTERNS, "--option", "rate"], "NAME=VALUE, received 'rate'"),
    "knob elsewhere": ([*PATTERNS, "--option", "size=64"], "give --size 64"),
    "channels": ([*PATTERNS, "--channels", "9-2"], "like 0-63.*received '9-2'"),
    "channel": ([*PATTERNS, "--channels", "0-99999999999"], "no channel 99999999999.*0 to 31"),
    "picture": (["predict", DEFAULT, "photos/ct.jpg"], "'photos/ct.jpg'. Did you mean 'cat.jpg'"),
    "no pictures": (["predict", DEFAULT, "empty"], "no picture in 'empty'.*--recursive"),
    "layer": ([*HEATMAPS, "--layer", "top_activatoin"], "no layer.*Did you mean 'top_activation'"),
    "no map": (["patterns", DEFAULT, "--layer", "avg_pool", "--out", "out"], "not .height, width"),
    "class": ([*HEATMAPS, "--class", "egyptian ct"], "no class.*Did you mean 'Egyptian cat'"),
    "class number": ([*HEATMAPS, "--class", "1000"], "no class 1000.*0 to 999"),
    "output": ([*HEATMAPS, "--output", "prediction"], "no output.*Did you mean 'predictions'"),
    "activations": (
        ["activations", DEFAULT, "photos/broken.jpg", "--layer", "L", "--out", "out"], "ends too early"
    ),
    "out is a file": ([*HEATMAPS[:-1], "photos/cat.jpg"], "folder to write into, but 'photos/cat.jpg'"),
    "out under a file": ([*HEATMAPS[:-1], "photos/cat.jpg/out"], "cannot be written"),
    "out is the folder": ([*HEATMAPS[:-1], "photos/"], "is the folder of the pictures"),
    "layer of pixels": ([*HEATMAPS, "--method", "occlusion", "--layer", "stem_conv"], "leave --layer out"),
    "page without pictures": ([*HEATMAPS, "--html", "--no-png"], "--html or --no-png, received both"),
    "table": ([*HEATMAPS, "--table", "excel"], "invalid choice: 'excel'"),
    "batch": ([*HEATMAPS, "--batch", "0"], "from 1 to 4096, received '0'"),
    "address": ([*HEATMAPS, "--address", "ray://x"], "goes with --engine ray"),
    "no manifest": (["reproduce", "photos"], "no file 'photos/manifest.json'.*Expected an exported"),
    "no manifest, a picture": (["reproduce", "photos/cat.jpg"], "a JPEG file carries none"),
    "input size": (["layers", DEFAULT, "--input-size", "big"], "HxW like 160x224.*'big'"),
    "two weights": (["layers", DEFAULT, "--random-weights", "--weights", "w.h5"], "received both"),
    "weights of a file": (["layers", "photos/cat.jpg", "--random-weights"], "weights of its own"),
}


@pytest.mark.parametrize("words, sentence", REFUSALS.values(), ids=REFUSALS)
def test_refusals_are_one_sentence(words, sentence, opened, here, capsys):
    Path("empty").mkdir()
    assert main(words) == REFUSED
    said = capsys.readouterr()
    assert re.search(sentence, said.err) and said.err.count("\n") == 1 and said.out == ""
    assert not Path("out").exists()


def test_refusals_of_the_real_loader(here, capsys):
    for words, sentence in (
        (["efficientnet-lite"], "Did you mean 'efficientnet-lite0'"),
        (["missing.keras"], "no file 'missing.keras'"),
        (["photos/notes.txt"], "is no Keras model: it is a text"),
        ([DEFAULT, "--scaling", "cafe"], "Did you mean 'caffe'"),
        ([DEFAULT, "--labels", "photos/notes.txt"], "Expected 1000 labels"),
        ([DEFAULT, "--labels", "photos/cat.jpg"], "is no text in UTF-8: expected a file of labels"),
        ([DEFAULT, "--input-size", "64x64"], "cannot be run on a picture of 64×64×3"),
        ([DEFAULT, "--weights", "photos/cat.jpg"], "is no Keras model"),
    ):
        assert main(["layers", *words]) == REFUSED
        said = capsys.readouterr()
        assert sentence in said.err and said.err.count("\n") == 1 and said.out == "", words


def test_no_picture_is_ever_replaced(opened, here, capsys):
    cv2.imwrite("photos/cat.png", pixels_of("photos/cat.jpg"))
    before = Path("photos/cat.png").read_bytes()
    assert main(["heatmaps", DEFAULT, "photos/cat.png", "--out", "photos"]) == REFUSED
    assert "would be replaced" in capsys.readouterr().err and Path("photos/cat.png").read_bytes() == before


def test_a_fault_of_ours_is_one_line_too(here, monkeypatch, capsys):
    monkeypatch.setattr(explain, "load", lambda *_, **__: 1 / 0, raising=False)
    assert main(["layers", DEFAULT]) == 1
    assert re.fullmatch(r"Something went wrong inside: ZeroDivisionError: .*\n", capsys.readouterr().err)
    monkeypatch.setenv("EXPLAIN_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        main(["layers", DEFAULT])
