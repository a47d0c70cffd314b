"""From trials to a recommendation, how certain it is, and the evidence in a sentence.

What is known weighs first, what is only likely later; each step leaves what it cannot exclude:

    the true classes   photos named rightly, where chance alone would rarely make such a difference
    the statistics     what the first batch normalisation met in training
    the answers        only against a scaling whose numbers are at least as large as another's: larger
                       numbers make any network more certain, so that certainty alone speaks for none

Where three kinds or more are left, none is recommended: there is nothing to go by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from explain.detective.evidence import by_chance
from explain.opening.guess import best_fit
from explain.results import ScalingTrial
from explain.scaling import SCALINGS, USUAL

RARELY = 0.05  # chance alone makes such a difference less often than this
CLEARLY = 0.8  # of another's entropy: a difference that is worth a word
FEW = 4  # photos: fewer say little
EVERYTHING = 0.999  # mean confidence of a network that is certain of whatever it sees
LITTLE, MUCH = 0.05, 0.25  # of all that could be told apart
OFFSET = 1.0  # of misfit: the means of photos differ less than this from one collection to another

ASK = "Give the true classes of some photos, or ask whoever trained the network."
USUALLY = {usual.name for usual in USUAL}
Trials = Sequence[ScalingTrial]


@dataclass(frozen=True)
class Verdict:
    """As in `results.Detection`."""

    recommended: str
    certainty: str
    sentence: str
    possible: tuple[str, ...]


def decide(trials: Trials, truth: np.ndarray | None = None, present: str = "") -> Verdict:
    """truth: (n,) the true classes of the photos, where they are known; present: the scaling in use, which is
    preferred among those that are nearly the same."""
    by_truth, of_truth = _by_truth(trials, truth)
    fitting, of_statistics = _by_statistics(trials)
    firm = [trial for trial in by_truth if trial in fitting] or by_truth
    left, of_answers = _by_answers(firm)
    said = [of_truth, of_statistics, of_answers]
    possible, kinds = tuple(trial.scaling for trial in left), _kinds(left)
    if len(kinds) > 2:
        said.append(f"Not decided: {', '.join(_quoted(kinds))} remain possible. {ASK}")
        return Verdict("", "none", " ".join(filter(None, said)), possible)
    best = min(left, key=_rank)
    alike = [trial for trial in left if SCALINGS[trial.scaling].nearly(SCALINGS[best.scaling])]
    best = next((trial for trial in alike if trial.scaling == present), alike[0])
    good = len(_kinds(firm)) == 1 and len(firm) < len(trials) and _is_safe(best, trials, truth)
    said += [_about_colours(best, left), _about_others(best, left, kinds)]
    return Verdict(best.scaling, "good" if good else "weak", " ".join(filter(None, said)), possible)


# Steps: what is left after each, and what to say -------------------------------------------------------


def _by_truth(trials: Trials, truth: np.ndarray | None) -> tuple[Trials, str]:
    if truth is None:
        return trials, ""
    right = {trial.scaling: np.array(trial.classes) == truth for trial in trials}
    best = min(trials, key=_rank)

    def may_be_chance(trial: ScalingTrial) -> bool:
        ours, theirs = right[best.scaling], right[trial.scaling]
        return by_chance(int((ours & ~theirs).sum()), int((theirs & ~ours).sum())) > RARELY

    left = [trial for trial in trials if trial is best or may_be_chance(trial)]
    sentence = f"With '{best.scaling}' {right[best.scaling].sum()} of {len(truth)} photos are named rightly"
    rival = min((trial for trial in left if _kind(trial) != _kind(best)), key=_rank, default=None)
    if rival is None:
        return left, f"{sentence}, clearly more than with any other."
    return left, f"{sentence}, with '{rival.scaling}' {right[rival.scaling].sum()}: that may be chance."


def _by_statistics(trials: Trials) -> tuple[Trials, str]:
    misfit = {trial.scaling: trial.misfit for trial in trials if np.isfinite(trial.misfit)}
    if not all(name in misfit for name in USUALLY):
        return trials, ""
    fit, rivals = best_fit(misfit)
    if fit is None:
        return trials, "What its first batch normalisation met in training fits none of them."
    as_large = [
        t for t in trials if np.isclose(_size(t.scaling), _size(fit)) and t.misfit < misfit[fit] + OFFSET
    ]
    close = {_kind_of(name) for name in (fit, *rivals, *(trial.scaling for trial in as_large))}
    also = f"; '{rivals[0]}' does nearly as well" if rivals else ""
    return (
        [trial for trial in trials if _kind(trial) in close],
        f"With '{fit}' the photos fit what its first batch normalisation met in training{also}.",
    )


def _by_answers(trials: Trials) -> tuple[Trials, str]:
    """Of scalings that are nearly the same only one is compared, and none with another order of colours:
    a network that saw red and blue exchanged may be the surer for it."""
    kinds = {}
    for trial in trials:
        kinds.setdefault((_kind(trial), SCALINGS[trial.scaling].order), []).append(trial)
    why = {}
    for key, (trial, *_) in kinds.items():
        others = (other for name, (other, *_) in kinds.items() if name != key and name[1] == key[1])
        why[key] = next(filter(None, (_worse(trial, other) for other in others)), "")
    if all(why.values()):  # each is worse than some other: no help
        return trials, ""
    left = [trial for key, alike in kinds.items() if not why[key] for trial in alike]
    told = {}
    for key, reason in why.items():
        told.setdefault(reason, []).append(kinds[key][0].scaling)
    said = [f"{', '.join(_quoted(names))}: {reason}." for reason, names in told.items() if reason]
    return sorted(left, key=trials.index), " ".join(said)


def _worse(trial: ScalingTrial, other: ScalingTrial) -> str:
    """Why the answers under one scaling speak against it, compared with another, or ""."""
    many, apart = len(trial.classes) >= FEW, other.told_apart if np.isfinite(other.told_apart) else 0
    if many and trial.told_apart < LITTLE and apart > MUCH:
        return "nearly the same answer to every photo"
    if _size(trial.scaling) < 0.99 * _size(other.scaling) or other.confidence > EVERYTHING:
        return ""
    if trial.confidence > EVERYTHING and apart > LITTLE:
        return "certain of everything, as large numbers make any network"
    if many and np.isclose(_size(trial.scaling), _size(other.scaling)) and trial.told_apart < apart / 2:
        return "tells the photos apart much less than another of its size"
    return "clearly less certain, though its numbers are no smaller" if _surer(other, trial) else ""


def _surer(trial: ScalingTrial, other: ScalingTrial) -> bool:
    """Whether the answers of the first are clearly more certain, and tell the photos apart as much: who gives
    the same answer to everything is certain, too."""
    ours, theirs = np.array(trial.entropies), np.array(other.entropies)
    often = by_chance(int((ours < theirs).sum()), int((ours > theirs).sum())) < RARELY
    return often and trial.entropy < CLEARLY * other.entropy and trial.told_apart >= other.told_apart


def _is_safe(best: ScalingTrial, trials: Trials, truth: np.ndarray | None) -> bool:
    """Whether what decided may be relied on."""
    if truth is not None and len(_kinds(_by_truth(trials, truth)[0])) == 1:
        return True
    return len(best.classes) >= FEW


# Names --------------------------------------------------------------------------------------------------


def _rank(trial: ScalingTrial) -> tuple:
    """Smaller is better: rightly named photos, the customary order of colours, the fit, certainty."""
    unusual = trial.scaling not in USUALLY
    return -np.nan_to_num(trial.accuracy), unusual, np.nan_to_num(trial.misfit), trial.entropy


def _kind_of(name: str) -> str:
    """Scalings of one kind differ in the order of colours only, or in next to nothing."""
    scaling = SCALINGS[name] if name in USUALLY else SCALINGS[name].swapped
    return next(usual.name for usual in USUAL if usual.nearly(scaling))


def _kind(trial: ScalingTrial) -> str:
    return _kind_of(trial.scaling)


def _kinds(trials: Trials) -> list[str]:
    return list(dict.fromkeys(_kind(trial) for trial in sorted(trials, key=_rank)))


def _quoted(names: Sequence[str]) -> list[str]:
    return [f"'{name}'" for name in names]


def _size(name: str) -> float:
    """How large the numbers are that a scaling makes."""
    return 1 / float(np.mean(SCALINGS[name].divide))


def _about_colours(best: ScalingTrial, left: Trials) -> str:
    other = next((trial for trial in left if trial.scaling == SCALINGS[best.scaling].swapped.name), None)
    if other is None:
        return ""
    said = "Whether red and blue are exchanged the photos do not tell"
    if _surer(best, other):
        return f"{said} for sure, but with '{other.scaling}' the answers are clearly less certain."
    if _surer(other, best):
        return f"{said} for sure, but with '{other.scaling}' the answers are clearly more certain. {ASK}"
    return f"{said}."


def _about_others(best: ScalingTrial, left: Trials, kinds: list[str]) -> str:
    alike = [t.scaling for t in left if t is not best and SCALINGS[t.scaling].nearly(SCALINGS[best.scaling])]
    said = [f"'{alike[0]}' gives nearly the same numbers: either will do."] if alike else []
    others = [kind for kind in kinds if kind != _kind(best)]
    return " ".join([*said, *(f"'{kind}' remains possible. {ASK}" for kind in others)])
