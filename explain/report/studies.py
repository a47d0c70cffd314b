"""A check-up and a comparison of scalings as a notebook shows them: findings first, then the numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from explain.report.texts import for_html, name
from explain.report.words import say
from explain.results import CheckUp, Detection, LayerCheck, Notice, ScalingTrial

MOST = 20  # rows of layers
LEFT, RIGHT = ' style="text-align:left"', ' style="text-align:right"'


def check_up(found: CheckUp) -> str:
    """HTML, text escaped: what is wrong, what the network is, and the layers that have something wrong."""
    bad = sum(many for many, _ in found.not_finite.values())
    layers = ", ".join(dict.fromkeys(name(layer) for layer in found.default_layers if layer))
    facts = {
        "input": " × ".join(map(str, found.input_shape)),
        "scaling": name(f"{found.scaling} ({found.scaling_note})" if found.scaling_note else found.scaling, 400),
        "output": ", ".join(
            say("notebook.output", name=name(o.name), classes=f"{o.classes:,}", head=o.head) for o in found.outputs
        ),
        "parameters": say("study.finite" if not bad else "study.not_finite", count=found.parameters, bad=bad),
        "default_layer": layers,
        "explainable": f"{len(found.explainable):,}",
        "tried": ", ".join(name(one) for one in found.tried),
    }  # fmt: skip
    rows = [[say(f"fact.{key}"), value] for key, value in facts.items() if value]
    ill = [layer for layer in found.layers if _is_ill(layer, found)]
    return _page(
        say("study.check_up", model=name(found.name)),
        _notices(found.notices) or _paragraph(say("study.healthy")),
        _table([], rows, words=2),
        _layers(ill[:MOST], found),
        _paragraph(say("study.more", count=len(ill) - MOST)) if len(ill) > MOST else "",
    )


def detection(found: Detection) -> str:
    """HTML, text escaped: what the evidence speaks for, why, and what each scaling gave."""
    kept = found.recommended == found.present
    verdict = "unknown" if not found.recommended else "same" if kept else "other"
    certainty = say(f"study.{found.certainty}") if found.certainty in ("good", "weak") else ""
    return _page(
        say(f"study.{verdict}", recommended=name(found.recommended), present=name(found.present)),
        _paragraph(" ".join(filter(None, [certainty, found.sentence]))),
        _notices(found.notices),
        _trials(found),
    )


def _layers(layers: Sequence[LayerCheck], found: CheckUp) -> str:
    """One row a layer; a fault that none of them has has no column."""
    counts = {
        "channels": [one.channels for one in layers], "silent": [len(one.silent) for one in layers],
        "dead": [len(one.dead) for one in layers], "alike": [_alike(one) for one in layers],
        "broken": [found.not_finite.get(one.layer, (0, 0))[0] for one in layers],
    }  # fmt: skip
    columns = {key: numbers for key, numbers in counts.items() if any(numbers)}
    rows = [
        [name(one.layer, 60), name(one.kind, 40), *(f"{n:,}" if n else say("none") for n in numbers)]
        for one, *numbers in zip(layers, *columns.values())
    ]
    return _table([say(f"study.{key}") for key in ("layer", "kind", *columns)], rows, words=2)


def _is_ill(one: LayerCheck, found: CheckUp) -> bool:
    return bool(one.silent or one.dead or one.duplicates or one.layer in found.not_finite)


def _alike(one: LayerCheck) -> int:
    """Filters that do what another one does already."""
    return sum(len(group) - 1 for group in one.duplicates)


def _trials(found: Detection) -> str:
    """One row a scaling; what is known of none of them has no column."""
    columns = {
        "confidence": "{:.1%}", "entropy": "{:.2f}", "agreement": "{:.0%}", "told_apart": "{:.2f}",
        "misfit": "{:.2f}", "accuracy": "{:.0%}",
    }  # fmt: skip
    known = [key for key in columns if any(np.isfinite(getattr(trial, key)) for trial in found.trials)]
    rows = [
        [name(trial.scaling), _mark(trial, found), *(_number(getattr(trial, key), columns[key]) for key in known)]
        for trial in found.trials
    ]
    return _table([say("fact.scaling"), say("study.note"), *(say(f"study.{key}") for key in known)], rows, words=2)


def _mark(trial: ScalingTrial, found: Detection) -> str:
    marks = {
        "study.recommended": trial.scaling == found.recommended,
        "study.possible": trial.scaling in found.possible and trial.scaling != found.recommended,
        "study.present": trial.scaling == found.present,
    }
    return ", ".join(say(key) for key, holds in marks.items() if holds)


def _number(value: float, style: str) -> str:
    return style.format(value) if np.isfinite(value) else say("none")


def _page(title: str, *parts: str) -> str:
    return f"<div><p><strong>{for_html(title)}</strong></p>{''.join(parts)}</div>"


def _paragraph(text: str) -> str:
    return f"<p>{for_html(text)}</p>"


def _notices(notices: Iterable[Notice]) -> str:
    lines = "".join(f"<li>{for_html(one.sentence)} ({for_html(one.code)})</li>" for one in notices)
    return f"<ul>{lines}</ul>" if lines else ""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], words: int) -> str:
    """The first `words` columns are words, the others numbers. Without a head the first column is one."""
    if not rows:
        return ""
    sides = [LEFT if i < words else RIGHT for i in range(len(rows[0]))]
    top = "".join(f'<th scope="col"{side}>{for_html(cell)}</th>' for side, cell in zip(sides, head))
    lines = [f"<tr>{top}</tr>"] if top else []
    for row in rows:
        first = f'<th scope="row"{LEFT}>{for_html(row[0])}</th>'
        rest = "".join(f"<td{side}>{for_html(cell)}</td>" for side, cell in zip(sides[1:], row[1:]))
        lines.append(f"<tr>{first}{rest}</tr>")
    return f"<table>{''.join(lines)}</table>"
