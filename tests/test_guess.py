"""The guessed scaling: arithmetic inside, known backbones, what a batch normalisation met, or 0..1."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from networks import draw_weights, plain

import explain
from explain.image import fit
from explain.opening.clues import arithmetic, misfits
from explain.opening.guess import best_fit, guess_scaling
from explain.samples import read_sample, samples
from explain.scaling import SCALINGS, USUAL

SIDE = 32


def photos() -> np.ndarray:
    """Halves of the sample photos, turned: photos, but not those that the guess looks at."""
    turned = [np.rot90(read_sample(slug).pixels[:, : 150 + 10 * i]) for i, slug in enumerate(samples())]
    return np.stack([fit(one.copy(), SIDE, SIDE, 3) for one in turned]).astype(np.float32)


def network(
    before=lambda x: x, norm=False, name="mine", size=(SIDE, SIDE, 3), dtype="float32"
) -> keras.Model:
    inputs = keras.Input(size, dtype=dtype)
    x = keras.layers.Conv2D(16, 3, use_bias=False, name="conv")(before(inputs))
    x = keras.layers.BatchNormalization(name="norm")(x) if norm else x
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.ReLU()(x))
    return draw_weights(keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x), name=name))


def trained_on(scaling: str, **options) -> keras.Model:
    """A network whose batch normalisation has met photos under that scaling, and learnt gamma and beta."""
    made = network(norm=True, **options)
    seen = keras.Model(made.input, made.get_layer("conv").output)(SCALINGS[scaling].apply(photos())).numpy()
    noise = np.random.default_rng(1)
    learnt = [noise.normal(1, 0.3, 16), noise.normal(0, 1, 16), seen.mean((0, 1, 2)), seen.var((0, 1, 2))]
    made.get_layer("norm").set_weights([each.astype(np.float32) for each in learnt])
    return made


# Arithmetic inside --------------------------------------------------------------------------------------

PREPROCESS = {
    "caffe": keras.applications.vgg16.preprocess_input,
    "tf": keras.applications.mobilenet_v2.preprocess_input,
    "torch": keras.applications.densenet.preprocess_input,
}
INSIDE = {
    "x / 255": (lambda x: x / 255.0, "0..255", "TrueDivide"),
    "x / 127.5 - 1": (lambda x: x / 127.5 - 1.0, "0..255", "Subtract"),
    "Rescaling": (keras.layers.Rescaling(1 / 127.5, -1), "0..255", "Rescaling"),
    "inverted": (lambda x: 1.0 - x / 255.0, "0..255", "Subtract"),
    "mean only": (lambda x: x - 127.5, "0..255", "Subtract"),
    "Normalization": (keras.layers.Normalization(mean=120.0, variance=3600.0), "0..255", "Normalization"),
    **{f"{kind} inlined": (function, "0..255", "") for kind, function in PREPROCESS.items()},
    "augmented": (
        lambda x: keras.layers.Rescaling(1 / 255)(keras.layers.RandomFlip()(x)),
        "0..255",
        "Rescaling",
    ),
    "2x - 1": (lambda x: x * 2.0 - 1.0, "0..1", "Multiply"),
    "Normalization of 0..1": (keras.layers.Normalization(mean=0.5, variance=0.08), "0..1", "Normalization"),
    "back to 255": (lambda x: keras.layers.Rescaling(255)(x), "0..1", "Rescaling"),
}


@pytest.mark.parametrize(("before", "scaling", "kind"), INSIDE.values(), ids=INSIDE)
def test_arithmetic_at_the_input_says_what_it_wants(before, scaling, kind):
    found = guess_scaling(network(before))
    assert found.scaling == scaling and kind in found.why and "itself" in found.why
    assert found.notices == ()


def test_it_is_found_in_a_nested_backbone_and_wins_over_its_name():
    inner = network(lambda x: x / 255.0, name="vgg16")
    outer = keras.Sequential([keras.Input((SIDE, SIDE, 3)), keras.layers.RandomFlip(), inner])
    assert guess_scaling(outer).scaling == "0..255"


def test_a_picture_standardised_by_itself_takes_any_scale():
    def before(x):
        return (x - keras.ops.mean(x, axis=(1, 2, 3), keepdims=True)) / 10.0

    assert guess_scaling(network(before)).scaling == "0..255"


def test_slope_and_offset_in_numbers():
    slope, offset, kinds = arithmetic(network(lambda x: x / 127.5 - 1.0), (SIDE, SIDE, 3))
    assert (slope, offset) == (pytest.approx(1 / 127.5), pytest.approx(-1)) and kinds == (
        "TrueDivide",
        "Subtract",
    )
    assert arithmetic(network(), (SIDE, SIDE, 3))[:2] == (1, 0)


def test_whole_numbers_are_not_scaled():
    made = network(lambda x: keras.ops.cast(x, "float32"), dtype="uint8")
    assert guess_scaling(made).scaling == "0..255" and guess_scaling(made).notices == ()


@pytest.mark.parametrize("size", [(SIDE, SIDE, 1), (None, None, 3), (SIDE, SIDE, 4)], ids=str)
def test_every_kind_of_input(size):
    assert guess_scaling(network(lambda x: x / 255.0, size=size)).scaling == "0..255"
    assert guess_scaling(network(size=size)).scaling == "0..1"


def test_a_grey_network_without_an_axis_for_channels():
    inputs = keras.Input((SIDE, SIDE))
    x = keras.layers.Reshape((SIDE, SIDE, 1))(inputs / 255.0)
    x = keras.layers.Flatten()(keras.layers.Conv2D(2, 3)(x))
    assert guess_scaling(keras.Model(inputs, keras.layers.Dense(2)(x))).scaling == "0..255"


# What a batch normalisation met -----------------------------------------------------------------------


@pytest.mark.parametrize("scaling", [s.name for s in USUAL])
def test_photos_fit_only_the_scaling_of_training(scaling):
    found = guess_scaling(trained_on(scaling))
    assert SCALINGS[found.scaling].nearly(SCALINGS[scaling])
    assert found.why.startswith("a guess") and "batch normalisation" in found.why
    assert [n.code for n in found.notices] == ["W_SCALING_GUESSED"] and f"'{found.scaling}'" in found.notices[
        0
    ].sentence


def test_the_mean_tells_apart_what_is_of_one_size():
    found = misfits(trained_on("0..255"), photos(), USUAL)
    assert found["caffe"] > found["0..255"] + 0.25 and found["0..255"] == pytest.approx(0, abs=0.05)


def test_a_batch_normalisation_right_at_the_input():
    for scaling, deviation in (("0..255", 60.0), ("0..1", 0.25), ("-1..1", 0.5)):
        middle = SCALINGS[scaling].apply(np.full((1, 1, 1, 3), 120, np.float32)).ravel()
        inputs = keras.Input((SIDE, SIDE, 3))
        norm = keras.layers.BatchNormalization()
        x = keras.layers.Flatten()(keras.layers.Conv2D(4, 3)(norm(inputs)))
        norm.set_weights([np.full(3, 2.0), np.ones(3), middle, np.full(3, deviation**2)])
        made = keras.Model(inputs, keras.layers.Dense(2)(x))
        assert arithmetic(made, (SIDE, SIDE, 3))[:2] == (1, 0), "what is learnt is no preprocessing"
        assert guess_scaling(made).scaling == scaling


def test_an_adapted_normalisation():
    layer = keras.layers.Normalization()
    layer.adapt(photos())
    found = guess_scaling(network(layer))
    assert found.scaling == "0..255" and "Normalization" in found.why


def test_a_custom_is_kept_where_the_statistics_do_not_object():
    assert guess_scaling(trained_on("caffe", name="vgg16")).scaling == "caffe"
    assert guess_scaling(trained_on("caffe", name="vgg16")).notices == ()


def test_statistics_that_contradict_a_custom_win_as_a_guess():
    found = guess_scaling(trained_on("0..1", name="vgg16"))
    assert (
        found.scaling == "0..1"
        and "customary for the backbone 'vgg16' is 'caffe'" in found.why
        and found.notices
    )


def test_untrained_or_ruined_statistics_tell_nothing():
    made = network(norm=True)
    assert misfits(made, photos(), USUAL) == {} and guess_scaling(made).scaling == "0..1"
    made.get_layer("norm").set_weights([np.zeros(16, np.float32)] * 4)
    assert misfits(made, photos(), USUAL) == {}
    assert misfits(plain(), photos()[:, :12, :12], USUAL) == {}
    assert best_fit({}) == (None, ()) and best_fit({s.name: 9.0 for s in USUAL}) == (None, ())


def test_two_that_fit_about_as_well_are_both_named():
    fits = {s.name: 9.0 for s in USUAL} | {"-1..1": 0.31, "(x-127)/128": 0.3, "caffe": 0.5}
    assert best_fit(fits) == ("-1..1", ("caffe",))


def test_a_backbone_without_its_name_is_known_by_a_layer():
    inner = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 1, name="block_16_project")], name="model"
    )
    assert guess_scaling(inner)[:2] == ("-1..1", "customary for the backbone MobileNetV2")


# Real files ----------------------------------------------------------------------------------------------

REAL = {
    "pypi__cifar-10-model__cnn_model.h5": "0..255",  # right 80.9 % raw, 10.0 % with x/255
    "gh__oarriaga_face_classification__fer2013_mini_XCEPTION.102.hdf5": "-1..1",
    "gh__oarriaga_face_classification__gender_mini_XCEPTION.hdf5": "-1..1",
    "gh__Moha-1991_ciffarr-10__cnn_model.keras": "0..1",  # no batch normalisation: the plain guess
}


@pytest.mark.parametrize(("file", "scaling"), REAL.items(), ids=REAL)
def test_real_files_are_opened_with_the_scaling_of_their_training(data, file, scaling):
    model = explain.wrap(keras.models.load_model(data / "models" / file, compile=False))
    assert model.scaling == scaling and model.scaling_note.startswith("a guess")
    assert [notice.code for notice in model.notices] == ["W_SCALING_GUESSED"]
    assert explain.wrap(model.network.model, scaling).notices == ()
