"""The fields of a stranger's JSON, each asked for with its type and range; and recipes, which stay data."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from explain.errors import BrokenReport, ReportTooLarge
from explain.inspecting.limits import quoted
from explain.report.nouns import Chart
from explain.report.texts import HIDDEN, JOINERS

AGAIN = "The file was changed or is damaged: fetch or save it again."
WORDS = 20_000  # letters of a text in a recipe
PLACES, LINES = 10_000, 20  # of a chart
NUMBERS = 100_000  # entries of a list in a recipe
_ENDS = re.compile("\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")  # all that ends a line


class Fields:
    """One object of the JSON. where: of it, for sentences.

    Every question raises BrokenReport for another type or another range; a field that is not there is "",
    None or empty where that may be.
    """

    def __init__(self, raw: Any, where: str):
        self.where = where
        if not isinstance(raw, dict):
            raise BrokenReport(f"{where}: expected an object, received {_seen(raw)}. {AGAIN}")
        self._raw = raw

    def text(self, key: str, longest: int) -> str:
        """Empty where there is none. ReportTooLarge for more letters."""
        found = self._raw.get(key)
        if found is not None and not isinstance(found, str):
            raise self.wrong(key, "a text", found)
        return self._short(key, found or "", longest)

    def texts(self, key: str, most: int, longest: int) -> list[str]:
        found = self.rows(key, most)
        if not all(isinstance(one, str) for one in found):
            raise self.wrong(key, "texts", found)
        return [self._short(key, one, longest) for one in found]

    def number(self, key: str, low: float, high: float) -> float:
        found = self._raw.get(key)
        if not _is_number(found) or not low <= found <= high:
            raise self.wrong(key, f"a number from {low:g} to {high:g}", found)
        return found

    def whole(self, key: str, low: int, high: int, none: bool = False) -> int | None:
        """none: whether it may be missing."""
        found = self._raw.get(key)
        if found is None and none:
            return None
        if type(found) is not int or not low <= found <= high:
            raise self.wrong(key, f"a whole number from {low} to {high}", found)
        return found

    def flag(self, key: str) -> bool:
        found = self._raw.get(key)
        if not isinstance(found, bool):
            raise self.wrong(key, "true or false", found)
        return found

    def choice(self, key: str, known: Collection[str]) -> str:
        found = self._raw.get(key)
        if not isinstance(found, str) or found not in known:
            raise self.wrong(key, f"one of {', '.join(filter(None, known))}", found)
        return found

    def span(self, key: str) -> tuple[float, float] | None:
        """Two finite numbers, the first below the second; None where there are none."""
        found = self._raw.get(key)
        if found is None:
            return None
        sound = isinstance(found, list) and len(found) == 2 and all(map(_is_number, found))
        if not sound or not found[0] < found[1]:
            raise self.wrong(key, "two finite numbers, the first below the second", found)
        return found[0], found[1]

    def rows(self, key: str, most: int, least: int = 0) -> list[Any]:
        """ReportTooLarge for more than `most`."""
        found = self._raw.get(key, [])
        if not isinstance(found, list) or len(found) < least:
            raise self.wrong(key, f"a list of at least {least}" if least else "a list", found)
        if len(found) > most:
            raise ReportTooLarge(
                f"{self.where}: {key!r} has {len(found):,} entries; at most {most:,} are opened."
            )
        return found

    def part(self, key: str) -> Fields | None:
        """The object in that field, None where there is none."""
        return None if self.missing(key) else Fields(self._raw[key], f"{self.where}, {key}")

    def missing(self, key: str) -> bool:
        return self._raw.get(key) is None

    def wrong(self, key: str, expected: str, received: Any) -> BrokenReport:
        return BrokenReport(
            f"{self.where}, {key!r}: expected {expected}, received {_seen(received)}. {AGAIN}"
        )

    def _short(self, key: str, text: str, longest: int) -> str:
        if len(text) > longest:
            raise ReportTooLarge(
                f"{self.where}: {key!r} has {len(text):,} letters; at most {longest:,} are opened."
            )
        return tidy(text)


def tidy(text: str) -> str:
    """The text with its lines, and a � for all else that cannot be seen or turns the reading direction."""
    lines = _ENDS.sub("\n", text)
    if lines.isascii() and lines.replace("\n", "").isprintable():
        return lines
    return "".join(
        c if c in f"\n\t{JOINERS}" or unicodedata.category(c) not in HIDDEN else "�" for c in lines
    )


def chart_of(panel: Fields, numbers: Callable[[Fields, str, int], np.ndarray | None]) -> Chart | None:
    """The chart of a panel, where it has one. numbers(fields, key, axes): the array that a field names."""
    told = panel.part("chart")
    if told is None:
        return None
    places, labels = told.texts("places", PLACES, WORDS), told.texts("labels", LINES, WORDS)
    values, axes = numbers(told, "values", 2), told.texts("axes", 2, WORDS)
    if values is None or values.shape != (max(1, len(labels)), len(places)):
        raise told.wrong("values", f"a number for each line at each of the {len(places)} places", values)
    limits = told.span("limits")
    if limits is None or not 1e-9 * max(map(abs, limits)) < limits[1] - limits[0] < 1e100:
        raise told.wrong("limits", "two numbers between which lines can be drawn", limits)
    if len(axes) != 2:
        raise told.wrong("axes", "what both axes measure", axes)
    level = None if told.missing("level") else told.number("level", *limits)
    marked = told.whole("marked", 0, len(places) - 1, none=True)
    return Chart(tuple(places), values, limits, tuple(labels), (axes[0], axes[1]), level, marked)


# Recipes -------------------------------------------------------------------------------------------------


def _is_number(value: Any) -> bool:
    """A finite number that a float can hold."""
    usable = isinstance(value, (int, float)) and not isinstance(value, bool)
    return usable and abs(value) <= sys.float_info.max


def _text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= WORDS


def _number(value: Any) -> bool:
    """Also one that is not finite, as scores may be."""
    return isinstance(value, float) or _whole(value)


def _whole(value: Any) -> bool:
    return type(value) is int and abs(value) < 2**63


def _or_none(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or check(value)


def _list(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and len(value) <= NUMBERS and all(map(check, value))


def _whole_numbers(count: int) -> Callable[[Any], bool]:
    """So many of them, all above 0: a size."""
    return lambda value: _list(_whole)(value) and len(value) == count and min(value) > 0


def _table(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: (
        isinstance(value, dict) and all(map(_text, value)) and all(map(check, value.values()))
    )


def _fields(**checks: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """An object whose known fields are as they should be, and whose others are short and flat."""

    def sound(value: Any) -> bool:
        if not isinstance(value, dict):
            return False
        return all(_text(key) and checks.get(key, _flat)(one) for key, one in value.items())

    return sound


def _scalar(value: Any) -> bool:
    return value is None or isinstance(value, bool) or _text(value) or _number(value)


def _flat(value: Any) -> bool:
    """A field that this version does not know."""
    return _scalar(value) or _list(_scalar)(value) or _table(_scalar)(value)


_NOTICE = _fields(code=_text, sentence=_text)
_MODEL = _fields(
    name=_text, key=_text, scaling=_text, scaling_note=_text, about=_text, device=_or_none(_text),
    input_shape=_whole_numbers(3), notices=_list(_NOTICE),
    opened=_fields(custom_objects=_list(_text), trusted=lambda value: isinstance(value, bool)),
)  # fmt: skip
_TOLD = _fields(sha256=_text, shape=_list(_whole), dtype=_text, low=_number, high=_number)
_RECIPE = _fields(
    job=_text, model=lambda value: _MODEL(value) and "key" in value, layer=_text, label=_or_none(_text),
    image=_fields(key=_text, name=_text, size=_whole_numbers(2)), class_index=_or_none(_whole),
    output=_or_none(_text), method=_text, options=_table(_scalar), facts=_table(_scalar), note=_text,
    notices=_list(_text), score=_or_none(_number), probability=_or_none(_number), values=_TOLD, scores=_TOLD,
    together=_list(_scalar), channel=_whole, channels=_or_none(_list(_whole)), layers=_list(_text),
    shape=_list(_whole), steps=_whole, seed=_whole, size=_whole,
)  # fmt: skip


def checked_model(raw: Any) -> dict[str, Any]:
    """What a recipe says about its model, except what code opened it. BrokenReport for another type of a field."""
    if not _MODEL(raw) or "key" not in raw:
        raise BrokenReport(f"A model in it is not described as expected. {AGAIN}")
    return {key: value for key, value in raw.items() if key != "opened"}  # no stranger says what is run here


def checked_recipe(raw: Any) -> dict[str, Any]:
    """A recipe, as it is: whoever shows it makes its texts harmless, as those of any stranger's file.

    BrokenReport where a field that is known has another type, or one that is not is deep or long.
    """
    if not _RECIPE(raw):
        wrong = [key for key in raw if not _RECIPE({key: raw[key]})] if isinstance(raw, Mapping) else []
        where = f" in {quoted(wrong[0])}" if wrong else ""
        raise BrokenReport(f"A recipe in it has another form than expected{where}. {AGAIN}")
    return raw


def _seen(value: Any) -> str:
    """What was received, in few words."""
    if value is None:
        return "nothing"
    if isinstance(value, (bool, int, float, str, bytes)):
        text = quoted(value, 60) if isinstance(value, str) else repr(value)
        return text if len(text) <= 70 else f"{text[:69]}…"
    shape = getattr(value, "shape", None)
    if shape is not None:
        return f"{value.dtype.name} {shape}"
    return f"{len(value):,} entries" if isinstance(value, list) else f"a {type(value).__name__}"
