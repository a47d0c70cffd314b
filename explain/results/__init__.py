"""The nouns: frozen, numbers only, no colour and no screen.

Letters: H W the uploaded picture, h w a map inside the network, c channels, K classes, b batch,
n items. A `key` is a digest of content, never an identity and never a file name.
"""

from explain.results.answers import Heatmap, Maps, Pattern, Prediction, Verdict
from explain.results.basics import Shown, frozen
from explain.results.networks import Image, Inspection, Layer, Model, Notice, Output
from explain.results.studies import (
    CheckUp,
    Detection,
    Fingerprints,
    Grams,
    LayerCheck,
    ScalingTrial,
    Similarity,
)

__all__ = [
    "CheckUp",
    "Detection",
    "Fingerprints",
    "Grams",
    "Heatmap",
    "Image",
    "Inspection",
    "Layer",
    "LayerCheck",
    "Maps",
    "Model",
    "Notice",
    "Output",
    "Pattern",
    "Prediction",
    "ScalingTrial",
    "Shown",
    "Similarity",
    "Verdict",
    "frozen",
]
