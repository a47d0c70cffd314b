"""A short run of mutations; the long one is `python -m tests.mutate --minutes 30`."""

from __future__ import annotations

import json
import subprocess
import sys
from random import Random

import mutate
import pytest
from corpus import base, members
from mutations import changed_json, mutated
from pages import ROOT

FEW = ("with_alpha", "trained_h5", "keras_2_model", "teachable_machine", "frozen_graph", "saved_model_zip",
       "layer_in_unicode", "nested_in_sequential")  # fmt: skip


def test_nothing_that_may_never_happen(tmp_path):
    run = mutate.Run(seed=3, keep=tmp_path / "kept", names=FEW)
    try:
        for number in range(120):
            run.one(number)
    finally:
        run.close()
    assert not run.found.kept, run.found.told()
    assert sum(run.found.counts.values()) == 120 and len(run.found.counts) > 5


def test_a_number_gives_the_same_file_again(tmp_path):
    one, two = (mutate.Run(5, tmp_path, FEW[:1]) for _ in range(2))
    assert [one.file(i) for i in range(30)] == [two.file(i) for i in range(30)]
    assert one.file(1) != mutate.Run(6, tmp_path, FEW[:1]).file(1)


def test_mutations_of_a_zip_leave_its_checksums_right():
    """Otherwise nothing behind them would ever be tried."""
    whole, sound = members(base(".keras")), 0
    for seed in range(40):
        try:
            sound += members(mutated(base(".keras"), Random(seed))) != whole
        except Exception:
            continue
    assert sound > 20


def test_json_stays_json():
    text = members(base(".keras"))["config.json"].decode()
    changed = {changed_json(text, Random(seed)) for seed in range(50)}
    assert len(changed) > 40 and all(isinstance(json.loads(one), dict) for one in changed)


@pytest.mark.parametrize(
    "error, word",
    [
        ("InternalError", "internal"),
        ("WorkerDied", "died"),
        ("DeadlineExceeded", "hang"),
        ("KeyError", "untyped"),
        ("InspectionFailed", "hang"),
        ("UnsafeHdf5", "E_HDF5"),
    ],
)
def test_what_may_never_happen_is_seen(error, word, tmp_path, monkeypatch):
    from explain import errors, inspecting

    def fails(*_, **__):
        raise errors.tree().get(error, KeyError)("It happened.")

    monkeypatch.setattr(inspecting, "inspect", fails)
    run = mutate.Run(0, tmp_path / "kept", FEW[:1])
    number = next(n for n in range(50) if not run.file(n)[0].endswith(".img"))
    assert run.one(number).startswith(word)
    assert len(run.found.kept) == (word in mutate.BAD)


def test_it_runs_by_its_name(tmp_path):
    said = subprocess.run(
        [sys.executable, "-m", "tests.mutate", "--minutes", "0", "--keep", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert said.returncode == 0 and said.stdout.startswith("0 mutations, seed 0"), said.stderr
