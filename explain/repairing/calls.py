"""Rewrites of who calls whom: the calls of Keras 1 and 2 become those of Keras 3.

Keras 1, 2    [[["conv1", 0, 0, {"training": false}]]]
Keras 3       [{"args": [reference to conv1], "kwargs": {"training": false}}]
"""

from __future__ import annotations

from typing import Any

from explain.repairing.origin import Origin
from explain.repairing.walking import (
    calls,
    ends,
    is_functional,
    is_leaf,
    layers_of,
    models,
    name_of,
    reference,
    references,
    settings,
)

CONSTANT = "_CONSTANT_VALUE"  # Keras 2's name for an argument that is no layer's output


def new_calls(config: dict, origin: Origin) -> bool:
    """Calls as Keras 3 writes them. Tensors among the further arguments become references, too."""
    changed = False
    for model in filter(is_functional, models(config)):
        names = {name_of(layer) for layer in layers_of(model)}
        for layer in layers_of(model):
            nodes = layer.get("inbound_nodes")
            if isinstance(nodes, list) and any(isinstance(node, list) for node in nodes):
                layer["inbound_nodes"] = [
                    _new_call(node, names) if isinstance(node, list) else node for node in nodes
                ]
                changed = True
    return changed


def _new_call(node: list, names: set[str]) -> Any:
    """One call; what is not understood stays as it is."""
    if _is_input(node):
        first, leaves = _argument(node), [node]
    elif node and all(isinstance(leaf, list) and _is_input(leaf) for leaf in node):
        first, leaves = [_argument(leaf) for leaf in node], node
    else:
        return node
    if isinstance(first, list) and len(first) == 1:
        first = first[0]
    kwargs = {}
    for leaf in leaves:
        kwargs.update(leaf[3] if len(leaf) == 4 and isinstance(leaf[3], dict) else {})
    named = {key: _tensors(value, names) for key, value in kwargs.items() if value is not None}
    return {"args": [first], "kwargs": named}


def _is_input(leaf: list) -> bool:
    return is_leaf(leaf) or (len(leaf) in (3, 4) and leaf[0] == CONSTANT)


def _argument(leaf: list) -> Any:
    return leaf[2] if leaf[0] == CONSTANT else reference(*leaf[:3])


def _tensors(value: Any, names: set[str]) -> Any:
    """The same value, with references where it says ["conv1", 0, 0] and there is a layer of that name."""
    if is_leaf(value) and len(value) == 3 and value[0] in names:
        return reference(*value)
    if isinstance(value, list):
        return [_tensors(child, names) for child in value]
    if isinstance(value, dict) and "class_name" not in value:
        return {key: _tensors(child, names) for key, child in value.items()}
    return value


def calls_of_models(config: dict, origin: Origin) -> bool:
    """The calls of a model inside a model are counted from 0.

    Keras 1 and 2 count the call that made the model as its first, so that its use in the outer model is
    number 1. Keras 3 does so only where a functional model's answer is the outer model's.
    """
    changed = False
    for model in filter(is_functional, models(config)):
        used: dict[str, list[list]] = {}
        for leaf in references([call for layer in layers_of(model) for call in calls(layer)]):
            used.setdefault(leaf[0], []).append(leaf)
        answers = list(ends(model, "output_layers"))
        for inner in layers_of(model):
            if isinstance(settings(inner).get("layers"), list):
                late = [
                    leaf
                    for leaf in answers
                    if leaf[0] == name_of(inner) and inner["class_name"] != "Functional"
                ]
                changed |= _count_from_0(used.get(name_of(inner), []), late, len(calls(inner)), origin)
    return changed


def _count_from_0(used: list[list], answers: list[list], count: int, origin: Origin) -> bool:
    """used, answers: the references to one inner model, which is called `count` times."""
    from_one = origin.major < 3 and used and all(leaf[1] >= 1 for leaf in used)
    if not count or not (from_one or any(leaf[1] >= count for leaf in [*used, *answers])):
        return False
    for leaf in [*used, *answers]:
        leaf[1] = max(0, leaf[1] - 1)
    return True


def single_ends(config: dict, origin: Origin) -> bool:
    """A list of one input or output becomes that one, so that a nested model gives no list to the next."""
    changed = False
    for model in filter(is_functional, models(config)):
        for which in ("input_layers", "output_layers"):
            value = model["config"].get(which)
            while isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
                value = model["config"][which] = value[0]
                changed = True
    return changed and origin.major < 3
