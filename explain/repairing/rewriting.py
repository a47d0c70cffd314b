"""All rewrites in their order, each with the words for the notice; "" where there is nothing to tell."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from explain.repairing import activations, calls, channels, common, keras1, keras2, operations
from explain.repairing.origin import Origin
from explain.repairing.walking import DEPTH, depth, objects

OBJECTS = 50_000  # of one configuration; keras.applications: 7,000. More is refused anyway

Rewrite = Callable[[dict, Origin], bool]

# Each changes its argument in place and tells whether it did. Models come before the layers in them, names
# of classes before what is done by class, and where the classes live comes last.
REWRITES: tuple[tuple[Rewrite, str], ...] = (
    (common.plain_dtypes, ""),
    (common.drop_training, ""),
    (common.plain_values, ""),
    (keras2.listed_sequentials, "the list of layers"),
    (keras2.functional_models, "the class 'Model'"),
    (calls.new_calls, "how layers are connected"),
    (calls.calls_of_models, ""),
    (calls.single_ends, ""),
    (common.boolean_trainable, ""),
    (keras1.layers, "layers and arguments of Keras 1"),
    (keras2.present_classes, "renamed layers"),
    (keras2.thresholds, "renamed layers"),
    (keras2.negative_slopes, "renamed arguments"),
    (keras2.single_axes, ""),
    (operations.operations, "TensorFlow functions between layers"),
    (keras2.input_layers, "where the input's shape stands"),
    (keras2.plain_pieces, "initializers"),
    (keras2.gone_arguments, "arguments that no longer exist"),
    (activations.hard_sigmoids, "the hard sigmoid, which was another function"),
    (keras1.theano_padding, "how Theano padded"),
    (channels.channels_last, "channels_first, which is channels_last now"),
    (common.valid_names, "names of layers with signs that names may not have"),
    (common.ellipses, ""),
    (common.long_sequentials, ""),
    (common.modules, ""),
)  # fmt: skip


def rewrite(config: Any, origin: Origin) -> tuple[Any, list[Rewrite]]:
    """(the configuration as Keras 3.15 reads it, the rewrites that changed something).

    config is not changed. What is no configuration comes back as it is. Raises ObsoleteModel.
    """
    if not isinstance(config, dict) or depth(config) > DEPTH or len(objects(config)) > OBJECTS:
        return config, []
    config = copy.deepcopy(config)
    return config, [one for one, _ in REWRITES if one(config, origin)]
