"""A folder, asked the same questions as a zip."""

from __future__ import annotations

import os
from pathlib import Path

from explain.errors import ModelTooLarge
from explain.inspecting import limits
from explain.inspecting.limits import quoted, size
from explain.inspecting.stretches import Stretch


class Folder:
    """A folder of the operator's. `names`: its files, below it too, with '/' between the parts."""

    def __init__(self, path: Path, name: str) -> None:
        """ModelTooLarge where it holds more files than a model does."""
        self.path, self.name = path, name
        found: list[str] = []
        for folder, _, files in os.walk(path):
            found += [(Path(folder) / file).relative_to(path).as_posix() for file in files]
            if len(found) > limits.MEMBERS:
                raise ModelTooLarge(
                    f"{quoted(name)} holds more than {limits.MEMBERS:,} files. Give the folder of one model."
                )
        self.names = tuple(sorted(found))

    def read(self, member: str, most: int) -> bytes:
        with (self.path / member).open("rb") as file:
            data = file.read(most + 1)
        if len(data) > most:
            raise ModelTooLarge(
                f"{quoted(member)} in {quoted(self.name)} has more than the {size(most)} that are read."
            )
        return data

    def weights(self, member: str, target: Path) -> Stretch:
        """Where the file lies; `target` is not needed, unlike for a zip."""
        return Stretch.whole(self.path / member)

    def fetch(self, member: str, target: Path) -> Path:
        return self.path / member

    def fetch_folder(self, member: str, target: Path) -> Path:
        return self.path / member
