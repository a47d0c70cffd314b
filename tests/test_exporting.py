"""Explainers as SavedModels: what a stranger's process, with TensorFlow alone, answers with them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import networks
import numpy as np
import pytest
import recipes_layers
import tensorflow as tf
from graph_files import served
from networks import close, fingerprint
from picture_files import noise, saved
from tensorflow.core.protobuf import saved_model_pb2

import explain
from explain.exporting import export_explainer
from explain.exporting.formulas import FORMULAS, formula
from explain.image import fit
from explain.jobs import pixels_of

# The stranger: TensorFlow and numpy. What is written as None cannot be imported.
STRANGER = """
import json, pathlib, sys
sys.modules["keras"] = sys.modules["explain"] = sys.modules["tf_keras"] = None
import numpy as np, tensorflow as tf
for folder in pathlib.Path(sys.argv[1]).iterdir():
    asked = np.load(folder / "asked.npz")
    signatures = tf.saved_model.load(str(folder / "explainer")).signatures
    told = json.loads(signatures["describe"]()["json"].numpy())
    pixels, class_index = tf.constant(asked["pixels"]), tf.constant(asked["classes"])
    files = tf.constant([(folder / name).read_bytes() for name in ("0.png", "1.png")])
    answers = {
        "serving_default": signatures["serving_default"](pixels=pixels),
        "explain": signatures["explain"](pixels=pixels, class_index=class_index),
        "serve_bytes": signatures["serve_bytes"](image_bytes=files),
        "explain_bytes": signatures["explain_bytes"](image_bytes=files, class_index=class_index),
        "predict": signatures["predict"](pixels=pixels),
    }
    flat = {f"{name}:{key}": value.numpy() for name, those in answers.items() for key, value in those.items()}
    np.savez(folder / "answered.npz", layer=told["layer"]["name"], **flat)
