"""The text-books' networks: the three jobs on each, from memory and from both kinds of file."""

from __future__ import annotations

import numpy as np
import pytest
import recipes
from exploring import explained, explored, looked_at, picture, reopened

import explain
from explain.errors import CustomClass, InputError, LayerError

# The layer chosen for a heatmap, and one to dream of (the last is too deep for 32 pixels, or slow to climb).
BOOKS = {
    recipes.mnist_convnet: ("conv2d_2", "conv2d_1"),
    recipes.lenet5: ("c3", "c3"),
    recipes.cats_and_dogs: ("conv2d_3", "conv2d_1"),
    recipes.resnet34: ("residual_unit_15", "residual_unit_3/conv2d"),
    recipes.mini_xception: ("add_4", "add_1"),
    recipes.residual_blocks: ("add_2", "add_2"),
    recipes.resnet50_cifar100: ("resnet50/conv5_block2_out", "resnet50/conv2_block1_out"),
    recipes.xception_with_box: ("block14_sepconv2_act", "block14_sepconv2"),
    recipes.vgg16_transfer: ("vgg16/block5_conv3", "vgg16/block3_conv1"),
}


@pytest.fixture(autouse=True)
def names_from_the_beginning():
    """conv2d, conv2d_1, …: as in a process that builds nothing else."""
    import keras

    keras.backend.clear_session()


@pytest.mark.parametrize(("make", "layers"), BOOKS.items(), ids=[make.__name__ for make in BOOKS])
def test_the_three_jobs_in_memory_and_from_files(make, layers, tmp_path):
    target, dream = layers
    assert explored(make(), dream, files=("keras", "h5"), folder=tmp_path).default_layer == target


# ResNet-34 ----------------------------------------------------------------------------------------------


def test_the_convolutions_inside_the_units_are_reached():
    """Sixteen units: two convolutions in each, and one round three of them."""
    model = explain.wrap(recipes.resnet34(), "0..1")
    inside = [x.name for x in model.layers if x.kind == "Conv2D" and x.name.startswith("residual_unit")]
    assert len(inside) == 16 * 2 + 3
    assert explain.heatmap(model, picture(), layer=inside[-1]).values.shape == (2, 2)


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_a_class_that_is_not_registered_is_refused_by_name(ending, tmp_path):
    path = tmp_path / f"resnet34.{ending}"
    recipes.resnet34().save(path)
    with pytest.raises(CustomClass, match="ResidualUnit.*--custom-objects"):
        explain.load(path)


# Heads and bases ------------------------------------------------------------------------------------------


def test_a_head_without_its_base_is_refused_and_opens_with_it(tmp_path):
    """Feature extraction: the head was trained on the base's 4×4×512."""
    import keras

    head = recipes.head_on_features()
    with pytest.raises(
        InputError, match=r"\(None, 4, 4, 512\).*512 channels.*keras.Sequential\(\[base, head\]\)"
    ):
        explain.wrap(head)
    base = recipes.vgg16_base(128)
    whole = keras.Sequential([keras.Input((128, 128, 3)), base, head], name="whole")
    model = explain.wrap(whole, "0..1")
    assert model.default_layer == "vgg16/block5_conv3" and len(looked_at(model, picture())) == 13
    explained(model, picture())


def test_class_and_box_are_asked_for_by_name():
    model, image = explain.wrap(recipes.xception_with_box(), "0..1", labels=list("abcde")), picture()
    assert [(o.name, o.head, o.classes) for o in model.outputs] == [
        ("class", "softmax", 5),
        ("box", "linear", 4),
    ]
    assert explain.heatmap(model, image, output="class", class_index="b").label == "b"
    # The labels are the flowers': a corner of the box has none of them.
    assert explain.heatmap(model, image, output="box", class_index=1).label == "class 1"
    assert {p.label for p in explain.predict(model, image, output="box")} == {f"class {k}" for k in range(4)}


def test_lenet_without_a_place_in_its_last_convolution():
    """c5 answers 1×1: it can be looked at, but a heatmap belongs to c3."""
    model = explain.wrap(recipes.lenet5(), "0..1")
    assert explain.activations(model, picture(), "c5").values.shape == (1, 1, 120)
    assert not next(layer for layer in model.layers if layer.name == "c5").has_map
    with pytest.raises(LayerError, match="There is no layer 'c6'"):
        explain.heatmap(model, picture(), layer="c6")


def test_augmentation_is_silent(tmp_path):
    """Asked twice, a network with random layers gives the same map bit for bit."""
    model = reopened(recipes.mini_xception(), "keras", tmp_path)
    first = explain.heatmap(model, picture(), class_index=0).values
    model.network.store.clear()
    assert np.array_equal(first, explain.heatmap(model, picture(), class_index=0).values)
