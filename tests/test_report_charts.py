"""Charts in reports: lines with their axes as vectors and as pixels, their numbers, and their way back."""

# ruff: noqa: F811  (fixtures are imported)

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from networks import pictures
from reporting import HOSTILE, SVG, Page, decoded
from small_models import saved_as

from explain import report, workers
from explain.errors import BrokenReport, OptionError, ReportTooLarge
from explain.report import charts, drafts, rasters, ticks
from explain.report.nouns import Chart, Panel, Report, View
from explain.report.scenes import Path, Scene, Words, dashes
from explain.similarity import checkpoints, compare_models

BLUE = charts.LOOKS[0][0]
CHART = Chart(
    ("stem", "body", "neck", "head", "top"), np.array([[1, 0.95, np.nan, 0.5, 0], [0.1, 0.2, 0.1, 0, 0.3]]),
    (0.0, 1.0), ("CKA", "by chance"), ("layers", ""), 0.9, 3,
)  # fmt: skip


def view_of(chart: Chart = CHART, **words: str) -> View:
    return View("A chart", (Panel("", ("a line",), alt="Five figures.", chart=chart),), **words)


def drawn(chart: Chart) -> list:
    return charts.shapes(chart, 0, 0, 300, 200, 8)


def lines(shapes: list, ink: tuple) -> list[Path]:
    return [one for one in shapes if isinstance(one, Path) and one.ink == ink and one.width == 1.0]


# Shapes ----------------------------------------------------------------------------------------------------


def test_points_lie_where_their_numbers_say():
    shapes = drawn(CHART)
    sample, *runs = sorted(lines(shapes, BLUE), key=lambda one: one.points[0][1])
    assert [len(run.points) for run in runs] == [2, 2]  # a gap where the number is missing
    (x0, y0), (x1, y1) = runs[0].points
    (x3, y3), (x4, y4) = runs[1].points
    assert x1 - x0 == pytest.approx(x4 - x3) == pytest.approx((x3 - x1) / 2)
    assert y1 - y0 == pytest.approx(0.05 * (y4 - y0)) and y3 - y0 == pytest.approx(0.5 * (y4 - y0))
    texts = {one.text: one for one in shapes if isinstance(one, Words)}
    assert texts["1.0"].y < texts["0.0"].y and texts["1.0"].y - 0.35 * 8 == pytest.approx(y0)
    assert texts["0.0"].y - 0.35 * 8 == pytest.approx(y4) and texts["stem"].x == pytest.approx(x0)
    assert {"CKA", "by chance", "layers", *CHART.places} <= set(texts)
    level = next(one for one in shapes if isinstance(one, Path) and one.dash == (1.0, 2.0))
    assert level.points[0][1] == pytest.approx(y0 + 0.1 * (y4 - y0))
    diamond = next(one for one in shapes if isinstance(one, Path) and one.filled and len(one.points) == 4)
    assert np.mean(diamond.points, axis=0) == pytest.approx((x3, y3))


def test_many_places_have_numbers_instead_of_names():
    many = replace(CHART, places=tuple(f"layer_{i}" for i in range(57)), values=np.ones((2, 57)), marked=None)
    said = [one.text for one in drawn(many) if isinstance(one, Words)]
    assert "layer_0" not in said and {"1", "10", "50", "57"} <= set(said)
    assert charts.ends(many) == ("1: layer_0", "57: layer_56")


@pytest.mark.parametrize("count", [1, 2, 3, 9, 10, 57, 200, 1999])
@pytest.mark.parametrize("steps", [1, 2, 5, 8])
def test_places_are_counted_evenly_from_the_first_to_the_last(count, steps):
    found = ticks.counted(count, steps)
    assert found[0] == 1 and found[-1] == count and len(found) <= steps + 2
    assert found == sorted(set(found))


