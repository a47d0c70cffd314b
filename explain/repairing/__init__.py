"""Stored configurations of Keras 1, 2 and 3, rewritten to what Keras 3.15 opens: JSON in, JSON out.

    rewriting.py    all rewrites, in their order
    common.py       for every era      keras2.py, calls.py, operations.py, activations.py    for Keras 2
    keras1.py       for Keras 1        channels.py                 channels_first → channels_last
    weights.py      the order of the numbers themselves (Keras 1, Theano)
    known.py        what Keras 3.15 calls its layers, and what they take

Nothing here imports Keras or TensorFlow, and nothing is trusted: what is not understood stays as it is, for
`explain.inspecting.configs` to refuse.
"""

from __future__ import annotations

from typing import Any

from explain.repairing.common import undrawn
from explain.repairing.origin import Origin
from explain.repairing.rewriting import REWRITES, rewrite
from explain.results import Notice

__all__ = ["repair", "undrawn"]


def repair(config: Any, keras_version: str, form: str, backend: str = "") -> tuple[Any, tuple[Notice, ...]]:
    """The configuration as Keras 3.15 opens it, and at most one notice that says what was brought up to date.

    config: the stored JSON, decoded; it is not changed; keras_version: what the file says, "" where it says
    nothing; form: "hdf5" or "keras"; backend: of `weights.backend_of`, for HDF5.

    Raises ObsoleteModel where something has no present-day equal.
    """
    origin = Origin(keras_version or "", form, backend)
    repaired, applied = rewrite(config, origin)
    words = dict.fromkeys(words for one, words in REWRITES if words and one in applied)
    if not words:
        return repaired, ()
    by = f"Keras {str(keras_version)[:20]}" if keras_version else "an early Keras"
    return repaired, (
        Notice(
            "W_REPAIRED",
            f"The file was written by {by} and was brought up to date before it was opened: "
            f"{', '.join(words)}. It computes what it computed then; the file itself was not changed.",
        ),
    )
