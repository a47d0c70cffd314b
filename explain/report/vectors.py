"""A scene as SVG: text as text, the colour bar as a gradient, pictures without loss, nothing from outside."""

from __future__ import annotations

import base64
import html
from itertools import count

from explain import render
from explain.report import rasters, scales
from explain.report.scenes import POINTS, Path, Picture, Ramp, Scene, Stroke, Words, width_of
from explain.report.texts import for_html

FACES = "Helvetica, Arial, 'Noto Sans', 'Noto Sans KR', sans-serif"
WIDER = 1.25  # than ours the widest usual face may be


def drawn(scene: Scene, dpi: float, about: str = "") -> bytes:
    """UTF-8 XML, `scene.width` points wide; dpi: at most, of the pictures in it; about: a manifest, ASCII."""
    ramps = dict.fromkeys(shape.colormap for shape in scene.shapes if isinstance(shape, Ramp))
    names = {colormap: f"ramp-{colormap}" for colormap in ramps}
    width, height = scene.width, scene.height
    size = f'width="{width / POINTS:.4g}cm" height="{height / POINTS:.4g}cm"'
    words = f'role="img" aria-labelledby="title about" font-family="{FACES}"'
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {_n(width)} {_n(height)}" {words}>',
        f'<title id="title">{for_html(scene.title)}</title>',
        f'<desc id="about">{for_html(scene.about)}</desc>',
    ]
    if about:
        lines.append(f'<metadata id="manifest">{html.escape(about)}</metadata>')
    lines += ["<defs>", *(_gradient(colormap, name) for colormap, name in names.items()), "</defs>"]
    lines.append(f'<rect width="{_n(width)}" height="{_n(height)}" fill="#fff"/>')
    number = count(1)
    for shape in scene.shapes:
        lines.append(_shape(shape, dpi, names, number))
    return "\n".join([*lines, "</svg>", ""]).encode("utf-8", "replace")


def _shape(shape, dpi: float, names: dict[str, str], number) -> str:
    if isinstance(shape, Words):
        weight = ' font-weight="600"' if shape.bold else ""
        anchor = f' text-anchor="{shape.anchor}"' if shape.anchor != "start" else ""
        return (
            f'<text x="{_n(shape.x)}" y="{_n(shape.y)}" font-size="{_n(shape.size)}" '
            f'fill="{_color(shape.ink)}"{anchor}{weight}{_length(shape)}>{for_html(shape.text)}</text>'
        )
    if isinstance(shape, Stroke):
        left, top = shape.x - shape.width / 2, shape.y
        return (
            f'<rect x="{_n(left)}" y="{_n(top)}" width="{_n(shape.width)}" height="{_n(shape.height)}" '
            'fill="#5f5f5f"/>'
        )
    if isinstance(shape, Path):
        return _path(shape)
    place = f'x="{_n(shape.x)}" y="{_n(shape.y)}" width="{_n(shape.width)}" height="{_n(shape.height)}"'
    if isinstance(shape, Ramp):
        return f'<rect {place} fill="url(#{names[shape.colormap]})"/>'
    return _image(shape, dpi, place, f"panel{next(number)}")


def _path(shape: Path) -> str:
    points = " ".join(f"{_n(x)},{_n(y)}" for x, y in shape.points)
    if shape.filled:
        return f'<polygon points="{points}" fill="{_color(shape.ink)}"/>'
    dash = f' stroke-dasharray="{" ".join(map(_n, shape.dash))}"' if shape.dash else ""
    return (
        f'<polyline points="{points}" fill="none" stroke="{_color(shape.ink)}" '
        f'stroke-width="{_n(shape.width)}" stroke-linejoin="round"{dash}/>'
    )


def _length(words: Words) -> str:
    """Keeps a line that nearly fills its room inside it, whatever face the reader's machine has."""
    wide = width_of(words.text, words.size)
    if not words.room or wide * WIDER < words.room:
        return ""
    return f' textLength="{_n(min(wide, words.room))}" lengthAdjust="spacingAndGlyphs"'


def _image(shape: Picture, dpi: float, place: str, name: str) -> str:
    pixels = shape.pixels(*rasters.enough(shape, dpi))
    data = base64.b64encode(render.png(pixels)).decode()
    alt = for_html(shape.alt)
    return (
        f'<image id="{name}" {place} preserveAspectRatio="none" role="img" aria-label="{alt}" '
        f'href="data:image/png;base64,{data}"><title>{alt}</title></image>'
    )


def _gradient(colormap: str, name: str) -> str:
    stops = "".join(
        f'<stop offset="{_n(share)}" stop-color="{_color(color)}"/>'
        for share, color in scales.stops(colormap)
    )
    return f'<linearGradient id="{name}">{stops}</linearGradient>'


def _color(rgb: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*rgb)


def _n(value: float) -> str:
    """A number as short as it can be."""
    return f"{value:.3f}".rstrip("0").rstrip(".")
