"""`models`: the table of the zoo, without TensorFlow."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from explain.commands.console import say, table

HEADER = ("name", "title", "input", "scaling", "MB", "weights", "about")


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="as one JSON document")


def run(args: Namespace, job) -> int:
    from explain.opening.zoo import ZOO

    rows = [
        (e.name, e.title, "x".join(map(str, e.input_size)), e.scaling, e.megabytes,
         "embedded" if e.embedded else "fetched", e.about)
        for e in ZOO.values()
    ]  # fmt: skip
    if args.json:
        import json

        names = ("name", "title", "input_size", "scaling", "megabytes", "weights", "about")
        entries = [dict(zip(names, row)) for row in rows]
        for entry, known in zip(entries, ZOO.values()):
            entry["input_size"] = list(known.input_size)
        say(json.dumps({"models": entries}, indent=2))
    else:
        say(table(HEADER, rows, right=(4,)))
    return 0
