"""The allow-list of classes by role, and the sentences for those that are known and refused.

    layer          of `explain.repairing.known.LAYERS`, and Sequential and Functional
    operation      of `known.OPERATIONS`: what `x + y` leaves in a functional model
    initializer, regularizer, constraint, activation, dtype: by the key they stand under
    data           in the arguments of a call: references to tensors, arrays, slices

What is in none of them is a class of somebody's own, and needs the operator's Python file.
"""

from __future__ import annotations

from explain.repairing import known

# Values in the arguments of a call. Keras turns each into data without calling anything.
DATA = frozenset({"__keras_tensor__", "__numpy__", "__tensor__", "__slice__", "__ellipsis__"})

# A layer that is given as the activation of another.
ACTIVATION_LAYERS = frozenset({"Activation", "ELU", "Identity", "LeakyReLU", "PReLU", "ReLU", "Softmax"})

# Layers that hold other layers, and under which key.
HOLDERS = frozenset({"layer", "backward_layer", "forward_layer", "cell", "cells", "layers"})

_CODE = "it runs code that is stored in the file"
_CALLS = "it calls a function that the file names"
_READS = "it can read files of this computer while it is opened"
_PROGRAM = "it opens a stored program"

UNSAFE = {
    "Lambda": _CODE, "__lambda__": _CODE, "Merge": _CODE, "function": _CALLS, "__typespec__": _CALLS,
    "TypeSpec": _CALLS, "CompositeTensor": _CALLS,
    "TFSMLayer": _PROGRAM, "TorchModuleWrapper": _CODE, "JaxLayer": _CODE, "FlaxLayer": _CODE,
    "StringLookup": _READS, "IntegerLookup": _READS, "TextVectorization": _READS, "IndexLookup": _READS,
    "Hashing": "it is made for texts, not for pictures", "HashedCrossing": "it is made for texts, not for "
                                                                           "pictures",
    "FeatureSpace": "it is made for tables, not for pictures",
    "WhileLoop": _CALLS, "Cond": _CALLS, "Map": _CALLS, "Scan": _CALLS, "AssociativeScan": _CALLS,
    "VectorizedMap": _CALLS, "ForiLoop": _CALLS, "Switch": _CALLS,
}  # fmt: skip
INSTEAD = {
    _CODE: "Put a layer of Keras in its place (Rescaling, Normalization, Activation, …), or write it as a "
           "class of your own, and save the model again.",
    _PROGRAM: "Open that SavedModel itself instead.",
    _READS: "It is made for texts; what is opened here are classifiers of pictures.",
}  # fmt: skip

_WHOLE = "Save the whole model as one network of Keras layers, or export it as a SavedModel and open that."
_TRAIN = "Train it again with a present-day layer."
_SEQUENCE = "It works on sequences or volumes; what is opened here are classifiers of pictures."

OBSOLETE = {
    "KerasLayer": "a network of TensorFlow Hub, which is not in the file: only its address is. " + _WHOLE,
    "ModuleWrapper": "a part of a TensorFlow program that Keras did not store. " + _WHOLE,
    "LocallyConnected1D": "a layer that Keras dropped with version 3. " + _TRAIN,
    "LocallyConnected2D": "a layer that Keras dropped with version 3. " + _TRAIN,
    "DenseFeatures": "a layer for tables that Keras dropped with version 3. " + _TRAIN,
    "ClassMethod": "a TensorFlow function inside a Keras 2 model. " + _WHOLE,
    "InstanceMethod": "a TensorFlow function inside a Keras 2 model. " + _WHOLE,
    "InstanceProperty": "a TensorFlow function inside a Keras 2 model. " + _WHOLE,
    "TFOpLambda": "a TensorFlow function inside a Keras 2 model. " + _WHOLE,
    "SlicingOpLambda": "a TensorFlow function inside a Keras 2 model. " + _WHOLE,
    "TensorFlowOpLayer": "a TensorFlow function inside a Keras 2 model. " + _WHOLE,
    "AddMetric": "a measurement that Keras 2 kept inside the model. " + _WHOLE,
    "AddLoss": "a loss that Keras 2 kept inside the model. " + _WHOLE,
    **dict.fromkeys(
        ("Convolution1D", "Convolution3D", "AtrousConvolution1D", "CuDNNLSTM", "CuDNNGRU",
         "TimeDistributedDense"),
        "a layer that Keras dropped. " + _SEQUENCE,
    ),
    **dict.fromkeys(
        ("MelSpectrogram", "STFTSpectrogram", "CategoryEncoding", "Discretization", "ReversibleEmbedding",
         "MaxNumBoundingBoxes"),
        "a layer that is not made for pictures. " + _SEQUENCE,
    ),
    **dict.fromkeys(
        ("Highway", "MaxoutDense", "SReLU", "ParametricSoftplus", "Graph"),
        "something that only Keras 1 had. " + _TRAIN,
    ),
    **dict.fromkeys(
        ("DTypePolicyMap", "QuantizedDTypePolicy", "QuantizedFloat8DTypePolicy", "Int4DTypePolicy",
         "GPTQDTypePolicy", "AWQDTypePolicy"),
        "weights packed into few bits (quantised), which no slopes pass through. Give the model from before.",
    ),
}  # fmt: skip

_OPERATOR = (
    "Classes of your own are opened where the operator has named the Python file that defines them: "
    "--custom-objects FILE, or EXPLAIN_CUSTOM_OBJECTS."
)
PACKAGES = {
    "Addons": "TensorFlow Addons, which has ended", "tensorflow_addons": "TensorFlow Addons, which has ended",
    "keras_hub": "KerasHub", "keras_nlp": "KerasHub", "keras_cv": "KerasCV", "keras_contrib": "keras-contrib",
    "vit_keras": "vit-keras", "efficientnet": "the package efficientnet",
}  # fmt: skip


def custom_advice(module: object) -> str:
    """What to do about a class of one's own; it names the package where that is known."""
    start = str(module).partition(".")[0].partition(">")[0]
    return (f"It comes from {PACKAGES[start]}. " if start in PACKAGES else "") + _OPERATOR


def place_of(name: str) -> dict[str, str]:
    """{role: module} of a class in the allow-list; {} where it is in none."""
    places = {role: module for role, (module, names) in known.PIECES.items() if name in names}
    if known.module_of(name):
        places["layer"] = known.module_of(name)
    if name in known.OPERATIONS:
        places["operation"] = known.OPERATIONS[name]
    return places


def is_spelled(text: str, role: str) -> bool:
    """Whether a text names a piece of Keras: 'glorot_uniform', 'GlorotUniform', 'l2', 'relu'."""
    if role == "activation":
        return text in known.ACTIVATIONS
    if role == "dtype":
        return text in known.DTYPES
    plain = text.replace("_", "").lower()
    return plain in {name.lower() for name in known.PIECES[role][1]}
