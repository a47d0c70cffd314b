"""What a command writes: whole files or none, and last of all the manifest that lists them."""

from __future__ import annotations

import math
import os
import tempfile
from argparse import Namespace
from collections.abc import Sequence
from typing import Any

import numpy as np

from explain import provenance
from explain.commands.parsing import plain_arguments
from explain.errors import OptionError
from explain.folders.files import cannot, npy, remove, write_whole
from explain.render import png
from explain.render.files import with_text
from explain.results import Model

MANIFEST = "manifest.json"
SHEET_PIXELS = 40_000_000                          # of one grid


class Folder:
    """The folder `--out`. It is made with the first file; until the last there is no manifest in it."""

    def __init__(self, args: Namespace):
        """OptionError where nothing could be written: said before the work, not after it."""
        self.path, self.args = args.out, args
        self.items: list[dict[str, Any]] = []
        self.sheets: dict[str, Any] = {}
        self._begun = False
        above = os.path.abspath(self.path)
        while not os.path.lexists(above):
            above = os.path.dirname(above)
        try:
            with tempfile.TemporaryFile(dir=above):
                pass
        except OSError as error:
            raise cannot(self.path, error) from error

    def refuse_to_replace(self, names: list[str], sources: list[str]) -> None:
        """OptionError where a file to be written is one of the pictures to be read."""
        pictures = {os.path.realpath(source) for source in sources}
        for name in names:
            if os.path.realpath(os.path.join(self.path, name)) in pictures:
                raise OptionError(
                    f"'{os.path.join(self.path, name)}' is one of the pictures and would be replaced: "
                    "choose another folder for --out."
                )

    def png(self, name: str, pixels: np.ndarray, recipes: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """(H, W, 3) uint8 RGB → what the manifest says about the file; recipes: of what it shows, go inside."""
        return self._write(name, with_text(png(pixels), MANIFEST, provenance.enclosed(recipes)))

    def npy(self, name: str, values: np.ndarray) -> dict[str, Any]:
        """Any shape, written as float32 → what the manifest says about the file."""
        return self._write(name, npy(values))

    def manifest(self, model: Model, wanted: int, seed: int | None = None) -> None:
        """List what is there, out of `wanted` items. Nothing is written where there is no item.

        items: recipes of `explain.provenance`, each with its "files".
        """
        self.listed(
            **told(self.args, seed), finished=len(self.items) == wanted, wanted=wanted,
            model=provenance.model_of(model), sheets=self.sheets,
        )  # fmt: skip

    def listed(self, **more: Any) -> None:
        """The manifest with these fields. Nothing is written where there is no item."""
        if self.items:
            self._write(MANIFEST, provenance.dumps(provenance.manifest(self.items, **more)))

    def _write(self, name: str, data: bytes) -> dict[str, Any]:
        if not self._begun:
            try:
                os.makedirs(self.path, exist_ok=True)
                remove(os.path.join(self.path, MANIFEST))        # it would no longer be true
            except OSError as error:
                raise cannot(self.path, error) from error
            self._begun = True
        return write_whole(self.path, name, data)


def told(args: Namespace, seed: int | None = None) -> dict[str, Any]:
    """What a manifest says about the command: its words, all its arguments, its seed."""
    seed = 0 if seed is None and args.random_weights else seed
    return {"command": args.command, "argv": args.argv, "arguments": plain_arguments(args), "seed": seed}


def sheet_tile(tiles: int, longer: int, least: int = 1) -> int:
    """The longer side of a tile: its own, at least `least`, but as small as the sheet demands."""
    return max(1, min(max(longer, least), math.isqrt(SHEET_PIXELS // max(tiles, 1))))
