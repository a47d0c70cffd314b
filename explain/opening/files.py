"""From a file to a Keras model: the canonical copy that the inspection wrote, or one's own file as it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras

from explain.errors import BrokenModel, ExplainError, TooMuchMemory, UnknownFile, WeightsOnly
from explain.opening import zoo
from explain.opening.customs import import_customs
from explain.results import Inspection

OWN = (".keras", ".h5", ".hdf5")                        # what Keras tells by the ending


def network_of(inspection: Inspection, customs: Sequence[str] = ()) -> keras.Model:
    """Open a canonical copy. WeightsOnly, BrokenModel, UnsafeGraph, InputError, TooMuchMemory."""
    if inspection.kind == "weights":
        fit = " or ".join(zoo.fitting(Path(inspection.path)))
        raise WeightsOnly(
            "The file holds weights and no architecture, so there is nothing to run them. "
            + (f"They have the size of {fit}. " if fit else "")
            + "Choose the network of the zoo that they were saved from: --weights FILE on the command line, the "
            "list of networks beside the upload on the page, explain.load(name, weights=FILE) in Python. Or save "
            "the whole model."
        )
    if inspection.kind == "graph":
        return _graph(Path(inspection.path))
    return _keras(Path(inspection.path), customs)


def own_network(path: Path, customs: Sequence[str] = ()) -> keras.Model:
    """A file or folder that the caller trusts, opened as it is."""
    if path.is_dir() or path.suffix.lower() == ".pb":
        return _graph(path)
    if path.suffix.lower() not in OWN:
        raise UnknownFile(
            f"'{path.name}' is no model file known here: expected {', '.join(OWN)}, .pb or a SavedModel folder."
        )
    return _keras(path, customs)


def _graph(path: Path) -> keras.Model:
    from explain.opening.graphs import open_graph

    return open_graph(path)


def _keras(path: Path, customs: Sequence[str]) -> keras.Model:
    given = import_customs(customs)
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True, custom_objects=given)
    except MemoryError as error:
        raise TooMuchMemory("This model does not fit into memory. Choose a smaller one.") from error
    except ExplainError:
        raise
    except Exception as error:  # Keras raises anything from KeyError to RuntimeError for a bad file
        raise BrokenModel(
            f"The model cannot be opened: its parts do not fit together, or Keras {keras.__version__} does not know "
            f"them. Keras says: {first_line(error).replace(str(path), 'the file')}"
        ) from error


def first_line(error: Exception) -> str:
    """What an error of a library says, on one line of bounded length."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)[:300]


