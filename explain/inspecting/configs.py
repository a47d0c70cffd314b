"""Whether a stored configuration may be built: the allow-list on every class, bounds on every number.

In order, so that the first refusal is the one that matters: how large the JSON is; every object with a
`class_name`, outermost first, wherever it stands; what the layers are given; what they would take
(`explain.inspecting.sizes`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, NoReturn

from explain.errors import BrokenModel, CustomClass, ModelTooLarge, ObsoleteModel, UnsafeLayer
from explain.inspecting import allowed, sizes
from explain.inspecting.arguments import check_arguments
from explain.inspecting.customs import Customs
from explain.inspecting.limits import JSON_DEPTH, listed, quoted
from explain.repairing import known
from explain.repairing.walking import is_object, layers_of, models, name_of, settings

VALUES = 2_000_000  # numbers, texts, lists and objects of one configuration
TEXT = 4_096  # characters of one text; keras.applications: 60
NUMBER = 2**31  # largest whole number that is no seed
LAYERS = 1_500  # keras.applications: 1,041
NESTED = 8  # models inside models; they: 2
SEQUENTIAL = 120  # layers of a Sequential that Keras builds anew for each: 3 s (see `common.LONG`)

SEEDS = frozenset({"seed", "shared_object_id"})


def check(config: Any, shapes: Collection[Sequence[int]], customs: Customs = Customs()) -> None:
    """Refuse a configuration, as `explain.repairing` leaves it, that is not to be built.

    shapes: of all weights in the file, as they will be loaded, with repetitions; customs: what the operator
    has registered. Raises UnsafeLayer, CustomClass, ObsoleteModel, ModelTooLarge, BrokenModel.
    """
    _check_values(config)
    if not is_object(config):
        raise BrokenModel(
            "The file's configuration describes no network: expected is an object with 'class_name' and "
            "'config'. Save the model again."
        )
    _check_count(config)
    _Classes(customs).visit(config, "")
    _check_models(config, customs)
    for layer in _all_layers(config):
        check_arguments(layer)
    sizes.check(config, shapes)


def _check_values(config: Any) -> None:
    """Depth, count and size of everything in the JSON, without recursion."""
    level, depth, count = [("", config)], 0, 0
    while level:
        depth, count = depth + 1, count + len(level)
        if depth > JSON_DEPTH + 1 or count > VALUES:
            raise ModelTooLarge(
                f"The file's configuration is nested deeper than {JSON_DEPTH} levels, or holds more than "
                f"{VALUES:,} values. The largest of keras.applications needs 15 levels and 40,000."
            )
        level = [child for key, value in level for child in _children(key, value)]


def _children(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from ((str(name), child) for name, child in value.items())
        value = "".join(name for name in value if len(name) > TEXT)
    elif isinstance(value, (list, tuple)):
        yield from ((key, child) for child in value)
    if isinstance(value, str) and len(value) > TEXT:
        raise ModelTooLarge(
            f"A text in the file's configuration has {len(value):,} characters: {quoted(value, 40)}."
        )
    if isinstance(value, int) and abs(value) > NUMBER and not (key in SEEDS and abs(value) < 2**64):
        raise ModelTooLarge(f"The file's configuration gives {quoted(key, 40)} a number above {NUMBER:,}.")


def _check_count(config: dict) -> None:
    """Layers at every depth, and models inside models."""
    pending: list[tuple[Any, int]] = [(config, 0)]
    layers = 0
    while pending:
        value, nested = pending.pop()
        if isinstance(value, dict):
            own = layers_of(value)
            layers, nested = layers + len(own), nested + bool(own)
            if layers > LAYERS or nested > NESTED:
                raise ModelTooLarge(
                    f"The network has more than {LAYERS:,} layers, or models inside models more than "
                    f"{NESTED} deep. The largest of keras.applications has 1,041 layers, 2 deep."
                )
            pending += [(child, nested) for name, child in value.items() if name != "inbound_nodes"]
        elif isinstance(value, list):
            pending += [(child, nested) for child in value]


class _Classes:
    """The walk over every object of a configuration, outermost first."""

    def __init__(self, customs: Customs) -> None:
        self.customs = customs

    def visit(self, value: Any, key: str, in_call: bool = False, own: bool = False) -> None:
        """key: the nearest name above; in_call: among the arguments of a call; own: given to a class of the
        operator's, which may understand words that Keras does not."""
        if isinstance(value, dict):
            if "class_name" in value:
                own = self._judge(value, key, in_call)
            for name, child in value.items():
                self._visit_child(child, name, in_call or name == "inbound_nodes", own)
        elif isinstance(value, list):
            for child in value:
                self._visit_child(child, key, in_call, own)

    def _visit_child(self, child: Any, key: str, in_call: bool, own: bool) -> None:
        if isinstance(child, (dict, list)):
            self.visit(child, key, in_call, own)
        elif not own:
            self._check_word(key, child)

    def _judge(self, one: dict, key: str, in_call: bool) -> bool:
        """Refuse an object, or tell whether it is the operator's."""
        name = one["class_name"]
        if not isinstance(name, str) or not name:
            raise BrokenModel(
                "The file's configuration holds a 'class_name' that is no text. Save the model again."
            )
        if name == "function" and not in_call and self._is_own_function(one, key):
            return True
        if name in allowed.UNSAFE:
            _refuse_unsafe(one, key)
        if name in allowed.DATA or in_call:
            if name in allowed.DATA and in_call:
                return False
            raise BrokenModel(
                f"A {quoted(name)} stands under {quoted(key)}, where it may not. Save the model again."
            )
        if self._is_custom(one):
            return True
        if name in allowed.OBSOLETE:
            raise ObsoleteModel(f"{_where(one)} {quoted(name)}, {allowed.OBSOLETE[name]}")
        _judge_place(one, key)
        return False

    def _is_custom(self, one: dict) -> bool:
        """Whether the operator has registered it; the module that the file names need only be a name."""
        module, registered = one.get("module"), one.get("registered_name")
        plain = module is None or (isinstance(module, str) and all(map(str.isidentifier, module.split("."))))
        return plain and bool({one["class_name"], str(registered)} & self.customs.classes)

    def _is_own_function(self, one: dict, key: str) -> bool:
        """Whether it is an activation that the operator has registered."""
        names = [name for name in (one.get("config"), one.get("registered_name")) if name is not None]
        known_names = bool(names) and all(isinstance(n, str) and n in self.customs.functions for n in names)
        return known.role_of(key) == "activation" and known_names

    def _check_word(self, key: str, value: Any) -> None:
        """A text where a piece of Keras is expected must name one."""
        role = known.role_of(key)
        if role == "layer" or value is None or (isinstance(value, str) and allowed.is_spelled(value, role)):
            return
        if role == "dtype" or not isinstance(value, str):
            what = "type of numbers" if role == "dtype" else role.replace("z", "s")
            raise BrokenModel(f"{quoted(value)} is no {what} that Keras has. Save the model again.")
        if value not in self.customs.functions | self.customs.classes:
            raise CustomClass(
                f"The file uses {quoted(value)} as its {role.replace('z', 's')}, which is not one of Keras. "
                f"{allowed.custom_advice('')}"
            )


