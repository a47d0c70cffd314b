"""Layerscope's core: see what a convolutional network sees.

    model = explain.load("efficientnet-lite0")
    image = explain.read("cat.jpg")
    heat  = explain.heatmap(model, image)

Nothing is imported before its first use, so that `import explain` costs nothing.
"""

from importlib import import_module

_NAMES = {
    "load": "opening.loading", "wrap": "opening.loading", "read": "image",
    "layers": "jobs", "predict": "jobs", "activations": "jobs", "heatmap": "jobs", "heatmaps": "jobs",
    "patterns": "jobs", "export_explainer": "exporting",
    **dict.fromkeys(("CheckUp", "Detection", "Heatmap", "Image", "Layer", "Maps", "Model", "Notice", "Output", "Pattern", "Prediction",
                     "Verdict"), "results"),
    "ExplainError": "errors",
}  # fmt: skip
_ROOMS = (
    "detective", "device", "doctor", "errors", "exporting", "image", "jobs", "methods", "opening", "provenance",
    "render", "report", "representations", "results", "samples", "scaling", "similarity", "workers",
)  # fmt: skip

__all__ = [*_NAMES, *_ROOMS]


def __getattr__(name: str):
    if name in _ROOMS:
        return import_module(f"explain.{name}")
    if name in _NAMES:
        return getattr(import_module(f"explain.{_NAMES[name]}"), name)
    raise AttributeError(f"module 'explain' has no attribute '{name}'")


def __dir__():
    return sorted(__all__)
