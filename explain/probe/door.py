"""Tap and resume: the one place that looks inside a network, and the one lock it takes to do so.

Nothing is rebuilt. While a function is traced, and only then, every operation's `call` is wrapped
by a spy that knows the path by which it was reached:

    tap       note what a layer answers; the graph optimiser drops what the answer does not need
    resume    ignore what a layer answers and hand on a given tensor: what is left is the head

So a convolution three models deep, or inside a subclassed block, is as near as any other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import keras
import tensorflow as tf

TRACING = threading.RLock()          # one per process: two networks may share layers

CONTAINERS = (keras.Sequential, keras.src.models.functional.Functional)

Visit = Callable[[str, object, object], object]      # (path, operation, output) → output handed on


@dataclass(frozen=True, eq=False)
class Call:
    """One call of one operation while tracing: its path, the operation, its output tensor."""

    name: str
    operation: object
    tensor: tf.Tensor


class _Reached(BaseException):
    """Ends a trace at the last wanted layer. Not an Exception, so that no layer catches it."""


def operations(network: keras.Model) -> list:
    """Every layer at every depth, and the bare operations of functional models (x + y), once each."""
    found = {id(layer): layer for layer in network._flatten_layers()}
    for model in list(found.values()):
        for operation in getattr(model, "_operations", ()):
            found.setdefault(id(operation), operation)
    return list(found.values())


@contextmanager
def watched(network: keras.Model, visit: Visit, as_it_is: bool = False) -> Iterator[None]:
    """While inside, this thread's calls of anything in `network` pass through `visit`.

    Other threads see the network unchanged. With `as_it_is` the models take a tensor as it is: they
    neither compare its size with the one they were built for nor cast it, which would end all slopes.
    """
    tracer, path, counts = threading.get_ident(), [], {}

    def spy(operation):
        # A `call` that is itself a tf.function would hide its layers: use the Python below it.
        original = getattr(operation.call, "python_function", operation.call)

        def call(*args, **kwargs):
            if threading.get_ident() != tracer:
                return original(*args, **kwargs)
            name = "/".join([*path, operation.name])
            counts[name] = counts.get(name, 0) + 1
            own = operation.name if counts[name] == 1 else f"{operation.name}#{counts[name]}"
            if operation is network:
                return original(*args, **kwargs)
            path.append(own)
            try:
                output = original(*args, **kwargs)
            finally:
                path.pop()
            return visit("/".join([*path, own]), operation, output)

        return call

    changed = []

    def put(target, attribute, value):
        changed.append((target, attribute, attribute in vars(target), vars(target).get(attribute)))
        object.__setattr__(target, attribute, value)     # past Keras' own bookkeeping

    with TRACING:
        try:
            for operation in operations(network):
                put(operation, "call", spy(operation))
                if as_it_is and isinstance(operation, keras.Model):
                    put(operation, "_assert_input_compatibility", lambda *args: None)
                if as_it_is and isinstance(operation, keras.src.models.functional.Functional):
                    put(operation, "_convert_inputs_to_tensors", lambda tensors: tensors)
            yield
        finally:
            for target, attribute, was_own, value in reversed(changed):
                if was_own:
                    object.__setattr__(target, attribute, value)
                else:
                    object.__delattr__(target, attribute)


def run(network: keras.Model, inputs: tf.Tensor, visit=None, as_it_is: bool = False) -> list[tf.Tensor]:
    """One pass in inference mode while tracing: the flat list of the network's outputs.

    `visit(name, tensor)` sees what every layer answers, and what it returns is handed on instead:
    to note the tensor is to tap, to return another is to resume from there. Containers
    (Sequential, functional models) are not visited: their answer is their last layer's.
    """
    if visit is None and not as_it_is:
        return keras.tree.flatten(network(_as_declared(network, inputs), training=False))

    def see(name, operation, tensor):
        return visit(name, tensor) if visit else tensor

    return keras.tree.flatten(walk(network, inputs, see, as_it_is))


def walk(network, inputs, visit: Visit, as_it_is: bool = False):
    """The outputs as the network gives them: a tensor, or a list or dictionary of some.

    As `run`, for a `visit(name, operation, tensor)` that wants to know who answers.
    """
    here = tf.compat.v1.get_default_graph()

    def visit_here(name, operation, output):
        # Inside a loop of the network's own, tensors belong to another graph and cannot be fetched.
        if isinstance(operation, CONTAINERS) or not tf.is_tensor(output) or output.graph is not here:
            return output
        handed_on = visit(name, operation, output)
        if handed_on is not output:
            handed_on.set_shape(output.shape)
        return handed_on

    with watched(network, visit_here, as_it_is):
        return network(_as_declared(network, inputs), training=False)


def _as_declared(network: keras.Model, inputs: tf.Tensor):
    """The one input in the list or dictionary that a functional model was declared with."""
    declared = getattr(network, "_inputs_struct", inputs)
    return inputs if tf.is_tensor(declared) else keras.tree.pack_sequence_as(declared, [inputs])


def survey(network: keras.Model, inputs: tf.Tensor) -> tuple[list[tuple[tuple, tf.Tensor]], list[Call]]:
    """(path, tensor) of every output, and every call in the order in which the answers were made.

    A path is () for the only output, (1,) for the second of a list, ("box",) in a dictionary.
    """
    calls = []

    def visit(name, operation, tensor):
        calls.append(Call(name, operation, tensor))
        return tensor

    return keras.tree.flatten_with_path(walk(network, inputs, visit)), calls


def tap(network: keras.Model, inputs: tf.Tensor, names, as_it_is: bool = False) -> dict[str, tf.Tensor]:
    """What the named layers answer; the trace ends as soon as all of them have answered."""
    noted: dict[str, tf.Tensor] = {}
    wanted = set(names)

    def visit(name, tensor):
        if name in wanted:
            noted[name] = tensor
            if len(noted) == len(wanted):
                raise _Reached
        return tensor

    try:
        run(network, inputs, visit, as_it_is)
    except _Reached:
        pass
    return noted
