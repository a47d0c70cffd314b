"""The command line: one module per command, each with `arguments(parser)` and `run(args, job) → exit code`.

    parsing      argv → arguments, every refusal a sentence
    opening      the options that say which model, and opening it
    pictures     files and folders → pictures, a few at a time, each with a name of its own for files
    folder       what is written: whole files only, and the manifest
    console      answers on stdout, progress on stderr
    job          signals: stop, and keep what is finished

Importing this, and asking for help, costs the standard library only: commands import what computes when
they run. Exit codes: 0 done, 1 a fault of ours, 2 bad arguments or input, 3 reproduced with other numbers, 130 stopped by
a signal.
"""

from __future__ import annotations

from collections.abc import Sequence

DONE, FAULT, REFUSED, DIFFERENT, STOPPED = 0, 1, 2, 3, 130

COMMANDS = {
    "models": "List the networks that can be opened by name.",
    "layers": "List every layer of a network, at every depth.",
    "predict": "Name what is in pictures.",
    "activations": "Write what layers answer to a picture.",
    "patterns": "Write what the channels of a layer would like to see.",
    "heatmaps": "Write where the network looked, for pictures or whole folders.",
    "report": "Write heatmaps of pictures as one document: a page, a PDF or an archive.",
    "reproduce": "Compute again what an export or a manifest tells of, and say whether the numbers are the same.",
    "export-explainer": "Write a network with heatmaps as a SavedModel, to be served without this project.",
    "doctor": "Tell what a network is made of, and what is wrong with it.",
    "detect-scaling": "Compare every scaling on photos, and recommend one.",
}

_USAGE = """\
usage: python -m explain COMMAND …

See what a convolutional network sees.

commands:
{commands}

`python -m explain COMMAND --help` tells more about one of them.
Exit codes: 0 done, 2 bad arguments or input, 3 reproduced with other numbers, 130 stopped, with what is finished kept."""


def main(argv: Sequence[str]) -> int:
    """Run one command; `argv` without the program's name. Returns the exit code."""
    argv = list(argv)
    if argv and argv[0] in ("-h", "--help"):
        from explain.commands.console import say

        say(_USAGE.format(commands="\n".join(f"  {name:<16}  {what}" for name, what in COMMANDS.items())))
        return DONE

    from explain.commands.parsing import parse
    from explain.errors import ExplainError

    try:
        module, arguments = parse(argv)
    except ExplainError as error:
        from explain.commands.console import warn

        warn(f"{error} ({error.code})")
        return REFUSED
    if arguments is None:                                        # --help was asked for and given
        return DONE

    from explain.commands.job import carry_out

    return carry_out(module.run, arguments)
