"""Pages in detail: what cells ask, what figures say, what is counted; most of it without a page."""

from __future__ import annotations

import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import streamlit as st
from pages import button, panels, visit
from test_climbs import WISH, pattern, store, until, worker  # noqa: F401  fixtures
from test_grids import asker, chosen, layer
from test_pages_report import some_view

from dashboard import (
    bundles,
    comparing,
    grids,
    pairs,
    pins,
    printing,
    tour_results,
    two_layers,
    two_patterns,
    widgets,
)
from dashboard.climbs import Climb
from dashboard.networks import Own
from dashboard.text import say
from explain.methods import shelf
from explain.results import Heatmap
from explain.similarity import Block, Comparison


@pytest.fixture
def session():
    """No page: the state of this process."""
    st.session_state.clear()
    yield st.session_state
    st.session_state.clear()


# The grid of a comparison ----------------------------------------------------------------------------------


def test_a_network_without_maps_and_a_layer_without_one_are_said():
    ask = asker()
    flat = SimpleNamespace(name="Flat", default_layer=None, layers=(layer("dense", False),))
    ask = replace(ask, models={**ask.models, "flat": flat}, classes={**ask.classes, "flat": {}})
    missing = lambda *at: ask.cell(("p", *at)).missing  # noqa: E731
    assert missing("gradcam", "", None, "flat") == say("compare.no_map", model="Flat")
    assert missing("occlusion", "", None, "flat") == ""
    assert missing("gradcam", "flat", None, "one") == say("compare.no_layer", model="One", layer="flat")


def test_each_reason_and_each_photo_has_a_cell_and_only_askable_ones_are_asked():
    wanted = chosen() | {"photos": ["p", "q"], "methods": ["gradcam"], "layers": ["", "a"]}
    wanted |= {"classes": [0], "models": ["other"]}
    lines = grids.cells(wanted, grids.plan(wanted, "photos", "layers"), asker())
    no_class = say("compare.no_class", label="cat", model="Other")
    no_layer = say("compare.no_layer", layer="a", model="Other")
    assert [[cell.missing for cell in line] for line in lines] == [[no_class, no_layer]] * 2
    assert grids.questions(lines) == {}
    wanted |= {"models": ["one", "other"], "layers": [""]}
    lines = grids.cells(wanted, grids.plan(wanted, "models", "photos"), asker())
    assert {q: [c.on("photos") for c in cells] for q, cells in grids.questions(lines).items()} == {
        ("one", "gradcam", "b", 0): ["p", "q"]
    }


def heat(values, **more) -> Heatmap:
    about = {"layer": "x", "class_index": 0, "label": "cat", "score": 1.0, "probability": 0.5}
    about |= {"method": "gradcam", "image": "k" * 64}
    return Heatmap(**about | {"values": np.asarray(values, np.float32)} | more)


def screen(*at: tuple, **found: Heatmap) -> comparing.Screen:
    """Cells at these places, and their maps in that order."""
    plan = grids.Plan(None, "methods", ("models",), len(at), False)
    cells = [grids.Cell(each, "x") for each in at]
    grid = comparing.Grid(plan, [cells], asker(output=1), {"gradcam": {}}, dict(zip(cells, found.values())))
    titles = {"photos": {"cat": "A cat"}, "methods": {"gradcam": "Grad-CAM"}, "layers": {"": ""}}
    titles |= {"classes": {None: ""}, "models": {"one": "One", "other": "Other"}}
    return comparing.Screen(grid, titles)


PLACES = ("cat", "gradcam", "", None, "one"), ("cat", "gradcam", "", None, "other")


def test_maps_of_two_networks_are_never_on_one_scale_and_a_cell_without_a_map_has_none():
    shown = screen(*PLACES, a=heat([[1]]), b=heat([[1]]))
    assert shown.scale(shown.cells[0]) != shown.scale(shown.cells[1]) and shown.scales == 2
    assert screen(*PLACES, a=heat([[1]])).scales == 1


def test_only_the_first_network_is_asked_for_the_chosen_output():
    shown = screen(*PLACES, a=heat([[1]]))
    assert [shown.grid.arguments(cell)["output"] for cell in shown.cells] == [1, None]


