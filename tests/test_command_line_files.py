"""The command line: what it writes, and what is there when it is stopped."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import explain
from command_runs import (  # noqa: F401
    QUICK_LAYER, digests, environment, here, in_a_process, manifest, opened, pixels_of, written,
)  # fmt: skip
from explain.commands import DONE, REFUSED, STOPPED, main
from explain.opening.zoo import DEFAULT

# ── writing ──


def test_activations(opened, here, capsys):
    words = ["activations", DEFAULT, "photos/cat.jpg", "--layer", "top_activation", "--layer", "stem_conv"]
    assert main([*words, "--out", "out"]) == DONE
    assert capsys.readouterr().out == "2 layers in out\n"
    document = manifest("out")
    assert [item["layer"] for item in document["items"]] == ["top_activation", "stem_conv"]
    assert written(document) == digests("out")
    maps = explain.activations(opened, explain.read("photos/cat.jpg"), "top_activation")
    values = np.load("out/top_activation.npy")
    assert values.dtype == np.float32 and values.shape == (7, 7, 1280)
    np.testing.assert_allclose(values, maps.values, rtol=1e-4, atol=1e-4)
    assert pixels_of("out/top_activation.png").shape[0] > 7 * 20          # a grid, tiles large enough to see


def test_patterns(opened, here, capsys):
    words = ["patterns", DEFAULT, "--layer", QUICK_LAYER, "--steps", "3", "--size", "32", "--seed", "7"]
    assert main([*words, "--channels", "0-2,5", "--option", "rate=0.2", "--out", "out"]) == DONE
    assert capsys.readouterr().out == "4 patterns in out\n"
    document = manifest("out")
    assert [item["channel"] for item in document["items"]] == [0, 1, 2, 5] and document["seed"] == 7
    knobs = {"size": 32, "rate": 0.2, "shift": 0.06, "turn": 8.0, "zoom": 0.1}
    assert document["items"][0]["options"] == knobs
    assert written(document) == digests("out") and "grid" in document["sheets"]
    numbers, scores = (np.load(f"out/{QUICK_LAYER}-0005{end}") for end in (".npy", ".scores.npy"))
    assert numbers.shape == (32, 32, 3) and numbers.dtype == np.float32 and scores.shape == (3,)
    drawn = pixels_of(f"out/{QUICK_LAYER}-0005.png")
    np.testing.assert_array_equal(drawn, np.floor(numbers * 255.0 + 0.5).astype(np.uint8))
    alone = explain.patterns(opened, QUICK_LAYER, [5], steps=3, size=32, seed=7, rate=0.2)[0]
    np.testing.assert_allclose(numbers, alone.pixels, atol=1e-3)


def test_heatmaps_of_a_folder(opened, here, capsys):
    assert main(["heatmaps", DEFAULT, "photos", "--out", "out"]) == DONE
    said = capsys.readouterr()
    assert said.out == "3 heatmaps, 1 skipped, in out\n"
    assert said.err.startswith("Skipped photos/broken.jpg: ") and said.err.count("\n") == 1
    assert "ends too early" in said.err
    document = manifest("out")
    assert written(document) == digests("out")
    assert sorted(digests("out")) == [f"{n}.{e}" for n in ("cat", "coffee", "rocket") for e in ("npy", "png")]
    item = document["items"][0]
    picture, heat = explain.read("photos/cat.jpg"), explain.heatmap(opened, explain.read("photos/cat.jpg"))
    assert (item["class_index"], item["label"], item["layer"]) == (285, "Egyptian cat", opened.default_layer)
    assert item["image"]["key"] == picture.key and item["method"] == "gradcam" and item["note"] == ""
    assert item["image"]["sha256"] == hashlib.sha256(Path("photos/cat.jpg").read_bytes()).hexdigest()
    values = np.load("out/cat.npy")
    assert values.dtype == np.float32 and values.shape == heat.values.shape
    np.testing.assert_allclose(values, heat.values, rtol=1e-4, atol=1e-4)
    overlay = pixels_of("out/cat.png")
    np.testing.assert_array_equal(
        overlay, explain.render.overlay(picture, values, opacity=0.5, colormap="inferno", threshold=0.0)
    )
    assert document["skipped"][0]["path"] == "photos/broken.jpg" and document["finished"] is True
    assert document["format"] == 2 and document["model"]["key"] == opened.key
    assert set(document["versions"]) >= {"python", "tensorflow", "keras", "numpy", "opencv"}


def test_heatmaps_of_one_class_and_how_they_are_drawn(opened, here):
    words = ["heatmaps", DEFAULT, "photos/cat.jpg", "--class", "tabby", "--layer", "stem_activation"]
    assert main([*words, "--quiet", "--opacity", "0", "--colormap", "gray", "--out", "out"]) == DONE
    item = manifest("out")["items"][0]
    assert (item["class_index"], item["layer"]) == (281, "stem_activation")
    np.testing.assert_array_equal(pixels_of("out/cat.png"), explain.read("photos/cat.jpg").pixels)


def test_nothing_readable_is_a_refusal(opened, here, capsys):
    assert main(["heatmaps", DEFAULT, "photos/broken.jpg", "--out", "out"]) == REFUSED
    said = capsys.readouterr()
    assert said.err.count("\n") == 1 and said.out == "0 heatmaps, 1 skipped\n" and not Path("out").exists()


def test_the_manifest_makes_the_same_files_again_and_nothing_chatters(here):
    """In two fresh processes: the second is told what the first one's manifest says."""
    words = ["patterns", DEFAULT, "--layer", QUICK_LAYER, "--channels", "3,1", "--steps", "3"]
    first = in_a_process(*words, "--out", "one", cwd=here)
    assert (first.returncode, first.stderr) == (DONE, "")
    document = manifest("one")
    again = ["two" if word == "one" else word for word in document["argv"]]
    second = in_a_process(*again, cwd=here)
    assert (second.returncode, second.stderr) == (DONE, "")
    assert digests("one") == digests("two") == written(document)
    assert {**manifest("two"), "argv": 0} == {**document, "argv": 0}


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_second_run_replaces_and_a_broken_one_has_no_manifest(step, opened, here, monkeypatch, capsys):
    words = ["heatmaps", DEFAULT, "photos/cat.jpg", "--out", "out"]
    assert main(words) == DONE
    before = digests("out")
    assert main([*words, "--opacity", "0.9"]) == REFUSED                  # another run lies there
    assert "opacity 0.5, not 0.9" in capsys.readouterr().err and digests("out") == before
    words.append("--overwrite")
    assert main([*words, "--opacity", "0.9"]) == DONE
    after = digests("out")
    assert before["cat.npy"] == after["cat.npy"] and before["cat.png"] != after["cat.png"]
    capsys.readouterr()

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, step, full)
    assert main(words) == REFUSED
    said = capsys.readouterr().err
    assert "No space left" in said and "(E_WRITE)" in said and said.count("\n") == 1
    # What was there is whole, nothing half is beside it, and no manifest lists what may be gone.
    assert sorted(digests("out")) == ["cat.npy", "cat.png"] and not Path("out", "manifest.json").exists()
    assert digests("out")["cat.png"] == after["cat.png"]


