"""A graph is the network it was made from: the same scores, layers, maps, slopes and patterns."""

from __future__ import annotations

import zipfile

import keras
import networks
import numpy as np
import pytest
import tensorflow as tf
from graph_files import exported, frozen, noise, of_tensorflow_1, opened, saved
from networks import close, draw_weights, pictures

import explain
from explain.opening.graph_layers import common_start, pretty
from explain.probe.probing import Probe

FORMS = {"exported": exported, "saved": saved, "frozen": frozen}
NETWORKS = (
    "plain", "flattened", "nested", "called_twice", "with_operators", "skipping", "squeezed",
    "with_positions", "with_rows", "subclassed",
)  # fmt: skip


def kinds(network: keras.Model) -> list[tuple[str, str]]:
    return [(layer.name, type(layer).__name__) for layer in network.graph_layers]


def same_scores(graph: keras.Model, network: keras.Model) -> bool:
    images = noise(graph.inputs[0].shape[1:])
    pairs = zip(tf.nest.flatten(graph(images)), tf.nest.flatten(network(images)), strict=True)
    return all(np.abs(a.numpy() - b.numpy()).max() <= 1e-6 for a, b in pairs)


def same_heat(graph: keras.Model, network: keras.Model, layers, scaling="0..1", size=networks.SIZE) -> bool:
    """Grad-CAM of two pictures at each layer, to 1e-5 of its maximum."""
    ours, theirs = (explain.wrap(each, scaling=scaling) for each in (graph, network))
    for layer in layers:
        asked = {"layer": layer, "class_index": 1}
        both = [explain.heatmaps(model, pictures(2, size), **asked) for model in (ours, theirs)]
        for one, other in zip(*both, strict=True):
            assert one.layer == layer and other.values.max() > 0
            if not close(one.values, other.values, 1e-5) or abs(one.score - other.score) > 1e-5:
                return False
    return True


@pytest.mark.parametrize("name", NETWORKS)
def test_a_graph_gives_the_scores_of_its_network(name, tmp_path):
    network = getattr(networks, name)()
    form = saved if name == "subclassed" else exported
    assert same_scores(opened(form(network, tmp_path / "graph")), network)


@pytest.mark.parametrize("form", FORMS)
def test_layers_maps_slopes_and_patterns_are_those_of_the_network(form, tmp_path):
    network = networks.plain()
    graph = opened(FORMS[form](network, tmp_path / "graph"))
    assert kinds(graph) == [
        ("first/convolution", "Conv2D"), ("first", "ReLU"), ("pool", "MaxPooling2D"),
        ("second/convolution", "Conv2D"), ("second", "ReLU"), ("mean", "GlobalAveragePooling2D"),
        ("head/MatMul", "Dense"), ("head", "Softmax"),
    ]  # fmt: skip
    assert same_scores(graph, network) and same_heat(graph, network, ["first", "pool", "second"])
    ours, theirs = (explain.wrap(each, scaling="0..1") for each in (graph, network))
    assert ours.default_layer == theirs.default_layer == "second"
    assert ours.outputs[0].head == "softmax" and ours.outputs[0].classes == 3
    (image,) = pictures(1)
    maps = [explain.activations(model, image, "second").values for model in (ours, theirs)]
    assert close(*maps, 1e-6)
    probes = [Probe(model.network, image.pixels[None], ["image"], "second", [1]) for model in (ours, theirs)]
    resumed, same = (probe.resume(0.5 * probe.maps) for probe in probes)
    assert close(resumed, same, 1e-5) and not close(resumed, probes[0].scores, 1e-3)
    dreams = [explain.patterns(model, "second", [0, 3], steps=3, size=32) for model in (ours, theirs)]
    for one, other in zip(*dreams, strict=True):
        assert close(one.pixels, other.pixels, 1e-4)


def test_weights_belong_to_the_layers_that_use_them(tmp_path):
    graph = opened(exported(networks.nested(), tmp_path / "graph"))
    counts = {layer.name: layer.count_params() for layer in graph.graph_layers}
    assert counts["body/conv/convolution"] == 3 * 3 * 3 * 4 + 4 and counts["body/norm"] == 4 * 4
    assert counts["body/conv"] == 0 and counts["head/MatMul"] == 5 * 3 + 3
    assert graph.count_params() == networks.nested().count_params() and not graph.trainable_weights


def test_a_frozen_graph_has_weights_too(tmp_path):
    graph = opened(frozen(networks.plain(), tmp_path / "graph.pb"))
    assert graph.count_params() == networks.plain().count_params()


