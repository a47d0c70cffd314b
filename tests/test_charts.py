"""Charts without a page: what stands where, what is marked, and what is left out."""

from __future__ import annotations

import numpy as np
import pytest

from dashboard import charts, layer_charts
from explain.results import Prediction


@pytest.fixture
def drawn(monkeypatch) -> list:
    """The figures that charts would have shown, instead of a screen."""
    figures = []
    for module in (charts, layer_charts):
        monkeypatch.setattr(module, "show", lambda figure, *_, **__: figures.append(figure))
    return figures


def test_guesses_stand_best_on_top_and_the_chosen_one_in_colour(drawn):
    found = [Prediction(k, label, share, share) for k, label, share in ((4, "cat", 0.7), (2, "dog", 0.2))]
    charts.guesses(found, "key", chosen=2)
    (bar,) = drawn[0].data
    assert list(bar.text) == ["dog  20.0%", "cat  70.0%"] and list(bar.x) == [0.2, 0.7]
    assert list(bar.marker.color) == [charts.ACCENT, charts.QUIET]


def test_a_histogram_leaves_out_what_is_no_number(drawn):
    charts.histogram(np.array([[0, 1], [np.nan, np.inf]], np.float32), "key", "value", "places", "alt")
    (bar,) = drawn[0].data
    assert sum(bar.y) == 2 and bar.y[0] == bar.y[-1] == 1
    assert bar.x[0] == pytest.approx(1 / 64) and bar.x[-1] == pytest.approx(63 / 64)  # middles


def test_a_climb_begins_with_its_first_step(drawn):
    charts.climb(np.array([3, 5, 6], np.float32), "key", "step", "activation", "alt")
    (line,) = drawn[0].data
    assert list(line.x) == [1, 2, 3] and list(line.y) == [3, 5, 6]


def test_a_curve_marks_the_first_layer_that_differs_and_hides_nothing(drawn):
    names, figures, chance = ["a", "b", "c"], [1.0, 0.4, float("nan")], [0.1, -0.3, 0.2]
    layer_charts.curve(names, figures, chance, "key", 1, 0.9)
    by_chance, line, mark = drawn[0].data
    assert list(by_chance.y) == chance and list(line.y)[:2] == figures[:2] and list(line.customdata) == names
    assert list(mark.x) == [1] and list(mark.y) == [0.4] and drawn[0].layout.shapes[0].y0 == 0.9
    assert drawn[0].layout.yaxis.range[0] == pytest.approx(-0.35)
    layer_charts.curve(names[:2], figures[:2], [0.1, 0.2], "key", None, 0.9)
    assert len(drawn[1].data) == 2 and drawn[1].layout.yaxis.range[0] == -0.05


def test_a_matrix_has_its_rows_upwards_and_not_more_names_than_fit(drawn):
    figures = np.arange(60).reshape(3, 20) / 60
    columns = [f"c{i}" for i in range(20)]
    layer_charts.matrix(["a", "b", "c"], columns, figures, "key", "alt", ("rows", "columns"))
    (heat,) = drawn[0].data
    assert np.array_equal(heat.z, figures) and heat.text[1][2] == "b<br>c2"
    x, y = drawn[0].layout.xaxis, drawn[0].layout.yaxis
    assert list(y.ticktext) == ["a", "b", "c"] and list(y.tickvals) == [0, 1, 2]
    assert len(x.ticktext) == layer_charts.FEW and [columns[i] for i in x.tickvals] == list(x.ticktext)
    assert (x.ticktext[0], x.ticktext[-1]) == ("c0", "c19")
    assert (y.title.text, x.title.text) == ("rows", "columns")
