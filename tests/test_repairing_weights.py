"""The order of stored weights: Keras 1, Theano, and models inside models."""

from __future__ import annotations

import numpy as np
import pytest
from old_files import draw

from explain.errors import BrokenModel, ObsoleteModel
from explain.repairing.weights import backend_of, convert_layer, converter

KERNEL, BIAS = draw(1, 4, 3, 3, 3), draw(2, 4)  # (out, in, h, w), not symmetric


def conv(ordering: str) -> dict:
    """Convolution2D as Keras 1.2 stored it."""
    config = {
        "nb_filter": 4,
        "nb_row": 3,
        "nb_col": 3,
        "dim_ordering": ordering,
        "bias": True,
        "init": "normal",
    }
    sides = [None, 3, 6, 6] if ordering == "th" else [None, 6, 6, 3]
    return {"class_name": "Convolution2D", "config": {"name": "conv", **config, "batch_input_shape": sides}}


def sequential(*layers: dict) -> dict:
    return {"class_name": "Sequential", "config": list(layers)}


def test_which_backend():
    assert backend_of("cntk", ["a"], "2.0.1") == "cntk" and backend_of("", ["a"], "2.1.0") == ""
    assert backend_of("", ["convolution2d_1_W", "convolution2d_1_b"], "1.2.2") == "theano"
    assert backend_of("", ["convolution2d_1_W:0", "convolution2d_1_b:0"], "") == "tensorflow"
    assert backend_of("", [], "1.0") == "tensorflow"


def test_theano_of_keras_2_turns_kernels_only():
    kernel, bias = draw(1, 3, 2, 5, 4), draw(2, 4)
    one = {"class_name": "Conv2D", "config": {"name": "c"}}
    turned = convert_layer(one, [kernel, bias], True, False)
    np.testing.assert_array_equal(turned[0], kernel[::-1, ::-1])
    np.testing.assert_array_equal(turned[1], bias)
    grown = {
        "class_name": "Deconvolution2D",
        "config": {"name": "d", "dim_ordering": "th", "nb_row": 2, "nb_col": 5},
    }
    stored = draw(3, 4, 3, 2, 5)  # (out, in, h, w)
    np.testing.assert_array_equal(
        convert_layer(grown, [stored], False, False)[0], stored.transpose(2, 3, 0, 1)
    )


def test_nothing_to_convert_is_none():
    assert converter(sequential(conv("tf")), "1.2.2", "tensorflow") is None
    assert (
        converter({"class_name": "Sequential", "config": {"name": "s", "layers": []}}, "2.4.0", "tensorflow")
        is None
    )
    convert = converter(sequential(conv("th")), "1.2.2", "tensorflow")
    empty = np.broadcast_to(np.float32(0), (4, 3, 3, 3))
    assert convert("conv", [empty])[0].shape == (3, 3, 3, 4) and convert("other", [empty])[0] is empty


def test_weights_that_do_not_fit_are_refused():
    with pytest.raises(BrokenModel, match="3 × 3"):
        convert_layer(conv("th"), [draw(0, 3, 3, 3, 4)], False, True)
    inner = sequential(conv("th")) | {"name": "inner"}
    with pytest.raises(BrokenModel, match="expected are 2"):
        convert_layer(inner, [KERNEL], False, True)
    inner["config"].append({"class_name": "LSTM", "config": {"name": "lstm"}})
    with pytest.raises(ObsoleteModel, match="LSTM"):
        convert_layer(inner, [KERNEL, BIAS], False, True)
    with pytest.raises(ObsoleteModel, match="Theano"):
        convert_layer({"class_name": "SeparableConv2D", "config": {}}, [KERNEL], True, True)
