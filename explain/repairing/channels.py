"""`channels_first` of Keras 1 and of Theano becomes `channels_last`, the only order for TensorFlow on a CPU.

A model whose every layer works on (channels, height, width) is turned as a whole: its input is
(height, width, channels) from then on. Kernels stay as they are. Where the order of the numbers matters,
before Flatten and Reshape, a Permute layer puts it back, so that the weights behind fit: exactly, not nearly.
"""

from __future__ import annotations

from explain.repairing.origin import Origin
from explain.repairing.walking import (
    calls,
    ends,
    is_functional,
    layers_of,
    models,
    name_of,
    new_layer,
    put_after,
    put_before,
    references,
    settings,
)

TO_FIRST, TO_LAST = [3, 1, 2], [2, 3, 1]

# Of maps, with `data_format`: what they answer, by the number of its axes.
SPATIAL = {
    **dict.fromkeys(("Conv2D", "SeparableConv2D", "DepthwiseConv2D", "Conv2DTranspose"), 4),
    **dict.fromkeys(("MaxPooling2D", "AveragePooling2D", "ZeroPadding2D", "Cropping2D", "UpSampling2D"), 4),
    **dict.fromkeys(("GlobalMaxPooling2D", "GlobalAveragePooling2D"), 2),
    "SpatialDropout2D": 4,
}  # fmt: skip
# They treat every number alike, so that the order does not matter.
ANY_ORDER = frozenset(
    "Activation Add AlphaDropout Average Dropout ELU GaussianDropout GaussianNoise Identity LeakyReLU "
    "Maximum Minimum Multiply PReLU ReLU Rescaling Subtract".split()
)
ALONG_AN_AXIS = frozenset({"BatchNormalization", "LayerNormalization", "Concatenate"})
AXIS = {1: -1, 2: 1, 3: 2, -1: 2, -2: 1, -3: -1}  # of (b, c, h, w) → of (b, h, w, c)


class _Unknown(Exception):
    """A layer of which it is not known how it takes its input."""


def channels_last(config: dict, origin: Origin) -> bool:
    """Turn the model where it is channels_first throughout and every layer is understood; else leave it.

    Of later files too it would be exact, but who trained them on a GPU is told so instead.
    """
    if not (origin.major == 1 or origin.backend == "theano") or not turns(config):
        return False
    for model, layer, rank in _walk(config, 4)[0]:
        _turn(model, layer, rank)
    return True


def turns(config: dict) -> bool:
    """Whether `channels_last` would turn that model. Names of Keras 3 are expected."""
    formats = {
        str(settings(layer).get("data_format"))
        for model in models(config)
        for layer in layers_of(model)
        if layer["class_name"] in SPATIAL
    }
    if formats != {"channels_first"}:
        return False
    try:
        return all(_understood(layer, rank) for _, layer, rank in _walk(config, 4)[0])
    except _Unknown:
        return False


def _understood(layer: dict, rank: int) -> bool:
    kind, inside = layer["class_name"], settings(layer)
    if kind == "Activation" and rank == 4:
        return inside.get("activation") not in ("softmax", "log_softmax")
    if kind in ALONG_AN_AXIS and rank == 4:
        axis = inside.get("axis", -1)
        return isinstance(axis, int) and axis in AXIS
    return True


def _walk(model: dict, rank: int) -> tuple[list[tuple[dict, dict, int]], int]:
    """([(model, layer, axes of its input)] at every depth, axes of the answer). Raises _Unknown."""
    answers: dict[str, int] = {}
    found = []
    for layer in layers_of(model):
        if is_functional(model) and layer["class_name"] != "InputLayer":
            sources = {answers.get(leaf[0]) for call in calls(layer) for leaf in references(call)}
            if len(sources) != 1 or None in sources:
                raise _Unknown
            rank = sources.pop()
        found.append((model, layer, rank))
        if layers_of(layer):
            inner, rank = _walk(layer, rank)
            found += inner
        else:
            rank = _answer(layer, rank)
        answers[name_of(layer)] = rank
    outputs = (
        [answers.get(leaf[0], 0) for leaf in ends(model, "output_layers")] if is_functional(model) else [rank]
    )
    if len(outputs) != 1:
        raise _Unknown
    return found, outputs[0]


def _answer(layer: dict, rank: int) -> int:
    """Axes of what the layer answers, the batch among them."""
    kind, inside = layer["class_name"], settings(layer)
    if kind == "InputLayer" and isinstance(inside.get("batch_shape"), list):
        return len(inside["batch_shape"])
    if kind in SPATIAL and rank == 4:
        return 4 if inside.get("keepdims") else SPATIAL[kind]
    if kind == "Reshape" and isinstance(inside.get("target_shape"), list):
        return len(inside["target_shape"]) + 1
    if kind == "Flatten" or (kind in ("Dense", "Softmax") and rank == 2):
        return 2
    if kind in ANY_ORDER or kind in ALONG_AN_AXIS:
        return rank
    raise _Unknown


def _turn(model: dict, layer: dict, rank: int) -> None:
    kind, inside = layer["class_name"], layer["config"]
    if kind == "InputLayer" and len(inside["batch_shape"]) == 4:
        batch, channels, height, width = inside["batch_shape"]
        inside["batch_shape"] = [batch, height, width, channels]
    elif kind in SPATIAL:
        inside["data_format"] = "channels_last"
    elif kind in ALONG_AN_AXIS and rank == 4:
        inside["axis"] = AXIS[inside.get("axis", -1)]
    elif kind == "PReLU" and rank == 4 and isinstance(inside.get("shared_axes"), list):
        inside["shared_axes"] = sorted(
            AXIS[n] % 4 for n in inside["shared_axes"] if isinstance(n, int) and n in AXIS
        )
    elif kind in ("Flatten", "Reshape"):
        _keep_order(model, layer, rank)


def _keep_order(model: dict, layer: dict, rank: int) -> None:
    """Flatten and Reshape see their numbers in the old order, and give them on in the new one."""
    inside = layer["config"]
    already = inside.get("data_format") == "channels_first"  # Keras 2's Flatten: channels last by itself
    if layer["class_name"] == "Flatten":
        inside.pop("data_format", None)
    if rank == 4 and not already:
        put_before(
            model, layer, lambda free: new_layer("Permute", free, dims=TO_FIRST), f"{name_of(layer)}_order"
        )
    if layer["class_name"] == "Reshape" and len(inside["target_shape"]) == 3:
        put_after(
            model, layer, lambda free: new_layer("Permute", free, dims=TO_LAST), f"{name_of(layer)}_back"
        )