def _judge_place(one: dict, key: str) -> None:
    """A class of Keras must come from where it lives, and stand where it may."""
    name, module, role = one["class_name"], one.get("module"), known.role_of(key)
    places = allowed.place_of(name)
    if not places or one.get("registered_name") not in (None, name) or module not in (None, *places.values()):
        _refuse_custom(one)
    may = {
        "activation": name in allowed.ACTIVATION_LAYERS,
        "layer": bool({"layer", "operation"} & places.keys()),
    }
    if not may.get(role, role in places):
        raise BrokenModel(
            f"A {quoted(name)} stands under {quoted(key)}, where it may not. Save the model again."
        )


def _where(one: dict) -> str:
    name = name_of(one)
    return f"The layer {quoted(name)} is" if name else "The file holds"


def _refuse_unsafe(one: dict, key: str) -> NoReturn:
    kind = one["class_name"]
    reason = allowed.UNSAFE[kind]
    if kind == "function":
        called = one.get("config")
        raise UnsafeLayer(
            f"The file names the function {quoted(called)} under {quoted(key)}, to be called while it is "
            f"opened, so it is not opened. {allowed.custom_advice('')}"
        )
    raise UnsafeLayer(
        f"{_where(one)} {quoted(kind)}: {reason}, so it is not opened. "
        f"{allowed.INSTEAD.get(reason, '')}".rstrip()
    )


def _refuse_custom(one: dict) -> NoReturn:
    name, module, registered = one["class_name"], one.get("module"), one.get("registered_name")
    whole = name if not module or str(module).startswith("keras") else f"{module}.{name}"
    source = registered if registered and ">" in str(registered) else name if ">" in name else module
    where = _where(one).replace("The file holds", "The file holds something")
    raise CustomClass(
        f"{where} of the class {quoted(whole)}, which is not one of Keras. {allowed.custom_advice(source)}"
    )


# Models ---------------------------------------------------------------------------------------------------


def _check_models(config: dict, customs: Customs) -> None:
    names = {config["class_name"], str(config.get("registered_name"))}
    if config["class_name"] not in known.MODELS and not names & customs.classes:
        raise BrokenModel(
            f"{quoted(config['class_name'])} is a single layer, and no network. Save the whole model."
        )
    if config["class_name"] in known.MODELS and not layers_of(config):
        raise BrokenModel("The network in the file has no layers. Save the model again.")
    for model in models(config):
        _check_model(model)


def _check_model(model: dict) -> None:
    layers = layers_of(model)
    if len(layers) != len(settings(model)["layers"]):
        raise BrokenModel("Something in the file's list of layers is no layer. Save the model again.")
    if model["class_name"] == "Pipeline":
        return
    names = [name_of(layer) for layer in layers]
    twice = dict.fromkeys(name for name in names if name and names.count(name) > 1)
    if twice:
        raise BrokenModel(
            f"Two layers of the file have the same name: {listed(twice)}. Save the model again."
        )
    slow = model["class_name"] == "Sequential" and (
        layers[0]["class_name"] == "InputLayer" or layers_of(layers[0])
    )
    if slow and len(layers) > SEQUENTIAL:
        raise ModelTooLarge(
            f"The Sequential model {quoted(name_of(model))} has {len(layers):,} layers; where its input is "
            f"no plain float32 picture, at most {SEQUENTIAL} can be built. Build it as a functional model."
        )


def _all_layers(config: dict) -> Iterator[dict]:
    """Every layer of Keras, or operation, at every depth; not what stands in the arguments of calls."""
    pending: list[tuple[str, Any]] = [("", config)]
    while pending:
        key, value = pending.pop()
        if isinstance(value, list):
            pending += [(key, child) for child in value]
        elif isinstance(value, dict):
            if is_object(value) and known.role_of(key) in ("layer", "activation"):
                yield value
            pending += [(name, child) for name, child in value.items() if name != "inbound_nodes"]
