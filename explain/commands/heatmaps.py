"""`heatmaps`: where the network looked, for pictures or whole folders.

Stopped or killed, the same command goes on where it was; see `explain.folders`.
"""

from __future__ import annotations

import math
from argparse import ArgumentParser, Namespace

from explain.commands.console import number_of, say
from explain.commands.opening import (
    add_model,
    add_output,
    open_model,
    output_of,
    source_of,
)
from explain.commands.parsing import (
    add_method,
    add_out,
    knobs_of,
    positive_share,
    share,
    shelf_help,
    whole,
)
from explain.errors import OptionError

ENGINES, TABLES = ("local", "ray"), ("csv", "parquet")


def arguments(parser: ArgumentParser) -> None:
    add_model(parser)
    parser.add_argument(
        "pictures", metavar="IMAGE_OR_FOLDER", nargs="+", help="picture files, or folders of pictures"
    )
    parser.add_argument("--recursive", action="store_true", help="folders inside folders as well")
    add_method(parser)
    parser.add_argument(
        "--class", dest="class_index", metavar="N",
        help="a class by number or label (default: each picture's top one)",
    )  # fmt: skip
    add_output(parser)
    _add_looks(parser)
    _add_results(parser)
    add_out(parser)


def _add_looks(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--opacity", type=share, default=0.5, metavar="X", help="0..1, of the hottest place (default 0.5)"
    )
    parser.add_argument(
        "--threshold", type=share, default=0.0, metavar="X", help="0..1, nothing is drawn below (default 0)"
    )
    parser.add_argument(
        "--colormap",
        metavar="NAME",
        help="colours of the overlay (default inferno, blue-red for maps with a sign)",
    )


def _add_results(parser: ArgumentParser) -> None:
    parser.add_argument("--no-png", action="store_true", help="write no overlays")
    parser.add_argument("--no-npy", action="store_true", help="write no numbers")
    parser.add_argument(
        "--table", choices=TABLES, default="csv", help="the one table of all results (default csv)"
    )
    parser.add_argument("--html", action="store_true", help="write index.html as well, to look through them")
    parser.add_argument(
        "--batch",
        type=whole(1, 4096),
        default=16,
        metavar="N",
        help="pictures computed together (default 16)",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="begin anew where a run with other arguments is in --out"
    )
    parser.add_argument(
        "--engine", choices=ENGINES, default="local", help="who computes: this process, or Ray's workers"
    )
    parser.add_argument("--address", metavar="A", help="of a Ray cluster (default: one on this machine)")
    parser.add_argument(
        "--workers", type=whole(1, 4096), metavar="N", help="of Ray (default: as many as there is room for)"
    )
    parser.add_argument(
        "--gpu-share", type=positive_share, metavar="X", help="of a GPU, for each worker of Ray (default 1)"
    )


def epilog() -> str:
    return shelf_help("heatmaps")


def run(args: Namespace, job) -> int:
    from explain import folders, render
    from explain.commands import pictures
    from explain.commands.folder import Folder
    from explain.folders import tables
    from explain.folders.driver import GALLERY, MANIFEST

    options = knobs_of("heatmaps", args.method, args.option)
    args.colormap = args.colormap or ("blue-red" if options.get("signed") else "inferno")
    render.lut(args.colormap)  # refuses an unknown one before anything is opened
    if args.no_png and args.html:
        raise OptionError("The page shows the overlays: give either --html or --no-png, received both.")
    tables.check_installed(args.table)
    engine = folders.engine_of(args.engine, args.address, args.workers, args.gpu_share)
    sources = pictures.find(args.pictures, args.recursive, args.out)
    names = [f"{source.slug}{end}" for source in sources for end in (".png", ".npy")]
    names += [GALLERY, MANIFEST, tables.NAMES[args.table]]
    Folder(args).refuse_to_replace(names, [source.path for source in sources])
    with engine.begun(math.ceil(len(sources) / args.batch)):
        return _run(args, job, engine, options, sources)


def _run(args: Namespace, job, engine, options, sources) -> int:
    from explain import folders
    from explain.commands.folder import told

    model = open_model(args, job)
    run = folders.Run(model, _job(args, model, options), sources)

    def seen(rows: list[dict]) -> None:
        for row in rows:
            if "skip" in row:
                job.bar.warn(f"Skipped {row['skip']['path']}: {row['skip']['reason']}")
            elif row["item"]["note"] and not args.quiet:
                job.bar.warn(f"{row['item']['image']['path']}: {row['item']['note']}")
        job.bar.update("heatmaps", run.items + run.skipped, run.wanted)

    def finish() -> str:
        job.bar.note("writing the table and the manifest ...")
        run.finish(args.table, args.html, **told(args))
        return _phrase(run, args.out)

    run.begin(args.overwrite, lambda done: job.bar.update("files checked", done, run.wanted))
    with job.finishing(finish):
        seen([])
        run.carry_out(engine, lambda: job.stopping, seen, job.lock)
    job.bar.clear()
    if not (args.quiet or job.stopping):
        say(job.kept or f"0 heatmaps, {run.skipped} skipped")
    return 0 if run.items else 2


def _job(args: Namespace, model, options):
    """What is computed. LayerError, ClassError, before the first picture is read."""
    import os

    from explain.folders import Job
    from explain.jobs import class_number
    from explain.methods import method

    number = model.network.output_index(output_of(args, model))
    layered = method("heatmaps", args.method).layered
    if not layered and args.layer is not None:
        raise OptionError(f"'{args.method}' looks at the pixels and not at a layer: leave --layer out.")
    layer = model.network.layer(args.layer, number).name if layered else None
    model.network.check_classes([class_number(model, args.class_index, number)], number)
    return Job(
        source=source_of(args), key=model.key, out=os.path.abspath(args.out), method=args.method, layer=layer,
        class_index=args.class_index, output=model.outputs[number].name, options=options, opacity=args.opacity,
        colormap=args.colormap, threshold=args.threshold, png=not args.no_png, npy=not args.no_npy,
        batch=args.batch,
    )  # fmt: skip


def _phrase(run, out: str) -> str:
    """'24 heatmaps, 1 skipped, in out; 16 pictures were finished before; the same command goes on'."""
    if not run.items:
        return ""
    skipped = f", {run.skipped} skipped," if run.skipped else ""
    before = f"; {run.kept:,} pictures were finished before" if run.kept else ""
    further = "" if run.finished else "; the same command goes on from there"
    return f"{number_of(run.items, 'heatmap')}{skipped} in {out}{before}{further}"
