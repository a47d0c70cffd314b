"""Recipes → numbers, in the batches in which they were computed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from explain import methods
from explain.errors import ExplainError, OptionError
from explain.reproducing.box import Box, Numbers
from explain.reproducing.comparing import Outcome, compared, missing
from explain.reproducing.finding import Models, Pictures
from explain.reproducing.recipes import Document, Recipe
from explain.results import Heatmap, Image, Maps, Model, Pattern

Result = Heatmap | Maps | Pattern


def reproduce(document: Document, box: Box, models: Models, pictures: Pictures) -> Iterator[Outcome]:
    """One outcome for each item, in their order, with the new result where there is one."""
    numbers = Numbers(box)
    place = 0
    for _, group in groupby(document.items, _batch_of):
        items = list(group)
        try:
            results: Sequence[Result | str] = _compute(items, models, pictures, document)
        except ExplainError as error:
            results = [str(error)] * len(items)
        for item, result in zip(items, results):
            if isinstance(result, str):
                yield missing(place, item, result)
            else:
                yield compared(place, item, result, numbers)
            place += 1


def _batch_of(item: Recipe) -> str:
    """The same text for items that were computed together."""
    if item["job"] == "heatmap":
        alone = None if item["together"] else item["image"]["key"]
        told = [item["together"], alone, item["layer"], item["method"], item["options"], item["output"]]
    elif item["job"] == "maps":
        told = [item["image"]["key"], item["layers"], None if item["layers"] else item["layer"]]
    else:
        alone = None if item["together"] else item["channel"]
        told = [
            item["together"],
            alone,
            item["layer"],
            item["method"],
            item["options"],
            item["steps"],
            item["seed"],
        ]
    return json.dumps([item["job"], item["model"], *told])


def _compute(
    items: list[Recipe], models: Models, pictures: Pictures, document: Document
) -> Sequence[Result | str]:
    job = items[0]["job"]
    if job == "pattern":
        return _patterns(models.of(items[0]["model"]), items)
    return (_heatmaps if job == "heatmap" else _maps)(items, models, pictures)


def _heatmaps(items: list[Recipe], models: Models, pictures: Pictures) -> list[Result | str]:
    """The whole batch once. Where other pictures of it are missing, copies of one that is there keep its
    size: on that the bits depend, and not on what the others show."""
    import explain

    first = items[0]
    model = models.of(first["model"])
    places = _places(items)
    found = {place: pictures.of(item["image"]) for place, item in zip(places, items)}
    at_hand = next((image for image in found.values() if image is not None), None)
    if at_hand is None:
        return [_not_found(item) for item in items]
    together = first["together"] or (first["image"]["key"],)
    batch: list[Image] = [found.get(place) or at_hand for place in range(len(together))]
    classes: list[int | None] = [None] * len(batch)
    for place, item in zip(places, items):
        if found[place] is not None:
            classes[place] = item["class_index"]
    layered = methods.method("heatmaps", first["method"]).layered
    output = first["output"]
    heatmaps = explain.heatmaps(
        model, batch, first["method"], (first["layer"] or None) if layered else None, classes, output,
        batch=len(batch), fresh=True, **_knobs("heatmaps", first),
    )  # fmt: skip
    return [_not_found(item) if found[p] is None else heatmaps[p] for p, item in zip(places, items)]


def _places(items: list[Recipe]) -> list[int]:
    """Where in its batch each item is. A picture may be there several times, for several classes."""
    together = items[0]["together"]
    if not together:
        return [0] * len(items)
    free: dict[str, list[int]] = {}
    for place, key in enumerate(together):
        free.setdefault(key, []).append(place)
    places = []
    for item in items:
        left = free.get(item["image"]["key"])
        if not left:
            raise OptionError(
                f"The picture {item['image']['key'][:12]}… is not in the batch that its recipe lists."
            )
        places.append(left.pop(0) if len(left) > 1 else left[0])
    return places


def _maps(items: list[Recipe], models: Models, pictures: Pictures) -> list[Result | str]:
    import explain

    first = items[0]
    model, image = models.of(first["model"]), pictures.of(first["image"])
    if image is None:
        return [_not_found(item) for item in items]
    if not first["layers"]:
        return [explain.activations(model, image, first["layer"], fresh=True)] * len(items)
    found = {m.layer: m for m in explain.activations(model, image, list(first["layers"]), fresh=True)}
    return [found.get(item["layer"]) or f"layer '{item['layer']}' is not among its layers" for item in items]


def _patterns(model: Model, items: list[Recipe]) -> list[Result | str]:
    import explain

    first = items[0]
    channels = first["together"] or (first["channel"],)
    found = explain.patterns(
        model, first["layer"], channels, steps=first["steps"], seed=first["seed"], method=first["method"],
        at_once=len(channels), **_knobs("patterns", first),
    )  # fmt: skip
    by_channel = {pattern.channel: pattern for pattern in found}
    return [by_channel.get(i["channel"]) or f"channel {i['channel']} is not in its batch" for i in items]


def _knobs(folder: str, item: Recipe) -> dict[str, Any]:
    """All knobs, checked: a name that is none cannot become another argument."""
    return methods.method(folder, item["method"]).options(item["options"])


def _not_found(item: Recipe) -> str:
    return f"the picture with the key {item['image']['key'][:12]}… is not found: give the folder it is in with --images"
