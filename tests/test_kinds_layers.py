"""Every kind of layer: convolutions of all sorts, blocks, tokens that are places, networks without any."""

from __future__ import annotations

from functools import lru_cache

import keras
import numpy as np
import pytest
import recipes_layers as layers
import tensorflow as tf
from exploring import explored, picture
from networks import close, grad_cam

import explain
from explain.errors import LayerError
from explain.image import fit
from explain.probe.ascent import memory_per_picture
from explain.probe.probing import Probe

TARGETS = {
    layers.depthwise: "relu6", layers.separable: "two", layers.transposed: "up", layers.dilated: "three",
    layers.grouped: "groups", layers.convnext: "add", layers.squeeze_and_excite: "excite",
    layers.dense_block: "join1", layers.addition: "sum", layers.attention_block: "sum",
    layers.dead_and_duplicate: "conv", layers.vit: "block0", layers.vit_of_the_tutorial: "block1",
    layers.vit_mean: "block0", layers.windows: "merged", layers.line_of_text: "conv",
}  # fmt: skip
ONE_SIZE = (
    layers.attention_block,
    layers.vit_of_the_tutorial,
    layers.windows,
)  # none that a pattern can have


def test_every_kind_of_layer_is_tried():
    assert set(TARGETS) == {*layers.CONVOLUTIONS, *layers.BLOCKS, *layers.TOKENS}


@pytest.mark.parametrize(("make", "target"), TARGETS.items(), ids=[make.__name__ for make in TARGETS])
def test_the_three_jobs_in_memory_and_from_files(make, target, tmp_path):
    model = explored(make(), None if make in ONE_SIZE else "default", files=("keras", "h5"), folder=tmp_path)
    assert model.default_layer.startswith(target)


@pytest.mark.parametrize("make", ONE_SIZE, ids=lambda make: make.__name__)
def test_a_layer_that_needs_the_networks_own_size_says_so(make):
    _, model = opened(make)
    with pytest.raises(
        LayerError,
        match="cannot be computed on pictures of this size.*says: (Input to reshape|The total size|params)",
    ):
        explain.patterns(model, model.default_layer, [0], steps=1, size=48)


def test_dead_and_duplicate_filters():
    maps = explain.activations(explain.wrap(layers.dead_and_duplicate(), "0..1"), picture(), "conv").values
    assert not maps[..., 1].any() and np.array_equal(maps[..., 2], maps[..., 3]) and maps[..., 2].any()


# Tokens ---------------------------------------------------------------------------------------------------


@lru_cache
def opened(make):
    """The Keras network and the model of a recipe, made once."""
    network = make()
    return network, explain.wrap(network, "0..1")


def bound(make, layer=None, classes=(1, 2)):
    model = opened(make)[1]
    images = [picture(seed) for seed in range(len(classes))]
    pixels = np.stack([fit(image.pixels, *model.input_shape) for image in images])
    return Probe(model.network, pixels, [image.key for image in images], layer, list(classes))


def behind(network: keras.Model, layer: str) -> keras.Model:
    """What a functional network computes from a layer's answer on, up to what its head reads."""
    return keras.Model(network.get_layer(layer).output, network.get_layer("head").input)


def test_tokens_are_shown_as_the_places_they_stand_for():
    (network, model), probe = opened(layers.vit), bound(layers.vit)
    found = {layer.name: layer for layer in model.layers}
    assert found["patches"].map_shape == found["patches"].shape == (4, 4, 6)
    assert (found["tokens"].shape, found["tokens"].map_shape) == ((16, 6), (4, 4, 6))
    assert (found["block0"].shape, found["block0"].map_shape) == ((17, 6), (4, 4, 6)) and found[
        "block0"
    ].has_map
    assert found["tokens"].note == "16 tokens, shown as the 4×4 places they stand for."
    assert found["block0"].note.endswith("the class token before them is left out.")
    tokens = keras.Model(network.input, network.get_layer("block0").output)(
        probe.pixels / np.float32(255)
    ).numpy()
    assert np.allclose(probe.maps, tokens[:, 1:].reshape(2, 4, 4, 6), atol=1e-5)


