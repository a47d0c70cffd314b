"""What is computed, of which pictures, in which batches: plain data that travels between processes."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from explain import provenance

AT_ONCE = 16  # pictures in one batch


class Source(NamedTuple):
    """path: to read from; slug: a file name without ending, given to no other source."""

    path: str
    slug: str


@dataclass(frozen=True)
class Job:
    """One heatmap for each picture of a folder.

    source: keywords of `explain.load`; key: what the opened model's key must be; out: absolute path of
    the folder to write into; layer: None for a method that looks at the pixels; class_index: a number, a
    label, None for each picture's top class; output: a name; options: all knobs of the method; opacity,
    colormap, threshold: as in `explain.render.overlay`; png, npy: which files are written; batch: pictures
    in one batch, on which the last bits depend; surroundings: versions and device where the job was made, as
    every overlay tells them, whoever writes it.
    """

    source: dict[str, Any]
    key: str
    out: str
    method: str = "gradcam"
    layer: str | None = None
    class_index: int | str | None = None
    output: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    opacity: float = 0.5
    colormap: str = "inferno"
    threshold: float = 0.0
    png: bool = True
    npy: bool = True
    batch: int = AT_ONCE
    surroundings: dict[str, Any] = field(default_factory=provenance.surroundings)

    def identity(self) -> dict[str, Any]:
        """What the files depend on: all but where the model lay and where they are written; versions and device
        stand beside it."""
        told = asdict(self)
        del told["source"], told["out"], told["surroundings"]
        return json.loads(json.dumps(told))  # as a journal gives it back


class Batch(NamedTuple):
    """number: from 0; first: the number of its first picture; of: 16 hex digits for what it is made of."""

    number: int
    first: int
    sources: tuple[Source, ...]
    of: str


def batches_of(sources: Sequence[Source], size: int) -> Iterator[Batch]:
    """Batches of `size` pictures, the last one shorter. Always the same for the same files."""
    for number, first in enumerate(range(0, len(sources), size)):
        part = tuple(sources[first : first + size])
        yield Batch(number, first, part, _composition(part))


def _composition(sources: Sequence[Source]) -> str:
    """Changes with the names, sizes and times of the files, without reading them."""
    told = hashlib.sha256()
    for path, slug in sources:
        try:
            state = os.stat(path)
            seen = f"{state.st_size} {state.st_mtime_ns}"
        except OSError:  # gone since it was found: skipped when it is read
            seen = "missing"
        told.update(f"{path}\0{slug}\0{seen}\0".encode("utf-8", "surrogateescape"))
    return told.hexdigest()[:16]
