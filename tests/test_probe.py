"""What a probe tells: worked out with a pencil, compared with eager Keras, and the same by every way."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import (
    SIZE, called_twice, close, draw_weights, grad_cam, grey, nested, pencil, pictures, plain, skipping,
    squeezed, subclassed,
    with_positions, with_rows,
)  # fmt: skip

import explain
from explain.errors import OptionError
from explain.probe.probing import Probe

PICTURE = grey([[0, 1], [2, 3]])


# With a pencil --------------------------------------------------------------------------------------


def test_gradcam_on_a_linear_network():
    model = explain.wrap(pencil(relu=False), "0..255")
    # A = [[0, 1], [2, 3]], B = 3 − A; slopes of class 0: 4/4 = 1 for A, −2/4 = −0.5 for B.
    assert explain.activations(model, PICTURE, "conv").values.tolist() == [[[0, 3], [1, 2]], [[2, 1], [3, 0]]]
    seen = explain.heatmap(model, PICTURE, layer="conv", class_index=0)
    # A − B/2 = [[0 − 1.5, 1 − 1], [2 − 0.5, 3 − 0]]
    assert seen.values.tolist() == [[0, 0], [1.5, 3]]
    assert seen.score == 4 * 1.5 - 2 * 1.5
    assert seen.probability == pytest.approx(np.exp(3) / (np.exp(3) + np.exp(-3)), abs=1e-6)
    assert (seen.layer, seen.class_index, seen.label, seen.note) == ("conv", 0, "class 0", "")


def test_gradcam_before_and_behind_a_relu():
    model = explain.wrap(pencil(relu=True), "0..255")
    # A = v − 1 = [[−1, 0], [1, 2]], B = 2 − v = [[2, 1], [0, −1]]; the ReLU keeps what is above 0.
    behind = explain.heatmap(model, PICTURE, layer="relu", class_index=0)
    # relu(A) − relu(B)/2 = [[0 − 1, 0 − 0.5], [1 − 0, 2 − 0]]
    assert behind.values.tolist() == [[0, 0], [1, 2]]
    before = explain.heatmap(model, PICTURE, layer="conv", class_index=0)
    # Two of four places of A pass the ReLU, as do two of B: mean slopes 0.5 and −0.25.
    # A/2 − B/4 = [[−0.5 − 0.5, 0 − 0.25], [0.5 − 0, 1 + 0.25]]
    assert before.values.tolist() == [[0, 0], [0.5, 1.25]]
    assert before.score == behind.score == 4 * 0.75 - 2 * 0.75


def test_slopes_and_scores_with_a_pencil():
    model = explain.wrap(pencil(relu=True), "0..255")
    probe = Probe(model.network, np.array([[[[0], [1]], [[2], [3]]]], np.uint8), ["p"], "conv", [0])
    assert probe.slopes.tolist() == [[[[0, -0.5], [0, -0.5]], [[1, 0], [1, 0]]]]
    assert probe.input_slopes[..., 0].tolist() == [[[0.5, 0.5], [1, 1]]]        # dA/dv = 1, dB/dv = −1
    assert probe.resume(np.ones((3, 2, 2, 2), np.float32)).tolist() == [2, 2, 2]
    assert probe.score(np.full((1, 2, 2, 1), 3, np.uint8)).tolist() == [4 * 2 - 2 * 0]


# Every way gives the same ----------------------------------------------------------------------------------


def bound(keras_model, layer, classes=None, many=3):
    model = explain.wrap(keras_model, "0..1")
    images = pictures(many)
    pixels, keys = np.stack([i.pixels for i in images]), [i.key for i in images]
    return lambda chosen=classes: Probe(model.network, pixels, keys, layer, chosen), model


NETWORKS = {
    "plain": (plain, "second"), "early": (plain, "first"), "nested": (nested, "body/conv"),
    "skipping": (skipping, "conv"), "second call": (called_twice, "conv#2"),
    "subclassed": (subclassed, "one/conv"),
    "behind a squeeze": (squeezed, "after"), "before a squeeze": (squeezed, "conv"),
    "positions": (with_positions, "patches"), "rows": (with_rows, "patches"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "layer"), NETWORKS.values(), ids=NETWORKS)
def test_store_answers_another_class_as_if_computed_afresh(make, layer, monkeypatch):
    ask, model = bound(make(), layer)
    ask([0, 0, 0]).slopes                                        # fills the store with maps and vectors
    network = model.network
    forbidden = lambda *arguments: pytest.fail("computed again although it was in the store")
    with monkeypatch.context() as patch:
        for name in ("look", "tap") if model.name == "with_rows" else ("look", "tap", "head"):
            patch.setattr(network, name, forbidden)
        stored = ask([2, 1, 2])
        kept = [stored.maps, stored.slopes, stored.scores, stored.probabilities]
    network.store.clear()
    fresh = ask([2, 1, 2])
    for now, then in zip([fresh.maps, fresh.slopes, fresh.scores, fresh.probabilities], kept, strict=True):
        assert close(then, now, 1e-5)
    assert np.abs(fresh.slopes).max() > 0


@pytest.mark.parametrize(("make", "layer"), NETWORKS.values(), ids=NETWORKS)
def test_look_head_and_slopes_agree(make, layer):
    ask, model = bound(make(), layer)
    probe, network = ask(), model.network
    pixels, classes = tf.constant(probe.pixels), tf.constant([2, 0, 1])
    seen = network.look(layer, 0)(pixels, classes)
    head = network.head(layer, 0)(pixels, seen["maps"], classes)
    again = network.slopes(layer, 0)(pixels, seen["maps"], classes, *seen["vectors"])
    assert np.abs(seen["slopes"]).max() > 0
    assert close(head["slopes"], seen["slopes"].numpy(), 1e-5) and close(again, seen["slopes"].numpy(), 1e-5)
    for name in ("scores", "probabilities", "maps", "classes"):
        assert close(head[name], seen[name].numpy(), 1e-6), name
    assert np.array_equal(network.tap((layer,))(pixels)[layer], seen["maps"])


@pytest.mark.parametrize(("make", "layer"), NETWORKS.values(), ids=NETWORKS)
def test_resuming_with_the_same_maps_gives_the_same_scores(make, layer):
    ask, model = bound(make(), layer)
    probe = ask([0, 1, 2])
    assert close(probe.resume(probe.maps), probe.scores, 1e-6)
    # Twice as many: items 0 and 1 belong to the first picture.
    doubled = probe.resume(np.repeat(probe.maps, 2, axis=0))
    assert close(doubled, np.repeat(probe.scores, 2), 1e-6)
    assert not close(probe.resume(-probe.maps), probe.scores, 1e-3)
    scores, _ = model.network.predict(probe.pixels)
    assert close(probe.scores, scores[[0, 1, 2], [0, 1, 2]], 1e-6)


def test_slopes_are_the_differences_of_resumed_scores():
    """No gradient code at all on this side: nudge one number of the maps and see what the score does."""
    ask, _ = bound(skipping(), "conv", many=1)
    probe = ask([1])
    step, noise = 1e-2, np.random.default_rng(0)
    for _ in range(8):
        place = (0, *(noise.integers(0, n) for n in probe.maps.shape[1:]))
        up, down = probe.maps.copy(), probe.maps.copy()
        up[place] += step
        down[place] -= step
        difference = (probe.resume(up) - probe.resume(down))[0] / (2 * step)
        assert difference == pytest.approx(probe.slopes[place], abs=2e-3 * float(np.abs(probe.slopes).max()))


def test_a_path_round_the_layer_is_kept():
    keras_model = skipping()
    ask, _ = bound(keras_model, "conv", many=1)
    probe = ask([0])
    pixels = probe.pixels.astype(np.float32) / 255
    get, dense = keras_model.get_layer, keras_model.get_layer("head")
    stem, halved = get("stem")(pixels), tf.constant(probe.maps * 0.5)
    flat = keras.ops.reshape(get("after")(stem + halved), (1, -1))
    expected = (flat.numpy() @ dense.get_weights()[0] + dense.get_weights()[1])[0, 0]
    assert probe.resume(probe.maps * 0.5)[0] == pytest.approx(expected, abs=1e-5)


def test_input_slopes_against_an_eager_tape():
    keras_model = plain(activation="linear")
    ask, _ = bound(keras_model, None)
    probe = ask([0, 2, 1])
    pixels = tf.constant(probe.pixels, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        scores = tf.gather(keras_model(pixels / 255), [0, 2, 1], batch_dims=1)
    expected = tape.gradient(scores, pixels).numpy()
    assert np.abs(expected).max() > 0
    assert close(probe.input_slopes, expected, 1e-5)
    moved = probe.pixels.astype(np.float32) * 0.5
    assert probe.slopes_at(np.repeat(moved, 2, axis=0)).shape == (6, SIZE, SIZE, 3)


def test_against_an_eager_tape_through_every_layer():
    keras_model = skipping()
    dense = keras_model.get_layer("head")
    ask, model = bound(keras_model, None, many=2)
    pixels = ask().pixels.astype(np.float32) / 255
    for name in ("stem", "conv", "add", "after"):
        inner = keras.Model(keras_model.input, [keras_model.get_layer(name).output, dense.input])
        with tf.GradientTape() as tape:
            maps, last = inner(pixels)
            score = tf.reduce_sum((last @ dense.kernel + dense.bias)[:, 1])
        slopes = tape.gradient(score, maps).numpy()
        found = explain.heatmaps(model, pictures(2), layer=name, class_index=1)
        for i, one in enumerate(found):
            assert close(one.values, grad_cam(maps[i].numpy(), slopes[i]), 1e-5), name
        assert any(one.values.max() > 0 for one in found), name


# What it refuses ----------------------------------------------------------------------------------


def test_wrong_maps_and_no_pictures_are_refused():
    ask, model = bound(plain(), "second")
    probe = ask()
    for shape in ((3, 6, 6, 5), (3, 5, 6, 6), (4, 6, 6, 6)):
        with pytest.raises(OptionError, match=r"\(n, 6, 6, 6\)"):
            probe.resume(np.zeros(shape, np.float32))
    with pytest.raises(OptionError, match="at least one picture"):
        Probe(model.network, np.zeros((0, SIZE, SIZE, 3), np.uint8), [])


def test_a_store_without_room_changes_no_answer():
    ask, model = bound(draw_weights(plain()), "second")
    expected = ask([0, 1, 2]).slopes
    model.network.store.clear()
    model.network.store.limit = 0
    ask([2, 2, 2]).slopes
    assert len(model.network.store) == 0
    assert np.array_equal(ask([0, 1, 2]).slopes, expected)
