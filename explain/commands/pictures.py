"""Files and folders → pictures: found, named for files, and read a few at a time."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from explain import read
from explain.errors import ExplainError, ImageError, OptionError, near
from explain.folders.job import AT_ONCE, Source
from explain.folders.journal import NAME as JOURNAL
from explain.results import Image

PIXELS_AT_ONCE = 64_000_000                        # in one batch: 192 MB, even of large photos
MOST_NEIGHBOURS = 2000                             # among which a misspelt name is looked for

# What counts as a picture in a folder. The second row cannot be read and is skipped with a sentence.
ENDINGS = (".jpg", ".jpeg", ".jpe", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff",
           ".heic", ".heif", ".avif", ".jp2", ".jxl", ".svg", ".ico", ".psd")  # fmt: skip

# Windows keeps these for itself, with any ending.
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}


class Read(NamedTuple):
    """A picture, where it came from, and the SHA-256 of that file."""

    source: Source
    image: Image
    sha256: str


def find(paths: Iterable[str], recursive: bool, out: str | None = None) -> list[Source]:
    """Every picture of files and folders, those of a folder sorted by name.

    Hidden files, the folder `out`, and folders inside that a run wrote into are left out. OptionError for a
    path that does not exist, for a folder that cannot be read or that is `out` itself, and where there is no
    picture at all.
    """
    found: list[tuple[str, str]] = []                                       # (path, name to show in files)
    for path in paths:
        _must_exist(path)
        if not os.path.isdir(path):
            found.append((path, os.path.basename(path)))
            continue
        if out is not None and os.path.realpath(path) == os.path.realpath(out):
            raise OptionError(f"'{path}' is the folder of the pictures: choose another one for --out.")
        found += [(p, os.path.relpath(p, path)) for p in _in_folder(path, recursive, out)]
    if not found:
        deeper = "" if recursive else " --recursive looks into the folders inside as well."
        raise OptionError(f"There is no picture in {', '.join(map(repr, paths))}.{deeper}")
    slugs = unique_slugs(os.path.splitext(name)[0] for _, name in found)
    return [Source(path, slug) for (path, _), slug in zip(found, slugs)]


def find_one(path: str) -> Source:
    """One picture; OptionError where there is none."""
    _must_exist(path)
    return Source(path, slug_of(os.path.splitext(os.path.basename(path))[0]))


def _must_exist(path: str) -> None:
    if os.path.exists(path):
        return
    folder = os.path.dirname(path) or "."
    beside = os.listdir(folder)[:MOST_NEIGHBOURS] if os.path.isdir(folder) else ()
    raise OptionError(f"There is no picture or folder '{path}'.{near(os.path.basename(path), beside)}")


def _in_folder(folder: str, recursive: bool, out: str | None) -> list[str]:
    def refuse(error: OSError) -> None:
        raise OptionError(f"The folder '{error.filename}' cannot be read: {error.strerror}.") from error

    avoid = os.path.realpath(out) if out is not None else None

    def enters(path: str) -> bool:
        written = os.path.lexists(os.path.join(path, JOURNAL))  # overlays are no photos
        return not written and os.path.realpath(path) != avoid

    found = []
    for here, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = [
            name for name in folders
            if recursive and not name.startswith(".") and enters(os.path.join(here, name))
        ]  # fmt: skip
        found += [
            os.path.join(here, name) for name in files
            if not name.startswith(".") and name.lower().endswith(ENDINGS)
        ]  # fmt: skip
    return sorted(found)


def batches(
    sources: Iterable[Source], skip: Callable[[Source, ExplainError], None], at_once: int = AT_ONCE
) -> Iterator[list[Read]]:
    """Read pictures, `at_once` and PIXELS_AT_ONCE at most in one batch.

    skip(source, why): called for each that cannot be read.
    """
    batch: list[Read] = []
    pixels = 0
    for source in sources:
        try:
            one = read_one(source)
        except ImageError as error:
            skip(source, error)
            continue
        size = one.image.pixels.shape[0] * one.image.pixels.shape[1]
        if batch and pixels + size > PIXELS_AT_ONCE:
            yield batch
            batch, pixels = [], 0
        batch.append(one)
        pixels += size
        if len(batch) == at_once:
            yield batch
            batch, pixels = [], 0
    if batch:
        yield batch


def read_one(source: Source) -> Read:
    """ImageError where it cannot be read."""
    image = read(source.path)
    try:
        with open(source.path, "rb") as file:
            return Read(source, image, hashlib.file_digest(file, "sha256").hexdigest())
    except OSError as error:
        raise ImageError(f"'{source.path}' cannot be read: {error.strerror}.") from error


def describe(one: Read) -> dict[str, object]:
    """What a manifest says about a picture."""
    height, width = one.image.pixels.shape[:2]
    return {"path": one.source.path, "name": one.image.name, "key": one.image.key, "sha256": one.sha256,
            "size": [height, width]}  # fmt: skip


def unique_slugs(names: Iterable[str]) -> list[str]:
    """A safe file name for each, none twice, even where the file system ignores case: 'cat', 'cat-2'."""
    taken: set[str] = set()
    slugs = []
    for name in names:
        first = slug = slug_of(name)
        number = 1
        while slug.lower() in taken:
            number += 1
            slug = f"{first}-{number}"
        taken.add(slug.lower())
        slugs.append(slug)
    return slugs


def slug_of(name: str) -> str:
    """Letters, digits, '_' and '-' of ASCII: 'body/conv#2' → 'body-conv-2', 'Café 1' → 'Cafe-1'."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^A-Za-z0-9_]+", "-", plain).strip("-")[:80] or "unnamed"
    return f"{slug}-file" if slug.lower() in RESERVED else slug
