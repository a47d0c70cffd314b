"""The shelf. A method is one file whose function carries the file's name; its folder says which
page shows it, its docstring is title and help, its keyword-only arguments are the knobs.

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
    """One keyword-only argument: its default, its help, and its range where it has one."""

    name: str
    default: Any
    help: str = ""
    low: float | None = None
    high: float | None = None

    def check(self, value: Any) -> Any:
        """The value as the default's type. OptionError when it is of another kind or out of range."""
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
    """name: the file's; title: first line of the docstring; help: what follows up to the knobs."""

    name: str
    folder: str
    title: str
    help: str
    source: str
    knobs: tuple[Knob, ...]

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
    about = {m[1]: m for p in paragraphs for line in p.splitlines() if (m := _KNOB.match(line.strip()))}
    knobs = []
    for argument, default in zip(function.args.kwonlyargs, function.args.kw_defaults):
        said = about.get(argument.arg)
        low, high = (float(said[3]), float(said[4])) if said and said[3] else (None, None)
        knobs.append(Knob(argument.arg, ast.literal_eval(default), said[2] if said else "", low, high))
    source = next((p.removeprefix("Source: ") for p in paragraphs if p.startswith("Source: ")), "")
    prose = [p for p in paragraphs if not p.startswith("Source: ") and not _KNOB.match(p.splitlines()[0])]
    join = " ".join
    return Method(
        path.stem, folder, title.strip(), "\n\n".join(join(p.split()) for p in prose), join(source.split()), tuple(knobs)
    )


_IN_WORDS = {int: "a whole number", float: "a number", str: "a text", bool: "yes or no"}
_KNOB = re.compile(r"^(\w+): (.*?)(?: \[([-\d.]+)\.\.([-\d.]+)\])?$")
