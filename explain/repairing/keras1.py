"""Rewrites for Keras 1: other names of classes and arguments. What it says decides, not the version.

    Convolution2D(nb_filter=8, nb_row=3, nb_col=3, border_mode="same", subsample=[1, 1], dim_ordering="th")
    → Conv2D(filters=8, kernel_size=[3, 3], padding="same", strides=[1, 1], data_format="channels_first")

Initializers, regularizers and constraints go: they acted while training only. The weights of such layers
are in another order, too: `explain.repairing.weights`.
"""

from __future__ import annotations

from explain.errors import ObsoleteModel
from explain.repairing.origin import Origin
from explain.repairing.walking import (
    layer_objects,
    layers_of,
    models,
    name_of,
    new_layer,
    put_before,
    settings,
)

CLASSES = {
    "Convolution2D": "Conv2D", "AtrousConvolution2D": "Conv2D", "SeparableConvolution2D": "SeparableConv2D",
    "Deconvolution2D": "Conv2DTranspose",
}  # fmt: skip

# What those that stayed were called, by what they did.
ARGUMENTS = {
    "nb_filter": "filters", "border_mode": "padding", "subsample": "strides", "bias": "use_bias", "p": "rate",
    "sigma": "stddev", "atrous_rate": "dilation_rate",
}  # fmt: skip
DATA_FORMATS = {"th": "channels_first", "tf": "channels_last", "default": None}

WHILE_TRAINING = frozenset(
    "init W_regularizer b_regularizer U_regularizer W_constraint b_constraint U_constraint gamma_init "
    "beta_init depthwise_init pointwise_init weights".split()
)


def layers(config: dict, origin: Origin) -> bool:
    """Classes and arguments of Keras 1 get today's names."""
    changed = False
    for one in layer_objects(config):
        if isinstance(one["config"], dict) and _is_keras_1(one):
            _rename(one)
            changed = True
    return changed


def _is_keras_1(layer: dict) -> bool:
    """Whether it names a class, or an argument, that only Keras 1 had."""
    kind, told = layer["class_name"], layer["config"].keys()
    if kind == "Merge":
        return layer["config"].get("mode_type", "raw") == "raw"  # otherwise it holds a function
    own = {"BatchNormalization": "mode", "GaussianNoise": "sigma"}.get(
        kind, "p" if "Dropout" in kind else "init"
    )
    return kind in CLASSES or own in told or bool(told & {"border_mode", "dim_ordering", "W_regularizer"})


def _rename(layer: dict) -> None:
    kind, inside = layer["class_name"], layer["config"]
    if kind == "Deconvolution2D":
        _check_output_shape(layer)
    if kind == "Merge":
        _merge(layer)
    if kind == "BatchNormalization":
        _check_mode(layer)
    layer["class_name"] = CLASSES.get(layer["class_name"], layer["class_name"])
    for key in WHILE_TRAINING & inside.keys():
        del inside[key]
    for key in [key for key in inside if key.endswith(("_regularizer", "_constraint"))]:
        del inside[key]
    if "nb_row" in inside and "nb_col" in inside:
        inside["kernel_size"] = [inside.pop("nb_row"), inside.pop("nb_col")]
    if "dim_ordering" in inside:
        inside["data_format"] = DATA_FORMATS.get(str(inside.pop("dim_ordering")))
    if kind == "Dense" and "output_dim" in inside:
        inside["units"] = inside.pop("output_dim")
    if kind == "ZeroPadding2D":
        inside["padding"] = _sides(inside.get("padding"))
    for old in ARGUMENTS.keys() & inside.keys():
        inside.setdefault(ARGUMENTS[old], inside[old])
        del inside[old]
    if inside.get("padding") == "full":
        raise ObsoleteModel(
            f"The layer '{name_of(layer)[:80]}' pads as Theano's 'full' did, which Keras no longer has: "
            "write the padding as a ZeroPadding2D layer before it, and save the model again."
        )


def _sides(padding):
    """[top, bottom, left, right], or {"top_pad": 1, …}, as [[top, bottom], [left, right]]."""
    if isinstance(padding, dict):
        padding = [padding.get(f"{side}_pad", 0) for side in ("top", "bottom", "left", "right")]
    return [padding[:2], padding[2:]] if isinstance(padding, list) and len(padding) == 4 else padding


MERGED = {"sum": "Add", "mul": "Multiply", "ave": "Average", "max": "Maximum", "concat": "Concatenate"}


