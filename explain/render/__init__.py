"""Numbers become pictures: every array that leaves this room is RGB, every file a few bytes.

    colors     which number gets which colour: tables, limits, 0..1
    overlays   one map: enlarged, coloured alone, laid over its picture
    tiles      many maps or patterns side by side
    atlases    the same for the browser: one PNG, and figures about every channel
    letters    text, measured, wrapped and drawn
    figures    a picture with its colour bar and its caption
    files      pixels as PNG, JPEG and WebP

It knows OpenCV, numpy and the nouns; it knows no network and no screen.
"""

from explain.render.atlases import Atlas, atlas, atlas_rgb, statistics
from explain.render.colors import COLORMAPS, Colormap, limits, lut, unit
from explain.render.figures import Bar, colorbar, figure, sheet
from explain.render.files import jpeg, png, webp
from explain.render.overlays import colored, enlarge, overlay
from explain.render.tiles import grid

__all__ = [
    "COLORMAPS", "Atlas", "Bar", "Colormap", "atlas", "atlas_rgb", "colorbar", "colored", "enlarge",
    "figure", "grid", "jpeg", "limits", "lut", "overlay", "png", "sheet", "statistics", "unit", "webp",
]
