"""The page “Two models”: real networks, opened by workers, on the sample photos."""

from __future__ import annotations

import time

import numpy as np
import pytest
from command_runs import in_a_process
from pages import button, choice, panels, payload, told, uploader, visit
from picture_files import noise
from picture_files import saved as encoded
from small_models import saved_as

from dashboard import climbs
from dashboard.text import say
from explain import report
from explain.samples import samples


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> dict[str, bytes]:
    kinds = {
        "trained.keras": ("trained", 0), "later.keras": ("trained", 2), "same.h5": ("trained", 0),
        "nested.keras": ("nested",), "perceptron.keras": ("perceptron",), "forked.keras": ("two_outputs",),
    }  # fmt: skip
    found = saved_as(tmp_path_factory.mktemp("models"), kinds)
    return {name.partition(".")[0]: data for name, data in found.items()}


def give(at, name: str, data: bytes):
    uploader(at, say("models.upload")).upload(name, data, "application/octet-stream").run()
    assert not at.exception and not at.error
    return at


def opened(**files: bytes):
    """A session on the page that has uploaded these: the last is the first network, the one before it the
    second."""
    at = visit("models")
    for name, data in files.items():
        give(at, f"{name}.keras", data)
    return at


def other(at):
    return choice(at, say("two.other"))


def heads(at) -> list[str]:
    return [each.value for each in at.subheader]


def compare(at):
    """The layers, which another test may have compared already: then nobody need ask."""
    for one in [b for b in at.button if b.label == say("two.layers.run")]:
        one.click().run()
    assert not at.exception and not at.error
    return at


def test_without_a_second_network_the_page_says_what_to_do():
    at = visit("models")
    assert say("two.none") in told(at) and other(at).options[0] == say("two.choose")
    assert "EfficientNet-Lite0" not in other(at).options  # the first one is no choice
    assert say("two.predictions") not in told(at)


def test_before_and_after_training(small):
    at = opened(before=small["trained"], after=small["later"])
    assert (
        choice(at, "Network").value != other(at).value and other(at).options[-1] == "before.keras (uploaded)"
    )
    assert say("two.same") in told(at) and say("two.equal_weights", equal=1, count=3) in told(at)
    table = at.dataframe[0].value
    assert list(table[say("two.photo")]) == [sample.title for sample in samples().values()]
    same = (table.iloc[:, 2] == table.iloc[:, 4]).tolist()
    assert [word == say("two.agree.yes") for word in table[say("two.agree")]] == same
    assert at.metric[0].value == say("two.agreement.of", same=sum(same), many=6)
    one, two = panels(at, "two_heat")
    assert one["title"].startswith("First: after.keras") and two["title"].startswith("Second: before.keras")
    assert one["title"].rpartition(": ")[2] == two["title"].rpartition(": ")[2]  # the same class

    compare(at)
    text = told(at).replace("\\", "")
    assert say("two.layers.same_until", layer="first") in text
    assert heads(at) == [say("two.layers.curve"), say("two.patterns")]
    assert "On 6 photos, debiased" in text
    curve = at.dataframe[1].value.set_index(say("two.layers.layer"))
    assert list(curve.index) == ["first", "second", "head"]
    assert curve.loc["first", "CKA"] == pytest.approx(1, abs=1e-5) and curve.loc["second", "CKA"] < 0.999
    assert f"CKA {curve['CKA'].min():.2f}" in text or say("two.layers.above", least=0.9) in text

    choice(at, say("two.maps.layer")).select("first").run()
    mine, theirs = panels(at, "two_maps")
    assert np.array_equal(mine["values"], theirs["values"]) and mine["values"].any()  # untouched by training
    choice(at, say("two.maps.layer")).select("second").run()
    mine, theirs = panels(at, "two_maps")
    assert mine["title"][-1] == theirs["title"][-1] and not np.array_equal(mine["values"], theirs["values"])
    assert payload(at, "two_maps")[0]["shareable"]  # one scale: the channels are the same


