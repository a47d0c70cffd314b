"""TensorFlow operations inside Keras 2 models become the operations of Keras 3, where they are the same.

Keras 2 kept `x / 127.5 - 1`, `tf.nn.relu(x)` or `x[..., ::-1]` in functional models as layers of the classes
TFOpLambda, SlicingOpLambda (2.4 to 2.15) and TensorFlowOpLayer (2.0 to 2.3), which Keras 3 does not have.
Pure arithmetic is rewritten; anything else is refused by its name.
"""

from __future__ import annotations

import json
from typing import Any

from explain.errors import ObsoleteModel
from explain.repairing import known
from explain.repairing.origin import Origin
from explain.repairing.walking import calls, is_functional, layers_of, models, name_of, references, settings

OLD = ("TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer")

# TensorFlow's name: (Keras 3's, names of the operands)
_OPERANDS = {
    **dict.fromkeys(("math.add", "__operators__.add", "add"), ("Add", "x", "y")),
    **dict.fromkeys(("math.subtract", "subtract"), ("Subtract", "x", "y")),
    **dict.fromkeys(("math.multiply", "multiply"), ("Multiply", "x", "y")),
    **dict.fromkeys(("math.truediv", "math.divide", "divide"), ("TrueDivide", "x", "y")),
    **dict.fromkeys(("math.maximum", "maximum"), ("Maximum", "x", "y")),
    **dict.fromkeys(("math.minimum", "minimum"), ("Minimum", "x", "y")),
    **dict.fromkeys(("math.pow", "pow"), ("Power", "x", "y")),
    "math.floordiv": ("FloorDivide", "x", "y"),
    "nn.bias_add": ("Add", "value", "bias"),
    **dict.fromkeys(("linalg.matmul", "matmul"), ("Matmul", "a", "b")),
    **dict.fromkeys(("math.negative", "negative"), ("Negative", "x")),
    **dict.fromkeys(("math.abs", "abs"), ("Absolute", "x")),
    **dict.fromkeys(("math.square", "square"), ("Square", "x")),
    **dict.fromkeys(("math.sqrt", "sqrt"), ("Sqrt", "x")),
    **dict.fromkeys(("math.exp", "exp"), ("Exp", "x")),
    "math.log": ("Log", "x"), "math.rsqrt": ("Rsqrt", "x"),
    **dict.fromkeys(("math.tanh", "tanh", "nn.tanh"), ("Tanh", "x")),
    **dict.fromkeys(("math.sigmoid", "sigmoid", "nn.sigmoid"), ("Sigmoid", "x")),
    **dict.fromkeys(("math.softplus", "nn.softplus"), ("Softplus", "features")),
    "nn.relu": ("Relu", "features"), "nn.relu6": ("Relu6", "features"), "nn.selu": ("Selu", "features"),
    "nn.elu": ("Elu", "features"), **dict.fromkeys(("nn.silu", "nn.swish"), ("Silu", "features")),
    "stop_gradient": ("StopGradient", "input"), "image.rgb_to_grayscale": ("RGBToGrayscale", "images"),
}  # fmt: skip

# TensorFlow's name: (Keras 3's, name of the operand, {further argument: (Keras 3's name, its usual value)})
_KEPT = {"axis": ("axis", None), "keepdims": ("keepdims", False)}
_ARGUMENTS = {
    **{f"{where}reduce_{kind.lower()}": (kind, "input_tensor", _KEPT)
       for kind in ("Mean", "Sum", "Max", "Min", "Prod") for where in ("math.", "")},
    "nn.leaky_relu": ("LeakyRelu", "features", {"alpha": ("negative_slope", 0.2)}),
    "nn.gelu": ("Gelu", "features", {"approximate": ("approximate", False)}),
    "nn.softmax": ("Softmax", "logits", {"axis": ("axis", -1)}),
    "cast": ("Cast", "x", {"dtype": ("dtype", None)}),
    "clip_by_value": ("Clip", "t", {"clip_value_min": ("x_min", None), "clip_value_max": ("x_max", None)}),
    "concat": ("Concatenate", "values", {"axis": ("axis", 0)}),
    "stack": ("Stack", "values", {"axis": ("axis", 0)}),
    "expand_dims": ("ExpandDims", "input", {"axis": ("axis", None)}),
    **dict.fromkeys(("squeeze", "compat.v1.squeeze"), ("Squeeze", "input", {"axis": ("axis", None)})),
    **dict.fromkeys(("transpose", "compat.v1.transpose"), ("Transpose", "a", {"perm": ("axes", None)})),
    "reshape": ("Reshape", "tensor", {"shape": ("newshape", None)}),
    "reverse": ("Flip", "tensor", {"axis": ("axis", None)}),
    "image.resize": ("Resize", "images", {"size": ("size", None), "method": ("interpolation", "bilinear"),
                                          "antialias": ("antialias", False)}),
}  # fmt: skip

# Arguments that say nothing, or say what is the case anyway.
_SILENT = {
    "name": (), "data_format": ("NHWC", "N...C"), "transpose_a": (False,), "transpose_b": (False,),
    "conjugate": (False,), "preserve_aspect_ratio": (False,), "adjoint_a": (False,), "adjoint_b": (False,),
}  # fmt: skip

