"""Killed at random moments, then finished: the same files, bit for bit, as without that."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time

import networks
import pytest
from command_runs import environment
from folder_runs import files_of, fill

from explain.commands import DONE
from explain.folders.journal import NAME

KILLS = 3

# Writing takes its time here, so that there are moments to be killed in.
SLOW = """
import sys, time
from explain.commands import main
from explain.folders import files

sync, files.os.fsync = files.os.fsync, lambda number: (sync(number), time.sleep(0.02))
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def words(tmp_path):
    fill(tmp_path / "photos", 40)
    networks.plain().save(tmp_path / "small.keras")
    return ["heatmaps", "small.keras", "photos", "--batch", "4", "--trusted", "--html", "--out"]


def started(tmp_path, *words: str) -> subprocess.Popen:
    line = [sys.executable, "-c", SLOW, *words]
    return subprocess.Popen(
        line, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def rows(journal) -> int:
    return journal.read_bytes().count(b"\n") - 1 if journal.exists() else 0


def visible(folder) -> list:
    """What somebody sees who looks into the folder while it is written."""
    return [p for p in folder.iterdir() if not p.name.startswith(".")] if folder.is_dir() else []


def check_whole(folder) -> None:
    """No half-written file is visible."""
    import cv2
    import numpy as np

    for path in visible(folder):
        if path.suffix == ".png":
            assert cv2.imread(str(path)) is not None
            assert path.read_bytes()[-8:-4] == b"IEND"
        elif path.suffix == ".npy":
            assert np.load(path).shape == (6, 6)
        elif path.name == "manifest.json":
            json.loads(path.read_text())


def test_killed_and_finished(words, tmp_path):
    begun = started(tmp_path, *words, "one")
    out, err = begun.communicate(timeout=120)
    assert begun.returncode == DONE, err
    random.seed(11)
    journal = tmp_path / "two" / NAME
    for kill in range(KILLS):
        process = started(tmp_path, *words, "two")
        until = time.monotonic() + 60
        while rows(journal) < 8 * (kill + 1) and process.poll() is None and time.monotonic() < until:
            time.sleep(0.005)
        time.sleep(random.uniform(0, 0.15))
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL  # it had not ended by itself
        check_whole(tmp_path / "two")
    last = started(tmp_path, *words, "two")
    out, err = last.communicate(timeout=120)
    assert last.returncode == DONE, err
    assert b"pictures were finished before" in out
    one, two = (files_of(tmp_path / name) for name in ("one", "two"))
    manifests = [json.loads((tmp_path / name / "manifest.json").read_text()) for name in ("one", "two")]
    assert {**manifests[0], "argv": 0} == {**manifests[1], "argv": 0}
    assert len(one) == 2 * 40 + 3 and {**one, "manifest.json": 0} == {**two, "manifest.json": 0}
