"""Where a manifest lies: a folder, a zip, or a file that carries it. Reads plain names within limits, and
nothing else."""

from __future__ import annotations

import io
import os
import tokenize
import zipfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from explain.errors import OptionError
from explain.provenance import digest
from explain.reproducing import carriers

MANIFEST = "manifest.json"
MANIFEST_BYTES = 512 * 2**20  # a million recipes; a bomb ends here
NUMBERS_BYTES = 256 * 2**20  # of one .npy
MOST_MEMBERS = 100_000
MOST_ARRAYS = 2_000  # that are read in search of one
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")


class Box:
    """A folder, the manifest in it, and what lies beside it."""

    def __init__(self, path: Path, name: str = MANIFEST):
        self.path, self.name = path, name

    @property
    def called(self) -> str:
        """The manifest in a sentence."""
        return f"'{self.name}'"

    def manifest(self) -> bytes:
        """OptionError where it cannot be read or is too large."""
        data = self.read(self.name, MANIFEST_BYTES)
        if data is None:
            raise OptionError(
                f"Expected a manifest of at most {MANIFEST_BYTES >> 20} MB, but '{self.path / self.name}' is "
                "larger or cannot be read."
            )
        return data

    def read(self, name: str, most: int) -> bytes | None:
        """A file of that plain name; None where there is none, or more than `most` bytes."""
        path = self.path / name
        try:
            if os.path.basename(name) != name or not path.is_file() or path.stat().st_size > most:
                return None
            with path.open("rb") as file:
                data = file.read(most + 1)
        except (OSError, ValueError):  # unreadable, or no name at all: then it is not there
            return None
        return data if len(data) <= most else None

    def names(self, endings: tuple[str, ...]) -> Iterator[str]:
        """The files with these endings."""
        with os.scandir(self.path) as entries:
            yield from sorted(e.name for e in entries if e.name.lower().endswith(endings) and e.is_file())

    def path_of(self, name: str) -> str | None:
        """Where a file of that name lies on the disk; None in a zip."""
        return str(self.path / name)


class CarrierBox(Box):
    """The folder of a file that carries its manifest inside."""

    def __init__(self, path: Path, kind: str):
        super().__init__(path.parent, path.name)
        self._kind = kind

    @property
    def called(self) -> str:
        return f"what '{self.name}' carries as its manifest"

    def manifest(self) -> bytes:
        """OptionError where it carries none that can be read."""
        return carriers.manifest_in(self.path / self.name, self._kind)


class ZipBox(Box):
    """The members of a zip, by their whole names."""

    def __init__(self, path: Path):
        super().__init__(path)
        try:
            self._zip = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile, NotImplementedError) as error:
            raise OptionError(
                f"Expected a manifest or an exported zip; '{path}' is a zip that cannot be read."
            ) from error
        if len(self._zip.infolist()) > MOST_MEMBERS:
            raise OptionError(f"Expected at most {MOST_MEMBERS:,} files in a zip, received more in '{path}'.")
        found = sorted((n for n in self._zip.namelist() if n.split("/")[-1] == MANIFEST), key=len)
        if not found:
            raise OptionError(f"There is no {MANIFEST} in '{path}': expected a zip that Layerscope exported.")
        self.name = found[0]

    def read(self, name: str, most: int) -> bytes | None:
        try:
            member = self._zip.getinfo(name)
            if member.file_size > most or member.flag_bits & 1:  # encrypted
                return None
            with self._zip.open(member) as file:
                data = file.read(most + 1)  # whatever the header says, no more than that
        except (KeyError, OSError, zipfile.BadZipFile, NotImplementedError, ValueError, EOFError):
            return None
        except Exception as error:  # zlib, lzma and bz2 each have errors of their own
            if type(error).__module__ in ("zlib", "_lzma", "lzma"):
                return None
            raise
        return data if len(data) <= most else None

    def names(self, endings: tuple[str, ...]) -> Iterator[str]:
        yield from (name for name in self._zip.namelist() if name.lower().endswith(endings))

    def path_of(self, name: str) -> str | None:
        return None


def open_box(path: str) -> Box:
    """The box of a manifest, of the folder in which it lies, or of an export. OptionError for others."""
    where = Path(path)
    if where.is_dir():
        where = where / MANIFEST
    if not where.is_file():
        raise OptionError(
            f"There is no file '{where}'. Expected an exported PNG, SVG, PDF, HTML or ZIP, a manifest.json, or "
            "the folder that it is in."
        )
    kind = carriers.kind_of(where)
    if kind:
        return CarrierBox(where, kind)
    return ZipBox(where) if zipfile.is_zipfile(where) else Box(where.parent, where.name)


class Numbers:
    """Arrays that lie in a box, by the digest of their values."""

    def __init__(self, box: Box):
        self._box = box
        self._by_digest: dict[str, str] | None = None

    def of(self, sha256: str, name: str | None) -> np.ndarray | None:
        """The array with that digest; `name` is where it should be. None where there is none."""
        if name:
            values = self.at(name)
            if values is not None and digest(values) == sha256:
                return values
        found = self._indexed().get(sha256)
        values = self.at(found) if found else None
        if values is not None and values.ndim == 2 and digest(values) != sha256:
            return values[..., None]
        return values

    def at(self, name: str) -> np.ndarray | None:
        """The array in a file; None where that is none."""
        data = self._box.read(name, NUMBERS_BYTES)
        return None if data is None else array_of(data)

    def _indexed(self) -> dict[str, str]:
        """{digest: name}. One channel of maps lies there as (h, w), and its recipe tells of (h, w, 1)."""
        if self._by_digest is None:
            self._by_digest = {}
            for name in islice(self._box.names((".npy",)), MOST_ARRAYS):
                values = self.at(name)
                if values is None:
                    continue
                self._by_digest.setdefault(digest(values), name)
                if values.ndim == 2:
                    self._by_digest.setdefault(digest(values[..., None]), name)
        return self._by_digest


def array_of(data: bytes) -> np.ndarray | None:
    """Plain numbers in NPY, as many as the header says. None for anything else: no memory is taken for it."""
    file = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(file)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[
            version
        ]
        shape, columns_first, dtype = read(file)
        count = 1
        for length in shape:
            count *= int(length)
        if dtype.hasobject or dtype.kind not in "fiub" or count * dtype.itemsize != len(data) - file.tell():
            return None
        return np.frombuffer(data, dtype, offset=file.tell()).reshape(
            shape, order="F" if columns_first else "C"
        )
    except (ValueError, KeyError, TypeError, SyntaxError, EOFError, RecursionError, MemoryError, tokenize.TokenError):
        return None
