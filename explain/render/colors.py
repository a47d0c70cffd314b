"""Which number gets which colour.

A colour map here is a table of 256 colours. The ones offered first are even in lightness (L* of CIE
Lab), so that they survive gray print and colour blindness; turbo and jet do not, and say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import cv2
import numpy as np

from explain.errors import OptionError, near
from explain.render import checks


@dataclass(frozen=True)
class Colormap:
    """What is known about a colour map.

    name: as users write it; title: for menus; perceptual: whether more always looks lighter (or, on
    both sides of a diverging map, darker); diverging: whether the middle of the table means zero;
    note: one sentence for the page.
    """

    name: str
    title: str
    perceptual: bool
    diverging: bool
    note: str


COLORMAPS: Mapping[str, Colormap] = MappingProxyType({
    c.name: c
    for c in (
        Colormap("viridis", "Viridis", True, False, "Blue to yellow; the default for feature maps."),
        Colormap("inferno", "Inferno", True, False, "Black to pale yellow; the default for heat maps."),
        Colormap("magma", "Magma", True, False, "Black to pale pink; softer than inferno."),
        Colormap("cividis", "Cividis", True, False, "Blue to yellow, made for colour blindness."),
        Colormap("gray", "Gray", True, False, "Black to white; nothing but lightness."),
        Colormap("blue-red", "Blue–red (signed)", True, True,
                 "Blue below zero, light at zero, red above; for values with a sign."),
        Colormap("turbo", "Turbo (not perceptual)", False, False,
                 "Not perceptual: its ends are dark, so high and low look alike in gray print."),
        Colormap("jet", "Jet (not perceptual)", False, False,
                 "Not perceptual: it shows edges that are not in the data. Offered because papers use it."),
    )
})

# One arm of "blue-red" from the middle outwards: chroma (a*, b*) at the middle, half-way and the end.
# Lightness falls evenly from 96 to 28 along both arms, so zero is the lightest colour of all.
_LIGHTNESS = (96.0, 28.0)
_BLUE = ((0.0, 0.0), (-7.0, -36.0), (10.0, -44.0))
_RED = ((0.0, 0.0), (42.0, 30.0), (48.0, 32.0))


def colormap(name: str) -> Colormap:
    """The colour map of that name. OptionError with near misses for any other."""
    if not isinstance(name, str) or name not in COLORMAPS:
        known = ", ".join(f"'{n}'" for n in COLORMAPS)
        raise OptionError(f"There is no colour map '{name}'. Known are {known}.{near(name, COLORMAPS)}")
    return COLORMAPS[name]


def lut(name: str) -> np.ndarray:
    """The table of a colour map: (256, 3) uint8 RGB, read-only.

    OptionError for an unknown name.
    """
    return _table(colormap(name).name)


@lru_cache(maxsize=None)
def _table(name: str) -> np.ndarray:
    ramp = np.arange(256, dtype=np.uint8)[:, None]                     # (256, 1)
    if name == "gray":
        table = np.repeat(ramp, 3, axis=1)
    elif name == "blue-red":
        table = _blue_red()
    else:
        bgr = cv2.applyColorMap(ramp, getattr(cv2, f"COLORMAP_{name.upper()}"))
        table = np.ascontiguousarray(bgr[:, 0, ::-1])
    table.setflags(write=False)
    return table


def _blue_red() -> np.ndarray:
    """(256, 3) uint8, interpolated in CIE Lab: equal steps of value are equal steps of lightness."""
    signed = (2 * np.arange(256) - 255) / 255                          # −1 … 1, never quite 0
    away = np.abs(signed)
    lab = np.empty((256, 3), np.float32)
    lab[:, 0] = np.interp(away, (0, 1), _LIGHTNESS)
    for axis in (0, 1):
        blue, red = (np.interp(away, (0, 0.5, 1), [p[axis] for p in arm]) for arm in (_BLUE, _RED))
        lab[:, 1 + axis] = np.where(signed < 0, blue, red)
    rgb = cv2.cvtColor(lab[None], cv2.COLOR_Lab2RGB)[0]
    return np.floor(np.clip(rgb, 0, 1) * 255 + 0.5).astype(np.uint8)


def limits(values: np.ndarray, signed: bool = False) -> tuple[float, float]:
    """The numbers that get the first and the last colour; zero always lies between or on them.

    values: any shape; NaN and infinities are left out
    signed: False gives (0, max), or (min, max) where there are negative values (0 stands for a max
        below it); True gives (−m, m) with m the largest magnitude, as a diverging map needs.

    Finite and lo < hi always: nothing but zeros gives (0, 1), or (−1, 1) where signed.
    """
    values = np.asarray(values, np.float32)
    finite = values[np.isfinite(values)]
    lo, hi = float(finite.min(initial=0)), float(finite.max(initial=0))
    if signed:
        most = max(-lo, hi) or 1.0
        return -most, most
    return (lo, hi) if lo < hi else (0.0, 1.0)


def unit(values: np.ndarray, lo: float | np.ndarray, hi: float | np.ndarray) -> np.ndarray:
    """Values as a share of the way from lo to hi: float32 in 0..1, clipped, same shape.

    lo, hi: finite numbers, or arrays that broadcast (one pair per channel). Where lo == hi there is
    no way to go and the answer is 0; so it is where a value is not finite. OptionError for lo > hi.
    """
    return _share(values, lo, hi).astype(np.float32)


def levels(values: np.ndarray, lo: float | np.ndarray, hi: float | np.ndarray) -> np.ndarray:
    """`unit` in 256 steps: uint8, round(unit · 255), halves up as browsers round them."""
    return np.floor(_share(values, lo, hi) * 255 + 0.5).astype(np.uint8)


def _share(values: np.ndarray, lo: float | np.ndarray, hi: float | np.ndarray) -> np.ndarray:
    """`unit` in double precision, in which a browser counts too."""
    values, lo, hi = (np.asarray(v, np.float64) for v in (values, lo, hi))
    if not (np.isfinite(lo).all() and np.isfinite(hi).all() and (lo <= hi).all()):
        raise OptionError(f"Limits must be finite with lo <= hi, not {lo} and {hi}.")
    span = np.where(hi > lo, hi - lo, np.inf)                          # flat: everything / inf is 0
    finite = np.isfinite(values)
    share = (values if finite.all() else np.where(finite, values, lo)) - lo
    share /= span
    return np.clip(share, 0, 1, out=share)


def finite_or_nothing(values: np.ndarray, lo: float, hi: float, name: str) -> np.ndarray:
    """Values with every NaN and infinity replaced by what has the least colour: lo, or the middle."""
    nothing = (lo + hi) / 2 if colormap(name).diverging else lo
    return np.where(np.isfinite(values), values, np.float32(nothing)).astype(np.float32, copy=False)


def span_of(values: np.ndarray, given: tuple[float, float] | None, name: str) -> tuple[float, float]:
    """The limits that were given, or those of the values as this colour map needs them."""
    return limits(values, colormap(name).diverging) if given is None else checks.span(given)