def _merge(layer: dict) -> None:
    """Merge(mode="sum") is Add; "concat" is Concatenate with its axis."""
    inside = layer["config"]
    mode = str(inside.get("mode"))
    if mode not in MERGED:
        raise ObsoleteModel(
            f"The layer '{name_of(layer)[:80]}' merges by '{mode[:20]}', which Keras no longer has: expected "
            f"is one of {', '.join(MERGED)}. Save the model again with a present-day layer in its place."
        )
    if inside.get("layers"):
        raise ObsoleteModel(
            f"The layer '{name_of(layer)[:80]}' merges the branches of a Sequential of Keras 1, which no "
            "Sequential has any more. Build the model anew as a functional one, and set its weights."
        )
    axis = {"axis": inside.get("concat_axis", -1)} if mode == "concat" else {}
    layer["class_name"] = MERGED[mode]
    layer["config"] = {key: inside[key] for key in ("name", "trainable") if key in inside} | axis


def _check_mode(layer: dict) -> None:
    """BatchNormalization(mode=0) is today's; 1 and 2 normalised each picture, or each batch, by itself."""
    mode = layer["config"].pop("mode", 0)
    if mode != 0:
        raise ObsoleteModel(
            f"The layer '{name_of(layer)[:80]}' is a BatchNormalization of mode {str(mode)[:8]}, which Keras "
            "has not had since version 2: only mode 0 has a present-day equal."
        )


def _check_output_shape(layer: dict) -> None:
    """Deconvolution2D said how large its output is; Conv2DTranspose computes it, which must be the same."""
    inside = layer["config"]
    shape, kernel = inside.pop("output_shape", None), [inside.get("nb_row"), inside.get("nb_col")]
    strides, ordering = inside.get("subsample", [1, 1]), inside.get("dim_ordering")
    sides = (
        shape[2:4]
        if ordering == "th" and isinstance(shape, list)
        else shape[1:3]
        if isinstance(shape, list)
        else []
    )
    numbers = [
        n
        for n in (*sides, *kernel, *(strides if isinstance(strides, list) else ()))
        if type(n) is int and n > 0
    ]
    if len(numbers) == 6 and all(map(_computed, sides, kernel, strides, [inside.get("border_mode")] * 2)):
        return
    raise ObsoleteModel(
        f"The layer '{name_of(layer)[:80]}' is a Deconvolution2D whose output has a size that today's "
        "Conv2DTranspose does not give. Build the model anew with Conv2DTranspose, and set its weights."
    )


def _computed(side: int, kernel: int, stride: int, mode: str) -> bool:
    """Whether `side` is the one output of all possible that today's layer gives."""
    if mode == "same":
        return side % stride == 0
    before = -(-(side - kernel + 1) // stride)
    return mode == "valid" and side == before * stride + max(kernel - stride, 0)


# Theano -------------------------------------------------------------------------------------------------


def theano_padding(config: dict, origin: Origin) -> bool:
    """Theano pads 'same' alike on both sides; TensorFlow by the size of the picture. Where that differs, for
    strides and even kernels, the padding becomes a layer of its own."""
    changed = False
    for model in models(config) if origin.backend == "theano" else ():
        for layer in layers_of(model):
            if settings(layer).get("padding") == "same":
                changed |= _pad(model, layer)
    return changed


def _pad(model: dict, layer: dict) -> bool:
    kind, inside = layer["class_name"], layer["config"]
    sizes = inside.get("kernel_size") or inside.get("pool_size")
    strides = inside.get("strides") or sizes
    rates = inside.get("dilation_rate") or [1, 1]
    pairs = all(
        isinstance(two, list) and len(two) == 2 and all(type(n) is int for n in two)
        for two in (sizes, strides, rates)
    )
    if not pairs:
        return False
    widths = [(size - 1) * rate + 1 for size, rate in zip(sizes, rates, strict=True)]
    if kind == "Conv2D":
        if strides == [1, 1] and all(width % 2 for width in widths):
            return False  # one pixel more or less on either side: the same
        sides = [[width // 2, (width - 1) // 2] for width in widths]
        options = {"padding": sides, "data_format": inside.get("data_format")}
        put = put_before(
            model, layer, lambda free: new_layer("ZeroPadding2D", free, **options), f"{name_of(layer)}_pad"
        )
        inside["padding"] = "valid" if put else "same"
        if put:
            return True
    if kind == "MaxPooling2D" and strides == [1, 1] and sizes in ([1, 1], [3, 3]):
        return False
    raise ObsoleteModel(
        f"The layer '{name_of(layer)[:80]}' ({kind[:80]}) was padded by Theano, which pads other sides than "
        "TensorFlow does; it cannot be rewritten exactly. Save the model again with ZeroPadding2D before it."
    )
