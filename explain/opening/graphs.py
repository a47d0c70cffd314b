"""From a checked graph to a Keras model whose layers can be tapped.

The copy that the inspection wrote holds a flat graph: operations that compute, each after what it reads, and
variables that carry their numbers along. None of TensorFlow's loaders is asked, so nothing runs. The graph
is imported once for its shapes; then `GraphNetwork.call` makes its operations anew, one after the other,
and passes each layer's answer through a small Keras layer. So the door finds layers here as in any
Keras model, pictures may have any size, and slopes flow.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import meta_graph_pb2

from explain.errors import BrokenModel
from explain.inspecting import graphs
from explain.opening.graph_import import Imported, array_of, imported
from explain.opening.graph_layers import Tap, common_start, taps


def open_graph(path: Path) -> keras.Model:
    """The network of a checked copy. A SavedModel's folder or a frozen graph is checked first.

    Raises InputError where it does not take one picture, UnsafeGraph, BrokenModel, ModelTooLarge.
    """
    path = Path(path)
    if path.is_dir() or not graphs.is_copy(path):
        with tempfile.TemporaryDirectory(prefix="layerscope-") as folder:
            return open_graph(graphs.check(path, Path(folder))[0])
    content = path.read_bytes()
    try:
        meta = meta_graph_pb2.MetaGraphDef.FromString(content)
    except DecodeError:
        raise BrokenModel("The copy of the graph cannot be read.") from None
    digest = hashlib.sha256(content).hexdigest()
    del content                                        # the numbers are in `meta` now
    return GraphNetwork(imported(meta), digest)


class GraphLayer(keras.layers.Layer):
    """Passes on what an operation answered, and holds the weights of what came before it."""

    def call(self, inputs):
        return inputs


class GraphNetwork(keras.Model):
    """A flat graph as a Keras model. Its layers are called on the way, each with its own answer."""

    def __init__(self, parts: Imported, digest: str):
        found = taps(parts.graph, parts.order, parts.image)
        start = common_start([tap.operation for tap in found])
        super().__init__(name=_letters(start) or "graph", autocast=False)
        self.inputs = [keras.KerasTensor(parts.shape, dtype=parts.dtype, name="image")]
        self.output_names = list(parts.outputs)
        self.graph_layers = [_layer(tap) for tap in found]
        self._digest = digest
        layers = {tap.operation: layer for tap, layer in zip(found, self.graph_layers)}
        self._program = Program(parts, layers, self._give_weights(parts, layers))
        for tap, layer in zip(found, self.graph_layers):
            layer.name = tap.name                      # a path; a layer is not made with a '/' in its name
        self.built = True

    def _give_weights(self, parts: Imported, layers: dict[str, GraphLayer]) -> dict[str, keras.Variable]:
        """Each variable to the layer that is the next to answer; {operation: variable}."""
        made, waiting = {}, []
        for name in parts.order:
            if name in parts.values:
                waiting.append(name)
            if name in layers or name == parts.order[-1]:
                owner = layers.get(name) or (self.graph_layers or [self])[-1]
                made |= {each: _weight(owner, each, parts.values.pop(each)) for each in waiting}
                waiting = []
        return made

    def call(self, inputs):
        return self._program.run(inputs)

    def get_config(self):
        return {"name": self.name, "graph": self._digest}


class Step(NamedTuple):
    """One operation. make: of tf.raw_ops; inputs: {argument: a tensor's name, or several}."""

    make: Callable
    inputs: dict[str, str | list[str]]
    options: dict[str, Any]
    answers: list[str]
    layer: GraphLayer | None


class Program:
    """The operations of a graph in order, to be made anew wherever they are asked for."""

    def __init__(self, parts: Imported, layers: dict[str, GraphLayer], weights: dict[str, keras.Variable]):
        self._image = parts.graph.get_operation_by_name(parts.image).outputs[0]
        self._outputs = [tensor.name for tensor in parts.outputs.values()]
        self._weights = {name + ":0": weight for name, weight in weights.items()}
        self._steps = [
            _step(parts.graph.get_operation_by_name(name), layers.get(name))
            for name in parts.order if name not in weights and name != parts.image
        ]  # fmt: skip

    def run(self, inputs: tf.Tensor) -> tf.Tensor | list[tf.Tensor]:
        """(b, h, w, C) → the output, or the list of several."""
        known = {name: weight.value.handle for name, weight in self._weights.items()}
        known[self._image.name] = tf.cast(inputs, self._image.dtype)
        for step in self._steps:
            given = {
                argument: known[name] if isinstance(name, str) else [known[each] for each in name]
                for argument, name in step.inputs.items()
            }
            answers = tf.nest.flatten(step.make(**given, **step.options))
            if step.layer is not None:
                answers[0] = step.layer.call(answers[0])          # past Keras' own casting
            known |= zip(step.answers, answers)
        found = [known[name] for name in self._outputs]
        return found[0] if len(found) == 1 else found


def _step(operation: tf.Operation, layer: GraphLayer | None) -> Step:
    answers = [tensor.name for tensor in operation.outputs]
    if operation.type == "Const":
        value = array_of(operation.get_attr("value"))
        return Step(tf.constant, {}, {"value": value, "dtype": operation.outputs[0].dtype}, answers, layer)
    if operation.type == "Reshape" and _changes_nothing(operation):
        return Step(lambda tensor: tensor, {"tensor": operation.inputs[0].name}, {}, answers, layer)
    inputs, names = {}, [tensor.name for tensor in operation.inputs]
    for argument in operation.op_def.input_arg:
        many = argument.number_attr or argument.type_list_attr
        if many:
            many = operation.get_attr(many)
            many = many if isinstance(many, int) else len(many)
            inputs[argument.name], names = names[:many], names[many:]
        else:
            inputs[argument.name], *names = names
    options = {name: operation.get_attr(name) for name in options_of(operation.op_def)}
    names = RENAMED.get(operation.type, {})
    inputs, options = ({names.get(k, k): value for k, value in each.items()} for each in (inputs, options))
    return Step(getattr(tf.raw_ops, operation.type), inputs, options, answers, layer)


def options_of(op_def) -> list[str]:
    """The attributes that do not follow from the inputs."""
    inferred = {each for a in op_def.input_arg for each in (a.type_attr, a.number_attr, a.type_list_attr)}
    return [attribute.name for attribute in op_def.attr if attribute.name not in inferred]


# What tf.raw_ops calls otherwise than the graph does.
RENAMED = dict.fromkeys(
    ("All", "Any", "EuclideanNorm", "Max", "Mean", "Min", "Prod", "Sum"), {"reduction_indices": "axis"}
) | {
    "ExpandDims": {"dim": "axis"}, "Squeeze": {"squeeze_dims": "axis"}, "Split": {"split_dim": "axis"},
    "SplitV": {"split_dim": "axis"}, "Select": {"t": "x", "e": "y"}, "Where": {"input": "condition"},
}  # fmt: skip


def _changes_nothing(operation: tf.Operation) -> bool:
    """Whether a reshape is one in name only, as around the softmax of TF-Slim, which it would hide."""
    before, after = (tuple(tensor.shape) if tensor.shape.rank else () for tensor in
                     (operation.inputs[0], operation.outputs[0]))  # fmt: skip
    return len(before) > 1 and before == after and None not in before[1:]


def _layer(tap: Tap) -> GraphLayer:
    layer = type(tap.kind, (GraphLayer,), {})(name=_letters(tap.name), autocast=False)
    layer.built = True
    return layer


def _weight(owner: keras.layers.Layer, name: str, value: np.ndarray) -> keras.Variable:
    return owner.add_weight(
        name=_letters(name), shape=value.shape, dtype=value.dtype.name, initializer=lambda *_, **__: value,
        trainable=False, autocast=False,
    )  # fmt: skip


def _letters(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name)