def test_exchanging_them(small):
    at = opened(before=small["trained"], after=small["later"])
    first, second = choice(at, "Network").value, other(at).value
    button(at, say("two.exchange")).click().run()
    assert (choice(at, "Network").value, other(at).value) == (second, first) and not at.exception


def test_different_architectures(small):
    at = opened(net=small["nested"])
    other(at).select("efficientnet-lite0").run()
    text = told(at).replace("\\", "")
    assert say("two.unlike") in text and say("two.classes.none") in text
    assert "knows no class “class" in text and set(at.dataframe[0].value[say("two.agree")]) == {
        say("two.agree.unknown")
    }
    assert say("two.maps.first_compare") in text and say("two.agreement") not in [m.label for m in at.metric]
    compare(at)
    text = told(at).replace("\\", "")
    assert heads(at) == [say("two.layers.matrix"), say("two.patterns")]
    best = at.dataframe[1].value
    assert "body/first" in list(best[say("two.layers.layer")]) or len(best) >= 3
    assert best[say("two.layers.match")].str.len().gt(0).all()
    assert "whose map is most alike, channel" in text
    mine, theirs = panels(at, "two_maps")
    assert mine["shape"] != theirs["shape"]
    assert not payload(at, "two_maps")[0]["shareable"]  # a scale of its own for each


def test_the_same_weights_twice(small):
    at = opened(one=small["trained"], two=small["same"])
    assert say("two.twins") in told(at)
    compare(at)
    assert at.success[0].value == say("two.layers.equal", count=3)


def test_a_network_without_maps_beside_one_that_has_some(small):
    at = opened(flat=small["perceptron"], net=small["trained"])
    assert "has no layer with a map, so there is nothing to lay beside it" in told(at)
    assert at.metric[0].label == say("two.agreement")  # what they say is there all the same
    compare(at)
    assert not at.exception and not at.error


def test_one_photo_is_too_few_and_three_are_few(small):
    at = opened(before=small["trained"], after=small["later"])
    at.multiselect(key="both_photos").set_value(["cat"]).run()
    assert say("two.layers.few") in told(at)
    at.multiselect(key="both_photos").set_value(["cat", "coffee", "raccoon"]).run()
    compare(at)
    assert say("two.layers.biased", count=3) in [each.value for each in at.warning]
    at.multiselect(key="both_photos").set_value([]).run()
    assert say("two.no_photos") in told(at) and not at.exception


def test_weights_are_fetched_only_when_asked_for_and_the_rest_stays():
    at = visit("models")
    other(at).select("vgg16").run()
    assert say("models.fetch", title="VGG16") in [b.label for b in at.button] and not at.exception
    assert choice(at, "Network").value == "efficientnet-lite0" and other(at).value == "vgg16"


# Patterns side by side -----------------------------------------------------------------------------------


def wish(at, channels: str, steps: int = 3, size: int = 64):
    """Another seed each time: what one test has made is there for the others."""
    text = next(each for each in at.text_input if each.label == say("choose.channels"))
    text.set_value(channels)
    numbers = {each.label: each for each in at.number_input}
    numbers[say("choose.steps")].set_value(steps)
    numbers["Size"].set_value(size)
    numbers[say("choose.seed")].set_value(time.time_ns() % 2**31)
    at.run()
    assert not at.exception and not at.error
    return at


def made(at):
    button(at, say("patterns.make")).click().run()
    until = time.monotonic() + 90
    while any(job.running for job in at.session_state["two_climbs"]):
        assert time.monotonic() < until
        time.sleep(0.1)
    at.run()
    assert not at.exception and not at.error
    return at


def patterns(at, of: int) -> list:
    """What one of the two made, in the order of its channels."""
    job = at.session_state["two_climbs"][of]
    return [job.store.get(job.wish.key(channel)) for channel in job.channels]


