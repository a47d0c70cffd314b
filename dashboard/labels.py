"""What the classes of a network are called in this session: results are shared by sessions, names are not."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from dashboard.text import clean, say
from explain.results import Heatmap, Model, Prediction


def class_label(opened: Model, index: int, output: int | None = None) -> str:
    """The name of a class of that output, clean. Labels belong to outputs with as many classes."""
    fits = len(opened.labels) == opened.outputs[output or 0].classes
    return clean(opened.labels[index]) if fits else say("class.number", index=index)


Result = TypeVar("Result", Heatmap, Prediction)


def labelled(result: Result, opened: Model, output: int | None) -> Result:
    """The same result with this session's name for its class."""
    return replace(result, label=class_label(opened, result.class_index, output))
