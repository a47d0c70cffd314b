"""The doctor: what was planted in a network is found, on the layer where it was planted, and nothing else."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
from networks import (
    SIZE,
    draw_weights,
    flattened,
    nested,
    perceptron,
    pictures,
    plain,
    subclassed,
    two_outputs,
)

import explain
from explain import workers
from explain.commands import DONE, main
from explain.doctor import examine
from explain.doctor.answers import Answers, merged
from explain.errors import Cancelled, OptionError
from explain.samples import samples


def examined(network, scaling="0..1", image=None):
    return examine(explain.wrap(network, scaling), pictures(2) if image is None else image)


def codes(found) -> list[str]:
    return [notice.code for notice in found.notices]


def of(found, layer: str):
    return next(one for one in found.layers if one.layer == layer)


def change(network, layer: str, function) -> keras.Model:
    """function(kernel, bias) writes into copies of the layer's weights."""
    weights = network.get_layer(layer).get_weights()
    function(*weights)
    network.get_layer(layer).set_weights(weights)
    return network


def sound() -> keras.Model:
    """A network in which everything speaks."""
    return draw_weights(
        keras.Sequential([
            keras.Input((SIZE, SIZE, 3)),
            keras.layers.Conv2D(4, 3, name="first"),
            keras.layers.Conv2D(5, 3, activation="tanh", name="second"),
            keras.layers.GlobalAveragePooling2D(name="mean"),
            keras.layers.Dense(3, activation="softmax", name="head"),
        ], name="sound")
    )  # fmt: skip


# The whole ----------------------------------------------------------------------------------------------


def test_a_sound_network():
    network = sound()
    found = examined(network)
    assert found.notices == () and found.not_finite == {}
    assert (found.name, found.input_shape, found.scaling, found.scaling_note) == (
        "sound",
        (SIZE, SIZE, 3),
        "0..1",
        "given",
    )
    assert found.parameters == network.count_params() and found.default_layers == ("second",)
    assert found.explainable == ("first", "second") and [o.head for o in found.outputs] == ["softmax"]
    assert [(c.layer, c.kind, c.filters, c.channels) for c in found.layers] == [
        ("first", "Conv2D", 4, 4), ("second", "Conv2D", 5, 5), ("head", "Dense", 3, 3)
    ]  # fmt: skip
    assert not any(c.dead or c.duplicates or c.silent for c in found.layers)
    assert found.tried == ("noise 0", "noise 1", "the first one mirrored", "noise", "grey", "black")


def test_one_picture_several_or_the_samples():
    network = sound()
    assert examined(network, image=pictures(1)[0]).tried[0] == "noise 0"
    assert examined(network, image=pictures(5)).tried[0] == "5 photos"
    assert examine(explain.wrap(network, "0..1")).tried[0] == f"{len(samples())} sample photos"


@pytest.mark.parametrize(
    "make", [nested, two_outputs, subclassed, perceptron, flattened], ids=lambda m: m.__name__
)
def test_every_kind_of_network(make):
    model = explain.wrap(make(), "0..1")
    found = examine(model, pictures(2))
    with_filters = {layer.name for layer in model.layers if layer.kind in ("Conv2D", "Dense")}
    assert with_filters <= {check.layer for check in found.layers if check.filters}
    assert ("W_NO_MAP" in codes(found)) == (make is perceptron)


# Weights ------------------------------------------------------------------------------------------------


def test_broken_weights_name_the_first_layer_and_count():
    network = flattened()
    change(network, "dense", lambda kernel, bias: kernel.__setitem__((0, slice(3)), np.nan))
    change(network, "linear", lambda kernel, bias: bias.__setitem__(1, np.inf))
    found = examined(network)
    assert found.not_finite == {"linear": (1, 4 * 9 * 5 + 5), "dense": (3, 500 * 36 + 36)}
    assert codes(found)[:2] == ["W_WEIGHTS_NOT_FINITE", "W_NOT_FINITE"]
    assert "1 of 185 weights of layer 'linear'" in found.notices[0].sentence
    assert "From layer 'linear' on" in found.notices[1].sentence


def test_a_weight_is_counted_for_the_innermost_layer_that_holds_it():
    network = subclassed()
    network.blocks[1].conv.bias.assign([np.nan, 0, 0, 0])
    assert examined(network).not_finite == {"two/conv": (1, 4 * 9 * 4 + 4)}