@pytest.mark.parametrize(
    "low, high, limits",
    [(0, 1, (0, 1)), (-0.13, 1, (-0.2, 1)), (3.1, 8.7, (3, 9)), (-7, -7, (-12, -2)), (0, 0, (-0.6, 0.6))],
)
def test_limits_are_round_and_hold_the_numbers(low, high, limits):
    assert ticks.round_limits(low, high) == pytest.approx(limits)
    assert ticks.marks(*limits)[0] >= limits[0] and ticks.marks(*limits)[-1] <= limits[1]


def test_dashes_with_a_pencil():
    assert dashes(((0, 0), (10, 0)), (4, 2)) == [((0, 0), (4, 0)), ((6, 0), (10, 0))]
    assert dashes(((0, 0), (3, 0), (3, 3)), (4, 2)) == [((0, 0), (3, 0), (3, 1))]


def test_pixels_have_the_lines_where_the_points_are():
    line, area = Path(((5, 5), (35, 5)), BLUE, 2.0), Path(((10, 15), (15, 10), (20, 15)), filled=True)
    scene = Scene(40, 20, (line, area))
    canvas = rasters.drawn(scene, 144)
    assert tuple(canvas[10, 40]) == BLUE and tuple(canvas[2, 40]) == (255, 255, 255)
    assert canvas[27, 30, 0] < 120 and canvas[22, 22, 0] == 255


def test_nothing_leaves_the_frame_however_small():
    for width in (20, 60, 300):
        shapes = charts.shapes(CHART, 0, 0, width, width / charts.ASPECT, 6)
        points = [p for one in shapes if isinstance(one, Path) for p in one.points]
        assert all(np.isfinite(p).all() for p in points)


# Files -----------------------------------------------------------------------------------------------------


def test_a_figure_has_vectors_and_its_words():
    view = view_of(caption="What it is.")
    svg = ElementTree.fromstring(report.figure_svg(view))
    assert len(svg.findall(f"{SVG}polyline")) > 5 and not svg.findall(f"{SVG}image")
    assert {"CKA", "layers", "head"} <= {each.text for each in svg.findall(f"{SVG}text")}
    assert svg.find(f"{SVG}desc").text == "Five figures."
    assert any(one.get("stroke-dasharray") for one in svg.findall(f"{SVG}polyline"))
    assert (decoded(report.figure_png(view, 8.5, 150)) == BLUE).all(axis=-1).sum() > 50
    assert b"/Subtype /Image" not in report.figure_pdf(view)
    latex = report.latex(view, "a.pdf")
    assert "alt={Five figures.}" in latex and "What it is." in latex
    assert "![Five figures.](a.png)" in report.markdown(view, "a.png")


def test_a_page_has_the_chart_its_words_and_its_numbers():
    data = report.html(Report("R", (view_of(),)))
    page = Page(data)
    (image,) = page.all("img")
    assert image["src"].startswith("data:image/svg+xml;base64,") and image["alt"] == "Five figures."
    assert len(page.all("details")) == 1 and {"0.95", "–"} <= set(page.text)
    assert report.pdf(Report("R", (view_of(),))).startswith(b"%PDF")


def test_an_archive_has_the_numbers_as_a_table_and_opens_again():
    alone = replace(CHART, labels=(), values=CHART.values[:1], level=None)
    document = Report("R", (view_of(), view_of(alone)))
    data = report.archive(document)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        name = next(each for each in archive.namelist() if each.endswith(".csv") and "values" in each)
        rows = list(csv.reader(io.StringIO(archive.read(name).decode("utf-8-sig"))))
    assert rows[0] == ["number", "layers", "CKA", "by chance"]
    assert rows[1] == ["1", "stem", "1.0", "0.1"] and rows[3][2] == "nan"
    again = report.open_archive(data)
    for one, other in zip(document.views, again.views, strict=True):
        mine, theirs = one.panels[0].chart, other.panels[0].chart
        np.testing.assert_array_equal(mine.values, theirs.values)
        assert {**vars(mine), "values": 0} == {**vars(theirs), "values": 0}
    assert report.archive(again) == data


