"""`activations`: what layers answer to a picture, as a grid of channels and as numbers."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from explain.commands.console import number_of, say
from explain.commands.opening import add_model, open_model
from explain.commands.parsing import add_out

LEAST_TILE = 32                                            # pixels; a map of 7 by 7 is hard to see


def arguments(parser: ArgumentParser) -> None:
    add_model(parser)
    parser.add_argument("picture", metavar="IMAGE", help="a picture file")
    parser.add_argument(
        "--layer", action="append", required=True, metavar="L", help="a layer; may be repeated"
    )
    parser.add_argument(
        "--colormap", default="viridis", metavar="NAME", help="colours of the grid (default viridis)"
    )
    add_out(parser)


def run(args: Namespace, job) -> int:
    from explain import render
    from explain.commands import pictures
    from explain.commands.folder import Folder, sheet_tile

    names = list(dict.fromkeys(args.layer))
    slugs = pictures.unique_slugs(names)
    render.lut(args.colormap)                              # refuses an unknown one before anything is opened
    folder = Folder(args)
    folder.refuse_to_replace([f"{slug}.png" for slug in slugs], [args.picture])
    one = pictures.read_one(pictures.find_one(args.picture))
    model = open_model(args, job)

    import explain
    from explain.provenance import maps_recipe

    def finish() -> str:
        folder.manifest(model, len(names))
        count = len(folder.items)
        part = "" if count == len(names) else f"{count} of "
        return f"{part}{number_of(len(names), 'layer')} in {folder.path}" if count else ""

    with job.finishing(finish):
        for maps, slug in zip(explain.activations(model, one.image, names, fresh=True), slugs):
            if job.stopping:
                break
            height, width, channels = maps.values.shape
            tile = sheet_tile(channels, max(height, width), LEAST_TILE)
            with job.lock:
                files = {"values": folder.npy(f"{slug}.npy", maps.values)}
                recipe = maps_recipe(model, one.image, maps, layers=names)
                item = {"files": files, **recipe, "image": pictures.describe(one)}
                grid = render.grid(maps, colormap=args.colormap, tile=tile)
                files["grid"] = folder.png(f"{slug}.png", grid, [item])
                folder.items.append(item)
            job.bar.update("layers", len(folder.items), len(names))
    job.bar.clear()
    if not (args.quiet or job.stopping):
        say(job.kept)
    return 0
