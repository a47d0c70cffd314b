"""The doors: a picture from bytes, from a path, or from an array in memory."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from explain.errors import EmptyImage, ImageError, ImageTooLarge, NotAnImage
from explain.image.decoding import check_size, decode, over_white
from explain.results import Image

MEGABYTE = 2**20


@dataclass(frozen=True)
class Limits:
    """The largest picture that is read: pixels after decoding, bytes of the file."""

    pixels: int
    bytes: int


def limits() -> Limits:
    """As the environment says now: EXPLAIN_MAX_PIXELS (40 million), EXPLAIN_MAX_IMAGE_MB (20)."""
    return Limits(
        pixels=int(_setting("EXPLAIN_MAX_PIXELS", 40e6)),
        bytes=int(_setting("EXPLAIN_MAX_IMAGE_MB", 20) * MEGABYTE),
    )


def _setting(variable: str, default: float) -> float:
    text = os.environ.get(variable, "").strip()
    try:
        value = float(text or default)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e15:
        raise ImageError(f"{variable} is '{text}'; expected a number above 0, such as {default:.0f}.")
    return value


def read(source: str | os.PathLike | bytes, name: str | None = None) -> Image:
    """The picture in a file or in the bytes of one, upright and over white.

    source: a path, or the bytes of a JPEG, PNG, WebP, BMP, GIF or TIFF file; 1 to 16 bits per
    channel; grey, palette, RGB, CMYK; with or without transparency. Of several frames the first.
    Colour profiles are not applied, as networks are trained without them.
    name: for people; by default the file's own, or "image".

    Raises EmptyImage, NotAnImage, TruncatedImage, ImageTooLarge (see `limits`), or plain
    ImageError for a path that cannot be read or a setting that is no number.
    """
    most = limits()
    if isinstance(source, bytes | bytearray | memoryview):
        data, name = bytes(source), _shown(name or "image")
        _check_bytes(len(data), most, name)
    elif isinstance(source, str | os.PathLike):
        data, name = _bytes_at(source, name, most)
    else:
        raise ImageError(
            f"'{_shown(name or 'image')}' is of type {type(source).__name__}; expected a path or the "
            f"bytes of a picture file. For an array use from_pixels(array)."
        )
    return _image(decode(data, name, most.pixels), name)


def from_pixels(pixels: np.ndarray, name: str = "image") -> Image:
    """An array in memory as an Image.

    pixels: uint8, 0..255; (H, W, 3) RGB, (H, W) or (H, W, 1) grey, (H, W, 4) RGBA, laid over white.
    Raises NotAnImage for any other shape or dtype, EmptyImage without pixels, ImageTooLarge.
    """
    name = _shown(name)
    shape, dtype = getattr(pixels, "shape", None), getattr(pixels, "dtype", type(pixels).__name__)
    if not isinstance(pixels, np.ndarray) or dtype != np.uint8:
        hint = " Multiply 0..1 by 255, round, and use .astype('uint8')." if "float" in str(dtype) else ""
        raise NotAnImage(f"'{name}': expected an array of uint8 in 0..255, received {dtype}.{hint}")
    if not (pixels.ndim == 2 or (pixels.ndim == 3 and shape[2] in (1, 3, 4))):
        raise NotAnImage(f"'{name}': expected (H, W, 3) RGB or (H, W) grey, received shape {shape}.")
    if pixels.size == 0:
        raise EmptyImage(f"'{name}': expected at least one pixel, received shape {shape}.")
    check_size(shape[1], shape[0], limits().pixels, name)
    if pixels.ndim == 2:
        pixels = pixels[..., None]                                           # (H, W, 1)
    if pixels.shape[2] == 4:
        pixels = over_white(pixels)
    return _image(np.array(np.broadcast_to(pixels, (*shape[:2], 3))), name)   # our own copy


def digest(pixels: np.ndarray) -> str:
    """SHA-256 of shape and pixels, 64 hex digits: the same picture, the same key."""
    told = hashlib.sha256(f"{pixels.dtype}{pixels.shape}".encode())
    told.update(np.ascontiguousarray(pixels))
    return told.hexdigest()


def _image(pixels: np.ndarray, name: str) -> Image:
    pixels.flags.writeable = False                            # or the key would no longer be true
    return Image(digest(pixels), pixels, name)


def _bytes_at(source: str | os.PathLike, name: str | None, most: Limits) -> tuple[bytes, str]:
    path = os.fsdecode(source)
    told = _shown(name or path)
    try:
        where = Path(path)
        if not where.exists():
            raise ImageError(f"There is no picture '{told}'. Expected a path; check the spelling.")
        if not where.is_file():                               # a folder, or a device without end
            raise ImageError(f"'{told}' is a folder or a device; expected the path of a picture file.")
        _check_bytes(where.stat().st_size, most, told)
        with where.open("rb") as file:
            data = file.read(most.bytes + 1)
    except OSError as error:
        what = f"'{told}' cannot be read: {error.strerror}. Check the path and its permissions."
        raise ImageError(what) from error
    _check_bytes(len(data), most, told)                       # it may have grown since
    return data, _shown(name or where.name)


def _check_bytes(number: int, most: Limits, name: str) -> None:
    if number == 0:
        raise EmptyImage(f"'{name}' is empty: 0 bytes were received. Choose the picture again.")
    if number > most.bytes:
        raise ImageTooLarge(
            f"'{name}' has {number / MEGABYTE:,.1f} MB; at most {most.bytes / MEGABYTE:,.1f} MB are read. "
            f"Shrink the picture, or raise EXPLAIN_MAX_IMAGE_MB."
        )


def _shown(name: str) -> str:
    """A name fit for a sentence: one line, no control characters, not longer than a line."""
    text = "".join(c if c.isprintable() else "·" for c in str(name))
    return text if len(text) <= 120 else f"{text[:80]}…{text[-39:]}"
