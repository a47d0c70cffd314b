"""Rewrites for what Keras 2 stored and Keras 3 no longer reads. Most of them help Keras 1 files, too."""

from __future__ import annotations

from explain.repairing import known
from explain.repairing.origin import Origin
from explain.repairing.walking import (
    is_functional,
    is_object,
    layer_objects,
    layers_of,
    models,
    new_layer,
    objects,
    settings,
)

# Models -----------------------------------------------------------------------------------------------


def listed_sequentials(config: dict, origin: Origin) -> bool:
    """A Sequential whose configuration is a bare list (Keras up to 2.2.2) gets a name and 'layers'."""
    changed = 0
    for one in layer_objects(config):
        if one["class_name"] == "Sequential" and isinstance(one["config"], list):
            name = one.get("name") or f"sequential_{changed}".removesuffix("_0")
            one["config"] = {"name": name, "layers": one["config"]}
            changed += 1
    return changed > 0


def functional_models(config: dict, origin: Origin) -> bool:
    """The class 'Model' (Keras up to 2.3) of a graph of layers is called 'Functional'."""
    changed = False
    for one in layer_objects(config):
        if one["class_name"] in ("Model", "Network", "Container") and is_functional(one):
            one["class_name"], changed = "Functional", True
    return changed


def input_layers(config: dict, origin: Origin) -> bool:
    """`batch_input_shape` (before 3.0) becomes `batch_shape` of an InputLayer, which a Sequential is given.

    On layers that are not the first it goes. A Sequential that was saved before it was built has none.
    """
    changed = False
    for model in models(config):
        layers = layers_of(model)
        first = _innermost(layers[0]) if layers else {}
        shape = _input_shape(settings(first))
        if layers and not is_functional(model) and first["class_name"] != "InputLayer" and shape:
            name = f"{settings(first).get('name') or 'first'}_input"
            dtype = settings(first).get("dtype")
            dtype = (
                dtype
                if isinstance(dtype, str) and dtype in known.DTYPES and "mixed" not in dtype
                else "float32"
            )
            layer = new_layer("InputLayer", name, batch_shape=shape, dtype=dtype)
            del layer["name"], layer["inbound_nodes"]
            model["config"]["layers"].insert(0, layer)
            changed = True
    for one in layer_objects(config):
        changed |= _without_shape(one)
    return changed


def _innermost(layer: dict) -> dict:
    """The layer itself; of a wrapper without a shape of its own, the layer it wraps."""
    inner = settings(layer).get("layer")
    wraps = is_object(inner) and not _input_shape(settings(layer)) and not layers_of(inner)
    return layer if not wraps or layer["class_name"] == "TimeDistributed" else inner


def _input_shape(config: dict) -> list | None:
    """The input's shape with the batch, where an old layer says it."""
    if isinstance(config.get("batch_input_shape"), list):
        return config["batch_input_shape"]
    shape = config.get("input_shape")
    return [None, *shape] if isinstance(shape, list) else None


def _without_shape(layer: dict) -> bool:
    inside = settings(layer)
    if layer["class_name"] == "InputLayer":
        shape = inside.pop("batch_input_shape", None) or inside.pop("input_shape", None)
        if shape is not None:
            inside["batch_shape"] = shape
        return shape is not None
    takes = known.LAYERS.get(layer["class_name"], frozenset({"input_shape", "input_dim"}))
    gone = [
        key for key in ("batch_input_shape", "input_shape", "input_dim") if key in inside and key not in takes
    ]
    for key in gone:
        del inside[key]
    return bool(gone)


# Layers -----------------------------------------------------------------------------------------------

# An old class, and the present one that answers alike. What only acts while training becomes Identity.
ALIASES = {
    "BatchNormalizationV1": "BatchNormalization", "BatchNormalizationV2": "BatchNormalization",
    "SyncBatchNormalization": "BatchNormalization", "LayerNormalizationV1": "LayerNormalization",
    "FixedDropout": "Dropout", "Custom>FixedDropout": "Dropout",
    "RandomHeight": "Identity", "RandomWidth": "Identity",
    "MaxPool2D": "MaxPooling2D", "AvgPool2D": "AveragePooling2D", "GlobalMaxPool2D": "GlobalMaxPooling2D",
    "GlobalAvgPool2D": "GlobalAveragePooling2D", "GroupedQueryAttention": "GroupQueryAttention",
}  # fmt: skip


