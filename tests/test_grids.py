"""The grid of a comparison, without a page: which cells there are, and what each asks of its network."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from dashboard import grids
from dashboard.text import say


def chosen(**counts: int) -> dict[str, list[int]]:
    return {axis: list(range(counts.get(axis, 1))) for axis in grids.AXES}


@pytest.mark.parametrize(
    "counts, wished, expected",
    [
        ({}, ("photos", "methods"), (None, None, (), 1, False)),
        ({"photos": 3}, ("photos", "methods"), (None, "photos", (), 3, False)),
        ({"photos": 2, "methods": 3}, ("photos", "methods"), ("photos", "methods", (), 3, False)),
        ({"photos": 2, "methods": 3}, ("methods", "photos"), ("methods", "photos", (), 2, False)),
        ({"photos": 2, "classes": 2}, ("photos", "methods"), ("photos", "classes", (), 2, False)),
        ({"methods": 2, "layers": 2}, ("photos", "methods"), ("layers", "methods", (), 2, False)),
        (
            {"photos": 2, "methods": 2, "classes": 2}, ("photos", "methods"),
            ("photos", "methods", ("classes",), 4, False),
        ),
        (
            {"photos": 2, "methods": 3, "layers": 2}, ("photos", "methods"),
            ("photos", "methods", ("layers",), 3, True),
        ),
        ({"photos": 2, "methods": 2}, ("methods", "methods"), ("photos", "methods", (), 2, False)),
    ],
)  # fmt: skip
def test_axes_become_rows_and_columns(counts, wished, expected):
    plan = grids.plan(chosen(**counts), *wished)
    assert (plan.rows, plan.columns, plan.inner, plan.wide, plan.lines) == expected


def layer(name: str, has_map: bool = True):
    return SimpleNamespace(name=name, has_map=has_map)


def asker(**more):
    first = SimpleNamespace(
        name="One", default_layer="b", layers=(layer("a"), layer("b"), layer("flat", False))
    )
    other = SimpleNamespace(name="Other", default_layer="c", layers=(layer("c"),))
    classes = {"one": {0: 0, 1: 1}, "other": {1: 7}}
    labels = {None: "first guess", 0: "cat", 1: "dog"}
    return grids.Asker({"one": first, "other": other}, "one", classes, labels, **more)


@pytest.mark.parametrize(
    "at, layer_asked, class_asked, missing",
    [
        (("p", "gradcam", "", None, "one"), "b", None, ""),
        (("p", "gradcam", "", 1, "other"), "c", 7, ""),
        (("p", "gradcam", "a", 1, "one"), "a", 1, ""),
        (("p", "occlusion", "a", 1, "other"), None, 7, ""),
        (("p", "eigencam", "a", 1, "one"), "a", None, ""),
        (("p", "gradcam", "a", 1, "other"), None, None, say("compare.no_layer", model="Other", layer="a")),
        (("p", "gradcam", "", 0, "other"), None, None, say("compare.no_class", model="Other", label="cat")),
    ],
)
def test_a_cell_asks_its_network_or_says_why_not(at, layer_asked, class_asked, missing):
    cell = asker().cell(at)
    assert (cell.layer, cell.class_index, cell.missing) == (layer_asked, class_asked, missing)


def test_the_automatic_layer_of_another_output_is_left_to_the_network():
    assert asker(output=1).cell(("p", "gradcam", "", None, "one")).layer is None
    assert asker(output=1).cell(("p", "gradcam", "", None, "other")).layer == "c"


def test_what_would_be_asked_twice_is_there_once_and_stands_at_the_end():
    wanted = chosen() | {
        "methods": ["occlusion", "eigencam", "gradcam"],
        "layers": ["a", "", "b"],
        "classes": [0, 1],
    }
    wanted |= {"photos": ["p"], "models": ["one"]}
    lines = grids.cells(wanted, grids.plan(wanted, "layers", "methods"), asker())
    found = [[(cell.on("methods"), cell.layer, cell.class_index) for cell in line] for line in lines]
    eigen = [("eigencam", "a", None)], [("eigencam", "b", None)]
    cams = [[("gradcam", name, k) for name in "ab"] for k in (0, 1)]
    assert sorted(each for line in found for each in line) == sorted(
        [*eigen[0], *eigen[1], *cams[0], *cams[1], ("occlusion", None, 0), ("occlusion", None, 1)]
    )
    assert all(cell[0] == "occlusion" for line in found[-2:] for cell in line)
