"""The Python side of the components: what travels, who decides, what is refused."""

import json
import re
import struct
import subprocess
import sys

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.components import frame as framing
from dashboard.components import overlay as overlays
from dashboard.components import wall as walls
from explain import render
from explain.errors import OptionError

COMPONENTS = framing.HERE


def unframe(data):
    """What shared.js does, in Python."""
    (length,) = struct.unpack_from("<I", data)
    header = json.loads(data[4 : 4 + length])
    ends = 4 + length + np.cumsum([0, *header["sizes"]])
    assert ends[-1] == len(data)
    return header, [data[a:b] for a, b in zip(ends, ends[1:], strict=False)]


def sent(monkeypatch, module, name):
    """Record the payloads that would have gone to the browser."""
    payloads = []
    monkeypatch.setattr(module, name, lambda *, key, data: payloads.append(unframe(data)))
    monkeypatch.setattr(framing.st, "session_state", {})
    monkeypatch.setattr(walls.st, "session_state", framing.st.session_state)
    return payloads


def test_frame_gives_back_what_went_in():
    header, blobs = unframe(framing.frame({"title": "épée ✓"}, [b"one", b"", b"three"]))
    assert header["title"] == "épée ✓"
    assert blobs == [b"one", b"", b"three"]


def test_frame_digest_follows_the_content_and_the_borders_of_the_blobs():
    digests = {
        unframe(framing.frame({}, blobs))[0]["digest"] for blobs in ([b"ab", b"c"], [b"a", b"bc"], [b"abc"])
    }
    assert len(digests) == 3
    assert unframe(framing.frame({}, [b"ab"], tag="mine"))[0]["tag"] == "mine"


def test_frame_refuses_what_a_browser_cannot_parse():
    with pytest.raises(ValueError):
        framing.frame({"value": float("nan")}, [])


def test_floats_are_little_endian_float32():
    assert framing.floats([[1.0, -2.5]]) == struct.pack("<2f", 1.0, -2.5)


PARTS = {"wall": ("wall", "tiles"), "overlay": ("overlay", "overlay_draw", "overlay_zoom", "overlay_pair")}


@pytest.mark.parametrize("parts", PARTS.values())
def test_the_scripts_touch_nothing_outside_and_write_text_only(parts):
    text = framing.source(*parts)
    for forbidden in ("innerHTML", "insertAdjacentHTML", "eval(", "http:", "https:", "fetch(", "import "):
        assert forbidden not in text["js"] + text["html"] + text["css"]
    assert text["js"].count("export default") == 1
    assert "\n//" not in text["js"]


@pytest.mark.parametrize("name, words", [("wall", walls.WORDS), ("overlay", overlays.WORDS)])
def test_every_word_of_the_skeleton_is_known(name, words):
    html = (COMPONENTS / f"{name}.html").read_text("utf-8")
    script = "".join((COMPONENTS / f"{part}.js").read_text("utf-8") for part in PARTS[name])
    wanted = set(re.findall(r'data-(?:word|label)="(\w+)"', html))
    wanted |= set(re.findall(r"\bwords\.(\w+)", script))
    assert len(wanted) > 10 and wanted <= set(words)


def test_wall_sends_atlas_tables_and_numbers(monkeypatch):
    payloads = sent(monkeypatch, walls, "_wall")
    values = np.arange(2 * 3 * 4, dtype=np.float32).reshape(2, 3, 4)
    values[..., 2] = 7
    chosen = walls.wall(
        render.atlas(values), key="w", title="conv", names=[0, 5, 9, 12],
        statistics=render.statistics(values), selected=9, colormaps=["magma", "jet"],
    )
    header, (png, tables, numbers) = payloads[0]
    numbers = np.frombuffer(numbers, "<f4").reshape(-1, 4)
    assert chosen == 9
    assert header["names"] == [0, 5, 9, 12]
    assert header["grey"] and header["tile"] == [2, 3]
    assert header["dead"] == [0, 0, 1, 0]
    assert header["statistics"] == ["mean", "maximum", "minimum", "sparsity"]
    assert png[:4] == b"\x89PNG"
    assert tables == render.lut("magma").tobytes() + render.lut("jet").tobytes()
    np.testing.assert_array_equal(numbers[0], [0, 1, 7, 3])                    # low
    np.testing.assert_array_equal(numbers[3], [20, 21, 7, 23])                 # maximum


