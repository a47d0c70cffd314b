"""Checkpoints as they arrive: files one by one, or a folder of them as a zip.

A zip is a stranger's: `explain.inspecting.archives` knows everything about it before the first byte is
unpacked. Names in it are never used as paths, each member is kept like an upload of its own, and quotas hold.
"""

from __future__ import annotations

import posixpath
from posixpath import commonpath

from dashboard.networks import Own, own
from dashboard.text import clean, plain, say
from dashboard.uploads import session, uploads
from explain.errors import ExplainError, QuotaExceeded, UnknownFile
from explain.inspecting.archives import Archive
from explain.similarity import is_checkpoint

WEIGHTS = (".weights.h5", ".weights")  # as Keras calls files without a model
MOST = 200  # checkpoints of one training
HIDDEN = "__MACOSX"  # what a Mac puts beside every file


def take(file, held: dict[str, Own], most_bytes: int) -> list[str]:
    """Put what one uploaded file brings into `held`, {digest: checkpoint} → sentences about what is refused.

    most_bytes: of one checkpoint. What was there before something was refused stays.
    """
    digest = ""
    try:
        digest = uploads().keep(session(), file.getvalue(), file.name)
        if file.name.lower().endswith(".zip"):
            _unpack(digest, clean(file.name), held, most_bytes)
        else:
            _hold(held, digest, file.name)
    except ExplainError as error:
        sentence = str(error).replace(digest, clean(file.name)) if digest else str(error)
        return [say("tour.refused", sentence=plain(sentence), code=error.code)]
    finally:
        if digest and digest not in held and digest not in own():
            uploads().drop(session(), digest)
    return []


def _unpack(digest: str, name: str, held: dict[str, Own], most_bytes: int) -> None:
    """Every checkpoint of a zip; the zip itself where it is one model."""
    with Archive(uploads().path(digest), name) as archive:
        if any(each == "config.json" or each.endswith("saved_model.pb") for each in archive.names):
            _hold(held, digest, name)
            return
        members = [each for each in archive.names if _wanted(each)]
        if not members:
            raise UnknownFile(say("tour.zip.empty", name=name))
        if len(held) + len(members) > MOST:
            raise QuotaExceeded(say("tour.too_many", most=MOST, count=len(members), name=name))
        above = len(commonpath([posixpath.dirname(each) for each in members]))
        for each in members:
            called = each[above:].lstrip("/")
            data = archive.read(each, most_bytes)
            _hold(held, uploads().keep(session(), data, called), called)


def _wanted(member: str) -> bool:
    """A model, or weights alone, and nothing hidden."""
    parts = member.split("/")
    if HIDDEN in parts or any(part.startswith(".") for part in parts):
        return False
    return is_checkpoint(parts[-1]) or parts[-1].lower().endswith(WEIGHTS)


def _hold(held: dict[str, Own], digest: str, name: str) -> None:
    if digest not in held and len(held) >= MOST:
        raise QuotaExceeded(say("tour.too_many", most=MOST, count=1, name=clean(name)))
    held[digest] = Own(digest, clean(name))
