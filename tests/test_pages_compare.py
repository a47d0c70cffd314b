"""The pages “Compare” and “Heatmaps” with every method: grids, scales, signs, links, figures, networks."""

from __future__ import annotations

import numpy as np
import pytest
from pages import button, choice, panels, payload, told, uploader, visit
from small_models import saved

from dashboard import pairs, remember, widgets
from dashboard.text import say
from explain.methods import shelf
from explain.results import Heatmap
from explain.similarity import similarity

METHODS = shelf("heatmaps")


def shown(at) -> list[dict]:
    assert not at.exception and not at.error, [e.value for e in at.error]
    return panels(at, "compare_heat")


# Two closely, without a page ---------------------------------------------------------------------------


def test_the_difference_of_maps_on_one_scale_and_on_two():
    a, b = np.array([[0, 4], [2, 2]], np.float32), np.array([[1]], np.float32)
    values, most = pairs.difference(a, b, (4, 1), alike=True)
    np.testing.assert_array_equal(values, [[-1, 3], [1, 1]])
    assert most == 4
    values, most = pairs.difference(a, b, (4, 1), alike=False)
    np.testing.assert_array_equal(values, [[-1, 0], [-0.5, -0.5]])
    assert most == 1
    values, most = pairs.difference(np.zeros((2, 2), np.float32), -a, (1, 4), alike=False)
    np.testing.assert_array_equal(values, a / 4)  # nothing is less than all


def heat(values, **more) -> Heatmap:
    about = {
        "layer": "x",
        "class_index": 0,
        "label": "cat",
        "score": 1.0,
        "probability": 0.5,
        "method": "gradcam",
    }
    return Heatmap(**about | {"values": np.asarray(values, np.float32)} | more)


def test_a_few_strong_pixels_do_not_take_the_colour_from_the_others():
    values = np.zeros((10, 20))
    values[0, 0], values[5:, :] = 100, -1
    pixels = heat(values, layer="", method="occlusion", options={"signed": True})
    assert widgets.heat_limits(pixels) == (-1, 1)
    assert widgets.heat_limits(heat(values, options={"signed": True})) == (-100, 100)
    lonely = np.zeros((10, 20))
    lonely[0, 0] = 5
    assert widgets.heat_limits(heat(lonely, layer="")) == (0, 5)
    assert widgets.heat_limits(heat(np.zeros((2, 2)), layer="")) == (0, 1)


def test_the_completeness_gap_is_said_in_words():
    facts = {"completeness_gap": 0.25, "completeness_gap_relative": 0.025, "other_thing": 2.0}
    assert widgets.facts(heat([[1]], facts=facts)) == [
        say("fact.completeness", gap=0.25, relative=0.025),
        say("fact.other", name="other thing", value=2.0),
    ]


# The page ----------------------------------------------------------------------------------------------


def test_methods_with_and_without_a_sign_have_scales_and_colours_of_their_own():
    at = visit("compare", methods=["Grad-CAM", "Gradient × input", "Eigen-CAM"])
    found = shown(at)
    header, _ = payload(at, "compare_heat")
    assert [p["group"] for p in found] == ["Chelsea, a cat"] * 3 + ["A raccoon"] * 3
    assert [p["title"] for p in found[:3]] == [
        "Grad-CAM: Egyptian cat",
        "Gradient × input: Egyptian cat",
        "Eigen-CAM",
    ]
    assert [p["signed"] for p in found[:3]] == [False, True, False]
    assert [p["shape"] for p in found[:3]] == [[7, 7], [224, 224], [7, 7]]
    assert found[1]["limits"][0] == -found[1]["limits"][1] and found[0]["limits"][0] == 0
    assert header["shareable"] and header["diverging"][-1] and not header["diverging"][0]
    assert len({p["scale"] for p in found}) == 3 and found[0]["scale"] == found[3]["scale"]
    assert say("compare.scales.why") in told(at) and header["words"]["locked"] == say("compare.lock")
    assert say("heatmaps.classless") in found[2]["lines"] and say("compare.pixels") in found[1]["lines"]


