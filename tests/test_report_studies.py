"""A check-up and a comparison of scalings in a notebook: what they say, and names that mean harm."""

from __future__ import annotations

import json
from dataclasses import replace

import networks
import numpy as np
import pytest
from reporting import HOSTILE, Page

import explain
from explain.detective import detect_scaling
from explain.doctor import examine
from explain.report import studies

TAGS = {"div", "p", "strong", "ul", "li", "table", "tr", "th", "td"}


@pytest.fixture(scope="module")
def model():
    """Of its first layer one filter is dead, and two do the same."""
    network = networks.plain()
    layer = network.get_layer("first")
    kernel, bias = (np.array(one) for one in layer.get_weights())
    kernel[..., 0], bias[0] = 0, 0
    kernel[..., 2], bias[2] = kernel[..., 1], bias[1]
    layer.set_weights([kernel, bias])
    return explain.wrap(network, "0..1", name="small")


@pytest.fixture(scope="module")
def check_up(model):
    return examine(model, networks.pictures(2))


@pytest.fixture(scope="module")
def detection(model):
    return detect_scaling(model, networks.pictures(2))


def shown(result) -> Page:
    assert result._repr_png_() is None
    return Page(result._repr_html_().encode())


def test_a_check_up_shows_its_findings_and_the_layers_concerned(check_up):
    text = shown(check_up).text
    assert text[0] == "Check-up of small"
    for notice in check_up.notices:
        assert f"{notice.sentence} ({notice.code})" in text
    assert f"{check_up.parameters:,}, all finite" in text and "first" in text
    assert "Dead" in text and "Alike" in text and "Not finite" not in text  # a column without a number says nothing
    broken = replace(check_up, not_finite={"first": (7, 9)}, layers=check_up.layers * 30)
    text = shown(broken).text
    assert f"{check_up.parameters:,}, 7 of them NaN or infinite" in text and "Not finite" in text
    assert any(line.startswith("Further layers with something of that kind: ") for line in text)
    whole = shown(replace(check_up, notices=(), layers=()))
    assert "Nothing is wrong with this network, as far as weights and answers tell." in whole.text
    assert len(whole.all("table")) == 1


@pytest.mark.parametrize(
    "recommended, sentence",
    [
        ("0..1", "The evidence speaks for 0..1, which is in use."),
        ("caffe", "The evidence speaks for caffe; in use is 0..1."),
        ("", "The evidence speaks for no scaling; in use is 0..1."),
    ],
)
@pytest.mark.parametrize("certainty", ["good", "weak", "none"])
def test_a_detection_shows_its_verdict_and_every_scaling(recommended, sentence, certainty, detection):
    page = shown(replace(detection, recommended=recommended, certainty=certainty))
    assert page.text[0] == sentence and any(line.endswith(detection.sentence) for line in page.text)
    assert (f"The evidence is {certainty}." in " ".join(page.text)) == (certainty != "none")
    assert len(page.all("tr")) == 1 + len(detection.trials)
    assert "Right" not in page.text and "Confidence" in page.text  # no class was given


@pytest.mark.parametrize("evil", HOSTILE)
def test_names_stay_text(evil, check_up, detection):
    note = explain.Notice(evil, evil)
    ill = replace(check_up.layers[0], layer=evil, kind=evil, dead=(1,))
    output = replace(check_up.outputs[0], name=evil)
    for page in (
        shown(replace(check_up, name=evil, notices=(note,), layers=(ill,), outputs=(output,), scaling=evil,
                      scaling_note=evil, default_layers=(evil,), tried=(evil,), not_finite={evil: (1, 2)})),
        shown(replace(detection, recommended=evil, present=evil, sentence=evil, certainty=evil, notices=(note,),
                      possible=(evil,), trials=(replace(detection.trials[0], scaling=evil),))),
    ):  # fmt: skip
        assert {tag for tag, _ in page.tags} <= TAGS
        assert all(set(attributes) <= {"style", "scope"} for _, attributes in page.tags)
        assert json.dumps(page.text).count("\\u202e") == 0


def test_many_layers_are_not_all_listed(check_up):
    ill = replace(check_up.layers[0], dead=(1,))
    html = studies.check_up(replace(check_up, layers=(ill,) * 100))
    assert html.count("<tr>") < 35 and "of that kind: 80." in html
