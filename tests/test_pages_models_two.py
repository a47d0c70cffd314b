"""The page “Two models”: real networks, opened by workers, on the sample photos."""

from __future__ import annotations

import numpy as np
import pytest
from pages import button, choice, panels, told, uploader, visit
from small_models import saved_as

from dashboard.text import say
from explain.samples import samples


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> dict[str, bytes]:
    kinds = {
        "trained.keras": ("trained", 0), "later.keras": ("trained", 2), "same.h5": ("trained", 0),
        "nested.keras": ("nested",), "perceptron.keras": ("perceptron",),
    }  # fmt: skip
    found = saved_as(tmp_path_factory.mktemp("models"), kinds)
    return {name.partition(".")[0]: data for name, data in found.items()}


def give(at, name: str, data: bytes):
    uploader(at, say("models.upload")).upload(name, data, "application/octet-stream").run()
    assert not at.exception and not at.error
    return at


def opened(**files: bytes):
    """A session on the page that has uploaded these: the last is the first network, the one before the second."""
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
    assert say("two.layers.same_until", layer="first") in text and heads(at) == [say("two.layers.curve")]
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
    assert heads(at) == [say("two.layers.matrix")]
    best = at.dataframe[1].value
    assert "body/first" in list(best[say("two.layers.layer")]) or len(best) >= 3
    assert best[say("two.layers.match")].str.len().gt(0).all()
    assert "whose map is most alike, channel" in text
    mine, theirs = panels(at, "two_maps")
    assert mine["shape"] != theirs["shape"]


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
