"""Every page on the embedded network, without a browser: what it shows, what a link opens."""

from __future__ import annotations

import time

import numpy as np
import pytest
from pages import PAGES, bars, button, choice, panels, payload, told, visit

from dashboard.choices import block_of
from dashboard.text import say
from explain.samples import samples

LAYER = "block4a_expand_activation"
LINK = f"{LAYER} (28×28×240)"


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_and_says_what_it_is_about(page):
    at = visit(page)
    assert not at.exception and not at.error and not at.warning
    assert at.title[0].value == say(f"{page}.title")
    assert say(f"{page}.about") in told(at)
    assert len(at.title) == 1


def test_the_first_page_knows_the_cat():
    at = visit()
    first, *_ = bars(at, "start_guesses")
    assert first.startswith("Egyptian cat") and float(first.split()[-1].rstrip("%")) > 50
    assert "Where it looked for “Egyptian cat”" in told(at)
    (panel,) = panels(at, "start_heat")
    assert panel["shape"] == [7, 7] and panel["photo"] == 0
    assert panel["values"].max() > 0 and panel["values"].min() >= 0
    centre, border = panel["values"][2:5, 1:6].mean(), panel["values"][[0, -1]].mean()
    assert centre > 2 * border  # the face, not the background
    assert [each.label for each in at.button][: len(samples())] == [s.title for s in samples().values()]
    for page in PAGES[1:-1]:
        assert f"**{say(f'{page}.nav')}**" in [link.value for link in at.page_link]


def test_another_photo_by_a_click():
    at = visit()
    button(at, "A motorcycle").click().run()
    assert choice(at, "Photo").value == "motorcycle"
    assert "moped" in bars(at, "start_guesses")[0] or "bike" in " ".join(bars(at, "start_guesses"))
    assert "Middlebury" in told(at)  # the credit follows


def test_feature_maps_of_a_layer():
    at = visit("maps")
    picker = choice(at, "Layer")
    assert picker.value == LAYER and len(picker.options) > 50
    assert all(option.endswith(")") and option.count("×") == 2 for option in picker.options)
    header, blobs = payload(at, "maps_wall")
    assert len(header["names"]) == 240 and header["tile"] == [28, 28] and header["grey"]
    assert header["channel"][0] is None and say("maps.none") in told(at)

    picker.select("top_activation").run()
    header, _ = payload(at, "maps_wall")
    assert len(header["names"]) == 1280 and header["tile"] == [7, 7]


def test_a_block_shortens_the_list():
    at = visit("maps")
    choice(at, "Block").select("stem").run()
    assert not at.exception
    assert choice(at, "Layer").options and all(o.startswith("stem_") for o in choice(at, "Layer").options)


@pytest.mark.parametrize(
    "name, block",
    [("body/stage1/conv#2", "body/stage1"), ("block4a_expand_conv", "block4a"), ("relu", "relu")],
)
def test_blocks_are_folders_or_first_words(name, block):
    assert block_of(name) == block


def test_a_click_on_the_wall_opens_the_channel():
    at = visit("maps")
    at.session_state["maps_wall"] = {"channel": 9}  # what the browser reports
    at.run()
    assert not at.exception
    assert at.query_params["channel"] == "9"
    alone, over = panels(at, "maps_channel")
    assert alone["title"] == "Channel 9" and over["title"] == "Channel 9 over the photo"
    assert alone["photo"] is None and over["photo"] == 0
    header, blobs = payload(at, "maps_wall")
    numbers = np.frombuffer(blobs[2], "<f4").reshape(-1, 240)  # low, high, then the statistics
    values = alone["values"]
    np.testing.assert_allclose(numbers[1, 9], values.max(), rtol=1e-6)
    np.testing.assert_allclose(numbers[2 + header["statistics"].index("mean"), 9], values.mean(), rtol=1e-5)
    assert f"Mean **{values.mean():.3g}** · Maximum **{values.max():.3g}**" in told(at)


