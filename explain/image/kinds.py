"""What bytes are: one of the accepted formats by their first bytes, or a stranger with a name."""

from __future__ import annotations

import re

from explain.errors import NotAnImage, TruncatedImage

ACCEPTED = "JPEG, PNG, WebP, BMP, GIF or TIFF"
AGAIN = "Upload it again, or save it anew from a program that can open it."

SIGNATURES = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",                                         # BigTIFF
    b"MM\0+": "TIFF",
}
STRANGERS = {
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a ZIP archive (or a .keras model, an Office document, …)",
    b"\x89HDF": "an HDF5 file, probably a model",
    b"\x93NUMPY": "a numpy array (.npy)",
    b"8BPS": "a Photoshop document",
    b"\0\0\x01\0": "an icon (.ico)",
    b"\0\0\0\x0cjP  ": "a JPEG 2000 picture",
    b"\0\0\0\x0cJXL ": "a JPEG XL picture",
    b"\xff\x0a": "a JPEG XL picture",
    b"\x1f\x8b": "a gzip archive",
    b"Rar!": "a RAR archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"\x7fELF": "a program",
    b"MZ": "a program",
}
BMP_HEADERS = {12, 40, 52, 56, 64, 108, 124}                  # the lengths a BMP header can have


def kind_of(data: bytes, name: str) -> str:
    """The format by its first bytes, never by the file's name. NotAnImage for any other."""
    for signature, kind in SIGNATURES.items():
        if data.startswith(signature):
            return kind
        if signature.startswith(data):
            raise ends_early(name, kind, len(data), len(signature) + 1)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    if data[:2] == b"BM" and (len(data) < 18 or int.from_bytes(data[14:18], "little") in BMP_HEADERS):
        return "BMP"
    raise NotAnImage(
        f"'{name}' is no picture that can be read here: expected {ACCEPTED}, "
        f"received {looks_like(data)}. Save it as PNG or JPEG and try again."
    )


def looks_like(data: bytes) -> str:
    """What bytes that are none of the accepted formats seem to be, for a sentence."""
    for signature, words in STRANGERS.items():
        if data.startswith(signature):
            return words
    if data[4:8] == b"ftyp":                                  # the ISO media family
        brand = data[8:12]
        if brand in (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"):
            return "a HEIC picture, as telephones make them"
        return "an AVIF picture" if brand in (b"avif", b"avis") else "a video"
    start = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in start:
        return "an SVG drawing"
    if start.startswith((b"<!doctype html", b"<html")) or b"<html" in start:
        return "a web page (HTML)"
    if not data.strip(b"\0"):
        return f"{len(data):,} zero bytes"
    if not re.search(rb"[\0-\x08\x0e-\x1f\x7f]", data[:1024]):
        return "text" if data[:1024].isascii() or _is_utf8(data[:1024]) else "text or unknown bytes"
    return f"{len(data):,} bytes of an unknown kind"


def _is_utf8(start: bytes) -> bool:
    return "\ufffd" not in start[:-3].decode("utf-8", "replace")[:-1]   # the cut may split a letter


def ends_early(name: str, kind: str, received: int, expected: int | None = None) -> TruncatedImage:
    needed = f"at least {expected:,} were expected" if expected else "more were expected"
    return TruncatedImage(
        f"'{name}' is a {kind} picture that ends too early: "
        f"{received:,} bytes were received, {needed}. {AGAIN}"
    )


def damaged(name: str, kind: str, what: str) -> NotAnImage:
    return NotAnImage(f"'{name}' begins like a {kind} picture but cannot be read: {what}. {AGAIN}")
