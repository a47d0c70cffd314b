"""From facts to notices, the gravest first. Each says what was found, on what, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from explain.doctor.answers import Answers
from explain.blanks import SURE
from explain.notes import nearly_uniform
from explain.probe.network import Network
from explain.probe.weights import Norm
from explain.results import LayerCheck, Model, Notice

SHOWN = 3  # names in a sentence; the check-up lists them all


@dataclass(frozen=True, eq=False)
class Facts:
    """answers: to the photos first, then to what else was tried; photos: how many."""

    model: Model
    network: Network
    answers: Answers
    photos: int
    layers: tuple[LayerCheck, ...]
    not_finite: dict[str, tuple[int, int]]
    norms: dict[str, Norm]
    tried: tuple[str, ...]


def findings(facts: Facts) -> tuple[Notice, ...]:
    """What is wrong, and what was known about the model before; none twice."""
    found = [*_numbers(facts), *_head(facts), *_layers(facts), *facts.model.notices]
    return tuple({(notice.code, notice.sentence): notice for notice in found}.values())


def _numbers(facts: Facts) -> Iterator[Notice]:
    """Numbers that are not finite, in weights and in answers."""
    if facts.not_finite:
        first, (bad, of) = next(iter(facts.not_finite.items()))
        more = (
            f" {len(facts.not_finite) - 1} other layers have such weights too."
            if len(facts.not_finite) > 1
            else ""
        )
        yield Notice(
            "W_WEIGHTS_NOT_FINITE",
            f"{bad:,} of {of:,} weights of layer '{first}' are NaN or infinite: train again, or take an "
            f"earlier checkpoint.{more}",
        )
    if facts.answers.broken:
        why = (
            ""
            if facts.not_finite
            else " No weight is: numbers grow too large on the way, so compute in float32."
        )
        yield Notice(
            "W_NOT_FINITE", f"From layer '{facts.answers.broken[0]}' on, answers are NaN or infinite.{why}"
        )
    negative = {name: len(norm.negative) for name, norm in facts.norms.items() if len(norm.negative)}
    if negative:
        yield Notice(
            "W_BATCH_NORM",
            f"A negative variance, whose root is no number, in {_count(negative, 'channel')} of batch "
            f"normalisations: {_most(negative)}. The file is damaged.",
        )
    magnified = {name: _awake(facts, name, norm) for name, norm in facts.norms.items()}
    magnified = {name: many for name, many in magnified.items() if many}
    if magnified:
        times = max(facts.norms[name].magnified for name in magnified)
        yield Notice(
            "W_BATCH_NORM",
            f"No variance in training, but some on what was tried, which is magnified {times:,.0f} times, in "
            f"{_count(magnified, 'channel')} of batch normalisations: {_most(magnified)}. Is the scaling the "
            "one of training?",
        )


def _awake(facts: Facts, name: str, norm: Norm) -> int:
    """How many channels without variance do vary, as much as a thousandth of the others."""
    if name not in facts.answers.low or facts.answers.broken:
        return 0
    spread = facts.answers.high[name] - facts.answers.low[name]
    return int((spread[norm.still] > 1e-3 * np.median(spread)).sum())


def _head(facts: Facts) -> Iterator[Notice]:
    """Answers that do not depend on the picture, or hardly; the scaling, if that may be why."""
    if not any(facts.network.default_layers):
        yield Notice(
            "W_NO_MAP",
            "No layer with a map (height, width, channels) leads to an output, so there is no place to show: "
            "no activations, no Grad-CAM. Predictions remain possible.",
        )
    guessed = any(notice.code == "W_SCALING_GUESSED" for notice in facts.model.notices)
    for output, scores, probabilities in zip(
        facts.model.outputs, facts.answers.scores, facts.answers.probabilities
    ):
        which = f" of output '{output.name}'" if len(facts.model.outputs) > 1 else ""
        if not np.isfinite(scores).all():
            continue
        if (scores == scores[:1]).all():
            pictures = f"{len(scores)} pictures tried ({_list(facts.tried)})"
            sentence = f"The answer{which} is the same to the last digit for all {pictures}."
            yield Notice(
                "W_HEAD_CONSTANT", f"{sentence} It does not depend on the picture: nothing can be explained."
            )
            continue
        seen = probabilities[: facts.photos]
        best = np.nan_to_num(seen.max(axis=-1))
        if guessed and all(map(nearly_uniform, seen)):
            yield _suspected(f"finds all {output.classes} classes about equally likely", facts.photos)
        elif guessed and len(seen) >= 4 and output.classes > 2 and len(set(seen.argmax(axis=-1))) == 1:
            yield _suspected("gives the same class", facts.photos)
        if output.head != "linear" and (best > 1 - SURE).all():
            yield Notice(
                "W_SATURATED",
                f"The probability{which} is 1 to the last digit for {_pictures(facts.photos)}, where it has "
                "no slope. Heatmaps use the score before it (the logit) and are not touched; what is made of "
                "probabilities is.",
            )


def _suspected(what: str, photos: int) -> Notice:
    return Notice(
        "W_SCALING_SUSPECTED",
        f"The network {what} for {_pictures(photos)}, and its scaling is a guess: it may be the wrong one. "
        "Compare the scalings on photos such as it was trained on.",
    )


def _layers(facts: Facts) -> Iterator[Notice]:
    """Dead, doubled and silent filters."""
    on = f"on the {len(facts.answers.scores[0])} pictures tried ({_list(facts.tried)})"
    wholly = [each.layer for each in facts.layers if each.silent and len(each.silent) == each.channels]
    if wholly:
        answer = facts.answers.high[wholly[0]]
        how = "answers 0 everywhere" if not answer.any() else "answers the same everywhere"
        yield Notice(
            "W_DEAD_LAYER", f"{_layers_named(wholly)} {how} {on}, so nothing can be seen or explained there."
        )
    dead = {each.layer: len(each.dead) for each in facts.layers if each.dead}
    if dead:
        yield Notice(
            "W_DEAD_FILTER",
            f"Nothing but zeros as weights in {_count(dead, 'filter')}, whose answer never changes: "
            f"{_most(dead)}. Without them the network would answer the same.",
        )
    doubled = {e.layer: sum(len(group) - 1 for group in e.duplicates) for e in facts.layers if e.duplicates}
    if doubled:
        yield Notice(
            "W_DUPLICATE_FILTERS",
            f"The weights of another filter, equal or in proportion, in {_count(doubled, 'filter')}: "
            f"{_most(doubled)}. They find nothing that the other does not.",
        )
    silent = {
        each.layer: len(set(each.silent) - set(each.dead))
        for each in facts.layers if each.layer not in wholly and set(each.silent) - set(each.dead)
    }  # fmt: skip
    if silent:
        yield Notice(
            "W_SILENT_CHANNELS",
            f"One and the same answer {on} from {_count(silent, 'channel')}: {_most(silent)}. Other pictures "
            "may wake them.",
        )


def _count(found: dict[str, int], thing: str) -> str:
    many = sum(found.values())
    return f"{many:,} {thing}{'s' if many != 1 else ''}"


def _most(found: dict[str, int]) -> str:
    """'conv' (3), 'late' (2) and 4 more layers: those with the most."""
    named = [f"'{name}' ({many})" for name, many in sorted(found.items(), key=lambda item: -item[1])[:SHOWN]]
    more = len(found) - len(named)
    return ", ".join(named) + (f" and {more} more layer{'s' if more > 1 else ''}" if more else "")


def _layers_named(names: list[str]) -> str:
    more = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
    return f"Layer '{names[0]}'{more}"


def _pictures(many: int) -> str:
    return f"all {many} photos" if many > 1 else "the photo"


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names)