def test_rows_and_columns_are_the_visitors_choice():
    at = visit("compare")
    at.multiselect("classes").set_value([281, 287]).run()
    assert [p["group"] for p in shown(at)] == ["Chelsea, a cat"] * 2 + ["A raccoon"] * 2
    choice(at, say("compare.rows")).select("classes").run()
    assert [p["title"] for p in shown(at)][:2] == ["Chelsea, a cat", "A raccoon"]
    assert [p["group"] for p in shown(at)] == ["tabby [281]"] * 2 + ["lynx [287]"] * 2


def test_a_link_opens_two_closely_and_their_likeness():
    at = visit(
        "compare", methods=["Grad-CAM", "LayerCAM"], photos=["Chelsea, a cat"], pair="1-0", rows="methods"
    )
    header, _ = payload(at, "compare_heat")
    assert header["pair"][0] == [1, 0] and [p["title"].split(":")[0] for p in shown(at)] == [
        "Grad-CAM",
        "LayerCAM",
    ]
    cam, layercam = (p["values"] for p in shown(at))
    expected = similarity(layercam / layercam.max(), cam / cam.max())  # of two methods: shares
    assert likeness(at) == {
        say("compare.spearman"): f"{expected.spearman:.2f}",
        say("compare.ssim"): f"{expected.ssim:.2f}",
        say("compare.top_k", share=0.1): f"{expected.top_k:.0%}",
    }
    assert f"{similarity(layercam, cam).ssim:.2f}" != f"{expected.ssim:.2f}"
    assert header["alike"]["pair"] == [1, 0] and header["alike"]["notes"] == []
    at.session_state["compare_heat"] = {"pair": [[], 1]}  # what the browser reports
    at.run()
    assert not likeness(at) and "pair" not in at.query_params
    at.session_state["compare_heat"] = {"pair": [[0, 1], 2]}
    at.run()
    assert len(likeness(at)) == 3 and at.query_params["pair"] == "0-1"


def likeness(at) -> dict[str, str]:
    """The figures that the browser was sent: {name: value}."""
    alike = payload(at, "compare_heat")[0]["alike"]
    return {name: value for name, value, _ in alike["figures"]} if alike else {}


def test_maps_of_two_photos_are_compared_with_a_word_of_warning():
    at = visit("compare", methods=["Grad-CAM"], pair="0-1")
    first, second = (p["values"] for p in shown(at))
    assert likeness(at)[say("compare.ssim")] == f"{similarity(first, second).ssim:.2f}"  # one scale: as they are
    assert payload(at, "compare_heat")[0]["alike"]["notes"] == [say("compare.other_photos")]


@pytest.mark.parametrize("pair", ["0-0", "0-9", "1", "a-b", "-1-0", "²-1", "0-1-2"])
def test_a_pair_that_is_none_is_ignored(pair):
    at = visit("compare", pair=pair)
    assert payload(at, "compare_heat")[0]["pair"][0] in ([], list(pairs_of(pair))) and not likeness(at)
    assert len(shown(at)) == 2


def pairs_of(text: str) -> tuple[int, ...]:
    return (0, 0) if text == "0-0" else (0, 9) if text == "0-9" else ()


