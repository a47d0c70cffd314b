"""`reproduce`: compute again what an export tells of, and say whether the numbers are the same."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from explain.commands import DIFFERENT, DONE, REFUSED
from explain.commands.console import number_of, say

CLOSE = 1e-5  # of the largest number: what another order of additions makes


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "manifest", metavar="EXPORT",
        help="what was exported: a PNG, SVG, PDF, HTML page, ZIP or folder, or a manifest.json itself",
    )  # fmt: skip
    parser.add_argument(
        "--model", metavar="MODEL",
        help="a name, a file, or a folder of several, where the manifest's own is not found",
    )  # fmt: skip
    parser.add_argument(
        "--images", metavar="FOLDER", nargs="+", default=[], help="where to look for the pictures"
    )
    parser.add_argument("--out", metavar="DIR", help="write the numbers of now, with a manifest of their own")
    parser.add_argument(
        "--custom-objects", action="append", metavar="FILE",
        help="Python file of yours whose classes and functions the model uses; never taken from a manifest",
    )  # fmt: skip
    parser.add_argument(
        "--trusted", action="store_true", help="open the model as it is, for one that was opened so then"
    )


def epilog() -> str:
    return (
        "Exit codes: 0 the same bits, 3 other numbers, 2 where a model, a picture or an item is missing.\n"
        "Bits are the same on the same machine with the same versions; elsewhere they differ in the last digits."
    )


def run(args: Namespace, job) -> int:
    from explain import reproducing
    from explain.commands.opening import hush

    box = reproducing.open_box(args.manifest)
    document = reproducing.read_document(box)
    pictures = reproducing.Pictures(box, args.images)
    folder = _Results(args, document) if args.out else None
    hush()
    import explain

    job.bar.note("opening the model ...")
    models = reproducing.Models(
        box, document, explain.load, args.model, trusted=args.trusted, custom_objects=args.custom_objects
    )
    counts = {"same bits": 0, "different": 0, "not computed": len(document.damaged)}
    gaps = []

    def finish() -> str:
        return folder.finish() if folder else ""

    with job.finishing(finish):
        for outcome in reproducing.reproduce(document, box, models, pictures):
            if job.stopping:
                break
            counts[outcome.state] += 1
            gaps += [outcome.gap] if outcome.state == "different" else []
            job.bar.clear()
            say(f"{outcome.title}: {outcome.sentence}")
            if folder and outcome.result is not None:
                with job.lock:
                    folder.keep(outcome)
            job.bar.update("reproduced", outcome.place + 1, len(document.items))
    job.bar.clear()
    for sentence in document.damaged:
        say(f"{sentence}: not computed")
    if not args.quiet:
        say(_summary(counts, gaps, reproducing.differences(document)))
    return REFUSED if counts["not computed"] else DIFFERENT if counts["different"] else DONE


def _summary(counts: dict[str, int], gaps: list[float], others: list[str]) -> str:
    lines = [f"{counts['same bits']:,} of {number_of(sum(counts.values()), 'item')}: the same bits."]
    if counts["different"] and others:
        lines.append(f"Different here: {'; '.join(others)}.")
        if all(gap <= CLOSE for gap in gaps):
            lines.append("Differences of that size come from another order of the same additions.")
    elif counts["different"]:
        lines.append(
            "Versions, device and processor are the same: so the manifest, its numbers or its pictures were changed "
            "after they were written, or they were not computed in one batch."
        )
    elif others:
        lines.append(f"Although this is different here: {'; '.join(others)}.")
    return "\n".join(lines)


class _Results:
    """The folder `--out`: names are made here, none is a manifest's."""

    def __init__(self, args: Namespace, document):
        from explain.commands.folder import Folder

        self._folder, self._document, self._args = Folder(args), document, args

    def keep(self, outcome) -> None:
        from explain.commands.pictures import slug_of
        from explain.reproducing import recipe_of

        name = f"{outcome.place + 1:05d}-{slug_of(outcome.title)}.npy"
        files = {"values": self._folder.npy(name, outcome.values)}
        self._folder.items.append(
            {"files": files, **recipe_of(outcome), "state": outcome.state, "gap": outcome.gap}
        )

    def finish(self) -> str:
        many = len(self._folder.items)
        self._folder.listed(
            command=self._args.command, argv=self._args.argv, models=self._document.models,
            finished=many == len(self._document.items), wanted=len(self._document.items),
        )  # fmt: skip
        return f"{number_of(many, 'item')} in {self._folder.path}" if many else ""
