"""`report`: heatmaps of pictures as one document, with everything that makes the numbers again."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace

from explain.commands.console import number_of, say
from explain.commands.opening import add_model, add_output, open_model, output_of
from explain.commands.parsing import add_options, knobs_of, share, shelf_help
from explain.errors import OptionError, near

ENDINGS = (".html", ".pdf", ".zip")
MOST = 24  # panels of one figure
UPLOAD = 500 * 2**20  # bytes of a ZIP that the page Report opens


def arguments(parser: ArgumentParser) -> None:
    add_model(parser)
    parser.add_argument("pictures", metavar="IMAGE", nargs="+", help="picture files, or folders of pictures")
    parser.add_argument(
        "--method", action="append", metavar="NAME", help="see below; may be repeated (default gradcam)"
    )
    add_options(parser)
    parser.add_argument(
        "--layer",
        action="append",
        metavar="L",
        help="a layer with a map; may be repeated (default: the model's)",
    )
    parser.add_argument(
        "--class", dest="classes", action="append", metavar="N",
        help="a class by number or label; may be repeated (default: each picture's top one)",
    )  # fmt: skip
    add_output(parser)
    parser.add_argument("--title", default="", metavar="TEXT", help="of the document")
    parser.add_argument("--about", default="", metavar="TEXT", help="an introduction")
    parser.add_argument("--made", default="", metavar="DATE", help="a date to write on it, like 2026-01-31")
    parser.add_argument("--opacity", type=share, default=0.5, metavar="X", help="0..1 (default 0.5)")
    parser.add_argument(
        "--out", required=True, metavar="FILE",
        help="the document: its ending .html, .pdf or .zip says which; a file of that name is replaced",
    )  # fmt: skip


def epilog() -> str:
    return shelf_help("heatmaps")


def run(args: Namespace, job) -> int:
    from explain.commands import pictures

    ending = _ending(args.out)
    methods = _methods(args)
    sources = pictures.find(args.pictures, False)
    _refuse_to_replace(args.out, [source.path for source in sources])
    model = open_model(args, job)
    wanted = _wanted(args, model, methods)

    skipped = []
    images = {}  # by key: the same picture twice is one

    def skip(source, error) -> None:
        skipped.append(source.path)
        job.bar.warn(f"Skipped {source.path}: {error}")

    for batch in pictures.batches(sources, skip):
        images |= {one.image.key: one.image for one in batch}
    if not images:
        raise OptionError(
            f"None of {number_of(len(sources), 'picture')} can be read: there is nothing to report."
        )
    found = _computed(args, job, model, list(images.values()), wanted)
    if job.stopping:
        return 0
    document = _document(args, model, found, ending)
    _write(args.out, document)
    job.kept = args.out
    job.bar.clear()
    if not args.quiet:
        left = f", {len(skipped)} skipped," if skipped else ""
        say(f"{number_of(sum(len(row) for _, row in found), 'heatmap')}{left} in {args.out}")
        if ending == ".zip" and len(document) > UPLOAD:
            say(_too_large_to_upload(args.out, len(document)))
    return 0


def _too_large_to_upload(out: str, size: int) -> str:
    return (
        f"It has {size >> 20:,} MB, and the page Report opens files of at most {UPLOAD >> 20} MB: in Python "
        f"explain.report.open_archive({out!r}) opens it."
    )


def _ending(out: str) -> str:
    ending = os.path.splitext(out)[1].lower()
    if ending not in ENDINGS:
        raise OptionError(
            f"Expected --out with the ending {', '.join(ENDINGS)}, received '{out}'.{near(ending, ENDINGS)}"
        )
    if os.path.isdir(out):
        raise OptionError(f"'{out}' is a folder: --out names the document itself.")
    folder = os.path.dirname(os.path.abspath(out))
    if not os.path.isdir(folder):
        raise OptionError(f"Expected a folder to write into, but '{folder}' does not exist: make it first.")
    return ending


def _refuse_to_replace(out: str, sources: list[str]) -> None:
    if os.path.realpath(out) in {os.path.realpath(source) for source in sources}:
        raise OptionError(f"'{out}' is one of the pictures and would be replaced: choose another --out.")


def _methods(args: Namespace) -> dict[str, dict]:
    """{method: its knobs}; an option goes to those methods that have it. MethodError, OptionError."""
    from explain.methods import method

    names = list(dict.fromkeys(args.method or ["gradcam"]))
    known = {name: {knob.name for knob in method("heatmaps", name).knobs} for name in names}

    def of(name: str) -> list[str]:
        if len(names) == 1:
            return args.option  # then the method itself refuses what it has not
        return [text for text in args.option if text.partition("=")[0].strip() in known[name]]

    for text in args.option:
        if not any(text in of(name) for name in names):
            knobs = sorted(set().union(*known.values()))
            raise OptionError(
                f"None of the methods has the option '{text}'. Their options: {', '.join(knobs)}."
            )
    return {name: knobs_of("heatmaps", name, of(name)) for name in names}


def _wanted(args: Namespace, model, methods: dict[str, dict]) -> list[tuple]:
    """(method, knobs, layer, class) for every panel of one picture. LayerError, ClassError, OptionError."""
    from explain.jobs import class_number
    from explain.methods import method

    output = model.network.output_index(output_of(args, model))
    layers = [model.network.layer(layer, output).name for layer in args.layer or [None]]
    classes = [class_number(model, one, output) for one in args.classes or [None]]
    model.network.check_classes(classes, output)
    layered = {name: method("heatmaps", name).layered for name in methods}
    if args.layer and not any(layered.values()):
        raise OptionError(f"{', '.join(methods)} looks at the pixels and not at a layer: leave --layer out.")
    wanted = [
        (name, knobs, layer, one)
        for name, knobs in methods.items()
        for layer in (dict.fromkeys(layers) if layered[name] else [None])
        for one in dict.fromkeys(None if number < 0 else number for number in classes)
    ]
    if len(wanted) > MOST:
        raise OptionError(
            f"Expected at most {MOST} panels for a picture, received {len(wanted)}: ask for fewer at once."
        )
    return wanted


def _computed(args: Namespace, job, model, images, wanted) -> list[tuple]:
    """[(picture, its heatmaps)], each alone in its batch and computed fresh."""
    import explain

    total = len(images) * len(wanted)
    rows: list[tuple] = []
    for image in images:
        row = []
        for name, knobs, layer, one in wanted:
            if job.stopping:
                return rows
            job.bar.update("heatmaps", len(rows) * len(wanted) + len(row), total)
            row.append(
                explain.heatmap(model, image, name, layer, one, output_of(args, model), fresh=True, **knobs)
            )
        rows.append((image, row))
    return rows


def _document(args: Namespace, model, found: list[tuple], ending: str) -> bytes:
    """Pictures with one panel each go into figures together; with several, each has a figure of its own."""
    from explain import report

    looks = {"opacity": args.opacity, "output": output_of(args, model)}
    views = []
    if len(found[0][1]) == 1:
        for start in range(0, len(found), MOST):
            part = found[start : start + MOST]
            images, heatmaps = [image for image, _ in part], [row[0] for _, row in part]
            title = images[0].name if len(part) == 1 else ""
            views.append(report.view_of_heatmaps(model, images, heatmaps, title, **looks))
    else:
        for image, row in found:
            alike = len({(heatmap.method, heatmap.layer) for heatmap in row}) == 1
            views.append(report.view_of_heatmaps(model, image, row, image.name, shared=alike, **looks))
    write = {".html": report.html, ".pdf": report.pdf, ".zip": report.archive}[ending]
    return write(report.Report(args.title, tuple(views), args.about, args.made))


def _write(out: str, data: bytes) -> None:
    from explain.folders.files import write_whole

    write_whole(os.path.dirname(os.path.abspath(out)), os.path.basename(out), data)