def test_a_pinned_comparison_has_numbers_of_its_own_that_can_be_made_again():
    at = visit("compare", methods=["Grad-CAM", "Gradient × input"], pair="0-2")
    button(at, say("pin.button")).click().run()
    screen = shown(at)
    view = at.session_state["pins"][0].view
    assert len(view.panels) == 5 and view.columns == 2 and not view.shared
    assert [p.colormap for p in view.panels] == ["", "blue-red", "", "blue-red", "blue-red"]
    for panel, seen in zip(view.panels, screen):
        np.testing.assert_allclose(panel.values, seen["values"], atol=1e-5)
        assert panel.recipe["job"] == "heatmap" and panel.recipe["together"] in (
            [],
            [panel.recipe["image"]["key"]],
        )
    assert view.panels[0].limits == view.panels[2].limits  # one scale for the two of Grad-CAM
    most = max(panel.values.max() for panel in view.panels[:3:2])
    assert view.panels[0].limits == (0, pytest.approx(most))
    np.testing.assert_array_equal(view.panels[4].values, view.panels[0].values - view.panels[2].values)
    assert view.panels[4].limits == (pytest.approx(-most), pytest.approx(most))
    assert "Spearman" in view.panels[4].lines[1] and view.panels[4].picture is None  # of two photos
    assert say("heatmaps.ends") in view.panels[1].lines and "Grad-CAM" in view.caption


def test_work_that_was_stopped_can_be_gone_on_with():
    at = visit("compare", photos=["A Falcon 9 lifts off"], methods=["Grad-CAM"])
    knobs = tuple(sorted(METHODS["smoothgrad"].options({"samples": 2, "seed": 977}).items()))
    at.multiselect("methods").set_value(["gradcam", "smoothgrad"])
    at.session_state["smoothgrad_samples"], at.session_state["smoothgrad_seed"] = 2, 977
    cam = tuple(sorted(METHODS["gradcam"].options({}).items()))
    todo = (
        (("efficientnet-lite0", "gradcam", "top_activation", None), cam, ("rocket",)),
        (("efficientnet-lite0", "smoothgrad", None, None), knobs, ("rocket",)),
    )
    at.session_state["compare_stopped"] = todo
    at.run()
    cam, smooth = shown(at)
    assert cam["shape"] == [7, 7] and smooth["shape"] is None and smooth["note"] == say("compare.stopped")
    button(at, say("compare.go_on")).click().run()
    assert shown(at)[1]["shape"] == [224, 224] and not [
        b for b in at.button if b.label == say("compare.go_on")
    ]


def test_another_network_is_matched_by_names_and_what_it_lacks_is_said(tmp_path):
    small = saved(tmp_path, "plain")["plain"]
    at = visit("compare")
    uploader(at, say("models.upload")).upload("small.keras", small, "application/octet-stream").run()
    own = choice(at, "Network").value
    choice(at, "Network").select("efficientnet-lite0").run()
    at.multiselect("models").set_value(["efficientnet-lite0", own])
    at.multiselect("photos").set_value(["cat"]).run()
    at.multiselect("classes").set_value([None, 281]).run()
    embedded, tabby, other, missing = shown(at)
    assert embedded["shape"] == [7, 7] and other["shape"] == [6, 6] and embedded["scale"] != other["scale"]
    assert "small.keras" in other["group"] and tabby["shape"] == [7, 7]
    assert missing["shape"] is None and "knows no class “tabby [281]”" in missing["note"]
    at.multiselect("classes").set_value([None])
    at.multiselect("layers").set_value(["top_activation"]).run()
    embedded, missing = shown(at)
    assert embedded["shape"] == [7, 7] and "has no layer “top_activation”" in missing["note"]


def test_one_photo_more_asks_for_that_one_only(monkeypatch):
    asked = []
    real = remember.workers.heatmaps
    monkeypatch.setattr(
        remember.workers,
        "heatmaps",
        lambda m, images, *a, **k: asked.append(len(images)) or real(m, images, *a, **k),
    )
    at = visit(
        "compare",
        photos=["A Falcon 9 lifts off"],
        methods=["HiResCAM"],
        layers=["block3a_expand_activation (56×56×144)"],
    )
    assert len(shown(at)) == 1
    at.multiselect("photos").set_value(["rocket", "coffee", "motorcycle"]).run()
    assert len(shown(at)) == 3 and asked[-1] == 2
