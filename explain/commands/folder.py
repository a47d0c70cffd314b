"""What a command writes: whole files or none, and last of all the manifest that lists them."""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import platform
import tempfile
from argparse import Namespace
from typing import Any

import numpy as np

from explain.commands.opening import describe
from explain.commands.parsing import plain_arguments
from explain.errors import OptionError
from explain.render import png
from explain.results import Model

FORMAT = 1                                         # of the manifest; a reader may rely on its fields
MANIFEST = "manifest.json"
SHEET_PIXELS = 40_000_000                          # of one grid


class Folder:
    """The folder `--out`. It is made with the first file; until the last there is no manifest in it."""

    def __init__(self, args: Namespace):
        """OptionError where nothing could be written: said before the work, not after it."""
        self.path, self.args = args.out, args
        self.items: list[dict[str, Any]] = []
        self.skipped: list[dict[str, str]] = []
        self.sheets: dict[str, Any] = {}
        self._begun = False
        above = os.path.abspath(self.path)
        while not os.path.lexists(above):
            above = os.path.dirname(above)
        try:
            with tempfile.TemporaryFile(dir=above):
                pass
        except OSError as error:
            raise _cannot(self.path, error) from error

    def refuse_to_replace(self, names: list[str], sources: list[str]) -> None:
        """OptionError where a file to be written is one of the pictures to be read."""
        pictures = {os.path.realpath(source) for source in sources}
        for name in names:
            if os.path.realpath(os.path.join(self.path, name)) in pictures:
                raise OptionError(
                    f"'{os.path.join(self.path, name)}' is one of the pictures and would be replaced: "
                    "choose another folder for --out."
                )

    def png(self, name: str, pixels: np.ndarray) -> dict[str, str]:
        """(H, W, 3) uint8 RGB → what the manifest says about the file."""
        return self._write(name, png(pixels))

    def npy(self, name: str, values: np.ndarray) -> dict[str, str]:
        """Any shape, written as float32 → what the manifest says about the file."""
        file = io.BytesIO()
        np.save(file, np.ascontiguousarray(values, np.float32), allow_pickle=False)
        return self._write(name, file.getvalue())

    def manifest(self, model: Model, wanted: int, seed: int | None = None) -> None:
        """List what is there, out of `wanted` items. Nothing is written where there is no item."""
        if not self.items:
            return
        args = self.args
        document = {
            "format": FORMAT,
            "command": args.command,
            "argv": args.argv,
            "arguments": plain_arguments(args),
            "finished": len(self.items) + len(self.skipped) == wanted,
            "wanted": wanted,
            "seed": 0 if seed is None and args.random_weights else seed,
            "model": describe(model),
            "items": self.items,
            "sheets": self.sheets,
            "skipped": self.skipped,
            "versions": _versions(),
        }
        text = json.dumps(_plain(document), indent=2, ensure_ascii=False, allow_nan=False)
        # A file name may hold bytes that are no text; as an escape, JSON can still say them.
        self._write(MANIFEST, (text + "\n").encode("utf-8", "backslashreplace"))

    def _write(self, name: str, data: bytes) -> dict[str, str]:
        """Under another name, to the disk, and only then under its own."""
        target = os.path.join(self.path, name)
        part = os.path.join(self.path, f".{name}.{os.getpid()}.part")
        try:
            if not self._begun:
                os.makedirs(self.path, exist_ok=True)
                _remove(os.path.join(self.path, MANIFEST))       # it would no longer be true
                self._begun = True
            try:
                with open(part, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(part, target)
            finally:
                _remove(part)
        except OSError as error:
            raise _cannot(target, error) from error
        return {"name": name, "sha256": hashlib.sha256(data).hexdigest()}


def sheet_tile(tiles: int, longer: int, least: int = 1) -> int:
    """The longer side of a tile: its own, at least `least`, but as small as the sheet demands."""
    return max(1, min(max(longer, least), math.isqrt(SHEET_PIXELS // max(tiles, 1))))


def _remove(path: str) -> None:
    try:
        os.remove(path)
    except FileNotFoundError:
        pass


def _cannot(path: str, error: OSError) -> OptionError:
    return OptionError(f"Expected a folder to write into, but '{path}' cannot be written: {error.strerror}.")


def _versions() -> dict[str, str]:
    import cv2
    import keras
    import tensorflow

    from explain import device

    return {
        "python": platform.python_version(),
        "tensorflow": tensorflow.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "opencv": cv2.__version__,
        "device": device.ready(),
    }


def _plain(value: Any) -> Any:
    """For JSON: what is not finite becomes null, tuples lists, numbers of numpy Python's own."""
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
