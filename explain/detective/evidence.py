"""From probabilities to the figures of one trial. Numbers in, numbers out."""

from __future__ import annotations

from math import comb

import numpy as np

from explain.results import ScalingTrial


def trial_of(
    scaling: str,
    probabilities: np.ndarray,
    changed: list[np.ndarray],
    several_labels: bool,
    truth: np.ndarray | None = None,
    misfit: float = float("nan"),
) -> ScalingTrial:
    """probabilities (n, K) of the photos; changed: the same of their changed versions; several_labels:
    whether each class is its own yes or no; truth: (n,) class numbers."""
    entropies = _entropy(probabilities, several_labels)
    classes = probabilities.argmax(axis=-1)
    many = probabilities.shape[-1]
    most = np.log(2) if several_labels else np.log(max(many, 2))
    # Mutual information of photo and answer, as a share of the most that so many photos and classes allow.
    shared = _entropy(probabilities.mean(axis=0, keepdims=True), several_labels)[0] - entropies.mean()
    allowed = min(most, np.log(len(probabilities)))
    agreement = [float((other.argmax(axis=-1) == classes).mean()) for other in changed]
    return ScalingTrial(
        scaling=scaling,
        classes=tuple(classes.tolist()),
        confidences=tuple(probabilities.max(axis=-1).tolist()),
        entropies=tuple((entropies / most).tolist()),
        agreement=float(np.mean(agreement)) if agreement else float("nan"),
        told_apart=float(shared / allowed) if allowed > 0 else float("nan"),
        misfit=misfit,
        accuracy=float((classes == truth).mean()) if truth is not None else float("nan"),
    )


def by_chance(wins: int, losses: int) -> float:
    """How likely at least so many wins are if either side wins as often: the one-sided sign test."""
    n = wins + losses
    return sum(comb(n, k) for k in range(wins, n + 1)) / 2**n


def _entropy(probabilities: np.ndarray, several_labels: bool) -> np.ndarray:
    """(n, K) → (n,) in nats; with several labels the mean over the classes of each one's own."""
    p = np.clip(probabilities.astype(np.float64), 1e-30, 1)
    if several_labels:
        q = np.clip(1 - probabilities.astype(np.float64), 1e-30, 1)
        return -(p * np.log(p) + q * np.log(q)).mean(axis=-1)
    return -(p * np.log(p)).sum(axis=-1)