def test_numbers_that_overflow_on_the_way():
    network = change(flattened(), "early", lambda kernel, bias: kernel.fill(3e38))
    found = examined(network)
    assert codes(found)[0] == "W_NOT_FINITE" and "'early'" in found.notices[0].sentence
    assert "No weight is" in found.notices[0].sentence and found.not_finite == {}


def test_dead_filters():
    network = change(sound(), "second", lambda kernel, bias: kernel.__setitem__((..., [1, 3]), 0))
    found = examined(network)
    assert of(found, "second").dead == (1, 3) and of(found, "second").silent == (1, 3)
    assert codes(found) == ["W_DEAD_FILTER"] and "2 filters" in found.notices[0].sentence


def test_duplicate_filters():
    def double(kernel, bias):
        kernel[..., 2] = kernel[..., 0]
        kernel[..., 4] = -3 * kernel[..., 0]  # in proportion

    found = examined(change(sound(), "second", double))
    assert of(found, "second").duplicates == ((0, 2, 4),) and of(found, "first").duplicates == ()
    assert codes(found) == ["W_DUPLICATE_FILTERS"] and "2 filters" in found.notices[0].sentence


def normalised(variance) -> keras.Model:
    network = keras.Sequential([
        keras.Input((SIZE, SIZE, 3)), keras.layers.Conv2D(4, 3, name="conv"),
        keras.layers.BatchNormalization(name="norm"), keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(3),
    ])  # fmt: skip
    network.get_layer("norm").moving_variance.assign(variance)
    return draw_weights(network)


def test_a_batch_normalisation_out_of_order():
    assert codes(examined(normalised([1, 1, 1, 1]))) == []
    zero = examined(normalised([1, 0, 1, 0]))
    assert codes(zero) == ["W_BATCH_NORM"] and "magnified 32 times, in 2 channels" in zero.notices[0].sentence
    negative = examined(normalised([1, -1, 1, 1]))
    assert "W_BATCH_NORM" in codes(negative) and "W_NOT_FINITE" in codes(negative)
    assert "negative variance" in next(n.sentence for n in negative.notices if n.code == "W_BATCH_NORM")
    still = change(normalised([1, 0, 1, 1]), "conv", lambda kernel, bias: kernel.__setitem__((..., 1), 0))
    assert codes(examined(still)) == ["W_DEAD_FILTER"], "what never varies does no harm"


# Answers ------------------------------------------------------------------------------------------------


def test_silent_channels_are_told_from_dead_ones():
    network = change(plain(), "second", lambda kernel, bias: bias.__setitem__(2, -1000))
    change(network, "first", lambda kernel, bias: bias.fill(5))
    found = examined(network)
    assert 2 in of(found, "second").silent and of(found, "second").dead == ()
    assert "W_SILENT_CHANNELS" in codes(found) and "W_DEAD_FILTER" not in codes(found)
    change(network, "second", lambda kernel, bias: kernel.__setitem__((..., 4), 0))
    both = examined(network)
    awake = next(n.sentence for n in both.notices if n.code == "W_SILENT_CHANNELS")
    assert 4 in of(both, "second").silent
    assert f"'second' ({len(of(both, 'second').silent) - 1})" in awake, "the dead one is not counted again"
    sentence = next(n.sentence for n in found.notices if n.code == "W_SILENT_CHANNELS")
    assert "6 pictures tried (noise 0, noise 1, the first one mirrored, noise, grey, black)" in sentence


def test_batches_are_put_together():
    """Two batches: extremes over both, broken in either, scores one after the other."""

    def part(low, high, broken):
        scores = (np.array([[low]], np.float32),)
        return Answers({"a": np.array([low])}, {"a": np.array([high])}, broken, scores, scores)

    found = merged([part(1, 2, ()), part(-3, 1, ("a",))])
    assert (found.low["a"], found.high["a"], found.broken) == (-3, 2, ("a",))
    assert found.scores[0].tolist() == found.probabilities[0].tolist() == [[1], [-3]]


def test_a_dead_layer_and_a_head_that_answers_one_thing():
    network = change(sound(), "second", lambda kernel, bias: kernel.fill(0) or bias.fill(0))
    found = examined(network)
    assert codes(found)[:2] == ["W_HEAD_CONSTANT", "W_DEAD_LAYER"]
    assert "Layer 'second'" in found.notices[1].sentence and "0 everywhere" in found.notices[1].sentence
    only_head = examined(change(sound(), "head", lambda kernel, bias: kernel.fill(0)))
    assert codes(only_head)[0] == "W_HEAD_CONSTANT" and "for all 6 pictures" in only_head.notices[0].sentence


