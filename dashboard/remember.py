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
from explain.results import CheckUp, Detection, Fingerprints, Grams, Heatmap, Image, Maps, Model, Prediction
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


def grams(model: Model, images: list[Image], on_progress) -> Grams:
    """How alike every layer finds every two photos. on_progress(layers done, in all, None)."""
    key = ("grams", model.key, *(image.key for image in images))
    return _kept(key, lambda: workers.grams(model, images, None, on_progress))


@resource(max_entries=32, show_spinner=False)
def _fingerprints(model_key: str, _model: Model) -> Fingerprints:
    return workers.fingerprints(_model)


def fingerprints(model: Model) -> Fingerprints:
    """A digest of each layer's weights."""
    return _fingerprints(model.key, model)


def has_grams(model: Model, images: list[Image]) -> bool:
    """Whether they are there, so that nobody need ask for them."""
    return _reports().get(("grams", model.key, *(image.key for image in images))) is not None


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


@resource(max_entries=1, show_spinner=False)
def _heat() -> Store:
    """Heatmaps of all sessions, those of a whole batch one by one."""
    return Store(limit=128 * 2**20, weigh=lambda heatmap: heatmap.values.nbytes + 1024)


def _heat_key(model: Model, image: Image, method: str, layer, class_index, output, fresh: bool, options) -> tuple:
    return model.key, image.key, method, layer, class_index, output, fresh, tuple(sorted(options.items()))


def heatmap(
    model: Model,
    image: Image,
    method: str,
    layer: str | None,
    class_index: int | None,
    output=None,
    fresh: bool = False,
    **options: Any,
) -> Heatmap:
    """One heatmap; options are the method's knobs; fresh: computed alone from its pixels, as `explain.heatmap`."""
    key = _heat_key(model, image, method, layer, class_index, output, fresh, options)
    found = _heat().get(key)
    if found is None:
        found = workers.heatmap(model, image, method, layer, class_index, output, fresh=fresh, **options)
        _heat().put(key, found)
    return labelled(found, model, output)


def heatmaps(
    model: Model, images: list[Image], method: str, layer, class_index, output=None, batch: int = 16, on_progress=None,
    **options: Any,
) -> tuple[Heatmap, ...]:  # fmt: skip
    """One question over all pictures that were not asked before. on_progress(done, total, partial)."""
    keys = [_heat_key(model, image, method, layer, class_index, output, False, options) for image in images]
    known = {key: _heat().get(key) for key in keys}
    asked = {key: image for key, image in zip(keys, images, strict=True) if known[key] is None}

    def keep(done: int, total: int, partial: Any) -> bool | None:
        for heatmap in partial:
            key = next(key for key in asked if key[1] == heatmap.image)
            _heat().put(key, heatmap)
        return on_progress(done, total, partial) if on_progress else None

    if asked:
        made = workers.heatmaps(
            model, list(asked.values()), method, layer, class_index, output, batch, on_progress=keep, **options
        )
        known |= dict(zip(asked, made, strict=True))
    return tuple(labelled(known[key], model, output) for key in keys)


def has_heatmap(model: Model, image: Image, method: str, layer, class_index, output=None, **options: Any) -> bool:
    """Whether it is there without asking the network."""
    return _heat().get(_heat_key(model, image, method, layer, class_index, output, False, options)) is not None


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


@resource(max_entries=1, show_spinner=False)
def tours() -> Store:
    """What checkpoints showed, by file and question, for all sessions."""
    return Store(limit=256 * 2**20, weigh=lambda state: 2**16 + (state.grams.values.nbytes if state.grams else 0))


@resource(max_entries=8, show_spinner=False)
def device(model_key: str) -> str:
    """Where a model's worker computes."""
    return next((row["device"] for row in workers.status() if row.get("key") == model_key), "")
