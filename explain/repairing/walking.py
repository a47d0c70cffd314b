"""Ways through a stored configuration: objects, models, the layers of a model, and who calls whom.

    object      {"class_name": "Conv2D", "config": {…}}
    model       an object whose config has "layers"
    call        one entry of a layer's "inbound_nodes": {"args": […], "kwargs": {…}}
    reference   ["conv1", 0, 0]: the first output of the first call of the layer 'conv1'

The JSON comes from strangers: nothing is taken for granted, and what has another shape is passed over,
for `explain.inspecting.configs` to refuse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

DEPTH = 200  # levels of JSON; keras.applications: 15


def is_object(value: Any) -> bool:
    """Whether it is a dictionary that names a class and has settings for it."""
    return isinstance(value, dict) and isinstance(value.get("class_name"), str) and "config" in value


def settings(value: Any) -> dict:
    """The config of an object, {} where it has none."""
    config = value.get("config") if isinstance(value, dict) else None
    return config if isinstance(config, dict) else {}


def depth(value: Any, most: int = DEPTH) -> int:
    """How many levels of dictionaries and lists; counting ends one beyond `most`."""
    level, found = [value], 0
    while level and found <= most:
        level = [
            child
            for one in level
            if isinstance(one, (dict, list))
            for child in (one.values() if isinstance(one, dict) else one)
        ]
        found += 1
    return found


def objects(value: Any) -> list[tuple[str, dict]]:
    """(the key it stands under, object), for every object at every depth, outermost first.

    The arguments of calls are left out: what stands there is data.
    """
    found, pending = [], [("", value)] if isinstance(value, (dict, list)) else []
    while pending:
        key, one = pending.pop()
        if isinstance(one, dict):
            if is_object(one):
                found.append((key, one))
            inner = [(str(name), child) for name, child in one.items() if name != "inbound_nodes"]
        else:
            inner = [(key, child) for child in one]
        pending += [pair for pair in reversed(inner) if isinstance(pair[1], (dict, list))]
    return found


def layer_objects(config: Any) -> list[dict]:
    """Every object that stands where a layer may, at every depth."""
    pieces = ("_initializer", "_regularizer", "_constraint", "dtype")
    return [found for key, found in objects(config) if not key.endswith(pieces)]


def models(config: Any) -> list[dict]:
    """Every model at every depth, outermost first."""
    return [found for _, found in objects(config) if layers_of(found)]


def layers_of(model: Any) -> list[dict]:
    """The layers of a model that are objects with settings; [] for anything else."""
    layers = settings(model).get("layers")
    found = layers if isinstance(layers, list) else []
    return [layer for layer in found if is_object(layer) and isinstance(layer["config"], (dict, list))]


def is_functional(model: dict) -> bool:
    return "input_layers" in settings(model)


def name_of(layer: dict) -> str:
    """The name by which its model knows it."""
    name = layer.get("name", settings(layer).get("name"))
    return name if isinstance(name, str) else ""


# Calls and references --------------------------------------------------------------------------------


def calls(layer: dict) -> list[dict]:
    """The calls of a layer in a functional model."""
    found = layer.get("inbound_nodes")
    return [call for call in found if isinstance(call, dict)] if isinstance(found, list) else []


def reference(name: str, call: int = 0, output: int = 0, shape: Any = None) -> dict:
    """An argument that is the output of another layer."""
    config = {"shape": shape or [None], "dtype": "float32", "keras_history": [name, call, output]}
    return {"class_name": "__keras_tensor__", "config": config}


def is_leaf(value: Any) -> bool:
    """Whether it is ["name", call, output], with or without further arguments."""
    numbers = isinstance(value, list) and len(value) in (3, 4) and all(type(n) is int for n in value[1:3])
    return numbers and isinstance(value[0], str)


def references(value: Any) -> Iterator[list]:
    """Every ["name", call, output] in the arguments of a call, to be read or changed."""
    if isinstance(value, dict):
        history = settings(value).get("keras_history")
        if value.get("class_name") == "__keras_tensor__" and is_leaf(history):
            yield history
        else:
            for child in value.values():
                yield from references(child)
    elif isinstance(value, list):
        for child in value:
            yield from references(child)


def ends(model: dict, which: str) -> Iterator[list]:
    """Every ["name", call, output] of a model's "input_layers" or "output_layers"."""

    def leaves(value):
        if is_leaf(value):
            yield value
        elif isinstance(value, (dict, list)):
            for child in value.values() if isinstance(value, dict) else value:
                yield from leaves(child)

    return leaves(settings(model).get(which))


def only_tensor(call: dict) -> dict | None:
    """The one reference that the call is about, or None where it takes more, or in another way."""
    args = call.get("args")
    single = isinstance(args, list) and len(args) == 1 and len(list(references(call))) == 1
    return args[0] if single and isinstance(args[0], dict) else None


# Putting layers in ---------------------------------------------------------------------------------


def new_layer(kind: str, name: str, **config: Any) -> dict:
    return {"class_name": kind, "config": {"name": name, **config}, "name": name, "inbound_nodes": []}


def free_name(model: dict, wanted: str) -> str:
    """`wanted`, or with a number where a layer of the model has that name already."""
    taken, name, number = {name_of(layer) for layer in layers_of(model)}, wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted}_{number}"
    return name


def put_before(model: dict, layer: dict, make: Callable[[str], dict], name: str) -> bool:
    """Let what goes into `layer` pass through another layer first; False where it takes several tensors."""
    tensors = [only_tensor(call) for call in calls(layer)]
    if is_functional(model) and (None in tensors or not tensors):
        return False
    extra = make(free_name(model, name))
    _insert(model, layer, extra, 0)
    extra["inbound_nodes"] = [{"args": [tensor], "kwargs": {}} for tensor in tensors]
    for number, call in enumerate(calls(layer)):
        call["args"] = [reference(name_of(extra), number)]
    return True


def put_after(model: dict, layer: dict, make: Callable[[str], dict], name: str) -> dict:
    """Let what comes out of `layer` pass through another layer, which is given back."""
    extra, source = make(free_name(model, name)), name_of(layer)
    everything = [call for one in layers_of(model) for call in calls(one)]
    leaves = [leaf for leaf in references(everything) if leaf[0] == source]
    for leaf in [*leaves, *(leaf for leaf in ends(model, "output_layers") if leaf[0] == source)]:
        leaf[0] = name_of(extra)
    count = len(calls(layer))
    extra["inbound_nodes"] = [{"args": [reference(source, n)], "kwargs": {}} for n in range(count)]
    _insert(model, layer, extra, 1)
    return extra


def _insert(model: dict, layer: dict, extra: dict, offset: int) -> None:
    layers = model["config"]["layers"]
    where = next(n for n, one in enumerate(layers) if one is layer)
    layers.insert(where + offset, extra)
    if not is_functional(model):
        extra.pop("inbound_nodes", None), extra.pop("name", None)
