"""What the inspection allows at most, and the words its sentences share.

Settings of the operator, read when they are asked for:

    EXPLAIN_MAX_MODEL_MB      2048   a file, and what it holds when unpacked: the full VGG16 with the state
                                     of its optimizer is 1.6 GB, and nobody trains an image classifier
                                     much larger in Keras
    EXPLAIN_INSPECTION_MB     1024   memory of the inspecting process; ordinary files need under 200 MB

The rest are constants, each several times what the largest network of `keras.applications` needs.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from errno import EDQUOT, EFBIG, ENOSPC

from explain.errors import InspectionFailed, ModelTooLarge

MEGABYTE = 2**20

MEMBERS = 1_000                       # of a zip; a .keras file has 3, a SavedModel about 6
NAME = 255                            # characters of one member's name
UNPACKED_FREELY = 16 * MEGABYTE       # below it a ratio says nothing: a few zeros pack 1000 to 1
RATIO = 20                            # above it: trained weights pack less than 2 to 1

CONFIG_BYTES = 8 * MEGABYTE           # largest of keras.applications: 1.05 MB
JSON_DEPTH = 200                      # they: 11
METADATA_BYTES = 64 * 2**10
LABELS_BYTES = MEGABYTE
LABELS = 20_000                       # classes

OBJECTS = 50_000                      # groups and datasets of an HDF5 file; they: about 5,000
HDF5_DEPTH = 48                       # two levels for each nested model
DIMENSIONS = 8                        # axes of one weight
NAMES_BYTES = 4 * MEGABYTE            # a list of layer or weight names
CHUNK_BYTES = 64 * MEGABYTE           # HDF5 unpacks a whole chunk at once

BYTES_A_SECOND = 50 * MEGABYTE        # read, compared and written again, on a busy machine
NOTICES, SENTENCE = 200, 4_000        # what one answer of the inspecting process may hold


def model_bytes() -> int:
    return int(_setting("EXPLAIN_MAX_MODEL_MB", 2048) * MEGABYTE)


def memory_bytes() -> int:
    return int(_setting("EXPLAIN_INSPECTION_MB", 1024) * MEGABYTE)


def _setting(name: str, default: float) -> float:
    """A positive number of the environment; what is none counts as not set."""
    try:
        value = float(os.environ.get(name, default))
    except ValueError:
        return default
    return value if value > 0 else default


def quoted(name: object, most: int = 80) -> str:
    """A name from a file, to be shown: in quotes, on one line, not longer than `most`."""
    text = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in str(name))
    return f"'{text if len(text) <= most else text[: most - 1] + '…'}'"


def listed(names: Iterable[str], most: int = 3) -> str:
    """'a', 'b' and 4 more."""
    names = list(names)
    shown = ", ".join(quoted(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most:,} more"


def size(count: int) -> str:
    """A number of bytes for people: '912 bytes', '1.5 MB', '2.0 GB'."""
    if count < 10_000:
        return f"{count:,} bytes"
    return f"{count / 1e6:,.1f} MB" if count < 1e9 else f"{count / 1e9:,.1f} GB"


def raise_out_of_room(name: str, errno: int | None, cause: Exception) -> None:
    """ModelTooLarge or InspectionFailed where a system error means that a file or the disk is full."""
    if errno == EFBIG:
        said = f"The copy of {quoted(name)} would become larger than is allowed (EXPLAIN_MAX_MODEL_MB)."
        raise ModelTooLarge(said) from cause
    if errno in (ENOSPC, EDQUOT):
        said = f"There is no room on the server's disk for a copy of {quoted(name)}. Try again later."
        raise InspectionFailed(said) from cause
