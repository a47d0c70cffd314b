"""`python -m benchmarks`: one Markdown table of what things cost here. See the package's docstring.

Exit codes: 0 when every row was measured and every limit met, 1 when not, 2 for bad arguments.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
from importlib import import_module
from pathlib import Path

ROOMS = ("heatmaps", "memory", "patterns", "walls", "folders", "ray", "processes", "opening", "sessions")


def main(arguments: list[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    rows = {name: row for room in ROOMS for name, row in _rows(room)}
    peers = dict(_rows("peers")) if asked.peers else {}
    chosen = {name: row for name, row in (rows | peers).items() if any(o in name for o in asked.only or [""])}
    if not chosen:
        known = ", ".join(rows | peers)
        print(f"No row is called {' or '.join(asked.only)}. Rows: {known}.", file=sys.stderr)
        return 2
    return _measure(chosen, peers, asked)


def _measure(chosen, peers, asked) -> int:
    from benchmarks import table
    from benchmarks.timing import NotHere

    facts = table.facts(asked.peers)
    print(*(f"- {name}: {fact}" for name, fact in facts.items()), "", table.HEADER, sep="\n", flush=True)
    found, not_measured, not_here = [], {}, set()
    for name in sorted(chosen, key=_network):              # stable: one network is opened after the other
        try:
            row = chosen[name](quick=asked.quick)
        except Exception as error:  # one row must not cost the others theirs
            not_measured[name] = f"{type(error).__name__}: {error}"
            print(table.failure(name, error), flush=True)
            if isinstance(error, NotHere):
                not_here.add(name)
            elif name not in peers:
                traceback.print_exc()
            continue
        found.append(row)
        print(table.line(row), flush=True)
    facts["load at the end"] = table.load()
    print(f"\n- load at the end: {facts['load at the end']}")
    if asked.json:
        report = {"facts": facts, "rows": [table.as_json(row) for row in found], "not measured": not_measured}
        Path(asked.json).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    failed = not_measured.keys() - peers.keys() - not_here
    return int(bool(failed) or any(row.met is False for row in found))


def _rows(room: str):
    return import_module(f"benchmarks.{room}").ROWS.items()


def _network(name: str) -> str:
    """Rows without a network come last."""
    named = name.partition("/")[2].partition("-")[0]
    return named if named in ("efficientnet", "mobilenetv2", "resnet50", "vgg16") else "~"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m benchmarks", description="What things cost here, as ratios with limits."
    )
    parser.add_argument(
        "--only", action="append", metavar="NAME", help="rows whose name has this in it; several times"
    )
    parser.add_argument("--quick", action="store_true", help="few rounds: does it run, not what it costs")
    parser.add_argument("--peers", action="store_true", help="also tf-keras-vis and tf-explain, if installed")
    parser.add_argument("--json", metavar="FILE", help="write all figures there")
    return parser


if __name__ == "__main__":
    sys.exit(main())