def test_a_heatmap_for_a_chosen_class():
    at = visit("heatmaps")
    assert [b.label.split(" \\[")[0] for b in at.button][:3] == ["Egyptian cat", "tiger cat", "tabby"]
    first = panels(at, "heat")[1]
    assert first["title"] == "Egyptian cat"

    picker = choice(at, "Class")
    assert len(picker.options) == 1001 and picker.options[1].startswith("Egyptian cat [285]")
    picker.select(281).run()
    photo, tabby = panels(at, "heat")
    assert photo["values"] is None and tabby["title"] == "tabby"
    assert not np.allclose(tabby["values"], first["values"])
    score = tabby["lines"][0].split()[1]  # told by the gradient …
    at.switch_page("views/start.py").run()
    chart = at.get_by_key("start_guesses").proto.spec  # … and by the plain forward pass
    assert f'"score {score}"' in chart

    at.switch_page("views/heatmaps.py").run()
    assert choice(at, "Class").value == 281  # it survives the change of page


def test_a_guess_is_a_button():
    at = visit("heatmaps")
    next(b for b in at.button if b.label.startswith("tiger cat")).click().run()
    assert choice(at, "Class").value == 282
    assert panels(at, "heat")[1]["title"] == "tiger cat"


def test_another_layer_gives_a_finer_heatmap():
    at = visit("heatmaps")
    assert choice(at, "Layer").options[0] == "automatic: top_activation"
    choice(at, "Layer").select(LAYER).run()
    heat = panels(at, "heat")[1]
    assert heat["shape"] == [28, 28] and heat["lines"][1] == LAYER


def test_compare_is_photos_by_layers_by_classes_on_one_scale():
    at = visit("compare")
    header, _ = payload(at, "compare_heat")
    assert header["shareable"] and header["looks"][0]["locked"]
    assert [p["title"] for p in panels(at, "compare_heat")] == [
        "Chelsea, a cat: Egyptian cat",
        "A raccoon: badger",
    ]

    at.multiselect("layers").set_value(["top_activation", LAYER])
    at.multiselect("classes").set_value([285, 281]).run()
    titles = [p["title"] for p in panels(at, "compare_heat")]
    assert len(titles) == 8 and payload(at, "compare_heat")[0]["columns"] == 4
    assert titles[:2] == ["top_activation: Egyptian cat", "top_activation: tabby"]
    groups = [p["group"] for p in panels(at, "compare_heat")]
    assert groups == ["Chelsea, a cat"] * 4 + ["A raccoon"] * 4
    assert [p["shape"] for p in panels(at, "compare_heat")] == [[7, 7]] * 2 + [[28, 28]] * 2 + [
        [7, 7]
    ] * 2 + [[28, 28]] * 2

    at.multiselect("photos").set_value([]).run()
    assert say("compare.empty") in told(at)


def test_compare_says_when_it_would_be_too_much():
    at = visit("compare")
    at.multiselect("photos").set_value(list(samples()))
    at.multiselect("classes").set_value([1, 2, 3, 4, 5]).run()
    assert at.warning[0].value == say("compare.too_many", count=30, most=24)
    assert not at.get("bidi_component")


def finished(at, patience: float = 60):
    """Look again until the bar is gone, as the page itself does every second."""
    until = time.monotonic() + patience
    while at.progress and time.monotonic() < until:
        time.sleep(0.2)
        at.run()
    assert not at.progress and not at.exception
    return at


