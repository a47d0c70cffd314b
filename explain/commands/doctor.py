"""`doctor`: the whole check-up of a network."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from explain.commands.console import number_of, say, table
from explain.commands.documents import json_of, paragraph, plain, shortened
from explain.commands.opening import add_model, describe, open_model


def arguments(parser: ArgumentParser) -> None:
    add_model(parser)
    parser.add_argument(
        "pictures",
        metavar="IMAGE",
        nargs="*",
        help="what its answers are tried on (default: the sample photos)",
    )
    parser.add_argument("--json", action="store_true", help="as one JSON document")


def run(args: Namespace, job) -> int:
    from explain.commands import pictures

    sources = pictures.find(args.pictures, recursive=False) if args.pictures else []
    images = [pictures.read_one(source).image for source in sources]
    args.quiet, quiet = True, args.quiet  # the check-up repeats what was noticed while opening
    model = open_model(args, job)
    args.quiet = quiet

    from explain.doctor import examine

    def progress(done: int, total: int, _) -> bool:
        job.bar.update("check-up", done, total)
        return not job.stopping

    found = examine(model, images or None, progress)
    job.bar.clear()
    if args.json:
        say(json_of({"model": describe(model), "check_up": plain(found)}))
    else:
        say("\n\n".join(part for part in (_about(found), _findings(found), _layers(found)) if part))
    return 0


def _about(found) -> str:
    height, width, channels = found.input_shape
    lines = [
        paragraph("network", found.name),
        paragraph("input", f"{height} x {width} x {channels}"),
        paragraph("scaling", f"{found.scaling} ({found.scaling_note})"),
        paragraph("parameters", f"{found.parameters:,}" + _broken(found)),
    ]
    for output, layer in zip(found.outputs, found.default_layers):
        shown = f"heatmaps at '{layer}'" if layer else "no layer with a map leads to it"
        classes = f"{output.classes:,} class{'es' if output.classes != 1 else ''}"
        said = f"'{output.name}': {output.head}, {classes}; {shown}. {output.note}"
        lines.append(paragraph("output", said))
    marked = ", marked o and * below" if found.explainable else ""
    lines.append(paragraph("explainable", f"{number_of(len(found.explainable), 'layer')}{marked}"))
    lines.append(paragraph("tried on", ", ".join(found.tried)))
    return "\n".join(lines)


def _broken(found) -> str:
    bad = sum(many for many, _ in found.not_finite.values())
    return f", {bad:,} of them NaN or infinite" if bad else ", all finite"


def _findings(found) -> str:
    if not found.notices:
        return "Nothing is wrong."
    return "\n".join(paragraph(notice.code, notice.sentence, indent=4) for notice in found.notices)


def _layers(found) -> str:
    explainable = set(found.explainable)
    rows = [
        ("*" if one.layer in found.default_layers else "o" if one.layer in explainable else "",
         shortened(one.layer, 27), shortened(one.kind, 18), one.filters or "-", _count(one.dead),
         _count([number for group in one.duplicates for number in group[1:]]), _count(one.silent))
        for one in found.layers
    ]  # fmt: skip
    header = ("", "layer", "kind", "filters", "dead", "twice", "silent")
    return table(header, rows, right=range(3, 7)) if rows else ""


def _count(numbers) -> str:
    return f"{len(numbers):,}" if numbers else "-"