def present_classes(config: dict, origin: Origin) -> bool:
    """Classes that have another name now: 'BatchNormalizationV1', 'RandomHeight', 'FixedDropout', …"""
    changed = False
    for one in layer_objects(config):
        old = one["class_name"]
        if old not in ALIASES or not isinstance(one["config"], dict):
            continue
        if origin.form == "keras" and old == "SyncBatchNormalization":
            continue                                  # there the weights are found by the name of the class
        new, inside = ALIASES[old], one["config"]
        if new == "Identity":
            one["config"] = {key: inside[key] for key in ("name", "trainable", "dtype") if key in inside}
        one["class_name"], changed = new, True
        for key in ("module", "registered_name"):
            one.pop(key, None)
    return changed


def thresholds(config: dict, origin: Origin) -> bool:
    """ThresholdedReLU(theta) is ReLU(threshold=theta)."""
    changed = False
    for one in layer_objects(config):
        if one["class_name"] == "ThresholdedReLU" and isinstance(one["config"], dict):
            one["config"]["threshold"] = one["config"].pop("theta", 1.0)
            one["class_name"], changed = "ReLU", True
    return changed


def negative_slopes(config: dict, origin: Origin) -> bool:
    """LeakyReLU's `alpha` is called `negative_slope`."""
    changed = False
    for one in layer_objects(config):
        if one["class_name"] == "LeakyReLU" and "alpha" in settings(one):
            one["config"]["negative_slope"] = one["config"].pop("alpha")
            changed = True
    return changed


def single_axes(config: dict, origin: Origin) -> bool:
    """An `axis` that is a list of one number becomes the number. Normalization keeps lists."""
    changed = False
    for one in layer_objects(config):
        axis = settings(one).get("axis")
        if isinstance(axis, list) and len(axis) == 1 and one["class_name"] != "Normalization":
            one["config"]["axis"], changed = axis[0], True
    return changed and origin.major < 3


# Arguments that changed nothing in the answer, or only while training: they go whatever they say.
INERT = {
    "": "batch_size dynamic experimental_autocast implementation input_dtype input_length jit_compile "
        "rng_type force_generator auto_vectorize",
    "BatchNormalization": "fused virtual_batch_size adjustment",
    "DepthwiseConv2D": "filters kernel_initializer kernel_regularizer kernel_constraint",
    "MultiHeadAttention": "query_shape key_shape value_shape",
    "SeparableConv1D": "kernel_initializer kernel_regularizer kernel_constraint",
    "SeparableConv2D": "kernel_initializer kernel_regularizer kernel_constraint",
    "SpatialDropout1D": "noise_shape trainable autocast",
    "SpatialDropout2D": "noise_shape trainable autocast",
    "SpatialDropout3D": "noise_shape trainable autocast",
}  # fmt: skip


def gone_arguments(config: dict, origin: Origin) -> bool:
    """Arguments that Keras 3.15 does not know go where they changed nothing: `groups` of 1, `fused`, ….

    What would have changed the answer stays; the check of the configuration then refuses it by name.
    """
    changed = False
    for one in layer_objects(config):
        if one["class_name"] not in known.LAYERS or not isinstance(one["config"], dict):
            continue
        kind, inside = one["class_name"], one["config"]
        inert = f"{INERT['']} {INERT.get(kind, '')}".split()
        for key in [key for key in inside if key not in known.arguments_of(kind)]:
            value = inside[key]
            if key in inert or value is None or value is False or (key == "groups" and value == 1):
                del inside[key]
                changed = True
    return changed and origin.major < 3


# Pieces -----------------------------------------------------------------------------------------------

_V2 = ("V1", "V2")


def plain_pieces(config: dict, origin: Origin) -> bool:
    """Initializers lose their `dtype` and their 'V2'; those of other packages, and regularizers, go.

    The numbers that an initializer drew, and that a regularizer kept small, are in the file.
    """
    changed = False
    for one in layer_objects(config):
        for key, value in list(settings(one).items()):
            role = known.role_of(key)
            if role in known.PIECES and is_object(value):
                changed |= _plain_piece(one["config"], key, value, role)
    return changed


def _plain_piece(config: dict, key: str, piece: dict, role: str) -> bool:
    name = piece["class_name"]
    if name.endswith(_V2) and name[:-2] in known.PIECES[role][1]:
        piece["class_name"] = name = name[:-2]
    if name in known.PIECES[role][1]:
        return isinstance(piece["config"], dict) and piece["config"].pop("dtype", None) is not None
    nothing_else = not any(True for _ in objects(piece["config"])) and isinstance(piece["config"], dict)
    if nothing_else and name.isidentifier() and name != "function" and not name.startswith("__"):
        config.pop(key)  # Keras takes its usual one
        return True
    return False