def test_the_difference_on_one_photo_lies_over_it_and_says_how_it_was_made():
    a, b = heat([[0, 4], [2, 1]]), heat([[3, 0], [0, 1]])
    shown = screen(*PLACES, a=a, b=b)
    panel = pairs.printed(shown, *shown.cells)
    assert panel.lines[0] == say("compare.difference.share") and panel.limits == (-1, 1)
    assert panel.picture is not None
    np.testing.assert_allclose(panel.values, a.values / 4 - b.values / 3, rtol=1e-6)
    assert "−" in panel.lines[1] and "-" not in panel.lines[1]  # they contradict each other
    same = screen(PLACES[0], ("cat", "gradcam", "a", None, "one"), a=a, b=b)
    panel = pairs.printed(same, *same.cells)
    assert panel.lines[0] == say("compare.difference.raw") and panel.limits == (-4, 4)


def test_progress_counts_what_was_known_and_never_goes_beyond_the_end():
    told = []
    bar = SimpleNamespace(progress=lambda share, text: told.append((share, text)))
    progress = comparing._Progress(None, ()).of("Grad-CAM", 10)
    progress(4, 4, None)  # nothing to wait for: nothing is drawn
    progress.bar = bar
    for done in (0, 2, 4):
        progress(done, 4, None)
    words = [say("compare.progress", method="Grad-CAM", at=at, total=10) for at in (7, 9, 10)]
    assert told == [(0.0, words[0]), (0.5, words[1]), (1.0, words[2])]


def test_a_pinned_comparison_without_a_lock_and_with_colours_for_signs(monkeypatch):
    anew, real = [], comparing.remember.heatmap

    def asked(*given, **named):
        anew.extend(named[name] for name in named if name == "fresh")
        return real(*given, **named)

    monkeypatch.setattr(comparing.remember, "heatmap", asked)
    at = visit("compare", methods=["Gradient × input"])
    looks = {"opacity": 0.5, "threshold": 0.0, "colormap": "blue-red", "smooth": True, "locked": False}
    at.session_state["compare_heat"] = {"looks": looks}
    button(at.run(), say("pin.button")).click().run()
    (pin,) = at.session_state["pins"]
    one, other = pin.view.panels
    assert one.limits != other.limits and not pin.view.shared and pin.view.label == "Gradient × input"
    assert (one.colormap, pin.view.colormap) == ("", "blue-red") and anew == [True, True]
    for panel, seen in zip(pin.view.panels, panels(at, "compare_heat"), strict=True):
        np.testing.assert_allclose(panel.limits, seen["limits"], rtol=1e-3)
    at.session_state["compare_heat"] = {"looks": looks | {"locked": True}, "pair": [[0, 1], 1]}
    button(at.run(), say("pin.button")).click().run()
    both = at.session_state["pins"][1].view  # the difference has a scale of its own
    assert len(both.panels) == 3 and not both.shared and both.panels[0].limits == both.panels[1].limits

    knobs = tuple(sorted(shelf("heatmaps")["gradient_times_input"].options({}).items()))
    question = "efficientnet-lite0", "gradient_times_input", None, None
    at.session_state["compare_stopped"] = ((question, knobs, ("cat", "raccoon")),)
    at.run()  # stopped when all of it was there: nothing is left to go on with
    assert say("compare.go_on") not in [each.label for each in at.button]
    assert all(panel["shape"] for panel in panels(at, "compare_heat"))


# Two networks, and a training ------------------------------------------------------------------------------


@pytest.fixture
def written(monkeypatch) -> list[str]:
    """What one module writes onto the page."""
    found = []
    page = {kind: lambda text, **_: found.append(text) for kind in ("write", "caption", "success", "info")}
    monkeypatch.setattr(two_layers, "st", SimpleNamespace(**page))
    return found


def test_where_layers_differ_is_said_layer_by_layer(written):
    names = ["a", "b", "c", "d"]
    two_layers._say_where(names, [1.0, 0.9999, 0.95, float("nan")], None)
    said = [say("two.layers.above", least=0.9), say("two.layers.same_until", layer="b")]
    assert all(each in written[0] for each in said) and written[1] == say("two.layers.undefined", count=1)
    two_layers._say_where(names, [0.99, 0.96, 0.3, 0.25], 2)
    text = written[2]
    assert say("two.layers.first", layer="**c**", cka=0.3, least=0.9) in text
    assert say("two.layers.fall", layer="c", before=0.96, after=0.3) in text
    assert "same_until" not in text and len(written) == 3
    two_layers._say_where(names, [1.0, 0.9996, 1.0, 1.0], None)
    assert written[3] == say("two.layers.equal", count=4)


