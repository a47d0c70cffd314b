"""`layers`: what a network is made of."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from explain.commands.console import say, table
from explain.commands.opening import add_model, describe, open_model


def arguments(parser: ArgumentParser) -> None:
    add_model(parser)
    parser.add_argument("--json", action="store_true", help="as one JSON document")


def run(args: Namespace, job) -> int:
    model = open_model(args, job)
    if args.json:
        import json

        say(json.dumps(_document(model), indent=2))
        return 0
    rows = [
        ("*" if one.name == model.default_layer else "", one.name, one.kind, _shape(one.shape),
         f"{one.parameters:,}")
        for one in model.layers
    ]  # fmt: skip
    say(table(("", "layer", "kind", "shape", "parameters"), rows, right=(3, 4)))
    if model.default_layer and not args.quiet:
        say("\n*  the layer that heatmaps take when none is named")
    return 0


def _document(model) -> dict:
    layers = [
        {"name": one.name, "kind": one.kind, "shape": list(one.shape), "parameters": one.parameters,
         "has_map": one.has_map, "default": one.name == model.default_layer}
        for one in model.layers
    ]  # fmt: skip
    outputs = [{"name": o.name, "head": o.head, "classes": o.classes, "note": o.note} for o in model.outputs]
    about = {"model": describe(model), "outputs": outputs, "default_layer": model.default_layer}
    return {**about, "layers": layers}


def _shape(shape: tuple[int | None, ...]) -> str:
    return "x".join("?" if n is None else str(n) for n in shape) or "-"
