"""From words to arguments. What cannot be understood is an OptionError with one sentence."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

from explain.commands import COMMANDS
from explain.errors import OptionError, near

HELP = ("-h", "--help")


class Parser(argparse.ArgumentParser):
    """argparse, except that a refusal is raised and not printed."""

    def error(self, message: str):
        raise OptionError(f"{message[0].upper()}{message[1:]}. `{self.prog} --help` tells more.")

    def options(self) -> list[str]:
        """Every option as it is written."""
        return [option for action in self._actions for option in action.option_strings]

    def refuse(self, word: str):
        close = near(word.partition("=")[0], self.options())
        raise OptionError(f"`{self.prog}` does not know '{word}'.{close} `{self.prog} --help` tells more.")


def parse(argv: list[str]) -> tuple[ModuleType, argparse.Namespace | None]:
    """(module of the command, its arguments); None for arguments where help was asked for and given."""
    if not argv:
        raise OptionError(
            f"Expected a command: {', '.join(COMMANDS)}. `python -m explain --help` tells more."
        )
    name, *rest = argv
    if name not in COMMANDS:
        raise OptionError(
            f"There is no command '{name}'.{near(name, COMMANDS)} Commands: {', '.join(COMMANDS)}."
        )
    module = importlib.import_module(f"explain.commands.{name.replace('-', '_')}")
    parser = Parser(
        prog=f"python -m explain {name}",
        description=COMMANDS[name],
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        add_help=False,
    )
    module.arguments(parser)
    parser.add_argument("--quiet", action="store_true", help="no progress, no closing count")
    parser.add_argument(*HELP, action="store_true", help="show this and end")
    if any(word in HELP for word in rest):
        from explain.commands.console import say

        parser.epilog = getattr(module, "epilog", lambda: None)()
        say(parser.format_help().rstrip())
        return module, None
    for word in rest:                                            # before argparse misses what was misspelt
        if word.startswith("--") and word.partition("=")[0] not in parser.options():
            parser.refuse(word)
    arguments, strange = parser.parse_known_intermixed_args(rest)
    if strange:
        parser.refuse(strange[0])
    arguments.command, arguments.argv = name, argv
    return module, arguments


def plain_arguments(arguments: argparse.Namespace) -> dict[str, Any]:
    """Every argument with its value, those not given with their default: for the manifest."""
    left_out = ("command", "argv", "help", "quiet", "out")
    return {name: value for name, value in sorted(vars(arguments).items()) if name not in left_out}


# Kinds of value ------------------------------------------------------------------------------------


def whole(low: int, high: int | None = None) -> Callable[[str], int]:
    """A whole number from low to high."""

    def kind(text: str) -> int:
        span = f"from {low} to {high}" if high is not None else f"of at least {low}"
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if value < low or (high is not None and value > high):
            raise argparse.ArgumentTypeError(f"expected a whole number {span}, received '{text}'")
        return value

    return kind


def share(text: str) -> float:
    """A number from 0 to 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 1, received '{text}'")
    return value


def positive_share(text: str) -> float:
    """A number above 0, up to 1."""
    value = share(text)
    if value == 0:
        raise argparse.ArgumentTypeError(f"expected a number above 0, received '{text}'")
    return value


# What several commands ask for ---------------------------------------------------------------------


def add_out(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", required=True, metavar="DIR",
        help="folder to write into; made when missing, files of the same name are replaced",
    )  # fmt: skip


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE",
        help="a knob of the method, see below; may be repeated",
    )  # fmt: skip


def add_method(parser: argparse.ArgumentParser) -> None:
    """One method of the heatmaps with its options, and the layer it looks at."""
    parser.add_argument("--method", default="gradcam", metavar="NAME", help="see below (default gradcam)")
    add_options(parser)
    parser.add_argument(
        "--layer", metavar="L", help="a layer with a map (default: the model's, see `layers`)"
    )


def shelf_help(folder: str) -> str:
    """The methods of a shelf and their knobs, for the end of the help."""
    from explain.methods import shelf

    lines = ["methods and their options:"]
    for method in shelf(folder).values():
        lines.append(f"  {method.name:<14}  {method.title}")
        for knob in method.knobs:
            span = f" [{knob.low:.10g}..{knob.high:.10g}]" if knob.low is not None else ""
            span = f" [{' | '.join(knob.choices)}]" if knob.choices else span
            lines.append(f"      {knob.name}={knob.default}{span}  {knob.help}")
    return "\n".join(lines)


def knobs_of(folder: str, method: str, given: list[str], **elsewhere: Any) -> dict[str, Any]:
    """["rate=0.2"] → {"rate": 0.2, …}: every knob of the method, with its default where it is not given.

    elsewhere: knobs that the command has as options of their own. MethodError, OptionError.
    """
    from explain import methods

    shelved = methods.method(folder, method)
    known = {knob.name: knob for knob in shelved.knobs}
    options = dict(elsewhere)
    for text in given:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals:
            raise OptionError(f"Expected --option NAME=VALUE, received '{text}'.")
        if name in elsewhere:
            raise OptionError(f"'{name}' has an option of its own: give --{name} {value}.")
        options[name] = _as_kind(type(known[name].default), value.strip()) if name in known else value
    return shelved.options(options)


_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def _as_kind(kind: type, text: str) -> Any:
    """The text as a value of that kind, or as it is where it is none: then the knob refuses it."""
    if kind is bool:
        return _TRUTH.get(text.lower(), text)
    try:
        return kind(text)
    except ValueError:
        return text