def test_heads_of_attention_are_no_map():
    _, model = opened(layers.vit)
    inner = [
        layer
        for layer in model.layers
        if layer.name.startswith("block0_attention/") and len(layer.shape) == 3
    ]
    assert inner and not any(layer.has_map for layer in inner)
    with pytest.raises(LayerError, match=r"'block0_attention/query' gives \(17, 2, 4\), not"):
        explain.heatmap(model, picture(), layer="block0_attention/query")


@pytest.mark.parametrize(
    ("make", "layer"), [(layers.vit, "block0"), (layers.vit, "tokens"), (layers.vit_mean, "block0")]
)
def test_gradcam_on_tokens_against_an_eager_tape(make, layer):
    (network, _), probe = opened(make), bound(make, layer)
    head, rest = network.get_layer("head"), behind(network, layer)
    tokens = tf.constant(
        keras.Model(network.input, network.get_layer(layer).output)(probe.pixels / np.float32(255))
    )
    with tf.GradientTape() as tape:
        tape.watch(tokens)
        score = tf.gather(rest(tokens) @ head.kernel + head.bias, [1, 2], batch_dims=1)
    slopes = tape.gradient(score, tokens).numpy()[:, -16:].reshape(2, 4, 4, 6)
    assert np.abs(slopes).max() > 0 and close(probe.slopes, slopes, 1e-4)
    assert close(probe.scores, score.numpy(), 1e-5)
    method = explain.methods.method("heatmaps", "gradcam").function
    for i, heat in enumerate(method(probe)):
        assert close(heat, grad_cam(probe.maps[i], slopes[i]), 1e-4)


@pytest.mark.parametrize(
    ("make", "layer"), [(layers.vit, "block0"), (layers.vit, "tokens"), (layers.vit_mean, "block0")]
)
def test_resuming_puts_the_tokens_back(make, layer):
    (network, _), probe = opened(make), bound(make, layer)
    assert close(probe.resume(probe.maps), probe.scores, 1e-5)
    changed = probe.maps * np.random.default_rng(0).normal(0, 9, probe.maps.shape).astype(np.float32)
    tokens = keras.Model(network.input, network.get_layer(layer).output)(
        probe.pixels / np.float32(255)
    ).numpy()
    tokens[:, -16:] = changed.reshape(2, 16, 6)  # the class token stays as it was
    head = network.get_layer("head")
    expected = (behind(network, layer)(tokens) @ head.kernel + head.bias).numpy()[[0, 1], [1, 2]]
    assert close(probe.resume(changed), expected, 1e-5) and not close(expected, probe.scores, 1e-3)


def test_another_class_comes_from_the_store_with_its_class_token(monkeypatch):
    network, probe = opened(layers.vit)[1].network, bound(layers.vit)
    assert probe.slopes.any()
    with monkeypatch.context() as patch:
        for name in ("look", "tap", "head"):
            patch.setattr(
                network, name, lambda *asked: pytest.fail("computed again although it was in the store")
            )
        stored = Probe(network, probe.pixels, probe.keys, None, [0, 0]).slopes
        alone = Probe(network, probe.pixels[:1], probe.keys[:1], None, [2]).slopes
        unseen = Probe(network, 0 * probe.pixels, probe.keys, None, [2, 1]).slopes  # reads no pixel
    fresh, other = (
        Probe(network, probe.pixels, probe.keys, None, classes, fresh=True).slopes for classes in ([0, 0], [2, 1])
    )
    assert fresh.any() and close(stored, fresh, 1e-5)
    assert other.any() and close(unseen, other, 1e-5) and close(alone, other[:1], 1e-5)


def test_behind_the_last_attention_the_places_have_no_say():
    """There a map is blank and says so; the layer chosen by itself lies before."""
    _, model = opened(layers.vit)
    assert model.default_layer == "block0"
    blank = explain.heatmap(model, picture(), layer="block1")
    assert not blank.values.any() and blank.note
    assert opened(layers.vit_mean)[1].default_layer == "block0"  # the mean reads every place


