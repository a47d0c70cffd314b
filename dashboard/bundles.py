"""Checkpoints as they arrive: files one by one, or a folder of them as a zip, SavedModel folders among them.

A zip is a stranger's: `explain.inspecting.archives` knows everything about it before the first byte is
unpacked. Names in it are never used as paths, each checkpoint is kept like an upload of its own (a SavedModel
as a zip of its folder), inspected like one when it is opened, and quotas hold.
"""

from __future__ import annotations

import io
import posixpath
import zipfile
from posixpath import commonpath

from dashboard.networks import Own, own
from dashboard.text import clean, plain, say
from dashboard.uploads import session, uploads
from explain.errors import ExplainError, QuotaExceeded, UnknownFile
from explain.inspecting.archives import Archive
from explain.similarity import is_checkpoint

WEIGHTS = (".weights.h5", ".weights")  # as Keras calls files without a model
MOST = 200  # checkpoints of one training
GRAPH, LABELS = "saved_model.pb", "labels.txt"  # of a SavedModel, and beside or above it
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
        folders = [posixpath.dirname(each) for each in archive.names if _is_graph(each)]
        members = [each for each in archive.names if _wanted(each) and _owner(each, folders) is None]
        if "config.json" in archive.names or (len(folders) == 1 and not members):
            _hold(held, digest, name)
            return
        found = [*folders, *members]
        if not found:
            raise UnknownFile(say("tour.zip.empty", name=name))
        if len(held) + len(found) > MOST:
            raise QuotaExceeded(say("tour.too_many", most=MOST, count=len(found), name=name))
        above = len(commonpath([posixpath.dirname(each) for each in found]))
        for each in found:
            called = each[above:].lstrip("/") or name
            if each in members:
                data = archive.read(each, most_bytes)
            else:
                data = _folder(archive, each, folders, most_bytes)
            _hold(held, uploads().keep(session(), data, called), called)


def _folder(archive: Archive, folder: str, folders: list[str], most_bytes: int) -> bytes:
    """A SavedModel's folder as a zip of its own, the same bytes each time, with the class names above it.

    What lies below it in the folder of another one belongs to that one. ModelTooLarge above `most_bytes`.
    """
    buffer, left = io.BytesIO(), most_bytes
    above = posixpath.join(posixpath.dirname(folder), LABELS)
    with zipfile.ZipFile(buffer, "w") as packed:  # stored: weights never pack
        for each in archive.names:
            mine = _owner(each, folders) == folder
            if _hidden(each) or not (mine or each == above):
                continue
            data = archive.read(each, left)
            left -= len(data)
            inside = f"model/{each.removeprefix(folder).lstrip('/')}" if mine else LABELS
            packed.writestr(zipfile.ZipInfo(inside), data)
    return buffer.getvalue()


def _is_graph(member: str) -> bool:
    return posixpath.basename(member) == GRAPH and not _hidden(member)


def _owner(member: str, folders: list[str]) -> str | None:
    """The innermost of the folders that the member lies in."""
    around = [folder for folder in folders if not folder or member.startswith(f"{folder}/")]
    return max(around, key=len, default=None)


def _hidden(member: str) -> bool:
    parts = member.split("/")
    return HIDDEN in parts or any(part.startswith(".") for part in parts)


def _wanted(member: str) -> bool:
    """A model, or weights alone, and nothing hidden."""
    last = posixpath.basename(member)
    return not _hidden(member) and (is_checkpoint(last) or last.lower().endswith(WEIGHTS))


def _hold(held: dict[str, Own], digest: str, name: str) -> None:
    if digest not in held and len(held) >= MOST:
        raise QuotaExceeded(say("tour.too_many", most=MOST, count=1, name=clean(name)))
    held[digest] = Own(digest, clean(name))