def changed(change) -> bytes:
    """An archive whose report.json was changed."""
    with zipfile.ZipFile(io.BytesIO(report.archive(Report("R", (view_of(),))))) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    document = json.loads(files[drafts.NAME])
    change(document["views"][0]["panels"][0]["chart"])
    return report.archives.zipped(files | {drafts.NAME: json.dumps(document).encode()})


@pytest.mark.parametrize(
    "field, value",
    [
        ("places", ["a"]), ("places", "stem"), ("labels", ["one"]), ("limits", None), ("limits", [1, 0]),
        ("limits", [0, 1e-320]), ("limits", [-1e308, 1e308]), ("axes", ["x"]), ("level", 3), ("level", "x"),
        ("marked", 5), ("marked", -1), ("values", ""), ("values", "report.html"), ("values", "../x.npy"),
    ],
)  # fmt: skip
def test_a_chart_of_a_stranger_is_asked_field_by_field(field, value):
    with pytest.raises(BrokenReport):
        report.open_archive(changed(lambda chart: chart.update({field: value})))


def test_a_chart_with_very_many_lines_is_refused():
    with pytest.raises(ReportTooLarge):
        report.open_archive(changed(lambda chart: chart.update(labels=["x"] * 21)))


@pytest.mark.parametrize("word", HOSTILE)
def test_names_of_strangers_stay_words(word):
    chart = replace(CHART, places=(word,) * 5, labels=(word, word), axes=(word, word))
    view = view_of(chart)
    ElementTree.fromstring(report.figure_svg(view))
    report.figure_pdf(view), report.figure_png(view, 8.5, 72)
    data = report.archive(Report("R", (view,)))
    assert report.archive(report.open_archive(data)) == report.archive(report.open_archive(data))
    page = report.html(Report("R", (view,))).decode()
    assert "<script>alert" not in page and not re.search(r"<[^>]+onerror=", page)


# Studies ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    here = tmp_path_factory.mktemp("training")
    saved_as(here, {"epoch-1.keras": ("trained", 0), "epoch-2.keras": ("trained", 2)})
    return here


def test_two_models_become_a_view_that_names_them_and_the_photos(folder):
    photos = pictures(5)
    a, b = (workers.load(str(folder / f"epoch-{i}.keras"), scaling="0..1") for i in (1, 2))
    found = compare_models(a, b, photos)
    view = report.view_of_similarity(a, b, found, photos, "Two")
    chart = view.panels[0].chart
    np.testing.assert_array_equal(chart.values[0], [found.cka[i, j] for i, j in found.pairs])
    np.testing.assert_array_equal(chart.values[1], [found.chance[i, j] for i, j in found.pairs])
    assert all(model.key[:12] in view.caption for model in (a, b))
    assert all(photo.key[:12] in view.caption for photo in photos)
    assert "Kornblith" in view.caption and "reproduce does not" in view.caption
    assert "epoch-1" in view.panels[0].alt and "epoch-2" in view.panels[0].alt
    for wrong in ((b, a, found, photos), (a, b, found, photos[::-1])):
        with pytest.raises(OptionError):
            report.view_of_similarity(*wrong)


def test_a_training_becomes_curves(folder):
    photos = pictures(4)
    states = checkpoints(folder, photos[0], images=photos, scaling="0..1")
    view = report.view_of_training(states, photos[0])
    probability, score = (panel.chart.values[0] for panel in view.panels)
    assert list(probability) == [state.heatmap.probability for state in states]
    assert list(score) == [state.heatmap.score for state in states]
    low, high = view.panels[1].chart.limits
    assert low <= score.min() <= score.max() <= high
    layers = report.view_of_training_layers(states, photos)
    assert layers.panels[0].values.shape[0] == 2 and np.nanmin(layers.panels[0].values[0]) > 0.999
    with pytest.raises(OptionError):
        report.view_of_training(states, photos[1])
    with pytest.raises(OptionError):
        report.view_of_training_layers(states, photos[:2])
