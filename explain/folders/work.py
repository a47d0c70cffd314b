"""One batch, from paths to files and rows. A pure function of its arguments: twice does no harm."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from explain import image as pictures
from explain import provenance, render
from explain.errors import ImageError, ModelError
from explain.folders.files import npy, sync_folder, write_whole
from explain.folders.job import Batch, Job, Source
from explain.render.files import quick_png, with_text
from explain.results import Heatmap, Image, Model

Row = dict[str, Any]  # {"n", "of", "item"} or {"n", "of", "skip"}

KEPT_PIXELS = 1_000_000  # larger photos are read once more when they are drawn


class Picture(NamedTuple):
    """A picture that could be read.

    small: in the network's size, under the key of the whole one; whole: None where it is too large to be
    kept; described: what a manifest says about it.
    """

    source: Source
    small: Image
    whole: np.ndarray | None
    described: dict[str, Any]


def open_model(job: Job) -> Model:
    """The job's model in this process. ModelError where it is another one than the job was made for."""
    import explain

    model = explain.load(**job.source)
    if model.key != job.key:
        raise ModelError(
            f"Expected the model with the key {job.key[:12]}…, received {model.key[:12]}… from "
            f"'{job.source.get('name')}': the file is another one than the run began with."
        )
    return model


def run_batch(
    model: Model,
    job: Job,
    batch: Batch,
    each: Callable[..., Iterable] = map,
    turn: AbstractContextManager = nullcontext(),  # noqa: B008  holds nothing
) -> list[Row]:
    """Read, compute, write: one row for each source of the batch.

    each: `map`, or that of a pool of threads; turn: held while it computes, so that of several batches at a
    time one computes while others are read and written.
    Raises what `explain.heatmaps` raises, and NotWritten where a file cannot be written.
    """
    found = list(each(partial(read, shape=model.input_shape), batch.sources))
    rows = [row_of_skipped(batch, i, one) for i, one in enumerate(found) if not isinstance(one, Picture)]
    places = [i for i, one in enumerate(found) if isinstance(one, Picture)]
    with turn:
        heatmaps = compute(model, job, [found[i] for i in places])
    together = [found[i].small.key for i in places]
    rows += each(
        lambda i, heatmap: write(model, job, batch, i, found[i], heatmap, together), places, heatmaps
    )
    sync_folder(job.out)
    return sorted(rows, key=lambda row: row["n"])


def read(source: Source, shape: tuple[int, int, int]) -> Picture | ImageError:
    """A picture ready for the network, or why it cannot be read."""
    try:
        whole = pictures.read(source.path)
        with open(source.path, "rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except ImageError as error:
        return error
    except OSError as error:
        return ImageError(f"'{source.path}' cannot be read: {error.strerror}.")
    height, width = whole.pixels.shape[:2]
    described = {
        "path": source.path,
        "name": whole.name,
        "key": whole.key,
        "sha256": sha256,
        "size": [height, width],
    }
    small = Image(whole.key, pictures.fit(whole.pixels, *shape), whole.name)
    kept = whole.pixels if height * width <= KEPT_PIXELS else None
    return Picture(source, small, kept, described)


def compute(model: Model, job: Job, batch: list[Picture]) -> tuple[Heatmap, ...]:
    """The heatmaps of a batch, fresh and in one pass."""
    import explain

    if not batch:
        return ()
    return explain.heatmaps(
        model, [one.small for one in batch], job.method, job.layer, job.class_index, job.output,
        batch=len(batch), fresh=True, **job.options,
    )  # fmt: skip


def write(
    model: Model, job: Job, batch: Batch, place: int, one: Picture, heatmap: Heatmap, together: list[str]
) -> Row:
    """The files of one picture, each whole, and the row that tells of them. The overlay carries its manifest."""
    files = {}
    if job.npy:
        files["values"] = write_whole(job.out, f"{one.source.slug}.npy", npy(heatmap.values))
    recipe = provenance.heatmap_recipe(model, one.small, heatmap, job.output, together)
    told = {"files": files, **recipe, "image": one.described}
    if job.png:
        pixels = pictures.read(one.source.path).pixels if one.whole is None else one.whole
        overlay = render.overlay(
            pixels, heatmap, opacity=job.opacity, colormap=job.colormap, threshold=job.threshold
        )
        manifest = provenance.enclosed([told], job.surroundings)
        data = with_text(quick_png(overlay), "manifest.json", manifest)
        files["overlay"] = write_whole(job.out, f"{one.source.slug}.png", data)
    item = provenance.plain({**told, "model": model.key})
    return {"n": batch.first + place, "of": batch.of, "item": item}


def row_of_skipped(batch: Batch, place: int, error: ImageError) -> Row:
    path = batch.sources[place].path
    return {"n": batch.first + place, "of": batch.of, "skip": {"path": path, "reason": str(error)}}