# ── stopping ──


def started(*words: str, cwd, python: tuple[str, ...] = ("-m", "explain")) -> subprocess.Popen:
    line = [sys.executable, *python, *words]
    return subprocess.Popen(
        line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd, env=environment()
    )


def wait_for(path: Path, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < until, f"{path} never came"
        time.sleep(0.02)


def test_ctrl_c_keeps_the_patterns_that_are_finished(here):
    words = ["patterns", DEFAULT, "--layer", "block2a_depthwise_conv", "--channels", "0-95"]
    process = started(*words, "--steps", "80", "--size", "96", "--out", "out", cwd=here)
    wait_for(here / "out" / "block2a_depthwise_conv-0000.png")
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    out, err = process.communicate(timeout=60)
    assert process.returncode == STOPPED and out == "" and time.monotonic() - began < 10
    document = manifest("out")
    count = len(document["items"])
    assert 0 < count < 96 and document["finished"] is False and document["wanted"] == 96
    assert err == f"Stopped: {count} of 96 patterns in out.\n"
    assert written(document) == digests("out") and "grid" in document["sheets"]


STUCK = """
import sys, time, explain
from explain.commands import main

finished, climb = [], explain.patterns

def patterns(*args, **options):
    if finished:
        print("climbing", flush=True)
        time.sleep(600)                         # as deaf as one long operation of TensorFlow
    finished.append(climb(*args, **options))
    return finished[-1]

explain.patterns = patterns
sys.exit(main(sys.argv[1:]))
"""


def test_work_that_cannot_be_interrupted_is_left(here):
    words = ["patterns", DEFAULT, "--layer", QUICK_LAYER, "--steps", "1", "--size", "32", "--out", "out"]
    process = started(*words, cwd=here, python=("-c", STUCK))
    assert process.stdout.readline() == "climbing\n"
    process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    _, err = process.communicate(timeout=60)
    assert process.returncode == STOPPED and time.monotonic() - began < 10
    assert err.splitlines()[-1] == "Stopped: 16 of 32 patterns in out."
    document = manifest("out")
    assert len(document["items"]) == 16 and document["finished"] is False
    assert written(document) == digests("out") and "grid" in document["sheets"]


def test_a_signal_before_anything_is_finished(here):
    process = started("patterns", DEFAULT, "--layer", "top_conv", "--steps", "2000", "--out", "out", cwd=here)
    time.sleep(1.5)                                            # while TensorFlow is imported
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == STOPPED
    assert err == "Stopped; nothing was written.\n" and not (here / "out").exists()


def test_a_signal_between_two_batches(opened, here, monkeypatch, capsys):
    """In this process: the signal comes while an overlay is drawn. Its batch is completed, hardly another is
    begun; the same command goes on."""
    for i in range(40):
        shutil.copy(here / "photos" / "cat.jpg", here / "photos" / f"copy{i}.jpg")
    drawn = []
    overlay = explain.render.overlay

    def slowly(*args, **options):
        drawn.append(1)
        if len(drawn) == 2:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.3)
        return overlay(*args, **options)

    monkeypatch.setattr(explain.render, "overlay", slowly)
    before = signal.getsignal(signal.SIGINT)
    words = ["heatmaps", DEFAULT, "photos", "--batch", "2", "--out", "out"]
    assert main(words) == STOPPED
    assert signal.getsignal(signal.SIGINT) is before
    document = manifest("out")
    count = len(document["items"])
    assert 2 <= count < 12 and document["finished"] is False and written(document) == digests("out")
    phrase = f"Stopped: {count} heatmaps, 1 skipped, in out; the same command goes on from there."
    assert phrase in capsys.readouterr().err

    assert main(words) == DONE
    said = capsys.readouterr()
    assert said.out == f"43 heatmaps, 1 skipped, in out; {count + 1} pictures were finished before\n"
    document = manifest("out")
    assert document["finished"] is True and written(document) == digests("out") and len(document["items"]) == 43
