"""Which model a zip or a folder holds, by the names of its files alone.

    config.json + model.weights.h5      .keras
    saved_model.pb                      a SavedModel
    one .keras, .h5, .hdf5 or .pb       that file: Teachable Machine's keras_model.h5, or any model in a zip

labels.txt counts where it lies beside the model, or one folder above it.
"""

from __future__ import annotations

from typing import NamedTuple

from explain.errors import BrokenModel, UnknownFile
from explain.inspecting import labels
from explain.inspecting.kinds import CONVERT, PICKLE, SAVE, TORCH
from explain.inspecting.limits import listed, quoted

MODELS = (".keras", ".h5", ".hdf5", ".pb")
BESIDE_A_GRAPH = ("keras_metadata.pb", "fingerprint.pb")
JUNK = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini")
CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
GRAPH = "saved_model.pb"

# the end of a member's name, what holds it, what to do
OTHERS = (
    ("data.pkl", "a PyTorch file", TORCH),
    ("model.json", "an export for TensorFlow.js",
     "In Teachable Machine, export as 'Tensorflow', 'Keras'; elsewhere, save the Keras model itself."),
    (".tflite", "an export for TensorFlow Lite",
     f"In Teachable Machine, export as 'Tensorflow', 'Keras'; elsewhere: {CONVERT}"),
    ("model.weights.npz", "a Keras model with weights as .npz", SAVE),
    (".onnx", "an ONNX model", CONVERT),
    (".index", "a TensorFlow checkpoint, which has no architecture", SAVE),
    (".pkl", "a Python pickle", PICKLE),
    (".npy", "NumPy arrays without an architecture", SAVE),
    ("[Content_Types].xml", "an Office document", SAVE),
    ("MANIFEST.MF", "a Java program", SAVE),
    (".zip", "another zip", "Unpack it, and give the zip or the model in it."),
)  # fmt: skip


class Choice(NamedTuple):
    """kind: "keras", "saved_model" or "file"; member: the file, or the folder with a trailing '/' or "";
    labels: the file of class names, or ""."""

    kind: str
    member: str
    labels: str = ""


def choose(names: tuple[str, ...], name: str) -> Choice:
    """The one model among the files `names` of `name`. UnknownFile when there is none, or several."""
    names = tuple(n for n in names if not set(JUNK) & set(n.split("/")) and not _leaf(n).startswith("._"))
    saved = [_folder(n) for n in names if _leaf(n) == CONFIG and _folder(n) + WEIGHTS in names]
    graphs = [_folder(n) for n in names if _leaf(n) == GRAPH]
    files = [n for n in names if n.lower().endswith(MODELS) and _leaf(n) not in (*BESIDE_A_GRAPH, GRAPH)]
    files = [n for n in files if _folder(n) not in saved]
    found = [Choice("keras", n) for n in saved] + [Choice("saved_model", n) for n in graphs]
    found += [Choice("file", n) for n in files]
    if len(found) > 1:
        which = listed(choice.member or name for choice in found)
        raise UnknownFile(f"{quoted(name)} holds {len(found)} models ({which}). Give one of them.")
    if not found:
        raise _nothing(names, name)
    return found[0]._replace(labels=_labels(found[0], names))


def _labels(choice: Choice, names: tuple[str, ...]) -> str:
    """A SavedModel's labels lie above its folder, a file's beside it; both are looked at."""
    beside = _folder(choice.member)
    above = _folder(beside.removesuffix("/"))
    return next((folder + labels.FILE for folder in (beside, above) if folder + labels.FILE in names), "")


def _nothing(names: tuple[str, ...], name: str) -> UnknownFile | BrokenModel:
    for end, what, advice in OTHERS:
        if found := [n for n in names if n.endswith(end)]:
            return UnknownFile(
                f"{quoted(name)} is no Keras model: it holds {what} ({quoted(found[0])}). {advice}"
            )
    if any(_leaf(n) in (CONFIG, METADATA, WEIGHTS) for n in names):
        return BrokenModel(
            f"{quoted(name)} is not whole: a .keras file holds {CONFIG} and {WEIGHTS}, this one "
            f"{listed(names)}. {SAVE}"
        )
    held = f"it holds {listed(names)}" if names else "it is empty"
    return UnknownFile(
        f"{quoted(name)} holds no model: expected is one .keras, .h5 or saved_model.pb, {held}. {SAVE}"
    )


def _leaf(name: str) -> str:
    return name.rpartition("/")[2]


def _folder(name: str) -> str:
    """'a/b/c' → 'a/b/', 'c' → ''."""
    return name[:len(name) - len(_leaf(name))]
