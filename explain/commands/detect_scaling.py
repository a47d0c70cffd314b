"""`detect-scaling`: every scaling on photos, side by side, and a recommendation."""

from __future__ import annotations

import math
import textwrap
from argparse import ArgumentParser, Namespace

from explain.commands.console import number_of, say, table
from explain.commands.documents import WIDTH, json_of, paragraph, plain, shortened
from explain.commands.opening import (
    add_model,
    add_output,
    describe,
    open_model,
    output_of,
)
from explain.errors import OptionError


def arguments(parser: ArgumentParser) -> None:
    add_model(parser)
    parser.add_argument(
        "pictures",
        metavar="IMAGE_OR_FOLDER",
        nargs="+",
        help="photos such as the network was trained on; five or more",
    )
    parser.add_argument(
        "--classes", metavar="LIST", help="their true classes in the same order, by number or label: 3,5,cat"
    )
    add_output(parser)
    parser.add_argument("--recursive", action="store_true", help="folders inside folders as well")
    parser.add_argument("--json", action="store_true", help="as one JSON document")


def run(args: Namespace, job) -> int:
    from explain.commands import pictures

    sources = pictures.find(args.pictures, args.recursive)
    wanted = dict(zip(sources, _classes(args.classes, len(sources))))
    skipped = []

    def skip(source, error) -> None:
        skipped.append({"path": source.path, "reason": str(error)})
        job.bar.warn(f"Skipped {source.path}: {error}")

    read = [one for batch in pictures.batches(sources, skip) for one in batch]
    if not read:
        return 2
    model = open_model(args, job)

    from explain.detective import detect_scaling

    def progress(done: int, total: int, _) -> bool:
        job.bar.update("scalings", done, total)
        return not job.stopping

    classes = [wanted[one.source] for one in read] if args.classes else None
    found = detect_scaling(model, [one.image for one in read], classes, output_of(args, model), progress)
    job.bar.clear()
    if args.json:
        listed = [pictures.describe(one) for one in read]
        say(
            json_of(
                {"model": describe(model), "pictures": listed, "skipped": skipped, "detection": plain(found)}
            )
        )
    else:
        say(f"{_table(found)}\n\n{_photos(found, model, read)}\n\n{_verdict(found, len(read))}")
    return 0


def _classes(text: str | None, photos: int) -> list[str | None]:
    if text is None:
        return [None] * photos
    given = [one.strip() for one in text.split(",")]
    if len(given) != photos or not all(given):
        raise OptionError(
            f"Expected --classes with the true class of each of {photos} pictures, received '{text}'."
        )
    return given


def _table(found) -> str:
    rows = [
        (_mark(found, one.scaling), one.scaling, _percent(one.confidence), _number(one.entropy),
         _percent(one.agreement), _number(one.told_apart), _number(one.misfit), _percent(one.accuracy))
        for one in found.trials
    ]  # fmt: skip
    header = ("", "scaling", "sure", "entropy", "steady", "apart", "misfit", "right")
    key = textwrap.fill(
        "sure, entropy: of the answers on average; steady: answers kept when mirrored or darkened; apart: "
        "how much the answer depends on the photo; misfit: with the first batch normalisation; right: of the "
        "classes given; "
        "* recommended, o possible",
        WIDTH,
    )
    return f"{table(header, rows, right=range(2, 8))}\n\n{key}"


def _photos(found, model, read) -> str:
    """What the scalings that are left, and the present one, say of each photo."""
    shown = [
        t
        for t in found.trials
        if t.scaling in (found.recommended, found.present) or t.scaling in found.possible
    ][:3]
    rows = [
        (shortened(one.image.name, 22), *(_answer(model, trial, i) for trial in shown))
        for i, one in enumerate(read)
    ]
    return table(("photo", *(trial.scaling for trial in shown)), rows)


def _answer(model, trial, i: int) -> str:
    return f"{shortened(model.label(trial.classes[i]), 12)} {_percent(trial.confidences[i])}"


def _verdict(found, photos: int) -> str:
    what = (
        f"'{found.recommended}', on {found.certainty} evidence"
        if found.recommended
        else "none, for want of evidence"
    )
    lines = [
        paragraph("recommended", f"{what} from {number_of(photos, 'photo')}"),
        paragraph("", found.sentence),
    ]
    return "\n".join(lines + [paragraph(notice.code, notice.sentence, indent=14) for notice in found.notices])


def _mark(found, scaling: str) -> str:
    return "*" if scaling == found.recommended else "o" if scaling in found.possible else ""


def _percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{100 * share:.0f} %"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"
