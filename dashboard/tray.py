"""The photos of this session: six samples, and what the visitor added. Uploads live in memory,
under their digest, and are gone with the session."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace

import streamlit as st

from dashboard import remember
from dashboard.text import clean, plain, say, told
from explain.errors import ImageError
from explain.image import read
from explain.results import Image
from explain.samples import samples

MAX_BYTES = int(float(os.environ.get("EXPLAIN_TRAY_MB", 400)) * 2**20)        # decoded, of one session


def _added() -> dict[str, Image]:
    return st.session_state.setdefault("tray", {})


def photos() -> dict[str, str]:
    """{id: title} of all photos, samples first. The id of a sample is its slug."""
    titles = {slug: sample.title for slug, sample in samples().items()}
    return told(titles | {key: image.name for key, image in _added().items()})


def photo(name: str) -> Image:
    """The photo of that id; the first sample when it is gone."""
    if name in _added():
        return _added()[name]
    return remember.sample(name if name in samples() else next(iter(samples())))


def titled(keys: Iterable[str]) -> list[Image]:
    """The photos with these keys, in this order, each with its title for a name; those that are gone are
    left out."""
    held = {photo(name).key: replace(photo(name), name=title) for name, title in photos().items()}
    return [held[key] for key in keys if key in held]


def credit(name: str) -> str:
    """Who made a sample, or ""."""
    sample = samples().get(name)
    return say("photos.credit", credit=sample.credit, licence=sample.licence) if sample else ""


def add(files: Iterable) -> tuple[list[str], list[str]]:
    """Uploaded files into the tray → (ids added, sentences about those refused). The others stay."""
    ids, refused = [], []
    for file in files:
        try:
            image = read(file.getvalue(), clean(file.name))
        except ImageError as error:
            refused.append(say("photos.refused", reason=plain(error)))
            continue
        held = sum(i.pixels.nbytes for i in _added().values())
        if image.key not in _added() and held + image.pixels.nbytes > MAX_BYTES:
            refused.append(say("photos.full", name=plain(image.name), megabytes=MAX_BYTES // 2**20))
            continue
        _added()[image.key] = image
        ids.append(image.key)
    return ids, refused


def clear() -> None:
    """Forget what the visitor added."""
    _added().clear()


def own() -> int:
    """How many photos the visitor added."""
    return len(_added())
