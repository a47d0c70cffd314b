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


# The last files of a run are whole already, but under another name, until somebody ends it.
HELD = """
import sys, time
from explain.commands import main
from explain.folders import driver

write = driver.write_stream

def held(folder, name, content):
    def hold(file):
        content(file)
        file.flush()
        if name == sys.argv[1]:
            print(name, flush=True)
            time.sleep(600)
    write(folder, name, hold)

driver.write_stream = held
sys.exit(main(sys.argv[2:]))
"""
LAST = ("results.csv", "index.html", "manifest.json")
WORDS = ("heatmaps", "small.keras", "photos", "--batch", "4", "--trusted", "--html", "--out")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with `one`, which nobody interrupted."""
    home = tmp_path_factory.mktemp("home")
    fill(home / "photos", 40)
    networks.plain().save(home / "small.keras")
    begun = started(home, SLOW, *WORDS, "one")
    _, err = begun.communicate(timeout=120)
    assert begun.returncode == DONE, err
    return home


def started(home, code: str, *words: str) -> subprocess.Popen:
    line = [sys.executable, "-c", code, *words]
    return subprocess.Popen(line, cwd=home, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def check_finished(home, name: str) -> None:
    """The same command once more makes of `name` what `one` is."""
    last = started(home, SLOW, *WORDS, name)
    out, err = last.communicate(timeout=120)
    assert last.returncode == DONE, err
    assert b"pictures were finished before" in out
    one, other = files_of(home / "one"), files_of(home / name)
    manifests = [json.loads((home / folder / "manifest.json").read_text()) for folder in ("one", name)]
    assert {**manifests[0], "argv": 0} == {**manifests[1], "argv": 0}
    assert len(one) == 2 * 40 + 3 and {**one, "manifest.json": 0} == {**other, "manifest.json": 0}


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


def test_killed_and_finished(home):
    random.seed(11)
    journal = home / "two" / NAME
    for kill in range(KILLS):
        process = started(home, SLOW, *WORDS, "two")
        until = time.monotonic() + 60
        while rows(journal) < 8 * (kill + 1) and process.poll() is None and time.monotonic() < until:
            time.sleep(0.005)
        time.sleep(random.uniform(0, 0.15))
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL  # it had not ended by itself
        check_whole(home / "two")
    check_finished(home, "two")


def test_killed_while_the_last_files_are_written(home):
    """The table, the gallery, the manifest: none is there before it is whole, nor one of an earlier run."""
    for number, name in enumerate(LAST):
        process = started(home, HELD, name, *WORDS, "three")
        assert process.stdout.readline().decode().strip() == name
        process.kill()
        process.communicate(timeout=60)
        assert {path.name for path in visible(home / "three")} & set(LAST) == set(LAST[:number])
        check_whole(home / "three")
    assert rows(home / "three" / NAME) == 42  # each was computed once
    check_finished(home, "three")
