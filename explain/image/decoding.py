"""From the bytes of one picture to upright RGB, 8 bits, over white.

Pillow decodes; its format classes are called by name, so that no other of its formats can be
reached, and its process-wide size limit is replaced by ours, which is asked before each decoding.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import numpy as np
from PIL import Image as Pillow
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from explain.errors import ImageError, ImageTooLarge, NotAnImage
from explain.image.containers import UNWRAP, Parts, announced, orientation, prove_png_rows
from explain.image.kinds import damaged, ends_early, kind_of

READERS: dict[str, type[ImageFile]] = {
    "JPEG": JpegImageFile, "PNG": PngImageFile, "WebP": WebPImageFile,
    "BMP": BmpImageFile, "GIF": GifImageFile, "TIFF": TiffImageFile,
}

# EXIF 2.32, tag 0x0112: what has to be done to stand the stored picture upright.
UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a),
}


def decode(data: bytes, name: str, most_pixels: int) -> np.ndarray:
    """The (first) picture of a file as (H, W, 3) uint8 RGB.

    Raises NotAnImage, TruncatedImage, or ImageTooLarge where the header announces more than
    `most_pixels`; that is known before a pixel is decoded.
    """
    kind = kind_of(data, name)
    try:
        pixels, turn = _as_stored(data, kind, name, most_pixels)
        return np.ascontiguousarray(UPRIGHT[turn](pixels))
    except ImageError:
        raise
    except (MemoryError, Pillow.DecompressionBombError, Pillow.DecompressionBombWarning) as error:
        raise ImageTooLarge(
            f"'{name}' needs more memory to decode than there is. Shrink the picture and try again."
        ) from error
    except Exception as error:                                # a decoder can fail in any way it likes
        if said_cut(error):
            raise ends_early(name, kind, len(data), announced(data, kind)) from error
        raise damaged(name, kind, f"the decoder says “{str(error)[:100]}”") from error


def _as_stored(data: bytes, kind: str, name: str, most_pixels: int) -> tuple[np.ndarray, int]:
    """The pixels as they lie in the file, and the number of the turn that stands them upright."""
    parts = UNWRAP[kind](data, name)
    if parts.size:
        check_size(*parts.size, most_pixels, name)
    picture = READERS[kind](io.BytesIO(parts.data))           # reads the header only
    check_size(*picture.size, most_pixels, name)
    prepare(picture, kind, parts, most_pixels, name)
    picture.load()                                            # of a TIFF, Pillow turns it here
    exif = parts.exif or picture.info.get("exif", b"")        # the latter from WebP
    return rgb(picture, kind, name), orientation(exif)


def check_size(width: int, height: int, most_pixels: int, name: str) -> None:
    if width < 1 or height < 1:
        raise NotAnImage(
            f"'{name}' announces {width} × {height} pixels; at least 1 × 1 is expected. "
            f"Save the picture anew."
        )
    if width * height > most_pixels:
        raise ImageTooLarge(
            f"'{name}' has {width:,} × {height:,} = {width * height / 1e6:,.1f} million pixels; "
            f"at most {most_pixels / 1e6:,.1f} million are read. Shrink the picture, "
            f"or raise EXPLAIN_MAX_PIXELS."
        )


def prepare(picture: ImageFile, kind: str, parts: Parts, most_pixels: int, name: str) -> None:
    """What must be known or put right between the header and the pixels."""
    if kind == "PNG":
        prove_png_rows(parts.data, name)
        depth, key = parts.data[24], picture.info.get("transparency")
        if picture.mode == "L" and isinstance(key, int):      # the key is still in 1, 2 or 4 bits
            picture.info["transparency"] = key * 255 // (2**depth - 1)
        if depth == 16 and isinstance(key, tuple):            # the pixels will be high bytes
            picture.info["transparency"] = tuple(v >> 8 for v in key)
    if kind == "TIFF":
        tile = picture.tag_v2.get(322, 0), picture.tag_v2.get(323, 0)
        if all(tile):
            check_size(*tile, max(most_pixels, 512 * 512), name)     # a tile may overhang a small picture


def rgb(picture: ImageFile, kind: str, name: str) -> np.ndarray:
    """A loaded picture of any of Pillow's modes as (H, W, 3) uint8, band by band to save memory."""
    width, height = picture.size
    pixels = np.empty((height, width, 3), np.uint8)
    rows = max(1, 2**20 // width)
    for top in range(0, height, rows):
        band = picture.crop((0, top, width, min(top + rows, height)))
        pixels[top:top + rows] = _rgb_of(band, picture, kind, name)
    return pixels


def _rgb_of(band: Pillow.Image, picture: ImageFile, kind: str, name: str) -> np.ndarray:
    if band.mode.startswith("I;16"):
        return _from_16_bits(band, picture, kind)
    if band.mode == "CMYK":
        return _from_ink(band, plain=kind == "JPEG" and "adobe" not in picture.info)
    if band.mode in ("I", "F", "LAB"):
        stored = {"I": "32-bit or signed whole numbers", "F": "floating point numbers", "LAB": "Lab colours"}
        raise NotAnImage(
            f"'{name}' is a {kind} picture that holds {stored[band.mode]}; expected 8 or 16 bits "
            f"of grey, RGB or CMYK. Save it with 8 bits per channel and try again."
        )
    if band.has_transparency_data:
        return over_white(np.asarray((band.convert("LA") if band.mode == "La" else band).convert("RGBA")))
    return np.asarray(band.convert("RGB"))


def _from_16_bits(band: Pillow.Image, picture: ImageFile, kind: str) -> np.ndarray:
    """(h, w, 3) from 16-bit grey.

    The high byte: what Pillow gives for 16-bit colour, and the one rule that undoes both v · 257
    and v · 256, the two ways in which programs widen 8 bits.
    """
    values = np.asarray(band).astype(np.uint16)                              # (h, w)
    tags = picture.tag_v2 if kind == "TIFF" else {}
    shift = 4 if tags.get(258) == (12,) else 8
    grey = (values >> shift).astype(np.uint8)
    if tags.get(262) == 0:                                    # white is zero
        grey = 255 - grey
    if (key := picture.info.get("transparency")) is not None:
        grey[values == key] = 255
    return np.repeat(grey[..., None], 3, axis=-1)                            # (h, w, 3)


def _from_ink(band: Pillow.Image, plain: bool) -> np.ndarray:
    """(h, w, 3) from cyan, magenta, yellow, black.

    Adobe stores the four inverted in JPEG and says so; Pillow turns them for every JPEG, so the
    ones without Adobe's note (`plain`) are turned back.
    """
    ink = np.asarray(band).astype(np.uint16)                                 # (h, w, 4)
    left = ink if plain else 255 - ink                        # the light that each ink lets through
    return ((left[..., :3] * left[..., 3:] + 127) // 255).astype(np.uint8)


def over_white(rgba: np.ndarray) -> np.ndarray:
    """(h, w, 4) uint8 → (h, w, 3) uint8, laid over white paper."""
    colour, alpha = rgba[..., :3].astype(np.uint16), rgba[..., 3:].astype(np.uint16)
    return ((colour * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)


def said_cut(error: Exception) -> bool:
    """Whether a decoder's words mean that bytes are missing at the end."""
    words = str(error).lower()
    return isinstance(error, EOFError | struct.error) or any(
        w in words for w in ("truncat", "end of file", "unexpected end", "not enough", "premature", "buffer")
    )

