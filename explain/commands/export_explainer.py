"""`export-explainer`: predictions with heatmaps as a SavedModel, to be served without this project."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from explain.commands.console import say
from explain.commands.opening import add_model, add_output, open_model, output_of
from explain.commands.parsing import add_method, knobs_of, shelf_help


def arguments(parser: ArgumentParser) -> None:
    add_model(parser)
    add_method(parser)
    add_output(parser)
    parser.add_argument(
        "--out", required=True, metavar="DIR",
        help="the SavedModel's folder, which must not exist yet; TensorFlow Serving wants NAME/1",
    )  # fmt: skip


def epilog() -> str:
    return shelf_help("heatmaps")


def run(args: Namespace, job) -> int:
    options = knobs_of("heatmaps", args.method, args.option)
    model = open_model(args, job)

    from explain.exporting import export_explainer

    job.bar.note(f"writing {args.out} ...")
    folder = export_explainer(model, args.layer, args.out, args.method, output_of(args, model), **options)
    job.bar.clear()
    if not args.quiet:
        say(f"{model.name} with heatmaps in {folder}")
    return 0

