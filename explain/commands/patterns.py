"""`patterns`: what the channels of a layer would like to see."""

from __future__ import annotations

import re
from argparse import ArgumentParser, Namespace

from explain.commands.console import number_of, say
from explain.commands.opening import add_model, open_model
from explain.commands.parsing import add_options, add_out, knobs_of, shelf_help, whole
from explain.errors import OptionError

AT_ONCE = 16                                               # channels; then they are written
FIRST = 64                                                 # channels, where none are named


def arguments(parser: ArgumentParser) -> None:
    add_model(parser)
    parser.add_argument("--layer", required=True, metavar="L", help="a layer with a map, see `layers`")
    parser.add_argument(
        "--channels", metavar="LIST", help=f"like 0-63 or 3,8,40-47, or all (default: the first {FIRST})"
    )
    parser.add_argument(
        "--steps", type=whole(1), default=30, metavar="N", help="how long to climb (default 30)"
    )
    parser.add_argument("--size", type=whole(1), default=128, metavar="N", help="pixels a side (default 128)")
    parser.add_argument(
        "--seed", type=whole(-(2**31), 2**31 - 1), default=0, metavar="N", help="where to begin (default 0)"
    )
    parser.add_argument("--method", default="robust", metavar="NAME", help="see below (default robust)")
    add_options(parser)
    add_out(parser)


def epilog() -> str:
    return shelf_help("patterns")


def run(args: Namespace, job) -> int:
    import dataclasses

    from explain import render
    from explain.commands.folder import Folder, sheet_tile
    from explain.commands.pictures import slug_of
    from explain.render.colors import levels

    options = knobs_of("patterns", args.method, args.option, size=args.size)
    ranges = _ranges(args.channels)
    folder = Folder(args)
    model = open_model(args, job)

    import explain
    from explain.provenance import pattern_recipe

    layer = model.network.layer(args.layer)
    channels = _channels(ranges, layer)
    slug = slug_of(layer.name)
    tile = sheet_tile(len(channels), args.size)
    small = []                                             # patterns in the size that the grid has for them

    def keep(pattern, together: list[int]) -> None:
        name = f"{slug}-{pattern.channel:04d}"
        with job.lock:
            files = {
                "pixels": folder.npy(f"{name}.npy", pattern.pixels),
                "scores": folder.npy(f"{name}.scores.npy", pattern.scores),
            }
            recipe = pattern_recipe(model, pattern, args.steps, args.size, args.seed, options, together)
            item = {"files": files, **recipe}
            files["picture"] = folder.png(f"{name}.png", levels(pattern.pixels, 0, 1), [item])
            folder.items.append(item)
            small.append(dataclasses.replace(pattern, pixels=render.enlarge(pattern.pixels, tile, tile)))

    def finish() -> str:
        if small:
            folder.sheets["grid"] = folder.png(f"{slug}-grid.png", render.grid(small), folder.items)
        folder.manifest(model, len(channels), args.seed)
        part = "" if len(small) == len(channels) else f"{len(small)} of "
        return f"{part}{number_of(len(channels), 'pattern')} in {folder.path}" if small else ""

    def progress(done: int, total: int, new) -> bool:
        for pattern in new:
            keep(pattern, [one.channel for one in new])
        job.bar.update("patterns", len(small), len(channels))
        return not job.stopping

    with job.finishing(finish):
        job.bar.update("patterns", 0, len(channels))
        # A part at a time, so that what is written need not be remembered until the end.
        for start in range(0, len(channels), AT_ONCE):
            if job.stopping:
                break
            explain.patterns(
                model, layer.name, channels[start : start + AT_ONCE], steps=args.steps, seed=args.seed,
                method=args.method, at_once=AT_ONCE, on_progress=progress, **options,
            )  # fmt: skip
    job.bar.clear()
    if not (args.quiet or job.stopping):
        say(job.kept)
    return 0


def _ranges(text: str | None) -> list[range] | None:
    """'3,8,40-47' → ranges; None for all, [] where nothing was said."""
    if text is None:
        return []
    if text.strip().lower() == "all":
        return None
    ranges = []
    for part in text.split(","):
        found = re.fullmatch(r"\s*(\d+)\s*(?:-\s*(\d+))?\s*", part)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if last < first:
            raise OptionError(f"Expected --channels like 0-63 or 3,8,40-47, or all, received '{text}'.")
        ranges.append(range(first, last + 1))
    return ranges


def _channels(ranges: list[range] | None, layer) -> list[int]:
    """Every channel once. OptionError for one that the layer has not."""
    count = layer.map_shape[2]
    if not ranges:
        return list(range(count if ranges is None else min(count, FIRST)))
    beyond = max(r[-1] for r in ranges)
    if beyond >= count:
        raise OptionError(
            f"There is no channel {beyond} in layer '{layer.name}': expected numbers from 0 to {count - 1}."
        )
    return list(dict.fromkeys(channel for r in ranges for channel in r))
