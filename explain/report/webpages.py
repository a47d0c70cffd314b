"""A report as one HTML file that needs nothing else: no network, no other file, and no script to be read."""

from __future__ import annotations

import base64
import hashlib

from explain.errors import OptionError
from explain.render.figures import numbers
from explain.report import (
    captions,
    charts,
    commands,
    facts,
    layers,
    layouts,
    recipes,
    scales,
    sheets,
)
from explain.report.nouns import Chart, Panel, Report, View
from explain.report.texts import for_html, paragraphs, visible
from explain.report.words import say


def html(report: Report) -> bytes:
    """The whole report, UTF-8.

    Pictures are data addresses of 720 pixels at most; a Content-Security-Policy forbids every request. Where
    scripts run, each figure has a slider for the opacity of its overlays. The manifest is in the page as
    JSON, in the element `manifest`. The same report gives the same bytes.

    OptionError for a report without views, or a view without panels.
    """
    checked(report)
    style = sheets.STYLE + "".join(sheets.of_view(view, i) for i, view in enumerate(report.views, 1))
    bases: dict[int, str] = {}  # photos by identity: one is often under many panels
    title = for_html(report.title) or say("report.untitled")
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(style)}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="referrer" content="no-referrer">',
        f"<title>{title}</title>",
        f"<style>{style}</style>",
        "</head>",
        "<body>",
        *_header(report, title),
        "<main>",
        *(part for i, view in enumerate(report.views, 1) for part in _section(view, i, bases)),
        "</main>",
        *_footer(report),
        f"<script>{sheets.SCRIPT}</script>",
        "</body>",
        "</html>",
        "",
    ]
    return "\n".join(parts).encode("utf-8", "replace")


def checked(report: Report) -> None:
    """OptionError for a report that has nothing in it."""
    if not report.views:
        raise OptionError("A report needs at least one view, received none. Pin a view first.")
    for view in report.views:
        if not view.panels:
            raise OptionError(f"The view '{visible(view.title)}' has no panels: leave it out of the report.")


def _policy(style: str) -> str:
    """Nothing from anywhere: only this style, this script, and pictures that are in the file."""

    def sha(text: str) -> str:
        return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{sha(style)}'; "
        f"script-src 'sha256-{sha(sheets.SCRIPT)}'; base-uri 'none'; form-action 'none'"
    )


def _header(report: Report, title: str) -> list[str]:
    made = say("report.made", made=for_html(report.made)) if report.made else say("report.maker")
    parts = ["<header>", f"<h1>{title}</h1>", f'<p class="made">{made}</p>']
    parts += [f"<p>{for_html(line)}</p>" for line in paragraphs(report.about) if line]
    if len(report.views) > 1:
        listed = "".join(
            f'<li><a href="#figure-{i}">{_title(v, i)}</a></li>' for i, v in enumerate(report.views, 1)
        )
        parts.append(f'<nav aria-label="{say("report.contents")}"><ol>{listed}</ol></nav>')
    return [*parts, "</header>"]


def _section(view: View, number: int, bases: dict[int, str]) -> list[str]:
    parts = [
        f'<section id="figure-{number}">',
        f"<h2>{'. '.join(filter(None, [say('report.figure', number=number), for_html(view.title)]))}</h2>",
    ]
    if any(p.values is not None and p.picture is not None for p in view.panels):
        parts.append(_slider(view))
    one = " one" if min(view.columns, len(view.panels)) == 1 else ""
    drawn = " charts" if any(p.chart is not None for p in view.panels) else ""
    parts += ["<figure>", f'<div class="panels{one}{drawn}">']
    bar = scales.one_bar(view)
    for panel in view.panels:
        parts += _panel(panel, view, bar is None, bases)
    parts.append("</div>")
    told = for_html(layouts.told(view))
    if bar is not None:
        parts += ['<div class="whole">', _bar(*bar), f'<p class="scale">{told}</p>', "</div>"]
    elif told:
        parts.append(f'<p class="scale">{told}</p>')
    caption = paragraphs(view.caption) or [captions.caption(view)]
    parts += [f"<figcaption>{'<br>'.join(map(for_html, caption))}</figcaption>", "</figure>"]
    if view.remark.strip():
        parts.append(f"<h3>{say('report.remark')}</h3>")
        parts += [f"<p>{for_html(line)}</p>" for line in paragraphs(view.remark) if line]
    return [*parts, *_facts(view), "</section>"]


def _slider(view: View) -> str:
    share = round(view.opacity * 100)
    return (
        f'<p class="slider" hidden><label>{say("report.opacity")} <input type="range" min="0" max="100" '
        f'value="{share}"></label> <output>{share}%</output></p>'
    )


