"""`predict`: what is in pictures."""

from __future__ import annotations

import math
from argparse import ArgumentParser, Namespace

from explain.commands.console import number_of, say, table
from explain.commands.opening import (
    add_model,
    add_output,
    describe,
    open_model,
    output_of,
)
from explain.commands.parsing import whole


def arguments(parser: ArgumentParser) -> None:
    add_model(parser)
    parser.add_argument("pictures", metavar="IMAGE", nargs="+", help="picture files, or folders of pictures")
    parser.add_argument("--top", type=whole(1), default=5, metavar="N", help="how many classes (default 5)")
    add_output(parser)
    parser.add_argument("--recursive", action="store_true", help="folders inside folders as well")
    parser.add_argument("--json", action="store_true", help="as one JSON document")


def run(args: Namespace, job) -> int:
    from explain.commands import pictures

    sources = pictures.find(args.pictures, args.recursive)
    model = open_model(args, job)

    import explain

    output = output_of(args, model)
    model.network.output_index(output)                     # refuses an unknown one before pictures are read
    answers, skipped = [], []

    def skip(source, error) -> None:
        skipped.append({"path": source.path, "reason": str(error)})
        job.bar.warn(f"Skipped {source.path}: {error}")

    for batch in pictures.batches(sources, skip, at_once=1):
        if job.stopping:
            break
        (one,) = batch
        found = explain.predict(model, one.image, args.top, output)
        answers.append((one, found))
        job.kept = f"{len(answers)} of {number_of(len(sources), 'picture')} answered"
        job.bar.clear()
        if not args.json and not say(_block(one.source.path, found)):
            return 0                                       # nobody reads on
        job.bar.update("pictures", len(answers) + len(skipped), len(sources))
    job.bar.clear()
    if args.json:
        import json

        listed = [{**pictures.describe(one), "predictions": _rows(found)} for one, found in answers]
        say(json.dumps({"model": describe(model), "pictures": listed, "skipped": skipped}, indent=2))
    elif skipped and not args.quiet:
        say(f"{number_of(len(answers), 'picture')}, {len(skipped)} skipped")
    return 0 if answers else 2


def _block(name: str, found) -> str:
    rows = [
        ("", p.class_index, p.label, "-" if math.isnan(p.probability) else f"{100 * p.probability:.2f} %",
         f"{p.score:.3f}")
        for p in found
    ]  # fmt: skip
    return f"{name}\n{table(('', 'class', 'label', 'probability', 'score'), rows, right=(1, 3, 4))}"


def _rows(found) -> list[dict]:
    return [
        {"class_index": p.class_index, "label": p.label, "score": p.score,
         "probability": None if math.isnan(p.probability) else p.probability}
        for p in found
    ]  # fmt: skip
