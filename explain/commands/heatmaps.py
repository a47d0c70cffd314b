"""`heatmaps`: where the network looked, for pictures or whole folders."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from explain.commands.console import number_of, say
from explain.commands.opening import add_model, add_output, open_model, output_of
from explain.commands.parsing import add_options, add_out, knobs_of, share, shelf_help


def arguments(parser: ArgumentParser) -> None:
    add_model(parser)
    parser.add_argument(
        "pictures", metavar="IMAGE_OR_FOLDER", nargs="+", help="picture files, or folders of pictures"
    )
    parser.add_argument("--recursive", action="store_true", help="folders inside folders as well")
    parser.add_argument("--method", default="gradcam", metavar="NAME", help="see below (default gradcam)")
    add_options(parser)
    parser.add_argument(
        "--layer", metavar="L", help="a layer with a map (default: the model's, see `layers`)"
    )
    parser.add_argument(
        "--class", dest="class_index", metavar="N",
        help="a class by number or label (default: each picture's top one)",
    )  # fmt: skip
    add_output(parser)
    parser.add_argument(
        "--opacity", type=share, default=0.5, metavar="X", help="0..1, of the hottest place (default 0.5)"
    )
    parser.add_argument(
        "--threshold", type=share, default=0.0, metavar="X", help="0..1, nothing is drawn below (default 0)"
    )
    parser.add_argument(
        "--colormap", default="inferno", metavar="NAME", help="colours of the overlay (default inferno)"
    )
    add_out(parser)


def epilog() -> str:
    return shelf_help("heatmaps")


def run(args: Namespace, job) -> int:
    from explain import render
    from explain.commands import pictures
    from explain.commands.folder import Folder

    options = knobs_of("heatmaps", args.method, args.option)
    render.lut(args.colormap)                              # refuses an unknown one before anything is opened
    sources = pictures.find(args.pictures, args.recursive, args.out)
    folder = Folder(args)
    folder.refuse_to_replace([f"{s.slug}.png" for s in sources], [s.path for s in sources])
    model = open_model(args, job)

    import explain
    from explain.jobs import class_number

    output = output_of(args, model)
    number = model.network.output_index(output)
    layer = model.network.layer(args.layer, number).name      # refusals, before the first picture is read
    wanted = class_number(model, args.class_index, number)
    model.network.check_classes([wanted], number)

    def seen() -> None:
        job.bar.update("heatmaps", len(folder.items) + len(folder.skipped), len(sources))

    def skip(source, error) -> None:
        folder.skipped.append({"path": source.path, "reason": str(error)})
        job.bar.warn(f"Skipped {source.path}: {error}")
        seen()

    def keep(one, heatmap) -> None:
        overlay = render.overlay(
            one.image, heatmap, opacity=args.opacity, colormap=args.colormap, threshold=args.threshold
        )
        with job.lock:
            files = {
                "overlay": folder.png(f"{one.source.slug}.png", overlay),
                "values": folder.npy(f"{one.source.slug}.npy", heatmap.values),
            }
            folder.items.append({
                "files": files, "image": pictures.describe(one), "layer": heatmap.layer,
                "class_index": heatmap.class_index, "label": heatmap.label, "score": heatmap.score,
                "probability": heatmap.probability, "method": heatmap.method, "options": heatmap.options,
                "note": heatmap.note, "notices": [n.code for n in heatmap.notices],
            })  # fmt: skip
        if heatmap.note and not args.quiet:
            job.bar.warn(f"{one.source.path}: {heatmap.note}")
        seen()

    def finish() -> str:
        folder.manifest(model, len(sources))
        skipped = f", {len(folder.skipped)} skipped," if folder.skipped else ""
        return f"{number_of(len(folder.items), 'heatmap')}{skipped} in {folder.path}" if folder.items else ""

    with job.finishing(finish):
        seen()
        for batch in pictures.batches(sources, skip):
            if job.stopping:
                break
            images = [one.image for one in batch]
            found = explain.heatmaps(model, images, args.method, layer, args.class_index, output, **options)
            for one, heatmap in zip(batch, found):
                if job.stopping:
                    break
                keep(one, heatmap)
    job.bar.clear()
    if not (args.quiet or job.stopping):
        say(job.kept or f"0 heatmaps, {len(folder.skipped)} skipped")
    return 0 if folder.items else 2