def _panel(panel: Panel, view: View, own: bool, bases: dict[int, str]) -> list[str]:
    alt = for_html(panel.alt or panel.title or captions.alt(view))
    parts = [
        '<div class="panel">',
        f"<h3>{for_html(panel.title)}</h3>" if panel.title else "",
        '<div class="stack">',
    ]
    if panel.chart is not None:
        parts.append(f'<img src="{charts.address(panel.chart)}" alt="{alt}">')
        return [*filter(None, parts), "</div>", *_lines(panel, view), *_numbers(panel.chart), "</div>"]
    height, width = layers.fitting(*layouts.shown(panel).shape[:2])
    size = f'width="{width}" height="{height}"'
    if panel.picture is not None:
        source = bases.get(id(panel.picture)) or bases.setdefault(
            id(panel.picture), layers.base(panel.picture)
        )
        parts.append(f'<img src="{source}" {size} alt="{alt}">')
    if panel.values is not None:
        source, sharp = layers.heat(panel, view)
        names = " ".join(
            filter(None, ["over" if panel.picture is not None else "", "sharp" if sharp else ""])
        )
        spoken = "" if panel.picture is not None else alt
        parts.append(f'<img class="{names}" src="{source}" {size} alt="{spoken}">')
    parts.append("</div>")
    if own and panel.values is not None:
        parts.append(_bar(*scales.limits_of(panel, view), scales.colormap_of(panel, view)))
    return [*filter(None, parts), *_lines(panel, view), "</div>"]


def _lines(panel: Panel, view: View) -> list[str]:
    """What stands under a panel."""
    lines = layouts.remarks(panel, view)
    parts = [f'<p class="lines">{" · ".join(for_html(line) for line in lines)}</p>'] if lines else []
    return [*parts, f'<p class="note">{for_html(panel.note)}</p>'] if panel.note else parts


def _numbers(chart: Chart) -> list[str]:
    """The numbers of a chart, for whoever does not see it, folded away."""
    head, *rows = charts.table(chart)
    first = "".join(f'<th scope="col">{for_html(cell)}</th>' for cell in head)
    cells = ["".join(f"<td>{for_html(charts.number(cell))}</td>" for cell in row) for row in rows]
    body = "".join(f"<tr>{row}</tr>" for row in cells)
    return [
        f"<details><summary>{say('chart.numbers')}</summary>",
        f'<div class="wide" tabindex="0"><table><tr>{first}</tr>{body}</table></div></details>',
    ]


def _bar(low: float, high: float, colormap: str) -> str:
    shown = numbers(low, high, 2)
    ticks = "".join(f"<span>{for_html(number)}</span>" for number in shown)
    return (
        f'<div class="scale"><img class="ramp" src="{layers.bar(colormap)}" '
        f'alt="{for_html(scales.span(low, high))}"><div class="ticks">{ticks}</div></div>'
    )


def _facts(view: View) -> list[str]:
    """What the numbers were made of, and the commands that make them again."""
    together, differing, listed = facts.table(view)
    parts = []
    if together or listed:
        parts.append(f"<h3>{say('report.facts')}</h3>")
    if together:
        rows = "".join(
            f'<tr><th scope="row">{say(f"fact.{key}")}</th><td>{for_html(value)}</td></tr>'
            for key, value in together.items()
        )
        parts.append(f'<table class="facts">{rows}</table>')
    if listed:
        keys = ["panel", *differing]
        head = "".join(f'<th scope="col">{say(f"fact.{key}")}</th>' for key in keys)
        none = say("none")
        cells = [[f"<td>{for_html(row.get(key, none))}</td>" for key in keys] for row in listed]
        rows = "".join(f"<tr>{''.join(row)}</tr>" for row in cells)
        parts.append(f'<div class="wide" tabindex="0"><table><tr>{head}</tr>{rows}</table></div>')
    if lines := commands.commands(view):
        parts.append(f"<h3>{say('report.again')}</h3>")
        parts.append(f"<pre>{chr(10).join(map(for_html, lines))}</pre>")
    return parts


def _footer(report: Report) -> list[str]:
    manifest = recipes.manifest_of(report.views)
    if not manifest:
        return []
    data = recipes.in_ascii(manifest).replace("<", "\\u003c").replace("&", "\\u0026")
    return [
        "<footer><section>",
        f"<p>{say('report.again.about')}</p>",
        f"<pre>{recipes.COMMAND}</pre>",
        f'<p class="made">{for_html(recipes.software(manifest))}</p>',
        "</section></footer>",
        f'<script type="application/json" id="manifest">{data}</script>',
    ]


def _title(view: View, number: int) -> str:
    return for_html(view.title) or say("report.figure", number=number)
