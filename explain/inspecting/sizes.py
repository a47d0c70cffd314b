"""How much a stored network would take, before anything of it is built: activations, weights, calls.

The network is walked as Keras would call it, with shapes in the place of tensors (`shapes`, `numbers`). What
is not known, as behind a class of the operator's, stays unknown; the trial run in the worker is the second
line.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from explain.errors import BrokenModel, ModelTooLarge
from explain.inspecting.limits import listed, quoted
from explain.inspecting.numbers import weights_of
from explain.inspecting.shapes import Known, Shape, answer
from explain.repairing.known import LAYERS
from explain.repairing.walking import (
    calls,
    ends,
    is_functional,
    is_object,
    layers_of,
    name_of,
    references,
    settings,
)

ACTIVATION = 2**27  # numbers of one layer's answer to one picture: 512 MB; keras.applications: 2^24
WEIGHTS = 2**26  # numbers of all weights together where the file stores none
CALLS = 5_000  # of layers, counting a nested model as often as it is called; they: 1,041
FREE = 256  # pixels that a free side is counted with
HOLDERS = ("layer", "backward_layer", "cell")


class Walk:
    """One walk through one network. stored: shapes of the weights in the file."""

    def __init__(self, stored: Iterable[Sequence[int]]) -> None:
        shapes = [tuple(shape) for shape in stored]
        self.stored = set(shapes)
        self.total = sum(math.prod(shape) for shape in shapes)
        self.called = self.created = 0
        self._counted: set[int] = set()  # layers, which are called more than once

    def model(self, model: dict, inputs: Sequence[Known] | None) -> list[Known]:
        """The shapes that a model answers; inputs: those it is called on, or None for its own."""
        return self._functional(model, inputs) if is_functional(model) else self._sequential(model, inputs)

    def _sequential(self, model: dict, inputs: Sequence[Known] | None) -> list[Known]:
        shape = settings(model).get("build_input_shape")
        now: list[Known] = (
            [tuple(shape[1:]) if isinstance(shape, list) else None] if inputs is None else list(inputs)
        )
        for layer in layers_of(model):
            if layer["class_name"] == "InputLayer":
                now = [_merged(own_shape(layer), now[0] if now else None)]
            else:
                now = self.layer(layer, now)
        return now

    def _functional(self, model: dict, inputs: Sequence[Known] | None) -> list[Known]:
        layers = layers_of(model)
        by_name = {name_of(layer): layer for layer in layers}
        answers: dict[tuple[str, int], list[Known]] = {}
        given = [leaf[0] for leaf in ends(model, "input_layers")]
        for layer in layers:
            if layer["class_name"] == "InputLayer":
                place = given.index(name_of(layer)) if name_of(layer) in given else -1
                outer = inputs[place] if inputs is not None and 0 <= place < len(inputs) else None
                answers[name_of(layer), 0] = [_merged(own_shape(layer), outer)]
        self._call_all(layers, by_name, answers)
        return [
            shape for leaf in ends(model, "output_layers") for shape in [self._end(leaf, answers, by_name)]
        ]

    def _call_all(self, layers: list[dict], by_name: dict, answers: dict) -> None:
        """Answer every call as soon as what goes into it is there."""
        needs: list[set[tuple[str, int]]] = []
        after: dict[tuple[str, int], list[int]] = {}
        every = [
            (layer, number, list(references(call)))
            for layer in layers
            for number, call in enumerate(calls(layer))
        ]
        for place, (layer, _, sources) in enumerate(every):
            for name, *_ in sources:
                if name not in by_name:
                    raise _missing(name, layer)
            needs.append({(name, which) for name, which, *_ in sources} - answers.keys())
            for need in needs[place]:
                after.setdefault(need, []).append(place)
        ready = [place for place, need in enumerate(needs) if not need]
        done = 0
        while ready:
            layer, number, sources = every[ready.pop()]
            done += 1
            answers[name_of(layer), number] = self.layer(
                layer, [_output(answers, source) for source in sources]
            )
            for place in after.get((name_of(layer), number), ()):
                needs[place].discard((name_of(layer), number))
                if not needs[place]:
                    ready.append(place)
        if done < len(every):
            names = listed(
                dict.fromkeys(name_of(layer) for (layer, *_), need in zip(every, needs, strict=True) if need)
            )
            raise BrokenModel(
                "The layers of the network are connected in a circle, or to calls that do not exist: "
                f"{names}. Save the model again."
            )

    def _end(self, leaf: list, answers: dict, by_name: dict) -> Known:
        name, number, output = leaf[:3]
        if name not in by_name:
            raise _missing(name, None)
        number -= by_name[name]["class_name"] == "Functional"  # there Keras counts from one
        if (name, number) not in answers:
            raise _missing(name, None)
        return _output(answers, [name, number, output])

    def layer(self, layer: dict, inputs: Sequence[Known]) -> list[Known]:
        """The shapes that a layer answers. ModelTooLarge, BrokenModel."""
        self.called += 1
        if self.called > CALLS:
            raise ModelTooLarge(
                f"The network calls its layers more than {CALLS:,} times, counting models inside models as "
                "often as they are used. The largest of keras.applications needs about 1,000."
            )
        if layers_of(layer) and layer["class_name"] != "Pipeline":
            return self.model(layer, inputs)
        kind, config = layer["class_name"], settings(layer)
        if kind in LAYERS and _inner(config):
            shape = self._wrapped(layer, inputs)
        else:
            shape = None if _is_another(layer) else answer(kind, config, inputs)
        self._check_activation(layer, shape)
        if kind in LAYERS:
            self._check_weights(layer, inputs)
        return [shape]

    def _wrapped(self, layer: dict, inputs: Sequence[Known]) -> Known:
        """Walk what a wrapper holds; what a recurrent or doubled layer answers is not known."""
        kind, config = layer["class_name"], settings(layer)
        over_time = kind == "TimeDistributed"
        inner = [shape[1:] if over_time and shape else shape for shape in inputs]
        found = [self.layer(one, inner if kind != "RNN" else [None]) for one in _inner(config)]
        if kind == "SpectralNormalization":
            return found[0][0]
        whole = over_time and inputs and inputs[0] and found[0][0] is not None
        return (inputs[0][0], *found[0][0]) if whole else None

    # Limits -------------------------------------------------------------------------------------------

    def _check_activation(self, layer: dict, shape: Known) -> None:
        count = math.prod(FREE if side is None else side for side in shape) if shape else 0
        if count > ACTIVATION:
            raise ModelTooLarge(
                f"The layer {quoted(name_of(layer))} ({layer['class_name']}) would answer one picture with "
                f"{count:,} numbers; at most {ACTIVATION:,} are allowed."
            )

    def _check_weights(self, layer: dict, inputs: Sequence[Known]) -> None:
        if id(layer) in self._counted:
            return
        self._counted.add(id(layer))
        for wanted in weights_of(layer["class_name"], settings(layer), inputs):
            self.created += math.prod(side for side in wanted if side is not None)
            if self.created > (4 * self.total + 2**20 if self.stored else WEIGHTS):
                raise self._too_many(layer)
            if self.stored and wanted not in self.stored and not (None in wanted and self._matches(wanted)):
                sides = " × ".join("?" if side is None else f"{side:,}" for side in wanted)
                raise BrokenModel(
                    f"The layer {quoted(name_of(layer))} ({layer['class_name']}) needs weights of {sides}, "
                    "and the file holds none of that shape: its architecture and its weights do not belong "
                    "together. Save the model again."
                )

    def _too_many(self, layer: dict) -> ModelTooLarge:
        said = (
            f"holds {self.total:,}"
            if self.stored
            else f"holds none, and then at most {WEIGHTS:,} are allowed"
        )
        return ModelTooLarge(
            f"With the layer {quoted(name_of(layer))} ({layer['class_name']}) the network would need "
            f"{self.created:,} numbers of weights; the file {said}."
        )

    def _matches(self, wanted: Shape) -> bool:
        return any(
            len(shape) == len(wanted) and all(b in (None, a) for a, b in zip(shape, wanted, strict=True))
            for shape in self.stored
        )


def check(config: dict, stored: Collection[Sequence[int]]) -> None:
    """Refuse a network that is too large, or does not fit its weights, before it is built.

    config: of a Sequential or Functional model as `explain.repairing` leaves it; any other says nothing.
    stored: the shapes of the weights in the file; without any, as in a model saved before it was built,
    the weights together are limited instead. Raises ModelTooLarge, BrokenModel.
    """
    if layers_of(config):
        Walk(stored).model(config, None)


def _output(answers: dict[tuple[str, int], list[Known]], source: list) -> Known:
    """The shape of ["name", call, output]."""
    name, number, output = source[:3]
    shapes = answers[name, number]
    return shapes[output] if 0 <= output < len(shapes) else None


def own_shape(layer: dict) -> Known:
    shape = settings(layer).get("batch_shape")
    return tuple(shape[1:]) if isinstance(shape, list) else None


def _merged(own: Known, outer: Known) -> Known:
    """The shape of an InputLayer that is called on another: its free sides are those of the other."""
    if own is None or outer is None or len(own) != len(outer):
        return own if outer is None else outer
    return tuple(b if a is None else a for a, b in zip(own, outer, strict=True))


def _inner(config: dict) -> list[dict]:
    """The layers that a wrapper, or a recurrent layer, holds."""
    found: list[Any] = [config.get(key) for key in HOLDERS]
    cells = config.get("cells")
    return [one for one in [*found, *(cells if isinstance(cells, list) else [])] if is_object(one)]


def _is_another(layer: dict) -> bool:
    """Whether it is an operation that answers otherwise than the layer of the same name."""
    return str(layer.get("module")).startswith("keras.src.ops.") and layer["class_name"] in (
        "Average",
        "Dot",
        "Reshape",
    )


def _missing(name: object, layer: dict | None) -> BrokenModel:
    where = f"The layer {quoted(name_of(layer))}" if layer is not None else "The output of the network"
    return BrokenModel(
        f"{where} is connected to {quoted(name)}, which is not in the file. Save the model again."
    )