def test_patterns_are_made_to_the_end():
    at = visit("patterns", channels="2, 5-6", size="64", steps="3", seed=str(time.time_ns() % 2**31))
    assert say("patterns.nothing") in told(at) and not at.get("bidi_component")
    button(at, "Make patterns").click().run()
    assert at.progress and button(at, "Stop")
    finished(at)
    header, _ = payload(at, "pattern_wall")
    assert header["names"] == [2, 5, 6] and header["tile"] == [64, 64] and not header["grey"]
    assert header["pending"] == 0 and "Make patterns" not in [b.label for b in at.button]

    at.session_state["pattern_wall"] = {"channel": 5}
    at.run()
    assert not at.exception and at.query_params["pattern"] == "5"
    assert at.get_by_key("pattern_climb") and panels(at, "pattern_map")[0]["shape"] == [28, 28]

    again = visit("patterns", **at.query_params)  # another session, the same link:
    assert payload(again, "pattern_wall")[0]["names"] == [2, 5, 6]  # nothing is made twice
    assert payload(again, "pattern_wall")[0]["channel"][0] == 5


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("240-400", "patterns.bad_channels"),
        ("five", "patterns.bad_channels"),
        ("![x](http://example.org/x.png)", "patterns.bad_channels"),
    ],
)
def test_channels_that_are_none(text, sentence):
    at = visit("patterns", channels=text)
    assert "from 0 to 239" in at.error[0].value and "![x](" not in at.error[0].value
    assert not at.exception and not [b for b in at.button if b.label == "Make patterns"]


def test_too_many_patterns_at_once():
    at = visit("patterns", channels="0-300", layer="top_activation (7×7×1280)")
    assert at.error[0].value == say("patterns.too_many", most=256, count=301)


# Links ---------------------------------------------------------------------------------------------


def test_a_link_opens_the_same_heatmap():
    at = visit(
        "heatmaps", photo="A raccoon", target=LINK, **{"class": "tabby [281]"}, model="EfficientNet-Lite0"
    )
    assert choice(at, "Photo").value == "raccoon"
    assert panels(at, "heat")[1]["title"] == "tabby" and panels(at, "heat")[1]["shape"] == [28, 28]


def test_a_link_opens_the_same_channel():
    at = visit("maps", photo="A raccoon", layer="block2a_expand_activation (112×112×96)", channel="7")
    assert payload(at, "maps_wall")[0]["channel"][0] == 7
    assert payload(at, "maps_channel")[0]["panels"][0]["title"] == "Channel 7"
    assert choice(at, "Layer").value == "block2a_expand_activation"


def test_a_link_opens_the_same_comparison():
    at = visit("compare", photos=["A motorcycle", "A raccoon"], layers=[LINK], classes=["tabby [281]"])
    titles = [panel["title"] for panel in panels(at, "compare_heat")]
    assert titles == ["A motorcycle: tabby", "A raccoon: tabby"]


@pytest.mark.parametrize("page", PAGES)
def test_nonsense_in_the_address_is_ignored(page):
    nonsense = {
        "model": "../../etc/passwd", "layer": "<img src=x>", "target": "no such layer", "method": "rm -rf",
        "class": "dragon [1001]", "block": "cellar", "channel": "99999999", "pattern": "-1", "recipe": "?",
        "output": "none", "scaling": "-2..2", "steps": "many", "size": "1e9", "seed": "-5", "photos": ["nobody"], "layers": ["0"], "classes": ["x"],
    }  # fmt: skip
    at = visit(page, **nonsense)
    assert not at.exception and not at.error
    assert choice(at, "Network").value == "efficientnet-lite0"
    components = len(at.get("bidi_component"))
    assert components == (0 if page in ("patterns", "models", "checkpoints", "report", "checkup", "status") else 1)  # no channel is chosen


@pytest.mark.parametrize("number", ["²", "-1", "240", "9.0", "٣x", "9" * 40])
def test_a_channel_that_is_none_is_ignored(number):
    at = visit("maps", channel=number)
    assert not at.exception and not at.error and payload(at, "maps_wall")[0]["channel"][0] is None


def test_a_lost_photo_is_said_once():
    at = visit(photo="my ![holiday](http://example.org/x.png).jpg")
    (warning,) = at.warning
    assert "which is not in this session" in warning.value and "![holiday]" not in warning.value
    assert choice(at, "Photo").value == "cat" and bars(at, "start_guesses")[0].startswith("Egyptian cat")
    assert not at.run().warning