"""


def of_a_graph() -> explain.Model:
    """A network that came as a SavedModel itself."""
    import tempfile

    kernel = tf.Variable(np.random.default_rng(0).normal(0, 0.3, (3, 3, 3, 4)).astype(np.float32))
    head = tf.Variable(np.random.default_rng(1).normal(0, 0.5, (4, 3)).astype(np.float32))

    def call(x):
        maps = tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "SAME"))
        return tf.nn.softmax(tf.reduce_mean(maps, axis=(1, 2)) @ head)

    with tempfile.TemporaryDirectory() as folder:
        return explain.load(served(call, Path(folder) / "graph", kernel=kernel, head=head), scaling="0..1")


def wrapped(make, scaling="0..1", input_shape=None, **options):
    return lambda: explain.wrap(make(**options), scaling, input_shape=input_shape)


# name: (model, layer, output, method, options)
CASES = {
    "plain": (wrapped(networks.plain), None, None, "gradcam", {}),
    "early": (wrapped(networks.plain, "caffe"), "first", None, "gradcam", {}),
    "logits": (wrapped(networks.plain, activation=None), None, None, "gradcam", {}),
    "grey": (wrapped(networks.plain, channels=1), None, None, "gradcam", {}),
    "any_size": (wrapped(networks.plain, "torch", (10, 14, 3), size=None), None, None, "gradcam", {}),
    "nested": (wrapped(networks.three_deep), "outer/inner/body/conv", None, "gradcam", {}),
    "twice": (wrapped(networks.called_twice), "conv#2", None, "gradcam", {}),
    "skipping": (wrapped(networks.skipping), "conv", None, "gradcam", {}),
    "subclassed": (wrapped(networks.subclassed), "one/conv", None, "gradcam", {}),
    "traced": (wrapped(networks.subclassed, kind=networks.Traced), None, None, "gradcam", {}),
    "second_output": (wrapped(networks.two_outputs), "shared", "side", "gradcam", {}),
    "tokens": (wrapped(recipes_layers.vit), "block0", None, "gradcam", {}),
    "another_method": (wrapped(networks.nested), "body/last", None, "hirescam", {"signed": True}),
    "graph": (of_a_graph, None, None, "gradcam", {}),
}


@pytest.fixture(scope="module")
def answered(tmp_path_factory):
    """{case: (its model, layer, output, method, options, pictures, the stranger's answers)}."""
    home, asked = tmp_path_factory.mktemp("explainers"), {}
    for name, (make, layer, output, method, options) in CASES.items():
        model = make()
        folder = home / name
        folder.mkdir()
        height, width, _ = model.input_shape
        images = [explain.read(saved(noise(height, width, seed), "PNG")) for seed in range(2)]
        before = fingerprint(model.network.model)
        export_explainer(model, layer, folder / "explainer", method, output, **options)
        assert fingerprint(model.network.model) == before, name
        for i, image in enumerate(images):
            (folder / f"{i}.png").write_bytes(saved(image.pixels, "PNG"))
        pixels, classes = pixels_of(model.network, images), np.array([1, -1], np.int32)
        np.savez(folder / "asked.npz", pixels=pixels, classes=classes)
        asked[name] = (model, layer, output, method, options, images)
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-I", "-c", STRANGER, str(home)],
        capture_output=True, text=True, check=False, env=environment, cwd=home,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return {name: (*case, dict(np.load(home / name / "answered.npz"))) for name, case in asked.items()}, home


@pytest.mark.parametrize("name", CASES)
def test_a_stranger_sees_what_we_see(name, answered):
    model, layer, output, method, options, images, answers = answered[0][name]
    for signature, classes in (("serving_default", None), ("explain", [1, None])):
        ours = explain.heatmaps(model, images, method, layer, classes, output, **options)
        said = {key.partition(":")[2]: those for key, those in answers.items() if f"{signature}:" in key}
        heat = np.stack([one.values for one in ours])
        assert np.abs(heat).max() > 0 and said["heatmap"].dtype == np.float32
        assert close(said["heatmap"], heat, 1e-5)
        assert said["classes"].tolist() == [one.class_index for one in ours]
        assert str(answers["layer"]) == ours[0].layer
        rows = np.arange(len(ours))
        scores = said["scores"][rows, said["classes"]]
        assert scores == pytest.approx([one.score for one in ours], rel=1e-4, abs=1e-6)
        probabilities = said["probabilities"][rows, said["classes"]]
        assert probabilities == pytest.approx([o.probability for o in ours], rel=1e-4, nan_ok=True)
    assert np.allclose(answers["predict:scores"], answers["serving_default:scores"], atol=1e-5)
    # These pictures are in the network's size already: nothing is resized, and PNG loses nothing.
    for key in ("heatmap", "scores"):
        expected = answers[f"explain:{key}"]
        if model.input_shape[2] == 3:
            assert close(answers[f"explain_bytes:{key}"], expected, 1e-5)
            assert close(answers[f"serve_bytes:{key}"], answers[f"serving_default:{key}"], 1e-5)
        else:                                            # grey in whole numbers, of which one may differ by 1
            assert close(answers[f"explain_bytes:{key}"], expected, 0.02)


def test_nothing_but_tensorflows_own_operations_is_in_the_file(answered):
    for name in CASES:
        folder = answered[1] / name / "explainer"
        message = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
        graph = message.meta_graphs[0].graph_def
        nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
        assert nodes and not [node.op for node in nodes if "PyFunc" in node.op or "Numpy" in node.op], name


def test_the_folder_tells_what_it_is(tmp_path):
    model = explain.wrap(networks.nested(), "-1..1", labels=["ant", "bee", "cow"])
    folder = explain.export_explainer(model, "body/conv", tmp_path / "deep" / "1", signed=True)
    told = json.loads((folder / "explainer.json").read_text("utf-8"))
    assert told["model"]["key"] == model.key and told["model"]["scaling"] == "-1..1"
    assert told["labels"] == ["ant", "bee", "cow"] and told["layer"]["name"] == "body/conv"
    assert told["method"]["name"] == "gradcam" and told["method"]["options"] == {"signed": True}
    assert told["versions"]["tensorflow"] == tf.__version__
    opened = tf.saved_model.load(str(folder))
    assert json.loads(opened.signatures["describe"]()["json"].numpy()) == told
    assert [p.name for p in folder.parent.iterdir()] == ["1"]                      # nothing is left beside it


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("method", FORMULAS)
def test_formulas_are_those_of_the_shelf(method, signed):
    """On slopes of both signs, on maps of both signs, and on channels that answer nothing."""
    noise = np.random.default_rng(0)
    maps, slopes = noise.normal(0, 1, (2, 3, 5, 4, 6)).astype(np.float32)
    maps[..., 0], slopes[..., 1] = 0, 0
    probe = SimpleNamespace(maps=maps, slopes=slopes)
    expected = explain.methods.method("heatmaps", method).function(probe, signed=signed)
    found = formula(method).within({"signed": signed})(tf.constant(maps), tf.constant(slopes)).numpy()
    assert np.abs(expected).max() > 0 and close(found, expected, 1e-5)


def test_what_is_not_finite_becomes_zero():
    maps = tf.constant(np.full((1, 2, 2, 1), np.inf, np.float32))
    assert not formula("gradcam").within({"signed": True})(maps, maps).numpy().any()


# Encoded pictures ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """A network for 24×20, and its signatures."""
    model = explain.wrap(networks.plain(size=None), "0..1", input_shape=(24, 20, 3))
    folder = export_explainer(model, path=tmp_path_factory.mktemp("bytes") / "explainer")
    return model, tf.saved_model.load(str(folder)).signatures


def test_files_of_any_size_are_resized_nearly_as_ours(cat, opened):
    from explain.exporting.encoded import decoded

    photo = cat.pixels[:301, :397]
    files = [saved(photo, "JPEG", quality=92)]
    files += [saved(each, "PNG") for each in (photo, noise(9, 50), noise(60, 7))]
    shape = (24, 20, 3)
    found = decoded(tf.constant(files), shape).numpy().astype(int)
    ours = np.stack([fit(explain.read(file).pixels, *shape) for file in files]).astype(int)
    assert np.abs(found - ours).max() <= 1 and np.abs(found - ours).mean() <= 0.15
    model, signatures = opened
    heat = signatures["serve_bytes"](image_bytes=tf.constant(files))["heatmap"].numpy()
    expected = np.stack([h.values for h in explain.heatmaps(model, [explain.read(file) for file in files])])
    assert close(heat, expected, 0.02)


def test_grey_and_transparent_files_become_colours_over_white():
    from PIL import Image as Pillow

    from explain.exporting.encoded import decoded

    colours = noise(10, 8)
    alpha = np.random.default_rng(1).integers(0, 256, (10, 8, 1), np.uint8)
    grey = Pillow.fromarray(colours[..., 0])
    clear = Pillow.fromarray(np.concatenate([colours, alpha], axis=-1))
    files = [saved(one, "PNG") for one in (colours, grey, clear, clear.convert("LA"))]
    for channels in (1, 3, 4):
        found = decoded(tf.constant(files), (10, 8, channels)).numpy().astype(int)
        ours = np.stack([fit(explain.read(file).pixels, 10, 8, channels) for file in files])
        assert np.abs(found - ours).max() <= (1 if channels == 1 else 0)


def test_a_class_that_does_not_exist_is_refused_where_it_is_served(opened):
    pixels = tf.zeros((2, 24, 20, 3), tf.uint8)
    wrong = {(0, 3): "at most 2", (-2, 0): "from -1", (0,): "one class_index for each picture"}
    for classes, words in wrong.items():
        with pytest.raises(tf.errors.InvalidArgumentError, match=words):
            opened[1]["explain"](pixels=pixels, class_index=tf.constant(classes))