def test_wall_shows_patterns_as_they_are(monkeypatch):
    payloads = sent(monkeypatch, walls, "_wall")
    pixels = np.random.default_rng(0).random((3, 8, 8, 3), np.float32)
    assert walls.wall(render.atlas_rgb(pixels), key="p", title="patterns", pending=5) is None
    assert payloads[0][0]["grey"] is False
    assert payloads[0][0]["pending"] == 5


@pytest.mark.parametrize(
    "wrong", [{"names": [1]}, {"labels": ["a"]}, {"dead": [True]}, {"statistics": {"mean": np.zeros(3)}},
              {"sort": "beauty"}, {"tile": "huge"}, {"colormaps": ["virdis"]}],
)
def test_wall_refuses(monkeypatch, wrong):
    sent(monkeypatch, walls, "_wall")
    with pytest.raises(OptionError):
        walls.wall(render.atlas(np.zeros((2, 2, 4), np.float32)), key="w", title="conv", **wrong)


def test_overlay_sends_each_photo_once(monkeypatch):
    payloads = sent(monkeypatch, overlays, "_overlay")
    heat = np.array([[0, 1], [2, 4]], np.float32)
    panels = [
        overlays.Panel("a", heat, b"photo", limits=(0, 8)),
        overlays.Panel("b", heat / 2, b"photo"),
        overlays.Panel("c", np.zeros((3, 2), np.float32), b"other", note="blank"),
        overlays.Panel("d", None),
    ]
    looks = overlays.overlay(panels, key="o", colormaps=["viridis"])
    header, blobs = payloads[0]
    assert looks == overlays.LOOKS | {"colormap": "viridis"}
    assert blobs[:2] == [b"photo", b"other"]
    assert [p["photo"] for p in header["panels"]] == [0, 0, 1, None]
    assert [p["limits"] for p in header["panels"]] == [[0, 8], [0, 2], [0, 1], None]
    assert [p["blank"] for p in header["panels"]] == [False, False, True, True]
    assert [p["shape"] for p in header["panels"]] == [[2, 2], [2, 2], [3, 2], None]
    assert [len(blob) for blob in blobs[3:]] == [16, 16, 24, 0]
    assert overlays.shared_limits(panels) == (0, 8)


def test_overlay_of_signed_maps_is_symmetrical(monkeypatch):
    payloads = sent(monkeypatch, overlays, "_overlay")
    panel = overlays.Panel("a", np.array([[-3, 1]], np.float32), b"photo")
    looks = overlays.overlay([panel], key="o", signed=True)
    header = payloads[0][0]
    assert header["panels"][0]["limits"] == [-3, 3]
    assert header["diverging"] == [True] * len(header["colormaps"])
    assert looks["colormap"] in header["colormaps"]


def test_signed_panels_among_others_have_colours_and_limits_of_their_own(monkeypatch):
    payloads = sent(monkeypatch, overlays, "_overlay")
    plain, both = np.array([[0, 2]], np.float32), np.array([[-3, 1]], np.float32)
    panels = [
        overlays.Panel("a", plain, scale="x", group="first"),
        overlays.Panel("b", both, signed=True, scale="y", label="Occlusion", name="b of first"),
        overlays.Panel("c", plain * 2, scale="x"),
    ]
    looks = overlays.overlay(panels, key="o", label="Grad-CAM", pair=(2, 0))
    header, blobs = payloads[0]
    assert looks["pair"] == (2, 0) and header["paired"] and header["pair"][0] == [2, 0]
    assert header["diverging"] == [False] * len(header["colormaps"]) + [True]
    assert len(blobs[0]) == 768 * len(header["diverging"])
    assert [p["limits"] for p in header["panels"]] == [[0, 2], [-3, 3], [0, 4]]
    assert [p["label"] for p in header["panels"]] == ["Grad-CAM", "Occlusion", "Grad-CAM"]
    assert [p["name"] for p in header["panels"]] == ["a", "b of first", "c"]
    assert [p["group"] for p in header["panels"]] == ["first", "", ""] and header["shareable"]
    overlays.overlay(panels[:2], key="o", pair=(2, 0))  # the third is gone, and nothing measures the same
    assert not payloads[1][0]["shareable"]
    assert overlays.overlay(panels[:2], key="o", pair=(2, 0))["pair"] == ()


@pytest.mark.parametrize("report", [None, 3, [0], [0, 0], [0, 3], [-1, 0], [True, 0], ["0", 1], [0.0, 1], [0, 1, 2], {}])
def test_forged_pairs_are_dropped(report):
    assert overlays._couple(3)(report) is None
    assert overlays._couple(3)([2, 0]) == [2, 0] and overlays._couple(3)([]) == []


