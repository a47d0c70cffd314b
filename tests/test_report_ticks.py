"""No word of a figure lies over another, from the narrowest cell to the widest, whatever the numbers are."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from reporting import decoded

from explain import report
from explain.report import layouts, rasters, scales, ticks
from explain.report.nouns import Panel, View
from explain.report.scenes import POINTS, Picture, Ramp, Words, width_of

SPANS = [(0.0, 4.83), (-1.234e-05, 1.234e-05), (-1.234e-05, 0.0), (-123456.0, 98765.0), (1e-30, 2e-30), (0.0, 1.0),
         (-0.001234, 0.5678), (99999.1, 99999.2), (-3e38, 3e38)]  # fmt: skip


def figure(span, count: int, columns: int, shared: bool = False) -> View:
    photo, heat = np.full((20, 20, 3), 128, np.uint8), np.eye(4, dtype=np.float32)
    panels = tuple(Panel(f"class {i}", ("score 1.2",), photo, heat, span) for i in range(count))
    return View("", panels, columns, shared=shared, label="Grad-CAM")


def boxes(scene) -> list[tuple[float, float, float, float]]:
    """(left, top, right, bottom) of every line of text, without the air above and below its letters."""
    found = []
    for words in (shape for shape in scene.shapes if isinstance(shape, Words) and shape.text):
        width = width_of(words.text, words.size)
        left = words.x - {"start": 0, "middle": 0.5, "end": 1}[words.anchor] * width
        found.append((left, words.y - 0.75 * words.size, left + width, words.y))
    return found


def over(a, b) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def checked(scene) -> None:
    every = boxes(scene)
    for a, b in combinations(every, 2):
        assert not over(a, b), (a, b)
    bars = [shape for shape in scene.shapes if isinstance(shape, Ramp)]
    frames = [(b.x, b.y, b.x + b.width, b.y + b.height) for b in bars]
    frames += [(p.x, p.y, p.x + p.width, p.y + p.height) for p in scene.shapes if isinstance(p, Picture)]
    for box in every:
        assert not any(over(box, frame) for frame in frames)
        assert box[0] >= -0.01 and box[2] <= scene.width + 0.01 and box[3] <= scene.height, box


def widths(columns: int) -> list[float]:
    """From the narrowest that has room for so many columns, in cm."""
    least = (columns * layouts.NARROWEST + (columns - 1) * layouts.GAP + 2 * layouts.MARGIN) / POINTS
    steps = np.geomspace(max(1.0, least + 1e-6), 200, 40)
    return [float(width) for width in steps]


@pytest.mark.parametrize("span", SPANS)
@pytest.mark.parametrize(
    ("count", "columns", "shared"), [(1, 1, False), (2, 2, False), (6, 6, False), (3, 3, True), (1, 1, True)]
)
def test_no_word_lies_over_another(span, count, columns, shared):
    view = figure(span, count, columns, shared)
    for width in widths(columns):
        checked(layouts.scene(view, width))


@pytest.mark.parametrize("span", SPANS)
def test_numbers_stay_on_their_bar_and_say_both_ends(span):
    for width in np.geomspace(layouts.NARROWEST, 5000, 60):
        for size in (5.5, 6.0, 7.0):
            shown, small, below = ticks.fitting(*span, width, size)
            assert shown[0] == ticks.numbers(*span, 1)[0] or len(shown) > 2
            assert (len(shown), below) in ((5, False), (3, False), (2, False), (2, True)) and small <= size
            assert all(width_of(number, small) <= width for number in shown)
            if small < size:
                assert below


def test_numbers_have_room_again_where_the_bar_is_wide():
    assert ticks.fitting(0, 4.83, 200, 6) == (["0.00", "1.21", "2.42", "3.62", "4.83"], 6, False)
    assert len(ticks.fitting(0, 4.83, 20.0, 5.5)[0]) == 2


@pytest.mark.parametrize("dpi", [36, 50, 72, 96, 300])
def test_pixels_are_no_wider_than_the_layout_thinks(dpi):
    """Whatever the density, letters keep to the box that the layout has for them."""
    scene = layouts.scene(figure((-1.234e-05, 1.234e-05), 2, 2), 5.0)
    for words, box in zip((s for s in scene.shapes if isinstance(s, Words)), boxes(scene), strict=True):
        drawn = rasters.drawn(replace(scene, shapes=(words,)), dpi)
        columns = np.flatnonzero((drawn < 255).any(axis=(0, 2))) * 72 / dpi
        more = (ticks.WIDER - 1) * (box[2] - box[0]) + 72 / dpi
        assert len(columns) and columns[0] >= box[0] - more and columns[-1] <= box[2] + more, words.text


def test_tiny_letters_are_still_there():
    drawn = decoded(report.figure_png(figure((0.0, 4.83), 1, 1), 1.0, 36))
    assert drawn.shape[1] == 14 and (drawn[-4:] < 255).any()


def test_panels_that_happen_to_have_one_scale_can_be_compared():
    view = figure((0.0, 1.0), 3, 3)
    assert scales.statement(view) == "one scale for all panels"
    other = replace(view, panels=(*view.panels[1:], replace(view.panels[0], limits=(0.0, 2.0))))
    assert scales.statement(other).startswith("scales differ")
    page = report.html(report.Report("", (view, replace(view, title="Named")))).decode()
    assert "<h2>Figure 1</h2>" in page and "<h2>Figure 2. Named</h2>" in page
