"""The page “Compare” with two networks that were trained on different lists of classes."""

from __future__ import annotations

import numpy as np
import pytest
from pages import button, choice, panels, uploader, visit
from picture_files import saved as picture
from small_models import saved_as, squares

from dashboard.text import say
from explain.report.scales import statement

ONE, OTHER = ("green", "red", "blue"), ("Blue", "nothing", "RED")  # green and nothing are known to one of them
CORNERS = {"red": (2, 2), "blue": (14, 14)}


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> dict[str, bytes]:
    kinds = {"one.keras": ("colours", *ONE), "other.keras": ("colours", *(name.lower() for name in OTHER))}
    return saved_as(tmp_path_factory.mktemp("models"), kinds)


@pytest.fixture
def compared(trained):
    """A session with both networks, with the names of their classes, on a photo of two squares."""
    at = visit()
    at.main.file_uploader[0].upload("squares.png", picture(squares(**CORNERS), "PNG"), "image/png").run()
    networks = []
    for name, labels in (("other.keras", OTHER), ("one.keras", ONE)):
        uploader(at, say("models.upload")).upload(name, trained[name], "application/octet-stream").run()
        uploader(at, say("labels.upload")).upload("labels.txt", "\n".join(labels).encode(), "text/plain").run()
        networks.append(choice(at, "Network").value)
    at.switch_page("views/compare.py").run()
    at.multiselect("models").set_value(networks[::-1])
    at.multiselect("photos").set_value([choice(at, "Photo").value]).run()
    assert not at.exception and not at.error, [e.value for e in at.error]
    return at


def hottest(values: np.ndarray) -> str:
    """The colour of the square that holds the hottest place."""
    row, column = np.unravel_index(values.argmax(), values.shape)
    size = values.shape[0]
    found = [name for name, (top, left) in CORNERS.items()
             if top <= (row + 0.5) * 24 / size < top + 8 and left <= (column + 0.5) * 24 / size < left + 8]
    return found[0] if found else f"row {row}, column {column} of {size}"  # fmt: skip


def test_each_network_is_asked_for_its_own_class_of_that_name(compared):
    at = compared
    at.multiselect("classes").set_value([None, 0, 1, 2]).run()  # green, red and blue of the first
    assert not at.exception and not at.error
    shown = panels(at, "compare_heat")
    assert [p["group"] for p in shown] == ["one.keras (uploaded)"] * 4 + ["other.keras (uploaded)"] * 4
    guesses = [say("compare.first_guess", label=label) for label in ("red", "Blue")]  # nothing is shared there
    named = [guesses[0], "green", "red", "blue", guesses[1], "green [0]", "RED", "Blue"]
    assert [p["title"] for p in shown] == named
    assert [hottest(p["values"]) for p in shown[2:4] + shown[6:]] == ["red", "blue"] * 2
    (missing,) = [p["note"] for p in shown if p["shape"] is None]
    assert missing.startswith("other.keras") and "knows no class “green [0]”" in missing
    np.testing.assert_array_equal(shown[4]["values"], shown[7]["values"])


def test_what_is_exported_names_the_class_of_each_network(compared):
    at = compared
    at.multiselect("classes").set_value([1]).run()  # red
    button(at, say("pin.button")).click().run()
    view = at.session_state["pins"][0].view
    found = [(p.recipe["label"], p.recipe["class_index"], p.recipe["model"]["name"].split()[0]) for p in view.panels]
    assert found == [("red", 1, "one.keras"), ("RED", 2, "other.keras")]
    assert not view.shared and "each panel has its own scale" in statement(view)