def test_a_saturated_head():
    network = change(sound(), "head", lambda kernel, bias: bias.__setitem__(1, 100))
    found = examined(network)
    assert codes(found) == ["W_SATURATED"] and "logit" in found.notices[0].sentence


def test_a_guessed_scaling_under_suspicion():
    same = change(sound(), "head", lambda kernel, bias: bias.__setitem__(1, 4))
    found = examined(same, scaling=None, image=pictures(4))
    assert (
        codes(found) == ["W_SCALING_SUSPECTED", "W_SCALING_GUESSED"]
        and "the same class" in found.notices[0].sentence
    )
    assert codes(examined(same, scaling="0..1", image=pictures(4))) == []
    uniform = change(sound(), "head", lambda kernel, bias: (np.multiply(kernel, 1e-3, kernel), bias.fill(0)))
    assert "equally likely for all 2 photos" in examined(uniform, scaling=None).notices[0].sentence


def test_progress_ends_at_the_total_and_false_cancels():
    told, model = [], explain.wrap(sound(), "0..1")
    examine(model, pictures(1), lambda *now: told.append(now))
    assert [one[0] for one in told] == sorted(one[0] for one in told) and told[-1][0] == told[-1][1]
    with pytest.raises(Cancelled):
        examine(model, pictures(1), lambda *now: False)


def test_a_model_of_a_worker_is_not_asked_here(tmp_path):
    sound().save(tmp_path / "sound.keras")
    there = workers.load(str(tmp_path / "sound.keras"), scaling="0..1")
    with pytest.raises(OptionError, match="explain.workers"):
        examine(there)
    found, here = workers.examine(there, pictures(1)[0]), examined(sound(), image=pictures(1)[0])
    assert (found.layers[0].layer, found.notices, found.explainable) == ("first", (), here.explainable)


# The command --------------------------------------------------------------------------------------------


def test_the_command_prints_the_check_up_in_80_columns(tmp_path, capsys):
    network = change(nested(), "head", lambda kernel, bias: kernel.__setitem__((..., 1), kernel[..., 0]))
    network.save(tmp_path / ("a_long_name_" * 8 + ".keras"))
    (path,) = tmp_path.iterdir()
    assert main(["doctor", str(path), str(samples()["cat"].path), "--scaling", "0..1"]) == DONE
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert max(map(len, lines[1:])) <= 80 and said.err == ""
    for word in (
        "network",
        "input         12 x 12 x 3",
        "scaling       0..1 (given)",
        "softmax, 3 classes",
        "cat.jpg",
    ):
        assert word in said.out
    assert [line.split()[1] for line in lines if line.startswith("*")] == ["body/last"]
    assert {line.split()[1] for line in lines if line.startswith("o ")} == {"body/conv", "body/norm"}

    assert main(["doctor", str(path), "--scaling", "0..1", "--json"]) == DONE
    document = json.loads(capsys.readouterr().out)
    assert document["model"]["scaling"] == "0..1" and document["check_up"]["default_layers"] == ["body/last"]
    assert {layer["layer"] for layer in document["check_up"]["layers"]} == {
        "body/conv",
        "body/norm",
        "body/last",
        "head",
    }


def test_findings_are_no_failure_of_the_command(tmp_path, capsys):
    path = tmp_path / "sick.keras"
    change(sound(), "second", lambda kernel, bias: kernel.__setitem__((..., 1), 0)).save(path)
    assert main(["doctor", str(path), "--quiet"]) == DONE
    said = capsys.readouterr().out
    assert "W_DEAD_FILTER\n    Nothing but zeros" in said and "W_SCALING_GUESSED" in said
    row = next(line for line in said.splitlines() if line.startswith("* "))
    assert row.split() == ["*", "second", "Conv2D", "5", "1", "-", "1"]


# Real files ---------------------------------------------------------------------------------------------


def test_real_networks(default_model, data):
    found = examine(default_model)
    assert codes(found) == ["W_DEAD_FILTER", "W_SILENT_CHANNELS"] and len(found.explainable) > 100
    model = explain.wrap(
        keras.models.load_model(data / "models" / "gh__Moha-1991_ciffarr-10__cnn_model.keras", compile=False)
    )
    assert codes(examine(model)) == ["W_SILENT_CHANNELS", "W_SCALING_GUESSED"]
