"""One network over its training, from a folder: order, class, blocks, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from networks import pictures
from small_models import saved_as

import explain
from explain import workers
from explain.errors import Cancelled, OptionError
from explain.results import Fingerprints
from explain.similarity import (
    State,
    alike_to_last,
    blocks,
    checkpoint_files,
    checkpoints,
    is_checkpoint,
    natural,
)  # fmt: skip

STEPS = {"epoch-1.keras": 0, "epoch-2.h5": 1, "epoch-10.keras": 3}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three states, and what lies beside them in such folders."""
    here = tmp_path_factory.mktemp("training")
    files = {name: ("trained", steps) for name, steps in STEPS.items()}
    saved_as(here, files | {"of.weights.h5": ("trained", 1)})
    (here / "log.csv").write_text("epoch,loss\n")
    (here / ".epoch-3.keras").write_bytes(b"half a file")
    return here


@pytest.fixture(scope="module")
def photos():
    return pictures(5)


@pytest.fixture(scope="module")
def states(folder, photos):
    return checkpoints(folder, photos[0], images=photos, scaling="0..1")


def test_a_folder_of_checkpoints_in_the_order_of_training(folder, states, photos):
    assert [state.name for state in states] == list(STEPS)
    opened = [workers.load(str(folder / name), scaling="0..1") for name in STEPS]
    asked = states[-1].guess.class_index  # the last one's first guess is asked of all
    for state, model in zip(states, opened, strict=True):
        assert state.model.key == model.key and state.heatmap.class_index == asked
        fresh = workers.heatmap(model, photos[0], "gradcam", None, asked, fresh=True)
        assert np.array_equal(state.heatmap.values, fresh.values) and state.heatmap.score == fresh.score
        assert state.guess.class_index == workers.predict(model, photos[0], 1)[0].class_index


def test_what_training_changed(states):
    first, second, head = blocks(states)
    assert (first.name, first.frozen, first.changes) == ("first", True, (0, 0, 0))
    assert (second.name, second.frozen, second.changes) == ("second", False, (0, 1, 1))
    assert head.layers == 1 and head.unchanged == 0
    layers, figures = alike_to_last(states)
    assert layers == ("first", "second", "head") and figures.shape == (3, 3)
    assert np.allclose(figures[-1], 1, atol=1e-5) and np.allclose(figures[:, 0], 1, atol=1e-5)
    assert figures[0, 1] < figures[1, 1] < 1  # nearer, the later


def test_blocks_with_a_pencil():
    """a/x never changes, a/y in the second state; b in the third, and back to what it was."""
    rows = [("1", "1", "1"), ("1", "2", "1"), ("1", "2", "3"), ("1", "2", "1")]
    states = [
        State(str(i), None, None, None, Fingerprints(("a/x", "a/y", "b_conv"), digests))
        for i, digests in enumerate(rows)
    ]
    part, whole = blocks(states)
    assert (part.name, part.layers, part.unchanged, part.changes) == ("a", 2, 1, (0, 1, 0, 0))
    assert (whole.name, whole.layers, whole.unchanged, whole.changes) == ("b", 1, 0, (0, 0, 1, 1))
    assert not part.frozen and not whole.frozen
    assert [block.name for block in blocks(states, lambda name: name[-1])] == ["x", "y", "v"]
    grown = [State("0", None, None, None, Fingerprints(("a/x",), ("1",))), *states]
    assert [block.name for block in blocks(grown)] == ["a"]
    fewer = [*states, State("4", None, None, None, Fingerprints(("a/x",), ("1",)))]
    assert [(block.name, block.layers, block.frozen) for block in blocks(fewer)] == [("a", 1, True)]


def test_heatmaps_are_computed_anew(folder, states, photos, monkeypatch):
    """Not from what is remembered, whose last bits depend on what was asked before."""
    asked = []
    real = workers.heatmap
    monkeypatch.setattr(workers, "heatmap", lambda *a, **k: asked.append(k.get("fresh")) or real(*a, **k))
    checkpoints([folder / "epoch-1.keras"], photos[0], scaling="0..1")
    assert asked == [True]


