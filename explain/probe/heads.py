"""The end of a network: from an output tensor to one score and one probability per class."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from explain.errors import ModelError

PASS_ON = {"Identity", "Cast", "StopGradient"}
SQUASH = {"Softmax": "softmax", "Sigmoid": "sigmoid"}


@dataclass(frozen=True, eq=False)
class Head:
    """kind: see `results.Output`; scores, probabilities: (b, K) float32; ends: the tensors passed
    on the walk from the output to the score; note: where the score is taken, if unusual."""

    kind: str
    scores: tf.Tensor
    probabilities: tf.Tensor
    ends: tuple[tf.Tensor, ...]
    note: str


def read_head(output: tf.Tensor) -> Head:
    """Walk back from an output to the score y^c, which is taken before softmax or sigmoid.

    A saturated softmax has slopes of 1e-15 where the logit's are 4.8 (Selvaraju et al. 2017,
    section 3: "the score for class c, y^c, before the softmax"). One sigmoid unit is two classes:
    the negative score and the score. A dense map of classes is summed over its places.
    """
    ends, tensor = [output], output
    while tensor.op.type in PASS_ON:
        tensor = tensor.op.inputs[0]
        ends.append(tensor)
    kind, note = SQUASH.get(tensor.op.type, "linear"), ""
    if kind != "linear":
        tensor = tensor.op.inputs[0]
        ends.append(tensor)
    while tensor.op.type in PASS_ON:
        ends.append(tensor := tensor.op.inputs[0])
    scores = tf.cast(tensor, tf.float32)
    probabilities = tf.cast(output, tf.float32)
    if scores.shape.rank is None or scores.shape.rank < 2 or scores.shape[-1] is None:
        raise ModelError(
            f"Expected an output of shape (batch, classes), received {tuple(scores.shape)}. "
            "Choose another output of this network."
        )
    if kind == "sigmoid" and scores.shape[-1] == 1:
        kind = "binary"
        scores = tf.concat([-scores, scores], axis=-1)                                # (b, …, 2)
        probabilities = tf.concat([1 - probabilities, probabilities], axis=-1)        # (b, …, 2)
    if kind == "linear":
        many = scores.shape[-1] > 1
        probabilities = tf.nn.softmax(scores) if many else tf.fill(tf.shape(scores), float("nan"))
        note = "The network ends without softmax or sigmoid: its output is taken as the score"
        note += " and a softmax of it as the probability." if many else "; it gives no probability."
    if scores.shape.rank > 2:
        places = list(range(1, scores.shape.rank - 1))
        scores = tf.reduce_sum(scores, axis=places)                                   # (b, K)
        probabilities = tf.reduce_mean(probabilities, axis=places)                    # (b, K)
        note = (note + " " if note else "") + "The output is a map: its scores are summed over all places."
    return Head(kind, scores, probabilities, tuple(ends), note)


def ancestors(tensor: tf.Tensor) -> set[str]:
    """The names of all operations that `tensor` depends on, its own included."""
    seen, todo = set(), [tensor.op]
    while todo:
        operation = todo.pop()
        if operation.name not in seen:
            seen.add(operation.name)
            todo.extend(t.op for t in operation.inputs)
    return seen