def test_a_pattern_of_tokens_climbs_the_mean_of_their_places():
    """Without a disturbance, the first score belongs to the picture that the method starts from."""
    network, model = opened(layers.vit)
    (pattern,) = explain.patterns(model, "block0", [3], steps=1, size=32, method="plain")
    shelved = explain.methods.method("patterns", "plain")
    made = shelved.function(**shelved.options({"size": 32}))
    start = made.disturb(made.draw(made.start([0, 0])[None]), [0, 1])
    tokens = keras.Model(network.input, network.get_layer("block0").output)(start).numpy()
    assert pattern.scores[0] == pytest.approx(tokens[0, 1:, 3].mean(), rel=1e-4)
    assert pattern.scores[0] != pytest.approx(tokens[0, :, 3].mean(), rel=1e-3)
    floats = sum(int(np.prod(layer.shape)) for layer in model.layers[:2] if len(layer.shape) > 1)
    assert memory_per_picture(model.network, "tokens", 32) == 3 * 4 * floats


def test_windows_and_columns_are_no_places():
    _, model = opened(layers.windows)
    found = {layer.name: layer for layer in model.layers}
    assert not found["attention"].has_map and not found["in_window"].has_map
    assert found["merged"].map_shape == (8, 8, 5)
    for layer in ("attention", "in_window"):
        with pytest.raises(LayerError, match=rf"'{layer}' gives \(.*4\), not .* of the whole picture"):
            explain.heatmap(model, picture(), layer=layer)
    text = {layer.name: layer for layer in explain.wrap(layers.line_of_text(), "0..1").layers}
    assert text["columns"].shape == text["attended"].shape == (16, 64)
    assert not text["columns"].has_map and not text["attended"].has_map


def test_a_layer_that_answers_to_tiles_says_so_when_it_is_asked():
    model = explain.wrap(layers.tiles(), "0..1")
    for ask in (explain.heatmap, explain.activations):
        with pytest.raises(LayerError, match="'in_tile' gives 4 maps for 1 picture: the network cuts"):
            ask(model, picture(), layer="in_tile")
    with pytest.raises(LayerError, match="'in_tile' gives 4 maps"):
        explain.activations(model, picture(), ["in_tile"])


# Without a map ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", layers.WITHOUT_MAP, ids=lambda make: make.__name__)
def test_a_network_without_a_map_says_what_can_still_be_seen(make):
    model, image = explain.wrap(make(), "0..1"), picture()
    assert model.default_layer is None and not any(layer.has_map for layer in model.layers)
    assert explain.predict(model, image)
    for ask in (explain.heatmap, explain.activations):
        with pytest.raises(
            LayerError, match="no activations, no Grad-CAM.*Predictions and the slopes of the score"
        ):
            ask(model, image)
        with pytest.raises(LayerError, match=r"'dense.*' gives \(8,\), not"):
            ask(model, image, layer=next(layer.name for layer in model.layers if layer.shape == (8,)))


@pytest.mark.parametrize("make", layers.WITHOUT_MAP, ids=lambda make: make.__name__)
def test_slopes_at_the_pixels_need_no_map(make):
    network, probe = opened(make)[0], bound(make, classes=(-1, 0))
    inputs = tf.constant(probe.pixels, tf.float32) / 255
    whole = inputs[..., 0] if len(network.input_shape) == 3 else inputs
    *body, last = network.layers
    with tf.GradientTape() as tape:
        tape.watch(whole)
        x = whole
        for layer in body:
            x = layer(x)
        logits = x @ last.kernel + last.bias
        logits = tf.concat([-logits, logits], -1) if logits.shape[-1] == 1 else logits
        top = int(tf.argmax(logits[0]))
        scores = tf.gather(logits, [top, 0], batch_dims=1)
    slopes = tape.gradient(scores, whole).numpy().reshape(probe.pixels.shape) / 255
    assert probe.classes.tolist() == [top, 0] and close(probe.scores, scores.numpy(), 1e-5)
    assert np.abs(slopes).max() > 0 and close(probe.input_slopes, slopes, 1e-5)
    assert np.isfinite(probe.probabilities).all()
    with pytest.raises(LayerError, match="no layer with a map"):
        probe.slopes