def test_a_mobilenet_gives_all_its_convolutions(tmp_path):
    """The whole of it once: 35 convolutions and 17 depthwise ones, in two forms."""
    network = draw_weights(keras.applications.MobileNetV2((96, 96, 3), alpha=0.35, weights=None, classes=10))
    for form in (exported, saved):
        graph = opened(form(network, tmp_path / form.__name__))
        found = [kind for _, kind in kinds(graph)]
        assert (found.count("Conv2D"), found.count("DepthwiseConv2D")) == (35, 17), form
        assert found.count("BatchNormalization") == 52 and found.count("Add") == 10
        assert graph.count_params() == network.count_params() and same_scores(graph, network)
        names = {name for name, _ in kinds(graph)}
        assert {layer.name for layer in network.layers if layer.weights} - {"predictions"} <= names
    assert same_heat(graph, network, ["block_6_project_BN"], "-1..1", 96)


def test_a_zip_opens_as_its_folder_does(tmp_path):
    network = networks.plain()
    saved(network, tmp_path / "saved")
    with zipfile.ZipFile(tmp_path / "saved.zip", "w") as archive:
        for file in (tmp_path / "saved").rglob("*"):
            archive.write(file, file.relative_to(tmp_path))
    models = [explain.load(tmp_path / name, scaling="0..1") for name in ("saved.zip", "saved")]
    for model in models:
        assert model.default_layer == "second" and len(model.layers) == 8
        assert same_scores(model.network.model, network)


@pytest.mark.parametrize("flag", ["default", "fed"])
@pytest.mark.parametrize("reference", [True, False])
@pytest.mark.parametrize("form", ["saved", "frozen"])
def test_tensorflow_1(form, reference, flag, tmp_path):
    """Reference and resource variables, control flow of both kinds, decided as when nothing is trained."""
    path, expected = of_tensorflow_1(tmp_path, form, reference, flag)
    graph = opened(path)
    assert np.abs(graph(noise((12, 12, 3))).numpy() - expected).max() < 1e-6
    assert kinds(graph) == [
        ("conv/Conv2D", "Conv2D"), ("conv", "ReLU"), ("bn", "BatchNormalization"), ("wide/Conv2D", "Conv2D"),
        ("wide", "ReLU"), ("pool", "GlobalAveragePooling2D"), ("head/MatMul", "Dense"), ("head", "Softmax"),
    ]  # fmt: skip
    model = explain.wrap(graph, scaling="0..1")
    assert model.outputs[0].head == "softmax"                    # though a reshape comes after it
    assert model.network.layer("wide/Conv2D").shape == (6, 6, 5)              # put together again
    assert explain.heatmap(model, pictures(1)[0], class_index=2).layer == "wide"


def test_old_control_flow(tmp_path):
    """Switch and Merge, before branches were functions."""
    tf.compat.v1.disable_control_flow_v2()
    try:
        path, expected = of_tensorflow_1(tmp_path, "frozen")
    finally:
        tf.compat.v1.enable_control_flow_v2()
    assert any(n.op == "Merge" for n in tf.compat.v1.GraphDef.FromString(path.read_bytes()).node)
    assert np.abs(opened(path)(noise((12, 12, 3))).numpy() - expected).max() < 1e-6


def test_two_outputs_keep_their_order(tmp_path):
    network = networks.two_outputs()
    graph = opened(exported(network, tmp_path / "graph"))
    assert same_scores(graph, network) and graph.output_names == ["output_0", "output_1"]
    heads = [(output.head, output.classes) for output in explain.wrap(graph, scaling="0..1").outputs]
    assert heads == [("softmax", 3), ("binary", 2)]


def test_names():
    assert pretty(["m/a/convolution", "m/a/BiasAdd", "m/a/Relu", "m/b/batchnorm/add_1"]) == [
        "a/convolution", "a/BiasAdd", "a", "b",
    ]  # fmt: skip
    assert pretty(["net_1/conv_1/Conv2D", "net_1/conv_2_1/Conv2D"]) == ["conv", "conv_2"]   # of a Keras trace
    assert pretty(["m/block_1/conv", "m/block_2/conv"]) == ["block_1/conv", "block_2/conv"]
    assert pretty(["Conv2D", "Relu"]) == ["Conv2D", "Relu"] and pretty([]) == []
    assert common_start(["a/net_1/x_1/Relu", "a/net_1/y_1/Relu"]) == "net" and common_start([]) == ""
