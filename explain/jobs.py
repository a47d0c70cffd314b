"""The jobs: what can be asked of a model. The public face of the package, in this process.

`explain.workers` offers the same names with the same answers from another process.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from explain import causes, methods
from explain.errors import ClassError, OptionError, TooMuchMemory, near
from explain.image import fit
from explain.notes import joined
from explain.probe.ascent import climb, memory_per_picture
from explain.probe.network import Network
from explain.probe.probing import Probe, check_one_each
from explain.probe.variants import Stopped
from explain.results import Heatmap, Image, Layer, Maps, Model, Pattern, Prediction

Progress = Callable[[int, int, Any], bool | None]          # (done, total, partial); False cancels

PATTERN_BYTES = int(float(os.environ.get("EXPLAIN_PATTERN_MB", 1024)) * 2**20)
PATTERNS_AT_ONCE = 16                                       # then progress is shown
STEPS = methods.Knob("steps", 30, "how many steps to climb", 1, 2048)
SEED = methods.Knob("seed", 0, "which noise to start from", -(2**31), 2**31 - 1)
BATCH = methods.Knob("batch", 16, "how many pictures at once", 1, 4096)


def layers(model: Model) -> tuple[Layer, ...]:
    """Every layer at every depth, in the order in which the answers are made."""
    return model.layers


def predict(model: Model, image: Image, top: int = 5, output: int | str | None = None) -> tuple[Prediction, ...]:
    """The `top` classes of one picture, best first. ClassError for an unknown output."""
    network = network_of(model)
    index = network.output_index(output)
    scores, probabilities = enough_memory(lambda: network.predict(pixels_of(network, [image]), index))
    best = np.argsort(-scores[0], kind="stable")[: max(top, 0)]
    return tuple(
        Prediction(int(k), _label(model, int(k), index), float(probabilities[0, k]), float(scores[0, k]))
        for k in best
    )


def activations(
    model: Model, image: Image, layer: str | Sequence[str] | None = None, fresh: bool = False
) -> Maps | tuple[Maps, ...]:
    """What a layer answers to one picture, or several layers in one pass.

    fresh: computed from the pixels, whatever is remembered of them. LayerError when a layer is missing or has
    no map (h, w, c).
    """
    network = network_of(model)
    if layer is None or isinstance(layer, str):
        probe = Probe(network, pixels_of(network, [image]), [image.key], layer, fresh=fresh)
        return _maps(network, probe.layer.name, enough_memory(lambda: probe.maps[0]), image)
    names = tuple(dict.fromkeys(network.layer(name).name for name in layer))
    if not names:
        raise OptionError("Expected at least one layer, received none.")
    pixels = tf.constant(pixels_of(network, [image]))
    maps = enough_memory(lambda: {n: m.numpy() for n, m in network.tap(names)(pixels).items()})
    for one in names:
        check_one_each(one, maps[one], 1)
    asked = [network.layer(name).name for name in layer]
    return tuple(_maps(network, one, maps[one][0], image) for one in asked)


def _maps(network: Network, layer: str, values: np.ndarray, image: Image) -> Maps:
    return Maps(layer, values, image.key, causes.of_maps(network, layer, values))


def heatmap(
    model: Model,
    image: Image,
    method: str = "gradcam",
    layer: str | None = None,
    class_index: int | str | None = None,
    output: int | str | None = None,
    fresh: bool = False,
    **options: Any,
) -> Heatmap:
    """Where the network looked, for one picture. See `heatmaps`."""
    return heatmaps(model, [image], method, layer, class_index, output, fresh=fresh, **options)[0]


def heatmaps(
    model: Model,
    images: Sequence[Image],
    method: str = "gradcam",
    layer: str | None = None,
    class_index: int | str | Sequence[int | str | None] | None = None,
    output: int | str | None = None,
    batch: int = 16,
    on_progress: Progress | None = None,
    fresh: bool = False,
    **options: Any,
) -> tuple[Heatmap, ...]:
    """Heatmaps (h, w) float32 for many pictures, in batches: in the layer's own size, or the network input's.

    layer: None is the model's default, and all that a method which looks at the pixels takes; class_index: a
    number, a label, None for each picture's top class, or one of these per picture; output: which output of
    several; fresh: each batch is computed from its pixels in one go, whatever is remembered of them, so that
    the same batch gives the same bits; options: the method's knobs.
    on_progress(pictures done, in all, new heatmaps) is called after each batch, and with a fraction and no
    new heatmaps between the passes of a long method; what is done is returned when it answers False.
    Raises LayerError, ClassError, MethodError, OptionError, TooMuchMemory.
    """
    network, shelved = network_of(model), methods.method("heatmaps", method)
    knobs, batch = shelved.options(options), BATCH.check(batch)
    if layer is not None and not shelved.layered:
        raise OptionError(
            f"{shelved.title} looks at the pixels: expected no layer (None), received {layer!r}."
        )
    index = network.output_index(output)
    several = isinstance(class_index, Sequence) and not isinstance(class_index, str)
    asked = list(class_index) if several else [class_index] * len(images)
    if len(asked) != len(images):
        raise OptionError(f"Expected one class for each of {len(images)} pictures, received {len(asked)}.")
    classes = [class_number(model, c, index) for c in asked]
    found: list[Heatmap] = []

    def passed(done: int, of: int) -> None:
        now = len(found) + len(part) * done / of
        if on_progress and on_progress(now, len(images), []) is False:
            raise Stopped

    for start in range(0, len(images), batch):
        part = images[start : start + batch]
        bound = pixels_of(network, part), [i.key for i in part], layer, classes[start : start + batch], index
        probe = Probe(network, *bound, shelved.layered, fresh, passed)
        try:
            found += enough_memory(lambda: _read_heatmaps(model, probe, shelved, knobs))
        except Stopped:
            break
        if on_progress and on_progress(len(found), len(images), found[start:]) is False:
            break
    return tuple(found)


def _read_heatmaps(model: Model, probe: Probe, shelved: methods.Method, knobs: dict) -> list[Heatmap]:
    scores, probabilities = probe.scores, probe.probabilities        # first: the maps come on the same pass
    read = shelved.function(probe, **knobs)
    values, facts = read if isinstance(read, tuple) else (read, {})
    values = np.asarray(values, np.float32)                                                   # (b, h, w)
    told = [{name: float(fact[i]) for name, fact in facts.items()} for i in range(len(values))]
    told = [{name: fact for name, fact in one.items() if np.isfinite(fact)} for one in told]
    notices = causes.of_heatmaps(model, probe, values, told, knobs.get("signed", False))
    return [
        Heatmap(
            layer=probe.layer.name if shelved.layered else "",
            class_index=int(k := probe.classes[i]),
            label=_label(model, int(k), probe.output),
            score=float(scores[i]),
            probability=float(probabilities[i]),
            method=shelved.name,
            values=one if np.isfinite(one).all() else np.nan_to_num(one, nan=0.0, posinf=0.0, neginf=0.0),
            note=joined(notices[i]),
            notices=notices[i],
            image=probe.keys[i],
            model=model.key,
            options=knobs,
            facts=told[i],
        )
        for i, one in enumerate(values)
    ]


def patterns(
    model: Model,
    layer: str,
    channels: Iterable[int] = range(64),
    steps: int = 30,
    size: int = 128,
    seed: int = 0,
    method: str = "robust",
    at_once: int = PATTERNS_AT_ONCE,
    on_progress: Progress | None = None,
    **options: Any,
) -> tuple[Pattern, ...]:
    """What the channels of a layer would like to see, by gradient ascent in `size` pixels.

    The same seed gives the same picture, whatever else is in the batch. Channels climb together,
    `at_once` or as many as the memory budget allows; after each such chunk
    `on_progress(done, total, new patterns)` is called, and False from it stops with what is done.
    Raises LayerError, OptionError, MethodError, TooMuchMemory.
    """
    network, shelved = network_of(model), methods.method("patterns", method)
    knobs = shelved.options({"size": size, **options})
    steps, seed, target = STEPS.check(steps), SEED.check(seed), network.layer(layer)
    wanted = _channels(channels, target)
    per_picture = max(memory_per_picture(network, target.name, size), 1)
    if per_picture > PATTERN_BYTES:
        raise TooMuchMemory(
            f"One picture of {size} pixels needs about {per_picture / 2**20:.0f} MB at layer '{target.name}', "
            f"the limit is {PATTERN_BYTES / 2**20:.0f} MB. Choose a smaller size or an earlier layer."
        )
    at_once = int(min(max(at_once, 1), PATTERN_BYTES // per_picture))
    recipe = shelved.function(**knobs)
    ascent = climb(network, target.name, (shelved.name, *knobs.values()), recipe)
    found: list[Pattern] = []
    for start in range(0, len(wanted), at_once):
        part = wanted[start : start + at_once]
        numbers = [tf.constant(part, tf.int32), tf.constant(steps), tf.constant(seed, tf.int32)]
        pixels, scores = enough_memory(lambda: [t.numpy() for t in ascent(*numbers)])
        new = [
            Pattern(target.name, c, p, s, shelved.name, joined(why := causes.of_pattern(network, target.name, c, s)), why)
            for c, p, s in zip(part, np.nan_to_num(pixels, nan=0.5, posinf=1, neginf=0), scores)
        ]
        found += new
        if on_progress and on_progress(len(found), len(wanted), new) is False:
            break
    return tuple(found)


def class_number(model: Model, asked: int | str | None, output: int = 0) -> int:
    """A class by number, by label or by a number in text; −1 for None. ClassError with near misses."""
    if asked is None:
        return -1
    if isinstance(asked, str) and not asked.strip().isdecimal():
        labels, many = _labels(model, output), model.outputs[output].classes
        folded = [label.lower() for label in labels]
        if asked.strip().lower() in folded:
            return folded.index(asked.strip().lower())
        of_labels = f"one of the {many} labels, or " if labels else ""
        raise ClassError(
            f"There is no class '{asked}'.{near(asked, labels)} "
            f"Expected {of_labels}a number from 0 to {many - 1}."
        )
    if not isinstance(asked, (int, np.integer, str)) or int(asked) < 0:
        raise ClassError(f"Expected a class number from 0 to {model.outputs[output].classes - 1}, received {asked!r}.")
    return int(asked)


def _labels(model: Model, output: int) -> tuple[str, ...]:
    """The names of an output's classes: the model's, where there are as many of them."""
    return model.labels if len(model.labels) == model.outputs[output].classes else ()


def _label(model: Model, class_index: int, output: int) -> str:
    return model.label(class_index) if _labels(model, output) else f"class {class_index}"


def _channels(channels: Iterable[int], layer: Layer) -> list[int]:
    if not isinstance(channels, Iterable):
        raise OptionError(f"Expected several channels, such as [3] or range(64), received {channels!r}.")
    wanted = list(dict.fromkeys(channels))
    if not wanted:
        raise OptionError("Expected at least one channel, received none.")
    whole = (int, np.integer)
    wrong = [c for c in wanted if not isinstance(c, whole) or not 0 <= c < layer.map_shape[2]]
    if wrong:
        raise OptionError(
            f"There is no channel {wrong[0]!r} in layer '{layer.name}': "
            f"expected numbers from 0 to {layer.map_shape[2] - 1}."
        )
    return [int(c) for c in wanted]


def pixels_of(network: Network, images: Sequence[Image]) -> np.ndarray:
    """(b, h, w, C) uint8: the pictures in the network's size. OptionError for none."""
    if not images:
        raise OptionError("Expected at least one picture, received none.")
    fitted = [fit(image.pixels, *network.input_shape) for image in images]
    return fitted[0][None] if len(fitted) == 1 else np.stack(fitted)                          # (b, h, w, C)


def network_of(model: Model) -> Network:
    """OptionError for a model that lives in a worker."""
    if not isinstance(model.network, Network):
        raise OptionError(
            f"The model '{model.name}' lives in a worker: ask explain.workers, or open it here with explain.load."
        )
    return model.network


def enough_memory(work: Callable):
    """What `work()` gives. TooMuchMemory where it does not fit."""
    try:
        return work()
    except (tf.errors.ResourceExhaustedError, MemoryError) as error:
        raise TooMuchMemory(
            "This does not fit into memory. Choose a later layer, a smaller size or fewer pictures at once."
        ) from error
