"""What was asked once is not asked again. Keys are digests of content and plain choices; arguments
with an underscore are what the keys stand for. Everything is bounded.

Results are frozen and their arrays read-only, so one copy serves all sessions; only the names of classes
are each session's own, and are put in on the way out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from dashboard.labels import labelled
from explain import render, workers
from explain.image import preview
from explain.results import CheckUp, Detection, Heatmap, Image, Maps, Model, Prediction
from explain.samples import read_sample
from explain.store import Store

resource = st.cache_resource


@resource(max_entries=1, show_spinner=False)
def _reports() -> Store:
    """Check-ups and detections. Not Streamlit's cache: that one may not draw a bar while it computes."""
    return Store(limit=128)


def _kept(key: tuple, make: Callable[[], Any]) -> Any:
    found = _reports().get(key)
    if found is None:
        found = make()
        _reports().put(key, found)
    return found


def checkup(model: Model, images: list[Image], on_progress) -> CheckUp:
    """What the doctor found on these photos. on_progress(steps done, in all, None)."""
    key = ("checkup", model.key, *(image.key for image in images))
    return _kept(key, lambda: workers.examine(model, images, on_progress))


def detection(model: Model, images: list[Image], classes, output, on_progress) -> Detection:
    """What the detective found. on_progress(scalings done, in all, the newest trial)."""
    key = ("detection", model.key, classes, output, *(image.key for image in images))
    return _kept(key, lambda: workers.detect_scaling(model, images, classes, output, on_progress))


@resource(max_entries=16, show_spinner=False)
def sample(slug: str) -> Image:
    return read_sample(slug)


@resource(max_entries=512, show_spinner=False)
def _predictions(model_key: str, image_key: str, output: int | None, top: int, _model: Model, _image: Image):
    return workers.predict(_model, _image, top, output)


def predictions(
    model: Model, image: Image, output: int | None = None, top: int = 5
) -> tuple[Prediction, ...]:
    found = _predictions(model.key, image.key, output, top, model, image)
    return tuple(labelled(each, model, output) for each in found)


@resource(max_entries=512, show_spinner=False)
def _heatmap(model_key, image_key, method, layer, class_index, output, options, _model, _image):
    return workers.heatmap(_model, _image, method, layer, class_index, output, **dict(options))


def heatmap(
    model: Model,
    image: Image,
    method: str,
    layer: str | None,
    class_index: int | None,
    output=None,
    **options: Any,
) -> Heatmap:
    """One heatmap; options are the method's knobs."""
    knobs = tuple(sorted(options.items()))
    found = _heatmap(model.key, image.key, method, layer, class_index, output, knobs, model, image)
    return labelled(found, model, output)


@resource(max_entries=128, show_spinner=False)
def _heatmaps(model_key, image_keys, method, layer, class_index, output, _model, _images):
    return workers.heatmaps(_model, _images, method, layer, class_index, output)


def heatmaps(
    model: Model, images: list[Image], method: str, layer, class_index, output=None
) -> tuple[Heatmap, ...]:
    """One batch over all pictures."""
    keys = tuple(image.key for image in images)
    found = _heatmaps(model.key, keys, method, layer, class_index, output, model, images)
    return tuple(labelled(each, model, output) for each in found)


@resource(max_entries=12, show_spinner=False)  # up to 13 MB each (VGG16, first block)
def _maps(model_key, image_key, layer, _model, _image):
    return workers.activations(_model, _image, layer)


def maps(model: Model, image: Image, layer: str) -> Maps:
    return _maps(model.key, image.key, layer, model, image)


@resource(max_entries=32, show_spinner=False)
def _wall(model_key, image_key, layer, _maps):
    return render.atlas(_maps.values), render.statistics(_maps.values)


def wall(model: Model, image: Image, layer: str):
    """(atlas, statistics) of all channels of a layer."""
    return _wall(model.key, image.key, layer, maps(model, image, layer))


@resource(max_entries=64, show_spinner=False)
def _base(image_key: str, longest: int, _image: Image) -> bytes:
    return render.jpeg(preview(_image.pixels, longest))


def base(image: Image, longest: int = 1024) -> bytes:
    """The photo for the screen, as JPEG."""
    return _base(image.key, longest, image)


@resource(max_entries=128, show_spinner=False)
def _thumbnail(image_key: str, _image: Image) -> bytes:
    height, width = _image.pixels.shape[:2]
    h, w = min(height, width * 3 // 4), min(width, height * 4 // 3)  # the middle, 4 : 3
    top, left = (height - h) // 2, (width - w) // 2
    return render.jpeg(preview(_image.pixels[top : top + max(h, 1), left : left + max(w, 1)], 320))


def thumbnail(image: Image) -> bytes:
    """The middle of the photo, 4 : 3, so that a gallery stands in rows."""
    return _thumbnail(image.key, image)


@resource(max_entries=1)
def patterns() -> Store:
    """Patterns by (model, layer, channel, recipe, size, steps, seed), for all sessions."""
    return Store(limit=128 * 2**20, weigh=lambda pattern: pattern.pixels.nbytes)


@resource(max_entries=8, show_spinner=False)
def device(model_key: str) -> str:
    """Where a model's worker computes."""
    return next((row["device"] for row in workers.status() if row.get("key") == model_key), "")
