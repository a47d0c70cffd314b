"""The page “Checkpoints”: states of one training, uploaded together, opened one after the other."""

from __future__ import annotations

import time

import numpy as np
import pytest
from pages import button, choice, panels, told, uploader, visit
from small_models import saved_as

from dashboard import tours
from dashboard import uploads as storage
from dashboard.text import say
from explain import workers

STEPS = {"epoch-1.keras": 0, "epoch-2.keras": 1, "epoch-10.keras": 3}


@pytest.fixture(scope="module")
def states(tmp_path_factory) -> dict[str, bytes]:
    files = {name: ("trained", steps) for name, steps in STEPS.items()}
    files |= {"other.keras": ("nested",), "mine.weights.h5": ("trained", 1)}
    return saved_as(tmp_path_factory.mktemp("states"), files)


def give(at, states, *names: str):
    for name in names:
        uploader(at, say("tour.upload")).upload(name, states[name], "application/octet-stream").run()
        assert not at.exception
    return at


def new(states, photo: str):
    """All of them, on a photo that no other test asks about."""
    at = visit("checkpoints")
    choice(at, "Photo").select(photo).run()
    return give(at, states, *STEPS)


def until(look) -> None:
    end = time.monotonic() + 90
    while not look():
        assert time.monotonic() < end
        time.sleep(0.05)


def finished(at):
    """Once all of it has been looked at."""
    for one in [b for b in at.button if b.label in (say("tour.start"), say("tour.go_on"))]:
        one.click().run()
    until(lambda: not at.session_state["tour"].running)
    at.run()
    assert not at.exception
    return at


def looked(states, *names: str):
    return finished(
        give(visit("checkpoints"), states, *(names or ("epoch-10.keras", "epoch-1.keras", "epoch-2.keras")))
    )


def table(at, head: str):
    return next(each.value for each in at.dataframe if head in each.value.columns)


def test_the_page_says_what_to_upload(states):
    at = visit("checkpoints")
    assert say("tour.none") in told(at)
    give(at, states, "epoch-2.keras")
    assert say("tour.one") in told(at) and say("tour.start") not in [b.label for b in at.button]


def test_a_training_from_its_first_to_its_last_state(states):
    at = looked(states)
    assert not at.error
    assert list(at.select_slider[0].options) == ["epoch-1.keras", "epoch-2.keras", "epoch-10.keras"]
    guesses = table(at, say("tour.guess"))
    assert list(guesses[say("tour.which")]) == list(STEPS)
    assert guesses[say("tour.said.score")].nunique() == 3
    label = guesses[say("tour.guess")].iloc[-1]  # the last one's first guess
    assert say("tour.heatmaps", label=label) in told(at)
    first, last = panels(at, "tour_heat")
    assert first["title"] == "epoch-1.keras" and last["title"] == say("tour.last", name="epoch-10.keras")
    assert first["limits"] == last["limits"]

    at.select_slider[0].set_value(2).run()
    shown, last = panels(at, "tour_heat")
    assert shown["title"] == "epoch-10.keras" and np.array_equal(shown["values"], last["values"])

    blocks = table(at, say("tour.block")).set_index(say("tour.block"))
    assert blocks.loc["first", say("tour.block.state")] == say("tour.block.frozen")
    assert blocks.loc["second", say("tour.block.state")] == say("tour.block.tuned")
    assert blocks.loc["second", say("tour.block.changed")] == "epoch-2.keras, epoch-10.keras"
    assert say("tour.blocks.are.frozen", blocks="first") in told(at)
    assert say("tour.layers") in told(at)


def test_another_class_and_layer_are_asked_of_all(states):
    at = looked(states)
    before = [panel["values"] for panel in panels(at, "tour_heat")]
    choice(at, say("tour.layer")).select("first").run()
    finished(at)
    after = panels(at, "tour_heat")
    assert [panel["lines"][1] for panel in after] == ["first", "first"]
    assert after[0]["shape"] != list(before[0].shape)
    choice(at, say("choose.class")).select(2).run()
    finished(at)
    assert say("tour.heatmaps", label="class 2") in told(at) and not at.error


def test_what_cannot_be_opened_is_named_and_the_others_stay(states):
    states = states | {"epoch-2.keras": states["epoch-2.keras"][:3000]}
    at = looked(states)
    (error,) = at.error
    assert error.value.replace("\\", "").startswith("epoch-2.keras: ") and "(code E_" in error.value
    assert list(at.select_slider[0].options) == ["epoch-1.keras", "epoch-10.keras"]


def test_weights_of_an_own_architecture_are_refused_with_the_way_out(states):
    at = looked(states, "epoch-1.keras", "epoch-2.keras", "mine.weights.h5")
    (error,) = at.error
    assert "(code E_WEIGHTS_ONLY)" in error.value and "mine" in error.value
    assert "save_weights_only=False" in str([box.help for box in at.selectbox])


def test_another_architecture_among_them(states):
    at = looked(states, "epoch-1.keras", "epoch-2.keras", "other.keras")
    assert not at.error and "other architectures than the last one" in told(at)


def test_stopping_keeps_what_is_there(states):
    at = new(states, "motorcycle")
    button(at, say("tour.start")).click().run()
    job = at.session_state["tour"]
    until(lambda: job.states())
    job.stop()
    until(lambda: not job.running)
    at.run()
    done = len(job.states())
    assert 1 <= done < 3 and say("tour.stopped", done=done, total=3) in told(at)
    assert (
        len(finished(at).select_slider[0].options) == 3
        and at.session_state["tour"].states()[-1] is job.states()[-1]
    )


def test_a_page_that_was_left_ends_the_work(states, monkeypatch):
    monkeypatch.setattr(tours, "PATIENCE", -1.0)
    at = new(states, "raccoon")
    button(at, say("tour.start")).click().run()
    job = at.session_state["tour"]
    until(lambda: not job.running)
    assert len(job.states()) == 0 and not job.failures


def test_never_more_workers_than_allowed_and_files_go(states):
    at = looked(states)
    assert len(workers.status()) <= 3
    held = set(at.session_state["checkpoint_files"])
    keeper = storage.uploads()
    assert all(keeper.path(digest).exists() for digest in held)
    button(at, say("tour.forget")).click().run()
    assert say("tour.none") in told(at) and not any(keeper.path(digest).exists() for digest in held)


def test_too_much_for_one_session(states, monkeypatch):
    at = visit("checkpoints")
    monkeypatch.setattr(storage.uploads(), "session_bytes", 1000)
    give(at, {"large.keras": states["other.keras"] + b" "}, "large.keras")  # bytes that no session holds
    assert "(code E_QUOTA)" in at.error[0].value and not at.exception
