"""Rewrites that files of every era need: what was only for training goes, names become names again."""

from __future__ import annotations

import copy
import re
from typing import Any

from explain.repairing import known
from explain.repairing.origin import Origin
from explain.repairing.walking import (
    calls,
    ends,
    is_functional,
    is_object,
    layer_objects,
    layers_of,
    models,
    name_of,
    objects,
    references,
    settings,
)

# A Sequential is built anew for every layer that is added to it while its first one is an InputLayer: 200
# layers take 7.4 s. Given `build_input_shape` instead, it is built once: 0.2 s.
LONG = 32

_HOMES = ("keras", "tf_keras", "tensorflow.keras", "tensorflow.python.keras", "tensorflow_core.python.keras")


def drop_training(config: dict, origin: Origin) -> bool:
    """`compile_config` goes everywhere; `build_config` stays with classes that Keras does not have.

    A layer of Keras is built by being called. A class of the operator's may need the shapes it was built
    with; they stay where they are nothing but numbers.
    """
    for _, one in objects(config):
        one.pop("compile_config", None)
        shapes = one.pop("build_config", None)
        if one["class_name"] == "Sequential" and isinstance(shapes, dict) and not _has_input(one):
            settings(one).setdefault("build_input_shape", shapes.get("input_shape"))
        elif (
            known.module_of(one["class_name"]) is None and isinstance(shapes, dict) and _only_numbers(shapes)
        ):
            one["build_config"] = shapes
    return False


def _has_input(model: dict) -> bool:
    return any(layer["class_name"] == "InputLayer" for layer in layers_of(model)[:1])


def _only_numbers(value: Any) -> bool:
    if isinstance(value, dict):
        return "class_name" not in value and all(_only_numbers(child) for child in value.values())
    if isinstance(value, list):
        return all(_only_numbers(child) for child in value)
    return value is None or isinstance(value, int)


def plain_values(config: dict, origin: Origin) -> bool:
    """Wrapped values are unwrapped: {"type": "ndarray", "value": 0.3}, tuples, shapes of tensors."""
    changed = False

    def plain(value: Any) -> Any:
        nonlocal changed
        if isinstance(value, list):
            return [plain(child) for child in value]
        if not isinstance(value, dict):
            return value
        if value.keys() == {"type", "value"} and value["type"] in ("ndarray", "float32", "float64"):
            changed = True
            return plain(value["value"])
        if value.get("class_name") in ("__tuple__", "TensorShape") and isinstance(value.get("items"), list):
            changed = True
            return plain(value["items"])
        return {key: plain(child) for key, child in value.items()}

    config.update(plain(dict(config)))
    return changed


def plain_dtypes(config: dict, origin: Origin) -> bool:
    """A dtype policy that is nothing but a name becomes that name: 'float32', 'mixed_float16'."""
    changed = False
    for _, one in objects(config):
        inside = settings(one)
        for key in [key for key in inside if known.role_of(key) == "dtype"]:
            policy = inside[key]
            if (
                is_object(policy)
                and policy["class_name"] in _POLICIES
                and set(settings(policy)) <= {"name", "loss_scale"}
            ):
                name = settings(policy).get("name")
                inside[key] = "float32" if name in ("infer", "_infer", None) else name
                changed = True
    return changed and origin.major < 3


_POLICIES = ("DTypePolicy", "FloatDTypePolicy", "Policy", "PolicyV1")


def boolean_trainable(config: dict, origin: Origin) -> bool:
    """Keras 3 wants `trainable` to be true or false: 1, 0 and null were possible."""
    changed = False
    for one in layer_objects(config):
        inside = settings(one)
        if "trainable" in inside and not isinstance(inside["trainable"], (bool, dict, list, str)):
            inside["trainable"] = inside["trainable"] is None or bool(inside["trainable"])
            changed = True
    return changed


# Names ---------------------------------------------------------------------------------------------------


def valid_names(config: dict, origin: Origin) -> bool:
    """Names of layers become names that Keras and TensorFlow can run: no '/', no blanks, no signs.

    A layer 'block1/conv' becomes 'block1_conv', in its model's calls and ends too.
    """
    changed = False
    for model in models(config):
        taken = {name_of(layer) for layer in layers_of(model)}
        new = {}
        for layer in layers_of(model):
            old = name_of(layer)
            if not old or is_valid(old):
                continue
            name = valid(old)
            while name in taken:
                name += "_"
            taken.add(name)
            new[old] = name
            for place in (layer, settings(layer)):
                if "name" in place:
                    place["name"] = name
        changed |= bool(new)
        arguments = [call for layer in layers_of(model) for call in calls(layer)]
        for leaf in [*references(arguments), *ends(model, "input_layers"), *ends(model, "output_layers")]:
            leaf[0] = new.get(leaf[0], leaf[0])
    top = settings(config).get("name")
    if isinstance(top, str) and top and not is_valid(top):
        config["config"]["name"], changed = valid(top), True
    return changed


