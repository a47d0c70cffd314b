"""`hard_sigmoid` changed its meaning.

Up to Keras 2 it was max(0, min(1, 0.2 x + 0.5)); in Keras 3 it is relu6(x + 3) / 6.
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
    put_after,
    settings,
)


def hard_sigmoids(config: dict, origin: Origin) -> bool:
    """The old hard_sigmoid becomes two layers that compute it: Rescaling(0.2, 0.5), then ReLU(max_value=1).

    Inside a recurrent layer, where it was usual, there is no place for them: ObsoleteModel.
    """
    if origin.major >= 3:
        return False
    changed = False
    for model in models(config):
        for layer in layers_of(model):
            if settings(layer).get("activation") == "hard_sigmoid" and not _is_recurrent(layer):
                layer["config"]["activation"] = "linear"
                _spell_out(model, layer)
                changed = True
    for layer in layer_objects(config):
        if "hard_sigmoid" in (settings(layer).get("activation"), settings(layer).get("recurrent_activation")):
            raise ObsoleteModel(
                f"The layer '{name_of(layer)[:80]}' ({layer['class_name'][:80]}) uses the hard sigmoid of "
                f"Keras {origin.major}, 0.2·x + 0.5 between 0 and 1, which Keras 3 no longer has. Opened "
                "with today's it would answer differently; train it again with "
                "recurrent_activation='sigmoid'."
            )
    return changed


def _is_recurrent(layer: dict) -> bool:
    return "recurrent_activation" in settings(layer) or "layer" in settings(layer)


def _spell_out(model: dict, layer: dict) -> None:
    name = name_of(layer) or "hard_sigmoid"
    line = put_after(
        model, layer, lambda free: new_layer("Rescaling", free, scale=0.2, offset=0.5), f"{name}_line"
    )
    put_after(model, line, lambda free: new_layer("ReLU", free, max_value=1.0), f"{name}_clip")
