"""The shelf. A method is one file whose function carries the file's name; its folder says which
page shows it, its docstring is title and help, its keyword-only arguments are the knobs.

    Title                                                   the first line
    Any paragraphs                                          help, for people who never read the paper
    Looks at: the pixels                                    or: a layer (meant where nothing is said);
                                                            "…, whatever the class" where no class is asked
    samples: how many copies [1..1024]                      a knob with its range
    fill: what takes the place [black | grey]               a knob with its choices
    Source: the paper, its equations

Everything here is read from the source with `ast`: listing the shelf costs no TensorFlow.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from explain.errors import MethodError, OptionError, near

FOLDERS = ("heatmaps", "patterns", "trust")


@dataclass(frozen=True)
class Knob:
    """One keyword-only argument: its default, its help, its range where it has one, and its choices where
    only some texts will do."""

    name: str
    default: Any
    help: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()

    def check(self, value: Any) -> Any:
        """The value as the default's type. OptionError: of another kind, out of range, or no choice."""
        if self.choices and value not in self.choices:
            raise OptionError(
                f"Expected one of {', '.join(self.choices)} for '{self.name}', received {value!r}."
                + near(str(value), self.choices)
            )
        kind = type(self.default)
        span = "" if self.low is None else f" from {self.low:,.10g} to {self.high:,.10g}"
        expected = f"Expected {_IN_WORDS.get(kind, f'a {kind.__name__}')}{span} for '{self.name}', received {value!r}."
        try:
            known = kind(value)
        except (TypeError, ValueError, OverflowError):
            raise OptionError(expected) from None
        inside = self.low is None or self.low <= known <= self.high
        if known != value or not inside:
            raise OptionError(expected)
        return known


@dataclass(frozen=True)
class Method:
    """name: the file's; title: first line of the docstring; help: what follows up to the knobs.

    layered: whether it looks at a layer (False: at the pixels, and takes no layer);
    class_specific: whether another class gives another map.
    """

    name: str
    folder: str
    title: str
    help: str
    source: str
    knobs: tuple[Knob, ...]
    layered: bool = True
    class_specific: bool = True

    @property
    def function(self) -> Callable:
        """The function itself; imported on first use."""
        return getattr(importlib.import_module(f"explain.methods.{self.folder}.{self.name}"), self.name)

    def options(self, given: dict[str, Any]) -> dict[str, Any]:
        """Every knob with its value. OptionError for an unknown knob or a value out of range."""
        knobs = {k.name: k for k in self.knobs}
        for name in given:
            if name not in knobs:
                known = ", ".join(knobs) or "none"
                raise OptionError(
                    f"{self.title} has no option '{name}'. Its options: {known}.{near(name, knobs)}"
                )
        return {k.name: k.check(given.get(k.name, k.default)) for k in self.knobs}


@cache
def shelf(folder: str) -> dict[str, Method]:
    """{name: Method} of one folder, in alphabetical order."""
    if folder not in FOLDERS:
        raise MethodError(f"There is no shelf '{folder}'. Known are {', '.join(FOLDERS)}.")
    files = sorted((Path(__file__).parent / folder).glob("*.py"))
    return {f.stem: _read(f, folder) for f in files if not f.stem.startswith("_")}


def method(folder: str, name: str) -> Method:
    """The method of that name. MethodError with near misses for any other."""
    known = shelf(folder)
    if name not in known:
        raise MethodError(
            f"There is no method '{name}' among the {folder}. Known are {', '.join(known)}.{near(name, known)}"
        )
    return known[name]


def _read(path: Path, folder: str) -> Method:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    function = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == path.stem)
    title, _, rest = ast.get_docstring(function).partition("\n")
    paragraphs = [p.strip() for p in rest.strip().split("\n\n")]
    lines = [line.strip() for p in paragraphs for line in p.splitlines()]
    about = {m["name"]: m for line in lines if (m := _KNOB.match(line))}
    arguments = zip(function.args.kwonlyargs, function.args.kw_defaults)
    looks_at, source = (_said(paragraphs, word) for word in _WORDS)
    prose = [p for p in paragraphs if not p.startswith(_WORDS) and not _KNOB.match(p.splitlines()[0])]
    return Method(
        name=path.stem,
        folder=folder,
        title=title.strip(),
        help="\n\n".join(" ".join(p.split()) for p in prose),
        source=source,
        knobs=tuple(_knob(a.arg, ast.literal_eval(default), about.get(a.arg)) for a, default in arguments),
        layered=not looks_at.startswith("the pixels"),
        class_specific="whatever the class" not in looks_at,
    )


def _said(paragraphs: list[str], word: str) -> str:
    """The paragraph that begins with the word, without it and on one line; "" where there is none."""
    return " ".join(next((p.removeprefix(word) for p in paragraphs if p.startswith(word)), "").split())


def _knob(name: str, default: Any, said: re.Match | None) -> Knob:
    if said is None:
        return Knob(name, default)
    low, high = (float(said[end]) if said[end] else None for end in ("low", "high"))
    choices = tuple(said["choices"].split(" | ")) if said["choices"] else ()
    return Knob(name, default, said["help"], low, high, choices)


_IN_WORDS = {int: "a whole number", float: "a number", str: "a text", bool: "yes or no"}
_WORDS = ("Looks at: ", "Source: ")
_KNOB = re.compile(
    r"^(?P<name>\w+): (?P<help>.*?)"
    r"(?: \[(?:(?P<low>[-\d.]+)\.\.(?P<high>[-\d.]+)|(?P<choices>\w+(?: \| \w+)+))\])?$"
)
