"""Names of the operator's own classes and functions, read from their Python files without running them.

A file is named on the command line (`--custom-objects FILE`) or in EXPLAIN_CUSTOM_OBJECTS, never by an
upload. Here its text is parsed; only the process that opens a model imports it (`explain.opening.customs`).
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from explain.errors import OptionError


@dataclass(frozen=True)
class Customs:
    """files: as the operator named them; classes, functions: names under which a model file may use what is
    defined in them, "ResidualUnit" and, where it is registered, "package>ResidualUnit"."""

    files: tuple[str, ...] = ()
    classes: frozenset[str] = frozenset()
    functions: frozenset[str] = frozenset()


def operator_files(given: Sequence[str] | str | None = None) -> tuple[str, ...]:
    """The operator's Python files: those given, or those of EXPLAIN_CUSTOM_OBJECTS."""
    if given is None:
        given = [part for part in os.environ.get("EXPLAIN_CUSTOM_OBJECTS", "").split(os.pathsep) if part]
    return (given,) if isinstance(given, str) else tuple(given)


def opened_with(files: Sequence[str], trusted: bool = False) -> dict[str, Any]:
    """`Model.opened`: what opens a model's file again. Files by their base names: where they lie is told nobody."""
    named = {"custom_objects": [Path(file).name for file in files]} if files else {}
    return {**named, **({"trusted": True} if trusted else {})}


def read_customs(files: Sequence[str]) -> Customs:
    """The names that the files define at their top level. OptionError where one cannot be read."""
    from explain.inspecting.allowed import UNSAFE

    classes: set[str] = set()
    functions: set[str] = set()
    for file in files:
        for node in _parsed(file).body:
            if isinstance(node, ast.ClassDef):
                classes.update(_names(node))
            elif isinstance(node, ast.FunctionDef):
                functions.update(_names(node))
    return Customs(tuple(files), frozenset(classes - UNSAFE.keys()), frozenset(functions - UNSAFE.keys()))


def _parsed(file: str) -> ast.Module:
    try:
        return ast.parse(Path(file).read_bytes(), filename=str(file))
    except OSError as error:
        raise OptionError(
            f"The file '{file}' with custom objects cannot be read: {error.strerror or error}. Expected is a "
            "Python file that defines the classes."
        ) from error
    except (SyntaxError, ValueError) as error:
        raise OptionError(
            f"The file '{file}' with custom objects is no Python that can be read: {error}. Expected is a "
            "Python file that defines the classes."
        ) from error


def _names(node: ast.ClassDef | ast.FunctionDef) -> Iterator[str]:
    """ "Unit", and "package>Unit" for each registration."""
    yield node.name
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and _called(decorator.func) == "register_keras_serializable":
            given = [argument.value for argument in decorator.args if isinstance(argument, ast.Constant)]
            named = {k.arg: k.value.value for k in decorator.keywords if isinstance(k.value, ast.Constant)}
            package = given[0] if given else named.get("package", "Custom")
            name = given[1] if len(given) > 1 else named.get("name")
            yield f"{package}>{name or node.name}"


def _called(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