@pytest.mark.parametrize("count, word", [(23, "few"), (24, "enough")])
def test_how_far_the_photos_can_be_trusted(count, word, written):
    found = Comparison((("a",), ("b",)), np.ones((1, 1)), np.ones((1, 1)), (), True, ("k",) * count)
    two_layers._say_trust(found)
    assert written == [say("two.layers.trust", count=count, word=say(f"two.layers.trust.{word}"))]


def test_the_matrix_is_saved_with_the_names_of_both(monkeypatch):
    saved = []
    monkeypatch.setattr(widgets, "save_buttons", lambda files, key: saved.append(files[0][1]()))
    two_layers._save(["", "x", "y"], [["a", 0.5, 1.0], ["b, c", 0.25, 0.0]], "matrix")
    assert saved == [b',x,y\r\na,0.5,1.0\r\n"b, c",0.25,0.0\r\n']


def test_equal_networks_climb_once_and_each_climbs_with_its_own(store):  # noqa: F811
    same = Climb(WISH, (1, 2), store), Climb(WISH, (1, 2), store)
    assert len(two_patterns._apart(same)) == 1
    assert len(two_patterns._apart((same[0], Climb(WISH, (2, 1), store)))) == 2


def test_what_changed_in_a_block_is_said_briefly():
    names = ["one", "two", "three", "four"]
    assert tour_results._changed_in(Block("b", 2, 0, (0, 1, 2, 1)), names) == say("tour.block.every")
    assert tour_results._changed_in(Block("b", 2, 1, (0, 0, 2, 0)), names) == "three"
    assert tour_results._changed_in(Block("b", 2, 2, (0, 0, 0, 0)), names) == "–"
    assert tour_results._changed_in(Block("b", 2, 0, (0, 1, 1)), names[:3]) == "two, three"  # two are named
    states = [tour_results._state_of(Block("b", 3, unchanged, ())) for unchanged in (3, 0, 1)]
    partly = say("tour.block.partly", unchanged=1, layers=3)
    assert states == [say("tour.block.frozen"), say("tour.block.tuned"), partly]


# Patterns, pins, print, uploads ----------------------------------------------------------------------------


def test_time_left_goes_by_what_this_job_made(worker, store):  # noqa: F811
    for channel in range(4):
        store.put(WISH.key(channel), pattern(channel))
    job = Climb(WISH, tuple(range(16)), store)
    job.start("a model")
    assert job.done == [0, 1, 2, 3] and job.seconds_left() is None  # what was there says nothing of the pace
    worker.step.release()
    until(lambda: len(job.done) == 8)
    job.started = time.monotonic() - 10
    assert job.seconds_left() == 20  # four in ten seconds, eight to go
    assert store.get(WISH.key(5)).together == (4, 5, 6, 7)
    job.stop()
    worker.step.release()
    until(lambda: not job.running)


def test_a_caption_alone_makes_another_preview_and_a_long_title_a_short_name(session):
    assert pins.add(some_view()) == ""
    size = printing.Size(6.0, 150, "png", True)
    before = printing.preview(pins.pins()[0], size)
    pins.change(pins.pins()[0].id, caption="Another.")
    assert printing.preview(pins.pins()[0], size) != before
    pins.change(pins.pins()[0].id, title="x" * 300)
    assert len(printing.name(0, pins.pins()[0])) <= 53


@pytest.mark.parametrize(
    "name", ["__MACOSX/run/epoch-1.keras", "run/.old/epoch-1.keras", "run/notes.keras.txt"]
)
def test_what_is_hidden_in_a_folder_is_no_checkpoint(name):
    assert not bundles._wanted(name) and bundles._wanted("run/epoch-1.keras")
    assert bundles._wanted("run/EPOCH.Weights.H5")


def test_a_training_has_so_many_checkpoints_and_not_one_more(monkeypatch):
    monkeypatch.setattr(bundles, "MOST", 2)
    held: dict[str, Own] = {}
    for digest in ("a", "b", "a"):
        bundles._hold(held, digest, f"{digest}.keras")
    with pytest.raises(bundles.QuotaExceeded):
        bundles._hold(held, "c", "c.keras")
    assert list(held) == ["a", "b"]