def test_both_networks_patterns_side_by_side(small):
    at = opened(before=small["trained"], after=small["later"])
    choice(at, say("two.maps.layer")).select("second").run()
    made(wish(at, "3, 0-1"))
    one, other = patterns(at, 0), patterns(at, 1)
    assert [p.channel for p in one] == [p.channel for p in other] == [3, 0, 1]
    assert not any(np.array_equal(a.pixels, b.pixels) for a, b in zip(one, other, strict=True))
    assert [say("two.patterns.row", first=k, second=k) in told(at) for k in (3, 0, 1)] == [True] * 3
    said = [say("two.patterns.reached", side=side, score=float(p.scores[-1]))
            for side, (p, *_) in (("First", one), ("Second", other))]  # fmt: skip
    assert " · ".join(said) in told(at)
    assert say("patterns.make") not in [b.label for b in at.button]

    choice(at, say("two.maps.layer")).select("first").run()  # untouched by training
    made(wish(at, "2"))
    (mine,), (theirs,) = patterns(at, 0), patterns(at, 1)
    assert np.array_equal(mine.pixels, theirs.pixels) and mine.pixels.any()


def test_patterns_of_channels_that_only_resemble_each_other(small):
    at = opened(net=small["nested"])
    other(at).select("efficientnet-lite0").run()
    compare(at)
    strongest = next(each for each in at.text_input if each.label == say("choose.channels")).value
    made(wish(at, strongest.partition(",")[0], steps=2))
    mine, theirs = at.session_state["two_climbs"]
    heat = panels(at, "two_maps")
    assert heat[1]["title"].endswith(f"channel {theirs.channels[0]}")  # the one whose map is shown above
    assert mine.wish.model != theirs.wish.model and theirs.wish.layer != mine.wish.layer
    words = {"first": mine.channels[0], "second": theirs.channels[0]}
    assert say("two.patterns.rows", **words) in told(at)


def test_channels_that_are_none_are_refused_and_the_page_stays(small):
    at = opened(before=small["trained"], after=small["later"])
    text = next(each for each in at.text_input if each.label == say("choose.channels"))
    text.set_value("none").run()
    assert "Expected channel numbers" in at.error[0].value and say("two.maps") in [h.value for h in at.header]


def test_stopping_keeps_the_patterns_that_are_there(small, monkeypatch):
    monkeypatch.setattr(climbs, "LARGE", 0)  # one at a time
    at = opened(before=small["trained"], after=small["later"])
    wish(at, "0-3", steps=250, size=96)
    button(at, say("patterns.make")).click().run()
    assert at.progress and not at.exception
    jobs = at.session_state["two_climbs"]
    until = time.monotonic() + 60
    while not any(job.done for job in jobs):
        assert time.monotonic() < until
        time.sleep(0.05)
    if at.run().progress:
        button(at, say("patterns.stop")).click().run()
    while any(job.running for job in jobs):
        time.sleep(0.05)
    at.run()
    done = sum(len(job.done) for job in jobs)
    assert 1 <= done < 8 and say("patterns.stopped", done=done, total=8) in told(at)
    assert button(at, say("patterns.go_on")) and say("two.patterns.row", first=0, second=0) in told(at)


# Outputs, photos, reports --------------------------------------------------------------------------------


def test_one_of_several_outputs_is_chosen_for_each(small):
    at = opened(plain=small["trained"], forked=small["forked"])
    assert say("two.output.second") not in [box.label for box in at.selectbox]
    guess = at.dataframe[0].value.columns[2]
    assert set(at.dataframe[0].value[guess]) <= {"class 0", "class 1", "class 2"}
    kinds = at.dataframe[0].value.iloc[:, 3].tolist()
    choice(at, say("two.output.first")).select(1).run()
    assert not at.exception and not at.error
    assert at.dataframe[0].value.iloc[:, 3].tolist() != kinds  # how sure, of other classes
    assert len(choice(at, say("choose.class")).options) == 3  # two, and the first guess
    one, _ = panels(at, "two_heat")
    at.get_by_key("pin two_heat").click().run()
    (pin,) = at.session_state["pins"]
    assert pin.view.panels[0].recipe["output"] == "side"
    np.testing.assert_allclose(pin.view.panels[0].values, one["values"], rtol=1e-4, atol=1e-6)


def add(at, *names: str):
    for seed, name in enumerate(names):
        picture = encoded(np.roll(noise(), seed + 1, axis=0), "PNG")
        uploader(at, say("photos.upload")).upload(name, picture, "image/png")
    return at.run()