def test_another_class_layer_and_method(folder, photos):
    paths = [folder / name for name in ("epoch-10.keras", "epoch-1.keras")]
    found = checkpoints(paths, photos[0], 0, method="gradient", scaling="0..1")
    assert [state.name for state in found] == ["epoch-1.keras", "epoch-10.keras"]
    maps = [state.heatmap for state in found]
    assert {(each.class_index, each.layer, each.method) for each in maps} == {(0, "", "gradient")}
    assert found[0].grams is None
    with pytest.raises(OptionError, match="looked at with photos"):
        alike_to_last(found)
    (one,) = checkpoints(paths[:1], photos[0], layer="first", scaling="0..1")
    assert one.heatmap.layer == "first"


def test_it_says_how_far_it_is_and_stops(folder, photos):
    told = []

    def once(done: int, total: int, state) -> bool:
        told.append((done, total, state.name))
        return False

    with pytest.raises(Cancelled, match="was stopped"):
        checkpoints(folder, photos[0], on_progress=once, scaling="0..1")
    assert told == [(1, 3, "epoch-10.keras")]  # the last first: it says the class


def test_a_savedmodel_in_the_folder_is_a_checkpoint(tmp_path):
    (tmp_path / "epoch-2").mkdir()
    (tmp_path / "epoch-2" / "saved_model.pb").touch()
    (tmp_path / "EPOCH-1.KERAS").touch()
    (tmp_path / "figures").mkdir()
    assert [path.rpartition("/")[2] for path in checkpoint_files(tmp_path)] == ["EPOCH-1.KERAS", "epoch-2"]


def test_a_folder_of_savedmodels_is_a_training(tmp_path, photos):
    saved_as(tmp_path, {"epoch-10.zip": ("trained", 3), "epoch-9.zip": ("trained", 0)})
    states = checkpoints(tmp_path, photos[0], images=photos, scaling="0..1")
    assert [state.name for state in states] == ["epoch-9", "epoch-10"]
    assert states[0].heatmap.score != states[1].heatmap.score
    assert not np.array_equal(states[0].heatmap.values, states[1].heatmap.values)
    _, alike = alike_to_last(states)
    assert np.nanmin(alike[1]) > 0.999 and np.nanmin(alike[0]) < 0.999


def test_a_folder_without_checkpoints_is_refused(tmp_path, photos):
    (tmp_path / "of.weights.h5").touch()
    with pytest.raises(OptionError, match=r"holds no checkpoint: expected are \.keras"):
        checkpoints(tmp_path, photos[0])
    with pytest.raises(OptionError, match="Expected a folder of checkpoints"):
        checkpoints(tmp_path / "elsewhere", photos[0])
    with pytest.raises(OptionError, match="at least one checkpoint"):
        checkpoints([], photos[0])


def test_names_in_their_natural_order():
    names = ["epoch-10", "Epoch-2", "epoch-1", "epoch", "2", "epoch-1b", "10"]
    assert sorted(names, key=natural) == ["2", "10", "epoch", "epoch-1", "epoch-1b", "Epoch-2", "epoch-10"]


@pytest.mark.parametrize("name, known", [
    ("a.keras", True), ("a.H5", True), ("a.hdf5", True), ("a.weights.h5", False), (".a.keras", False),
    ("a.csv", False),
])  # fmt: skip
def test_what_is_called_like_a_model(name, known):
    assert is_checkpoint(name) is known


def test_here_as_in_a_worker(folder, states, photos):
    """`look` at a network in this process."""
    from explain.similarity import look

    model = explain.load(str(folder / "epoch-1.keras"), scaling="0..1", trusted=True)
    state = look(model, "epoch-1.keras", photos[0], states[-1].heatmap.class_index, images=photos)
    there = states[0]
    assert np.allclose(state.heatmap.values, there.heatmap.values, rtol=1e-4, atol=1e-6)
    assert state.fingerprints.digests == there.fingerprints.digests
    assert np.allclose(state.grams.values, there.grams.values, rtol=1e-4, atol=1e-4)