def is_valid(name: str) -> bool:
    """Whether TensorFlow takes it as the name of a node in a graph (its pattern, less '/', '\\' and '>')."""
    return bool(re.fullmatch(r"[A-Za-z0-9.][A-Za-z0-9_.-]*", name))


def valid(name: str) -> str:
    """The same name with '_' for every sign that it may not have; never empty."""
    plain = re.sub(r"[^A-Za-z0-9_.-]", "_", name)
    return plain if is_valid(plain) else f"layer{plain}"


# Where classes live ----------------------------------------------------------------------------------


def modules(config: dict, origin: Origin) -> bool:
    """Every class that Keras has is named where Keras 3 has it; other modules stay, to be refused.

    HDF5 files name no modules, and Keras would look the class up by its name alone; moreover it drops an
    `axis` of several numbers from such layers.
    """
    for key, one in objects(config):
        if one is config and origin.form == "hdf5":
            one.pop("module", None), one.pop("registered_name", None)
            continue
        home = _home(one, known.role_of(key), origin)
        if home and _is_keras(one):
            one["module"], one["registered_name"] = home, None
    return False


def _home(one: dict, role: str, origin: Origin) -> str | None:
    name = one["class_name"]
    if role in known.PIECES:
        module, names = known.PIECES[role]
        return module if name in names else None
    if name in known.OPERATIONS and _is_operation(one, origin):
        return known.OPERATIONS[name]
    return known.module_of(name)


def _is_operation(one: dict, origin: Origin) -> bool:
    """Whether an object whose class may be a layer or an operation ('Add') is the operation.

    HDF5 files do not say; but every layer of Keras 3 has `trainable`, and no operation has.
    """
    module = one.get("module")
    if isinstance(module, str):
        return module.startswith("keras.src.ops.")
    both = one["class_name"] in known.LAYERS
    return origin.major >= 3 and "trainable" not in settings(one) and (not both or bool(calls(one)))


def _is_keras(one: dict) -> bool:
    module, registered = one.get("module"), one.get("registered_name")
    ours = module is None or (
        isinstance(module, str) and any(f"{module}.".startswith(f"{h}.") for h in _HOMES)
    )
    return ours and registered in (None, one["class_name"])


def undrawn(config: dict) -> dict:
    """The same network with initializers that draw nothing, for a file that holds its weights.

    What would be drawn is overwritten at once, and drawing takes most of the time of opening: VGG16 is built
    in 0.5 s instead of 6.
    """
    config = copy.deepcopy(config)
    for key, one in objects(config):
        if known.role_of(key) == "layer" and one["class_name"] in known.LAYERS and _is_keras(one):
            for name in known.LAYERS[one["class_name"]]:
                if known.role_of(name) == "initializer":
                    settings(one)[name] = {
                        "module": "keras.initializers",
                        "class_name": "Zeros",
                        "config": {},
                    }
    return config


# Models ----------------------------------------------------------------------------------------------


def long_sequentials(config: dict, origin: Origin) -> bool:
    """A Sequential of more than `LONG` layers gets `build_input_shape`, so that Keras builds it once."""
    for model in models(config):
        layers = layers_of(model)
        if is_functional(model) or len(layers) <= LONG or layers[0]["class_name"] != "InputLayer":
            continue
        first, second = settings(layers[0]), layers[1]
        usual = first.get("dtype", "float32") == settings(second).get("dtype", "float32") == "float32"
        if usual and not layers_of(second) and isinstance(first.get("batch_shape"), list):
            settings(model)["build_input_shape"] = first["batch_shape"]
            model["config"]["layers"].remove(layers[0])
    return False


def ellipses(config: dict, origin: Origin) -> bool:
    """In HDF5, `x[..., ::-1]` is written out, axis by axis: Keras cannot read its own '...' from there."""
    changed = False
    for one in layer_objects(config) if origin.form == "hdf5" else ():
        for call in calls(one):
            args = call.get("args")
            if one["class_name"] == "GetItem" and isinstance(args, list) and len(args) == 2:
                changed |= _write_out(args)
    return changed


def _write_out(args: list) -> bool:
    spec = args[1] if isinstance(args[1], list) else [args[1]]
    dots = [
        n
        for n, part in enumerate(spec)
        if isinstance(part, dict) and part.get("class_name") == "__ellipsis__"
    ]
    if len(dots) != 1:
        return False
    shape = settings(args[0]).get("shape")
    rank = len(shape) if isinstance(shape, list) and len(shape) > 1 else 4  # a picture, where it is not said
    everything = {"class_name": "__slice__", "config": {"start": None, "stop": None, "step": None}}
    args[1] = spec[: dots[0]] + [everything] * max(0, rank - len(spec) + 1) + spec[dots[0] + 1 :]
    return True