def test_blank_panels_have_no_say_in_the_shared_scale():
    blank = overlays.Panel("a", np.zeros((2, 2)))
    assert overlays.shared_limits([blank]) is None
    assert overlays.shared_limits([blank, overlays.Panel("b", np.full((2, 2), 0.25))]) == (0, 0.25)


@pytest.mark.parametrize(
    "panel, options",
    [
        (overlays.Panel("a", np.zeros((2, 2, 1))), {}),
        (overlays.Panel("a", np.zeros((2, 2)), limits=(1, 0)), {}),
        (overlays.Panel("a", np.zeros((2, 2)), limits=(0, float("nan"))), {}),
        (overlays.Panel("a", np.zeros((2, 2))), {"looks": {"opacity": 2}}),
        (overlays.Panel("a", np.zeros((2, 2))), {"looks": {"colour": "red"}}),
    ],
)
def test_overlay_refuses(monkeypatch, panel, options):
    sent(monkeypatch, overlays, "_overlay")
    with pytest.raises(OptionError):
        overlays.overlay([panel], key="o", **options)


def test_overlay_needs_a_panel(monkeypatch):
    sent(monkeypatch, overlays, "_overlay")
    with pytest.raises(OptionError, match="at least one"):
        overlays.overlay([], key="o")


def test_the_newer_wish_wins(monkeypatch):
    state = {}
    monkeypatch.setattr(framing.st, "session_state", state)

    def run(wished):
        return framing.agree("k", "channel", wished, lambda n: n if isinstance(n, int) else None)

    first = run(5)
    assert (first.value, first.sent) == (5, 5)
    serial = first.serial
    state["k"] = {"channel": [9, 1000]}                       # a click
    assert run(5).value == 9
    assert run(5).value == 9                                  # an unrelated rerun
    assert run(9).value == 9                                  # the page mirrors it
    assert (run(9).sent, run(9).serial) == (5, serial)        # nothing had to be sent for that
    assert (run(3).value, run(3).sent, run(3).serial) == (3, 3, serial + 1)      # Python moves on
    state["k"] = {"channel": [9, 2000]}                       # the same click again is news
    assert run(3).value == 9
    assert run(None).value == 9
    state["k"] = {"channel": ["nonsense", 3000]}              # anybody can send anything
    assert run(None).value == 9


@pytest.mark.parametrize(
    "change",
    [{"opacity": 7}, {"opacity": True}, {"smooth": 1}, {"colormap": ["jet"]}, {"colormap": "<b>"}, {"a": 1}],
)
def test_forged_looks_are_dropped(change):
    assert overlays._looks(overlays.LOOKS) == overlays.LOOKS
    assert overlays._looks(overlays.LOOKS | change) is None


@pytest.mark.parametrize("report", [None, 3, {}, {"opacity": 1}, [1, 2]])
def test_looks_of_another_kind_are_dropped(report):
    assert overlays._looks(report) is None


@pytest.mark.parametrize("report", [True, 1.5, "3", None, [3]])
def test_forged_channels_are_dropped(report):
    assert walls._channel(report) is None


def page():
    import numpy as np
    import streamlit as st

    from dashboard.components.overlay import Panel, overlay
    from dashboard.components.wall import wall, wall_view
    from explain import render

    values = np.random.default_rng(0).random((4, 4, 8), np.float32)
    channel = wall(render.atlas(values), key="wall", title="conv", selected=2)
    looks = overlay([Panel("a", values[..., 0])], key="overlay")
    st.json({"channel": channel, "view": wall_view("wall"), "looks": looks})


def test_a_page_can_be_driven_without_a_browser():
    at = AppTest.from_function(page).run()
    assert not at.exception
    assert json.loads(at.json[0].value)["channel"] == 2
    at.session_state["wall"] = {"channel": 6}
    at.session_state["overlay"] = {"looks": overlays.LOOKS | {"opacity": 0.25}}
    at.run()
    shown = json.loads(at.json[0].value)
    assert shown["channel"] == 6
    assert shown["looks"]["opacity"] == 0.25
    at.session_state["wall"] = {"channel": 99}                # no such tile
    assert json.loads(at.run().json[0].value)["channel"] is None


def test_components_bring_no_tensorflow():
    code = (
        "import sys, dashboard.components.wall, dashboard.components.overlay;"
        "sys.exit(any(m.split('.')[0] in ('tensorflow', 'keras', 'h5py') for m in sys.modules))"
    )
    root = COMPONENTS.parents[1]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
