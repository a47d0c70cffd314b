"""A probe: bound to a network, a batch of pictures, a layer and a class for each picture."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import tensorflow as tf

from explain.errors import LayerError, OptionError
from explain.probe.network import Network
from explain.results import Layer


class Probe:
    """What methods are handed: numpy arrays on demand, each computed at most once.

    pixels: (b, h, w, C) uint8, already in the network's size; keys: b digests; layer: a name or
    None for the default; classes: b class indices, −1 (or None for all) for the top class.

    A network without a map has no default layer: then what belongs to a layer raises LayerError,
    and scores and the slopes at the pixels are there all the same.
    """

    def __init__(
        self,
        network: Network,
        pixels: np.ndarray,
        keys: Sequence[str],
        layer: str | None = None,
        classes: Sequence[int] | None = None,
        output: int | str | None = None,
    ):
        if len(pixels) == 0:
            raise OptionError("Expected at least one picture, received none.")
        self.network, self.pixels, self.keys = network, pixels, tuple(keys)
        self.output = network.output_index(output)
        self._layer = None
        if layer is not None or network.default_layers[self.output] is not None:
            self._layer = network.layer(layer, self.output)
        chosen = np.full(len(pixels), -1) if classes is None else np.asarray(classes)
        network.check_classes(chosen, self.output)
        self._asked = chosen.astype(np.int32)                                             # (b,)

    @property
    def layer(self) -> Layer:
        """The layer looked at. LayerError where the network has none with a map."""
        return self._layer or self.network.layer(None, self.output)

    @cached_property
    def _answers(self) -> dict[str, np.ndarray]:
        """scores, probabilities (b, K) and classes (b,): with the maps, or alone where there are none."""
        if self._layer is not None:
            return self._seen
        scores, probabilities = self.network.predict(self.pixels, self.output)
        return dict(scores=scores, probabilities=probabilities, classes=self._chosen(scores))

    def _chosen(self, scores: np.ndarray) -> np.ndarray:
        """(b,) int32: the classes asked for, the top one where none was."""
        return np.where(self._asked < 0, scores.argmax(axis=-1), self._asked).astype(np.int32)

    @cached_property
    def _seen(self) -> dict[str, np.ndarray]:
        """What `Network.look` gives. What is in the store is not computed again."""
        name, network = self.layer.name, self.network
        maps = self.__dict__.get("maps")
        maps = self._stored("maps") if maps is None else maps
        known = None if maps is None else self._stored(("head", self.output))
        if maps is None:
            seen = _numpy(network.look(name, self.output)(tf.constant(self.pixels), tf.constant(self._asked)))
        elif known is None:
            seen = network.head(name, self.output)
            seen = _numpy(seen(tf.constant(self.pixels), tf.constant(maps), tf.constant(self._asked)))
        else:
            scores, probabilities, *vectors = known
            classes = self._chosen(scores)
            alone = 1 if len(self.pixels) == 1 else None
            slopes = network.slopes(name, self.output, alone)(self.pixels, maps, classes, *vectors)
            return dict(
                maps=maps, slopes=slopes.numpy(), scores=scores, probabilities=probabilities, classes=classes
            )
        check_one_each(name, seen["maps"], len(self.pixels))
        self._keep("maps", seen["maps"])
        if all(len(vector) == len(self.keys) for vector in seen["vectors"]):      # not (b · n, c)
            self._keep(("head", self.output), [seen["scores"], seen["probabilities"], *seen["vectors"]])
        return seen

    def _stored(self, what):
        """What the store has for all pictures of the batch, batched, or None."""
        kept = [self.network.store.get((key, self.layer.name, what)) for key in self.keys]
        if any(one is None for one in kept):
            return None
        return _batched(kept) if what == "maps" else [_batched(parts) for parts in zip(*kept)]

    def _keep(self, what, batched) -> None:
        for i, key in enumerate(self.keys):
            one = _kept(batched[i]) if what == "maps" else [_kept(part[i]) for part in batched]
            self.network.store.put((key, self.layer.name, what), one)

    @cached_property
    def maps(self) -> np.ndarray:
        """(b, h, w, c) float32: what the layer answered."""
        if "_seen" in self.__dict__:
            return self._seen["maps"]
        maps = self._stored("maps")
        if maps is None:
            maps = self.network.tap((self.layer.name,))(tf.constant(self.pixels))[self.layer.name].numpy()
            check_one_each(self.layer.name, maps, len(self.pixels))
            self._keep("maps", maps)
        return maps

    @property
    def slopes(self) -> np.ndarray:
        """(b, h, w, c) float32: ∂y^c / ∂maps."""
        return self._seen["slopes"]

    @property
    def classes(self) -> np.ndarray:
        """(b,) int32: the class asked for, or the top one."""
        return self._answers["classes"]

    @property
    def scores(self) -> np.ndarray:
        """(b,) float32: y^c of each picture's class, before softmax or sigmoid."""
        return np.take_along_axis(self._answers["scores"], self.classes[:, None], 1)[:, 0]

    @property
    def probabilities(self) -> np.ndarray:
        """(b,) float32 of each picture's class; NaN where the head gives none."""
        return np.take_along_axis(self._answers["probabilities"], self.classes[:, None], 1)[:, 0]

    @property
    def answers(self) -> tuple[np.ndarray, np.ndarray]:
        """Scores and probabilities of all classes: (b, K) float32 each."""
        return self._answers["scores"], self._answers["probabilities"]

    def resume(self, maps: np.ndarray) -> np.ndarray:
        """(n, h, w, c) in place of the layer's answer, n a multiple of b → y^c (n,) float32.

        Item i belongs to picture i // (n / b).
        """
        times, rest = divmod(len(maps), len(self.pixels))
        if rest or maps.shape[1:] != self.maps.shape[1:]:
            raise OptionError(
                f"Expected maps of shape (n, {', '.join(map(str, self.maps.shape[1:]))}) with n a multiple "
                f"of {len(self.pixels)}, received {maps.shape}."
            )
        pixels, classes = np.repeat(self.pixels, times, axis=0), np.repeat(self.classes, times)
        head = self.network.head(self.layer.name, self.output)
        seen = head(tf.constant(pixels), tf.constant(maps, tf.float32), tf.constant(classes))
        return np.take_along_axis(seen["scores"].numpy(), classes[:, None], 1)[:, 0]

    @property
    def input_slopes(self) -> np.ndarray:
        """(b, h, w, C) float32: ∂y^c / ∂pixels, pixels in 0..255."""
        return self.slopes_at(self.pixels)

    def slopes_at(self, pixels: np.ndarray) -> np.ndarray:
        """∂y^c / ∂pixels at other pixels: (n, h, w, C) in 0..255, n a multiple of b, float allowed."""
        classes = np.repeat(self.classes, len(pixels) // len(self.pixels))
        slopes = self.network.pixel_slopes(self.output)
        return slopes(tf.constant(pixels, tf.float32), tf.constant(classes)).numpy()

    def score(self, pixels: np.ndarray) -> np.ndarray:
        """y^c (n,) of other pictures (n, h, w, C) uint8, n a multiple of b."""
        classes = np.repeat(self.classes, len(pixels) // len(self.pixels))
        scores, _ = self.network.predict(pixels.astype(np.uint8), self.output)
        return np.take_along_axis(scores, classes[:, None], 1)[:, 0]


def check_one_each(layer: str, maps: np.ndarray, many: int) -> None:
    """LayerError unless there is one map for each of so many pictures."""
    if len(maps) != many:
        raise LayerError(
            f"Layer '{layer}' gives {len(maps)} maps for {many} picture{'s' * (many > 1)}: the network cuts "
            "a picture into pieces there. Choose a layer before or behind that."
        )


def _kept(one: np.ndarray) -> np.ndarray:
    """A copy, so that one picture does not hold the whole batch in memory, and nobody writes into it."""
    one = one.copy()
    one.flags.writeable = False
    return one


def _batched(parts) -> np.ndarray:
    return parts[0][None] if len(parts) == 1 else np.stack(parts)


def _numpy(seen: dict) -> dict:
    return {k: [v.numpy() for v in t] if isinstance(t, list) else t.numpy() for k, t in seen.items()}
