"""Results become views: panels with titles that tell them apart, one scale or several, and recipes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from explain import render
from explain.errors import OptionError
from explain.provenance import heatmap_recipe, maps_recipe, pattern_recipe
from explain.report import captions, facts, scales
from explain.report.nouns import Panel, View
from explain.report.texts import name
from explain.report.words import say
from explain.results import Heatmap, Image, Maps, Model, Pattern

LOOKS = ("opacity", "colormap", "threshold", "smooth", "label", "caption", "remark")
STRONGEST = 16  # channels of a layer where none are named


def view_of_heatmaps(
    model: Model,
    images: Image | Sequence[Image],
    heatmaps: Heatmap | Sequence[Heatmap],
    title: str = "",
    columns: int | None = None,
    shared: bool = True,
    output: str | int | None = None,
    together: Sequence[Sequence[str]] = (),
    **looks: Any,
) -> View:
    """Heatmaps over their photos, a panel each.

    images: the photos, in any order: a heatmap finds its own by `Heatmap.image`
    columns: panels in a row; as square as possible where None
    shared: one scale for all, or one for each
    output, together: as in `explain.provenance.heatmap_recipe`; together: for each heatmap the keys of the
        photos that were in its batch
    looks: opacity, colormap, threshold, smooth, label, caption, remark as in `View`. Where a map has a sign
        the colours are centred on zero.

    Titles say what differs between panels: photo, method, layer, class. OptionError for a heatmap without
    its photo, nothing at all, or an unknown look.
    """
    found = [heatmaps] if isinstance(heatmaps, Heatmap) else list(heatmaps)
    photos = _photos_of([images] if isinstance(images, Image) else list(images), found)
    signed = any(each.signed for each in found)
    limits = _limits([each.values for each in found], signed, shared)
    looks = {"colormap": scales.SIGNED if signed else "inferno", "label": _one(found), **_known(looks)}
    named = _names(photos)
    titles = _titles(
        [(named[p.key], facts.method_title(h.method), h.layer, h.label) for p, h in zip(photos, found)]
    )
    panels = [
        Panel(
            heading or heatmap.label,
            _score_lines(heatmap),
            photo.pixels,
            heatmap.values,
            span,
            note_of(heatmap),
            _alt(heatmap, photo),
            heatmap_recipe(model, photo, heatmap, output, batch),
        )
        for heading, photo, heatmap, span, batch in zip(
            titles, photos, found, limits, together or [()] * len(found)
        )
    ]
    return _view(title, panels, columns, shared, looks)


def view_of_maps(
    model: Model,
    image: Image,
    maps: Maps,
    channels: Sequence[int] | None = None,
    title: str = "",
    columns: int | None = None,
    shared: bool = True,
    over: bool = False,
    **looks: Any,
) -> View:
    """Feature maps of one layer, a panel for each channel.

    channels: which; the 16 that answer most on the mean where None
    over: laid over the photo instead of alone
    The rest as in `view_of_heatmaps`. OptionError for a channel that the layer does not have.
    """
    depth = maps.values.shape[-1]
    wanted = strongest(maps.values) if channels is None else [int(channel) for channel in channels]
    for channel in wanted:
        if not 0 <= channel < depth:
            raise OptionError(
                f"Layer '{maps.layer}' has channels 0 to {depth - 1}, received {channel}: choose one of them."
            )
    planes = [np.ascontiguousarray(maps.values[..., channel]) for channel in wanted]
    looks = {"colormap": "inferno" if over else "viridis", "label": say("activation"), **_known(looks)}
    limits = _limits(
        planes, render.COLORMAPS[render.colors.colormap(looks["colormap"]).name].diverging, shared
    )
    panels = [
        Panel(
            say("channel", channel=channel),
            (),
            image.pixels if over else None,
            plane,
            span,
            note_of(maps),
            say("alt.maps", channel=channel, layer=name(maps.layer), name=name(image.name)),
            maps_recipe(model, image, maps, [channel]),
            None if over else image.pixels,
        )
        for channel, plane, span in zip(wanted, planes, limits)
    ]
    return _view(title, panels, columns, shared, looks)


def view_of_patterns(
    model: Model,
    patterns: Pattern | Sequence[Pattern],
    title: str = "",
    columns: int | None = None,
    steps: int | None = None,
    size: int | None = None,
    seed: int = 0,
    options: dict[str, Any] | None = None,
    together: Sequence[int] = (),
    **looks: Any,
) -> View:
    """Patterns of channels, a panel each; they have colours of their own and no scale.

    steps, size: as they were made with; read from the patterns where None
    seed, options, together: as in `explain.provenance.pattern_recipe`
    """
    found = [patterns] if isinstance(patterns, Pattern) else list(patterns)
    panels = [
        Panel(
            say("channel", channel=each.channel),
            (),
            render.colors.levels(each.pixels, 0, 1),
            note=note_of(each),
            alt=say("alt.pattern", channel=each.channel, layer=name(each.layer)),
            recipe=pattern_recipe(
                model, each, steps or len(each.scores), size or max(each.pixels.shape[:2]), seed, options or {},
                together,
            ),
            computed=each.pixels,
        )
        for each in found
    ]  # fmt: skip
    return _view(title, panels, columns, False, _known(looks))


def note_of(result: Heatmap | Maps | Model | Pattern) -> str:
    """Why it cannot be read as it is, with the codes; "" where it can."""
    return " ".join(f"{n.sentence} ({n.code})" for n in result.notices) or getattr(result, "note", "")


def strongest(values: np.ndarray, most: int = STRONGEST) -> list[int]:
    """values (h, w, c) → the `most` channels with the largest mean of what is finite, the largest first."""
    means = np.where(np.isfinite(values), values, 0).mean(axis=(0, 1))
    return [int(channel) for channel in np.argsort(-means, kind="stable")[:most]]


def square(count: int) -> int:
    """Columns for so many panels: 1, 2, 3, 2 by 2, then as wide as 6 allow."""
    usual = {1: 1, 2: 2, 3: 3, 4: 2, 5: 3, 6: 3, 7: 4, 8: 4, 9: 3}
    return usual.get(count, 4 if count <= 16 else 6)


def _view(title: str, panels: list[Panel], columns: int | None, shared: bool, looks: dict[str, Any]) -> View:
    if not panels:
        raise OptionError("A view needs at least one result, received none.")
    made = View(
        title, tuple(panels), columns or square(len(panels)), shared=shared and len(panels) > 1, **looks
    )
    return made if "caption" in looks else replace(made, caption=captions.caption(made))


def _known(looks: dict[str, Any]) -> dict[str, Any]:
    for look in looks:
        if look not in LOOKS:
            raise OptionError(f"A view has no look '{look}'. Its looks: {', '.join(LOOKS)}.")
    return looks


def _photos_of(images: list[Image], heatmaps: list[Heatmap]) -> list[Image]:
    """The photo of each heatmap."""
    known = {image.key: image for image in images}
    for heatmap in heatmaps:
        if heatmap.image not in known:
            raise OptionError(
                f"A heatmap needs its photo: that with the digest '{heatmap.image[:12]}' is not among the "
                f"{len(images)} received. Give every photo that the heatmaps are of."
            )
    return [known[heatmap.image] for heatmap in heatmaps]


def _limits(maps: list[np.ndarray], signed: bool, shared: bool) -> list[tuple[float, float]]:
    if shared and maps:
        return [scales.common(maps, signed)] * len(maps)
    return [render.limits(each, signed) for each in maps]


def _names(photos: list[Image]) -> dict[str, str]:
    """{key: name}, with a piece of the digest where two photos have the same name."""
    names = {photo.key: photo.name for photo in photos}
    several = [name for name in names.values() if list(names.values()).count(name) > 1]
    return {key: f"{name} ({key[:6]})" if name in several else name for key, name in names.items()}


def _titles(facts_of_each: list[tuple[str, ...]]) -> list[str]:
    """What differs between panels, joined; "" where nothing does."""
    differing = [i for i, values in enumerate(zip(*facts_of_each)) if len(set(values)) > 1]
    return [" · ".join(name(each[i]) for i in differing if each[i]) for each in facts_of_each]


def _score_lines(heatmap: Heatmap) -> tuple[str, ...]:
    said = [say("score", score=heatmap.score)] if np.isfinite(heatmap.score) else []
    if np.isfinite(heatmap.probability):
        said.append(say("probability", probability=heatmap.probability))
    return tuple(said)


def _one(heatmaps: list[Heatmap]) -> str:
    """What the colours measure: the method, where there is one."""
    titles = list(dict.fromkeys(facts.method_title(each.method) for each in heatmaps))
    return titles[0] if len(titles) == 1 else ""


def _alt(heatmap: Heatmap, photo: Image) -> str:
    known = {
        "method": facts.method_title(heatmap.method),
        "name": name(photo.name),
        "label": name(heatmap.label),
    }
    said = say("alt.heatmap" if heatmap.layer else "alt.pixels", **known)
    return f"{said} {captions.where(heatmap.values)}"
