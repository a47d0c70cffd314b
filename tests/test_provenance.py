"""Recipes and manifests: what they tell, and that the same numbers have the same digest."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from importlib.metadata import version

import numpy as np
import pytest
from command_runs import ROOT
from folder_runs import small_model
from networks import pictures

import explain
from explain import provenance
from explain.errors import OptionError


@pytest.fixture(scope="module")
def model():
    return small_model()


def test_a_digest_is_of_numbers_shape_and_kind():
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    same = (np.asfortranarray(values), values.astype(">f4"), values.copy())
    assert {provenance.digest(one) for one in same} == {provenance.digest(values)}
    others = (values.reshape(3, 2), values.astype(np.float64), values + np.float32(1e-7), values.T)
    assert provenance.digest(values) not in {provenance.digest(one) for one in others}
    assert provenance.digest(np.zeros((0, 3), np.float32)) != provenance.digest(np.zeros((3, 0), np.float32))


def test_a_heatmap_s_recipe_is_plain_json(model):
    images = pictures(3)
    heatmap = explain.heatmap(model, images[0], layer="first", class_index=1, fresh=True)
    recipe = provenance.heatmap_recipe(model, images[0], heatmap, together=images)
    assert json.loads(json.dumps(recipe)) == recipe
    assert recipe["job"] == "heatmap" and recipe["model"]["key"] == model.key
    assert recipe["image"] == {"key": images[0].key, "name": "noise 0", "size": [12, 12]}
    assert (recipe["layer"], recipe["class_index"], recipe["label"]) == ("first", 1, "<b>bee</b>")
    assert recipe["output"] == model.outputs[0].name and recipe["score"] == heatmap.score
    assert recipe["values"]["sha256"] == provenance.digest(heatmap.values)
    assert recipe["values"]["shape"] == [6 * 2, 6 * 2] and recipe["options"] == heatmap.options
    assert recipe["together"] == [image.key for image in images]
    with pytest.raises(OptionError, match="Expected .* among what was computed together"):
        provenance.heatmap_recipe(model, images[0], heatmap, together=images[1:])


def test_the_recipe_of_maps_tells_of_the_channels_that_are_shown(model):
    image = pictures(1)[0]
    maps = explain.activations(model, image, "second")
    whole, part = (
        provenance.maps_recipe(model, image, maps),
        provenance.maps_recipe(model, image, maps, [4, 1]),
    )
    assert whole["values"]["shape"] == part["shape"] == [6, 6, 6] and whole["channels"] is None
    assert part["channels"] == [4, 1]
    assert part["values"]["sha256"] == provenance.digest(np.ascontiguousarray(maps.values[..., [4, 1]]))


def test_models_stand_once_and_a_written_manifest_is_the_same(model):
    images = pictures(2)
    recipes = [provenance.heatmap_recipe(model, i, explain.heatmap(model, i, fresh=True)) for i in images]
    document = provenance.manifest(recipes, device="CPU, 3 cores", command="test", nothing=float("nan"))
    assert (
        list(document["models"]) == [model.key] and [i["model"] for i in document["items"]] == [model.key] * 2
    )
    assert document["format"] == 2 and document["device"] == "CPU, 3 cores"
    assert document["versions"]["tensorflow"] == version("tensorflow") and document["processor"]["cores"] >= 1
    assert recipes[0]["model"]["key"] == model.key  # the recipe itself is as it was
    written = provenance.dumps(document)
    assert json.loads(written) == {**json.loads(json.dumps(document)), "nothing": None}
    streamed = io.BytesIO()
    provenance.write(streamed, {**document, "items": iter(document["items"])})
    assert streamed.getvalue() == written
    assert (
        provenance.dumps({"items": iter(()), "path": "a\udcff"})
        == b'{\n  "items": [],\n  "path": "a\\udcff"\n}\n'
    )


def test_numbers_that_are_not_finite_do_not_break_json():
    assert provenance.told(np.array([np.nan, np.inf], np.float32))["high"] == 0.0
    assert json.loads(provenance.line({"a": (np.float32("nan"), np.int64(3), True)})) == {
        "a": [None, 3, True]
    }


def test_the_page_can_ask_without_tensorflow():
    code = (
        "import sys; from explain import provenance; said = provenance.surroundings()\n"
        "assert said['device'] == '' and said['versions']['keras'], said\n"
        "assert not {'tensorflow', 'keras', 'h5py'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
