"""What an exported explainer can be asked, as concrete functions. The network is traced, never changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from explain.exporting.encoded import decoded
from explain.exporting.formulas import Compute
from explain.probe import door
from explain.probe.heads import read_head
from explain.probe.network import CLASSES, Network

FILES = tf.TensorSpec((None,), tf.string)
TOP = -1                                           # in place of a class: each picture's top one


def signatures(
    network: Network, layer: str, output: int, heat: Compute, told: dict[str, Any]
) -> dict[str, Callable]:
    """{name: concrete function}; see `export_explainer`."""
    look, many = network.look(layer, output), network.outputs[output].classes

    def answer(pixels, class_index):
        seen = look(pixels, class_index)
        return {
            "probabilities": seen["probabilities"],
            "scores": seen["scores"],
            "classes": seen["classes"],
            "heatmap": heat(seen["maps"], seen["slopes"]),
        }

    def serving_default(pixels):
        return answer(pixels, _top_of(pixels))

    def explain(pixels, class_index):
        return answer(pixels, _checked(class_index, pixels, many))

    def serve_bytes(image_bytes):
        return serving_default(decoded(image_bytes, network.input_shape))

    def explain_bytes(image_bytes, class_index):
        return explain(decoded(image_bytes, network.input_shape), class_index)

    def predict(pixels):
        outputs = door.run(network.model, network.prepare(pixels), lambda _, tensor: tensor)
        head = read_head(outputs[output])
        return {"probabilities": head.probabilities, "scores": head.scores}

    def describe():
        return {"json": tf.constant(json.dumps(told, ensure_ascii=False))}

    pixels = network.pixels_spec()
    asked = {
        serving_default: (pixels,), explain: (pixels, CLASSES), serve_bytes: (FILES,),
        explain_bytes: (FILES, CLASSES), predict: (pixels,), describe: (),
    }  # fmt: skip
    return {function.__name__: network.trace(function, *specs) for function, specs in asked.items()}


def _top_of(pixels: tf.Tensor) -> tf.Tensor:
    return tf.fill(tf.shape(pixels)[:1], TOP)


def _checked(classes: tf.Tensor, pixels: tf.Tensor, many: int) -> tf.Tensor:
    """The classes (b,). The graph answers InvalidArgumentError unless each picture has one that exists."""
    tests = [
        tf.debugging.assert_equal(
            tf.shape(classes)[0], tf.shape(pixels)[0], "Expected one class_index for each picture"
        ),
        tf.debugging.assert_greater_equal(classes, TOP, f"Expected a class_index from {TOP}"),
        tf.debugging.assert_less(classes, many, f"Expected a class_index of at most {many - 1}"),
    ]
    with tf.control_dependencies(tests):
        return tf.identity(classes)
