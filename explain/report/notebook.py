"""How results show themselves in a notebook: a picture with its scale, and what is known about it."""

from __future__ import annotations

import base64

import numpy as np

from explain import render
from explain.report import captions, facts, scales, studies
from explain.report.figures import figure_png
from explain.report.nouns import Panel, Report, View
from explain.report.texts import for_html, name, paragraphs, visible
from explain.report.views import note_of
from explain.report.words import say
from explain.results import (
    CheckUp, Detection, Heatmap, Image, Maps, Model, Pattern, Prediction, Verdict,
)  # fmt: skip

WIDTH, WIDE, DPI = 9.0, 17.0, 110  # cm, and dots of a screen
PHOTO = 480  # pixels of its longer side
MOST_TILES, TILE = 64, 72


def png(result: object) -> bytes | None:
    """The picture of a result, None for one that is words only."""
    if isinstance(result, Heatmap):
        return _heatmap(result)
    if isinstance(result, Maps):
        return _maps(result)
    if isinstance(result, Pattern):
        return render.png(render.colors.levels(_enlarged(result.pixels), 0, 1))
    if isinstance(result, Image):
        return render.png(_reduced(result.pixels))
    if isinstance(result, View) and result.panels:
        return figure_png(result, WIDTH if min(result.columns, len(result.panels)) == 1 else WIDE, DPI)
    return None


def html(result: object) -> str:
    """The picture, what is known about it, and why it cannot be read where it cannot. Text is escaped."""
    if isinstance(result, Report):
        return _report(result)
    if isinstance(result, CheckUp):
        return studies.check_up(result)
    if isinstance(result, Detection):
        return studies.detection(result)
    picture = png(result)
    parts = []
    if picture is not None:
        data, alt = base64.b64encode(picture).decode(), for_html(_alt(result))
        parts.append(f'<img src="data:image/png;base64,{data}" alt="{alt}" style="max-width:100%">')
    rows = {key: value for key, value in _rows(result).items() if value}
    cells = "".join(
        f'<tr><th scope="row" style="text-align:left">{for_html(key)}</th>'
        f'<td style="text-align:left">{for_html(value)}</td></tr>'
        for key, value in rows.items()
    )
    if cells:
        parts.append(f"<table>{cells}</table>")
    if note := _note(result):
        parts.append(f"<p>{for_html(note)}</p>")
    return f"<div>{''.join(parts)}</div>"


def _heatmap(heatmap: Heatmap) -> bytes:
    """The map alone, as the photo is not known to it."""
    lines = (visible(f"{heatmap.label} ({heatmap.class_index})"),)
    panel = Panel(
        facts.method_title(heatmap.method), lines, None, heatmap.values,
        render.limits(heatmap.values, heatmap.signed), note_of(heatmap),
    )  # fmt: skip
    view = View("", (panel,), colormap=scales.SIGNED if heatmap.signed else "inferno", smooth=False)
    return figure_png(view, WIDTH, DPI)


def _report(report: Report) -> str:
    """Title, introduction and figures; `explain.report.html` writes what belongs to them as well."""
    lines = [f"<p>{for_html(line)}</p>" for line in paragraphs(report.about) if line]
    title = for_html(report.title) or say("report.untitled")
    return f"<div><h3>{title}</h3>{''.join(lines)}{''.join(html(view) for view in report.views)}</div>"


def _maps(maps: Maps) -> bytes:
    """The first channels as tiles, each on its own scale."""
    values = maps.values[..., :MOST_TILES]
    return render.png(render.grid(values, gap=2, tile=max(TILE, *values.shape[:2]) if values.size else TILE))


def _enlarged(pixels: np.ndarray) -> np.ndarray:
    """A small pattern at least 256 pixels a side."""
    height, width = pixels.shape[:2]
    share = max(1, 256 // max(height, width))
    return render.enlarge(pixels, height * share, width * share)


def _reduced(pixels: np.ndarray) -> np.ndarray:
    """A large photo as a notebook has room for it."""
    share = PHOTO / max(pixels.shape[:2])
    if share >= 1:
        return pixels
    height, width = (max(1, round(side * share)) for side in pixels.shape[:2])
    return np.floor(render.enlarge(pixels, height, width) + 0.5).astype(np.uint8)


def _rows(result: object) -> dict[str, str]:
    """{what: its value}, for the table."""
    if isinstance(result, Heatmap):
        found = {
            "method": facts.method_title(result.method), "options": facts.options_text(result.options),
            "layer": name(result.layer) or say("fact.pixels"),
            "class": f"{name(result.label)} ({result.class_index})",
            "score": _number(result.score, "{:.4g}"), "probability": _number(result.probability, "{:.1%}"),
            "size": _size(result.values), "facts": facts.options_text(result.facts),
        }  # fmt: skip
    elif isinstance(result, Maps):
        channels = result.values.shape[-1]
        shown = say("notebook.channels", shown=min(channels, MOST_TILES), channels=channels)
        found = {"layer": name(result.layer), "size": _size(result.values), "channel": shown}
    elif isinstance(result, Pattern):
        found = {
            "layer": name(result.layer), "channel": str(result.channel), "size": _size(result.pixels),
            "method": facts.method_title(result.method, "patterns") if result.method else "",
            "steps": str(len(result.scores)),
            "activation": _number(result.scores[-1] if len(result.scores) else np.nan, "{:.4g}"),
        }  # fmt: skip
    elif isinstance(result, Verdict):
        found = {
            "check": name(result.check),
            "verdict": say("notebook.passed" if result.passed else "notebook.failed"),
            "value": _number(result.value, "{:.4g}"), "baseline": _number(result.baseline, "{:.4g}"),
        }  # fmt: skip
    elif isinstance(result, Prediction):
        found = {
            "class": f"{name(result.label)} ({result.class_index})", "score": _number(result.score, "{:.4g}"),
            "probability": _number(result.probability, "{:.1%}"),
        }  # fmt: skip
    elif isinstance(result, Image):
        found = {"photo": name(result.name), "photo_size": _size(result.pixels), "image_key": result.key}
    elif isinstance(result, View):
        found = {}
    else:
        found = _model(result)
    return {say(f"fact.{key}"): value for key, value in found.items()}


def _model(model: Model) -> dict[str, str]:
    outputs = ", ".join(
        say("notebook.output", name=name(o.name), classes=o.classes, head=o.head) for o in model.outputs
    )
    with_map = sum(layer.has_map for layer in model.layers)
    return {
        "model": name(model.name),
        "input": " × ".join(map(str, model.input_shape)),
        "scaling": name(model.scaling),
        "output": outputs,
        "layers": say("notebook.layers", layers=len(model.layers), maps=with_map),
        "layer": name(model.default_layer or ""),
        "model_key": model.key,
    }


def _note(result: object) -> str:
    if isinstance(result, Verdict):
        return result.sentence
    if isinstance(result, (Heatmap, Maps, Model, Pattern)):
        return note_of(result)
    return ""


def _alt(result: object) -> str:
    if isinstance(result, Heatmap):
        known = {"method": facts.method_title(result.method), "label": name(result.label)}
        return f"{say('notebook.heatmap', **known)} {captions.where(result.values)}"
    if isinstance(result, Maps):
        return say("notebook.maps", layer=name(result.layer))
    if isinstance(result, Image):
        return name(result.name)
    if isinstance(result, View):
        return captions.alt(result)
    return say("alt.pattern", channel=result.channel, layer=name(result.layer))


def _size(values: np.ndarray) -> str:
    return " × ".join(map(str, values.shape))


def _number(value: float, style: str) -> str:
    return style.format(value) if np.isfinite(value) else ""