def chosen(at) -> list[str]:
    photos = at.multiselect(key="both_photos")
    titles = dict(zip([*samples(), *at.session_state["tray"]], photos.options, strict=True))
    return [titles[photo] for photo in photos.value]


def test_photos_of_ones_own_go_before_samples(small):
    at = opened(before=small["trained"], after=small["later"])
    titles = [sample.title for sample in samples().values()]
    add(at, "one.png", "two.png")
    assert chosen(at) == ["one.png", "two.png", *titles]  # too few to compare layers on them alone
    add(at, "one.png", "two.png", "three.png", "four.png")
    assert chosen(at) == ["one.png", "two.png", "three.png", "four.png"]
    assert list(at.dataframe[0].value[say("two.photo")]) == chosen(at)

    keys = at.multiselect(key="both_photos").value
    at.multiselect(key="both_photos").set_value([*keys[:2], "cat"]).run()  # by hand
    add(at, *["one.png", "two.png", "three.png", "four.png", "five.png"])
    assert chosen(at) == ["five.png", "one.png", "two.png", titles[0]]


def test_what_is_pinned_names_both_and_is_reproduced(small, tmp_path):
    at = opened(before=small["trained"], after=small["later"])
    choice(at, say("two.maps.layer")).select("second").run()
    made(wish(at, "1"))
    shown = panels(at, "two_heat")
    for key in ("two_heat", "two_maps", "two_patterns"):
        at.get_by_key(f"pin {key}").click().run()
        assert not at.exception and not at.error
    views = [pin.view for pin in at.session_state["pins"]]
    assert len(views) == 3
    for view in views:
        titles = [panel.title for panel in view.panels]
        assert "after.keras" in titles[0] and "before.keras" in titles[1]
        assert "after.keras" in view.caption and "before.keras" in view.caption
        assert len({panel.recipe["model"]["key"] for panel in view.panels}) == 2
    heat, maps, _ = views
    for panel, there in zip(heat.panels, shown, strict=True):
        np.testing.assert_allclose(panel.values, there["values"], rtol=1e-4, atol=1e-6)
    assert not heat.shared and not maps.shared  # as on the screen at first

    (tmp_path / "models").mkdir()
    for name, data in {"x": small["trained"], "y": small["later"]}.items():
        (tmp_path / "models" / f"{name}.keras").write_bytes(data)
    (tmp_path / "report.zip").write_bytes(report.archive(report.Report("Two", tuple(views))))
    said = in_a_process("reproduce", "report.zip", "--model", "models", cwd=tmp_path)
    assert said.returncode == 0, said.stdout + said.stderr


def test_the_curve_of_the_layers_is_pinned(small):
    at = compare(opened(before=small["trained"], after=small["later"]))
    at.get_by_key("pin two_layers").click().run()
    assert not at.exception and not at.error
    (pin,) = at.session_state["pins"]
    (panel,) = pin.view.panels
    shown = next(each.value for each in at.dataframe if say("two.layers.chance") in each.value.columns)
    assert list(panel.chart.places) == list(shown[say("two.layers.layer")])
    np.testing.assert_allclose(panel.chart.values[0], shown[say("two.layers.cka")], rtol=1e-6)
    np.testing.assert_allclose(panel.chart.values[1], shown[say("two.layers.chance")], rtol=1e-6)
    told = pin.view.caption
    assert "after.keras" in told and "before.keras" in told and "Kornblith" in told
    assert f"{len(at.session_state['both_photos'])} photos: " in told
    at.get_by_key("pin two_layers").click().run()
    assert len(at.session_state["pins"]) == 1  # twice is once


def test_layers_of_different_architectures_are_pinned_with_their_matrix(small):
    at = compare(opened(nested=small["nested"], trained=small["trained"]))
    at.get_by_key("pin two_layers").click().run()
    assert not at.exception and not at.error
    (pin,) = at.session_state["pins"]
    best, matrix = pin.view.panels
    assert best.chart is not None and len(best.chart.places) in matrix.values.shape
