"""Where a stored model comes from."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Origin:
    """version: of the Keras that wrote the file, "2.4.0-tf", or "" where the file does not say;
    form: "hdf5" or "keras"; backend: "tensorflow", "theano", … or ""."""

    version: str = ""
    form: str = "hdf5"
    backend: str = ""

    @property
    def major(self) -> int:
        """1, 2 or 3. HDF5 files carry the version since Keras 1.2, .keras files always."""
        found = re.match(r"(\d{1,3})(?!\d)", str(self.version))
        return int(found[1]) if found else (1 if self.form == "hdf5" else 3)