# The operations of a graph: TensorFlow's name there, and above.
_NODES = {
    "RealDiv": "math.truediv", "Mul": "math.multiply", "Sub": "math.subtract", "Add": "math.add",
    "AddV2": "math.add",
    "BiasAdd": "nn.bias_add", "Neg": "math.negative", "Relu": "nn.relu", "Relu6": "nn.relu6",
    "Sigmoid": "math.sigmoid",
    "Tanh": "math.tanh", "Maximum": "math.maximum", "Minimum": "math.minimum", "Square": "math.square",
    "Sqrt": "math.sqrt", "Rsqrt": "math.rsqrt", "Exp": "math.exp", "Pow": "math.pow", "Elu": "nn.elu",
    "Selu": "nn.selu", "Softplus": "math.softplus",
}  # fmt: skip


def operations(config: dict, origin: Origin) -> bool:
    """Every layer of an `OLD` class becomes an operation of Keras 3. Raises ObsoleteModel."""
    changed = False
    for model in filter(is_functional, models(config)):
        for layer in layers_of(model):
            if layer["class_name"] in OLD:
                _rewrite(layer)
                changed = True
    return changed


def _rewrite(layer: dict) -> None:
    name, function = name_of(layer), _function(layer)
    made = [_operation(function, call, layer) for call in calls(layer)]
    kinds = {json.dumps([kind, config], sort_keys=True) for kind, config, _ in made}
    if len(kinds) != 1:
        raise _refusal(function, layer)
    kind, config, _ = made[0]
    layer["module"], layer["registered_name"] = known.OPERATIONS[kind], None
    layer["class_name"], layer["config"] = kind, {"name": name, **config}
    layer["inbound_nodes"] = [{"args": args, "kwargs": {}} for _, _, args in made]


def _function(layer: dict) -> str:
    if layer["class_name"] != "TensorFlowOpLayer":
        return str(settings(layer).get("function"))
    operation = str(_node(layer).get("op"))
    return _NODES.get(operation, operation)


def _node(layer: dict) -> dict:
    """The graph node of a TensorFlowOpLayer, which is stored as an object or as its text."""
    node = settings(layer).get("node_def")
    try:
        node = json.loads(node) if isinstance(node, str) else node
    except ValueError:
        node = None
    return node if isinstance(node, dict) else {}


def _operation(function: str, call: dict, layer: dict) -> tuple[str, dict, list]:
    """(class in Keras 3, its settings, the arguments of the call)."""
    args = call["args"] if isinstance(call.get("args"), list) else []
    kwargs = dict(call["kwargs"]) if isinstance(call.get("kwargs"), dict) else {}
    for key, usual in _SILENT.items():
        if key in kwargs and (not usual or kwargs[key] in usual):
            del kwargs[key]
    if layer["class_name"] == "TensorFlowOpLayer":
        args = _with_constants(args, layer)
    if function in _OPERANDS:
        kind, *operands = _OPERANDS[function]
        found = [*args, *(kwargs.pop(name) for name in operands[len(args) :] if name in kwargs)]
        if kwargs or len(found) != len(operands):
            raise _refusal(function, layer)
        return kind, {}, [_constant(value) for value in found]
    if function in _ARGUMENTS and len(args) == 1:
        kind, _, arguments = _ARGUMENTS[function]
        config = {new: kwargs.pop(old, usual) for old, (new, usual) in arguments.items()}
        if not kwargs and not any(True for _ in references(list(config.values()))):
            return kind, config, args
    if function == "__operators__.getitem" and len(args) == 1 and list(kwargs) == ["slice_spec"]:
        return "GetItem", {}, [args[0], _slices(kwargs["slice_spec"])]
    raise _refusal(function, layer)


def _with_constants(args: list, layer: dict) -> list:
    """The tensors, and between them the constants, which are stored by their position."""
    constants = settings(layer).get("constants")
    tensors = args[0] if len(args) == 1 and isinstance(args[0], list) else args
    found = list(tensors)
    if isinstance(constants, dict):
        for key in sorted((key for key in constants if str(key).isdigit()), key=int):
            found.insert(int(key), constants[key])
    return found


def _constant(value: Any) -> Any:
    """A number or a reference as it is; a list of numbers as Keras 3 stores an array."""
    if isinstance(value, list):
        return {"class_name": "__numpy__", "config": {"value": value, "dtype": "float32"}}
    return value


def _slices(spec: Any) -> Any:
    """Slices, which Keras 2 stored as {"start", "stop", "step"}, as Keras 3 stores them."""
    if isinstance(spec, list):
        return [_slices(part) for part in spec]
    if isinstance(spec, dict) and spec.keys() == {"start", "stop", "step"}:
        return {"class_name": "__slice__", "config": spec}
    if isinstance(spec, dict) and spec.get("class_name") == "__ellipsis__":
        return {"class_name": "__ellipsis__", "config": {}}
    return spec


def _refusal(function: str, layer: dict) -> ObsoleteModel:
    shown = "".join(letter if letter.isprintable() else "?" for letter in f"tf.{function}")[:80]
    return ObsoleteModel(
        f"The layer '{name_of(layer)[:80]}' is the TensorFlow function '{shown}' inside a Keras 2 model, "
        "which Keras 3 has no layer for. Put a layer of Keras in its place, or export the model as a "
        "SavedModel (model.export('folder')) and open that."
    )
