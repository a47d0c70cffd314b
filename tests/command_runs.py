"""The command line in this process and in others, a folder to try it on, and what it wrote."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import explain
from explain.samples import samples

ROOT = Path(explain.__file__).parents[1]
QUICK_LAYER = "block1a_depthwise_conv"                         # early, so that patterns of it climb quickly


def environment() -> dict[str, str]:
    """Ours, but silence shall be the command line's own doing: the tests asked TensorFlow for it already."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    return {**ours, "PYTHONPATH": str(ROOT)}


def command(*words: str, python: tuple[str, ...] = ()) -> list[str]:
    return [sys.executable, *python, "-m", "explain", *words]


def in_a_process(*words: str, cwd, python: tuple[str, ...] = ()) -> subprocess.CompletedProcess:
    line, env = command(*words, python=python), environment()
    return subprocess.run(line, capture_output=True, text=True, cwd=cwd, env=env, timeout=120)


@pytest.fixture
def opened(default_model, monkeypatch):
    """The embedded network, opened once for all tests that only ask it."""
    monkeypatch.setattr(explain, "load", lambda *_, **__: default_model, raising=False)
    return default_model


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with `photos`: three pictures, one that is none, and what is no picture at all."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for slug in ("cat", "coffee", "rocket"):
        shutil.copy(samples()[slug].path, photos)
    (photos / "broken.jpg").write_bytes(samples()["cat"].path.read_bytes()[:2000])
    (photos / "notes.txt").write_text("no picture, and not meant to be one")
    (photos / "._cat.jpg").write_bytes(b"what another system leaves behind")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def manifest(folder: str) -> dict:
    return json.loads(Path(folder, "manifest.json").read_text(encoding="utf-8"))


def written(document: dict) -> dict[str, str]:
    """{file name: digest} of every picture and array that a manifest lists."""
    files = [file for item in document["items"] for file in item["files"].values()]
    return {file["name"]: file["sha256"] for file in [*files, *document["sheets"].values()]}


def digests(folder: str) -> dict[str, str]:
    """{file name: digest} of the pictures and arrays in a folder."""
    listed = {"manifest.json", "results.csv", "results.parquet", "index.html", ".heatmaps.journal"}
    paths = [path for path in Path(folder).iterdir() if path.name not in listed]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def pixels_of(path: str) -> np.ndarray:
    return cv2.imread(path)[..., ::-1]
