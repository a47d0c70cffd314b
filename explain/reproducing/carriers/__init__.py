"""The manifest inside another file, as `explain.report` wrote it there: one reader for each format.

    png     a text chunk (iTXt, zTXt, tEXt) with the keyword manifest.json
    svg     the element <metadata id="manifest">
    html    the element <script id="manifest">
    pdf     an attached file manifest.json

Such a file is a stranger's. Nothing in it is run or followed; sizes are bounded before anything is read or
inflated, and the time is that of going through the file once. A file is known by its first bytes, whatever
its name says.
"""

from __future__ import annotations

import re
from pathlib import Path

from explain.errors import OptionError
from explain.reproducing.carriers import html, pdf, png, svg
from explain.reproducing.carriers.limits import MANIFEST_BYTES, Damaged

READERS = {"PNG": png.manifest, "SVG": svg.manifest, "HTML": html.manifest, "PDF": pdf.manifest}
HEAD = 4096  # bytes that tell the format

_SIGNS = {
    b"\x89PNG\r\n\x1a\n": "PNG", b"%PDF-": "PDF", b"\xff\xd8\xff": "JPEG", b"GIF8": "GIF", b"RIFF": "WebP",
    b"II*\0": "TIFF", b"MM\0*": "TIFF", b"\x93NUMPY": "NPY",
}  # fmt: skip
_TAGS = {b"svg": "SVG", b"html": "HTML", b"head": "HTML"}


def kind_of(path: Path) -> str:
    """'PNG', 'SVG', 'HTML' or 'PDF', which can carry a manifest; 'JPEG' and others, which cannot; else ''."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError as error:
        raise OptionError(f"'{path}' cannot be read: {error.strerror}.") from error
    return next((kind for sign, kind in _SIGNS.items() if head.startswith(sign)), None) or _markup(head)


def _markup(head: bytes) -> str:
    """The format that the first tag tells; what may stand before it is passed over."""
    rest = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for begin, end in ((b"<?", b"?>"), (b"<!--", b"-->")) * 4:
        if rest.startswith(begin):
            rest = rest.partition(end)[2].lstrip()
    name = re.match(rb"<(?:!doctype\s+)?(?:\w+:)?(\w+)", rest, re.IGNORECASE)
    return _TAGS.get(name[1].lower(), "") if name else ""


def manifest_in(path: Path, kind: str) -> bytes:
    """The manifest that a file of that kind carries. OptionError where it carries none that can be read."""
    if kind not in READERS:
        raise OptionError(
            f"Expected an export that carries its manifest (PNG, SVG, PDF, HTML or ZIP) or a manifest.json, "
            f"received '{path}': a {kind} file carries none. Give the PNG, or the manifest.json that belongs to "
            "it."
        )
    try:
        found = READERS[kind](path)
    except Damaged as error:
        raise OptionError(
            f"Expected a {kind} file as Layerscope exported it, but '{path}' is damaged: {error}. "
            "Export it again, or give its manifest.json."
        ) from error
    except OSError as error:
        raise OptionError(f"'{path}' cannot be read: {error.strerror}.") from error
    if found is None:
        raise OptionError(
            f"Expected a {kind} file that Layerscope exported, but '{path}' carries no manifest. Screenshots, "
            "and files that another program saved again, have lost it: give the file as it was exported, or "
            f"its manifest.json.{_beside(path)}"
        )
    return found


def _beside(path: Path) -> str:
    other = path.parent / "manifest.json"
    return f" There is one beside it: '{other}'." if other.is_file() else ""


__all__ = ["MANIFEST_BYTES", "kind_of", "manifest_in"]
