"""A manifest in the element <metadata id="manifest"> of an SVG."""

from __future__ import annotations

from pathlib import Path
from xml.parsers import expat

from explain.reproducing.carriers.limits import MANIFEST_BYTES, Damaged, whole


def manifest(path: Path) -> bytes | None:
    """Its text, None where there is no such element. Damaged, OSError.

    A document that declares entities is refused: none of ours does, and they can grow without end.
    """
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.EntityDeclHandler = reader.entity
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(whole(path), True)
    except _Found:
        return "".join(reader.found).encode()
    except (expat.ExpatError, ValueError, LookupError) as error:  # an encoding may be unknown, too
        raise Damaged(f"it is no XML, {str(error)[:80]}") from error
    return None


class _Found(Exception):
    """The manifest is complete: what follows need not be read."""


class _Reader:
    """What the parser reports, as far as it is wanted."""

    def __init__(self):
        self.found: list[str] = []
        self._inside, self._size = False, 0

    def entity(self, *_) -> None:
        raise Damaged("it declares entities")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._inside = name.rpartition(" ")[2] == "metadata" and attributes.get("id") == "manifest"

    def text(self, text: str) -> None:
        if not self._inside:
            return
        self._size += len(text)
        if self._size > MANIFEST_BYTES:
            raise Damaged(f"its manifest is larger than {MANIFEST_BYTES >> 20} MB")
        self.found.append(text)

    def end(self, _: str) -> None:
        if self._inside:
            raise _Found
