"""A probe: bound to a network, a batch of pictures, a layer and a class for each picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

import numpy as np
import tensorflow as tf

from explain.errors import LayerError, OptionError
from explain.probe.network import Network
from explain.probe.variants import AT_ONCE, at_once, emptied
from explain.results import Layer


class Probe:
    """What methods are handed: numpy arrays on demand, each computed at most once.

    pixels: (b, h, w, C) uint8, already in the network's size; keys: b digests; layer: a name or
    None for the default; classes: b class indices, −1 (or None for all) for the top class.
    layered: False for who looks at the pixels only, so that nothing is computed of any layer.
    fresh: nothing that was remembered is used, and nothing is remembered.
    on_pass(done, of): called after each pass over variants of the pictures.

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
        layered: bool = True,
        fresh: bool = False,
        on_pass: Callable[[int, int], None] | None = None,
    ):
        if len(pixels) == 0:
            raise OptionError("Expected at least one picture, received none.")
        self.network, self.pixels, self.keys = network, pixels, tuple(keys)
        self.output = network.output_index(output)
        self.layered, self._fresh, self._on_pass = layered, fresh, on_pass
        self._layer = None
        if layered and (layer is not None or network.default_layers[self.output] is not None):
            self._layer = network.layer(layer, self.output)
        chosen = np.full(len(pixels), -1) if classes is None else np.asarray(classes)
        network.check_classes(chosen, self.output)
        self._asked = chosen.astype(np.int32)                                             # (b,)

    @property
    def layer(self) -> Layer:
        """The layer looked at. LayerError where the network has none with a map, or pixels are looked at."""
        if not self.layered:
            raise LayerError("A method that says 'Looks at: the pixels' has no layer, and no maps of one.")
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
        """What `Network.look` gives; the slopes only where they were computed on the way. What is in the
        store is not computed again."""
        name, network = self.layer.name, self.network
        maps = self.__dict__.get("maps")
        maps = self._stored(self._of("maps")) if maps is None else maps
        head = self._of(("head", self.output))
        known = None if maps is None else self._stored(head)
        if known is not None:
            scores, probabilities, *vectors = known
            classes = self._chosen(scores)
            return dict(
                maps=maps, scores=scores, probabilities=probabilities, classes=classes, vectors=vectors
            )
        if maps is None:
            seen = _numpy(network.look(name, self.output)(tf.constant(self.pixels), tf.constant(self._asked)))
        else:
            seen = network.head(name, self.output)
            seen = _numpy(seen(tf.constant(self.pixels), tf.constant(maps), tf.constant(self._asked)))
        check_one_each(name, seen["maps"], len(self.pixels))
        self._keep(self._of("maps"), seen["maps"])
        self._keep(self._of_classes(seen["classes"]), seen["slopes"])
        if all(len(vector) == len(self.keys) for vector in seen["vectors"]):      # not (b · n, c)
            self._keep(head, [seen["scores"], seen["probabilities"], *seen["vectors"]])
        return seen

    def _of(self, what) -> list[tuple]:
        """Where the store has something of each picture."""
        return [(key, self.layer.name, what) for key in self.keys]

    def _of_classes(self, classes: np.ndarray) -> list[tuple]:
        """The same of the slopes, which belong to a class."""
        pairs = zip(self.keys, classes.tolist(), strict=True)
        return [(key, self.layer.name, ("slopes", self.output, k)) for key, k in pairs]

    def _stored(self, addresses: list[tuple]):
        """What the store has for all pictures of the batch, batched, or None."""
        kept = [None if self._fresh else self.network.store.get(each) for each in addresses]
        if any(one is None for one in kept):
            return None
        whole = isinstance(kept[0], np.ndarray)
        return _batched(kept) if whole else [_batched(parts) for parts in zip(*kept)]

    def _keep(self, addresses: list[tuple], batched) -> None:
        for i, each in enumerate([] if self._fresh else addresses):
            whole = isinstance(batched, np.ndarray)
            self.network.store.put(each, _kept(batched[i]) if whole else [_kept(part[i]) for part in batched])

    @cached_property
    def maps(self) -> np.ndarray:
        """(b, h, w, c) float32: what the layer answered."""
        if "_seen" in self.__dict__:
            return self._seen["maps"]
        maps = self._stored(self._of("maps"))
        if maps is None:
            maps = self.network.tap((self.layer.name,))(tf.constant(self.pixels))[self.layer.name].numpy()
            check_one_each(self.layer.name, maps, len(self.pixels))
            self._keep(self._of("maps"), maps)
        return maps

    @cached_property
    def slopes(self) -> np.ndarray:
        """(b, h, w, c) float32: ∂y^c / ∂maps."""
        seen = self._seen
        if "slopes" in seen:
            return seen["slopes"]
        addresses = self._of_classes(seen["classes"])
        slopes = self._stored(addresses)
        if slopes is None:
            alone = 1 if len(self.pixels) == 1 else None
            back = self.network.slopes(self.layer.name, self.output, alone)
            slopes = back(self.pixels, seen["maps"], seen["classes"], *seen["vectors"]).numpy()
            self._keep(addresses, slopes)
        return slopes

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

    # Pixels ------------------------------------------------------------------------------------

    @cached_property
    def input_slopes(self) -> np.ndarray:
        """(b, h, w, C) float32: ∂y^c / ∂pixels, pixels in 0..255."""
        return self.slopes_at(self.pixels)

    def emptied(self, fill: str) -> np.ndarray:
        """(b, h, w, C) uint8: the pictures without content: "black", "grey", "white" or "blurred"."""
        return emptied(self.pixels, fill)

    def slopes_at(self, pixels: np.ndarray) -> np.ndarray:
        """∂y^c / ∂pixels at other pixels: (n, h, w, C) in 0..255, n a multiple of b, float allowed."""
        slopes = self.network.pixel_slopes(self.output)

        def one(part, classes):
            return slopes(tf.constant(part, tf.float32), tf.constant(classes)).numpy()

        return self._in_pieces(one, pixels, at_once(self.network))

    def score(self, pixels: np.ndarray) -> np.ndarray:
        """y^c (n,) of other pictures (n, h, w, C) uint8, n a multiple of b."""

        def one(part, classes):
            scores, _ = self.network.predict(part.astype(np.uint8), self.output)
            return np.take_along_axis(scores, classes[:, None], 1)[:, 0]

        return self._in_pieces(one, pixels, AT_ONCE)

    def mean_slopes(self, weights: np.ndarray, make: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """∂y^c / ∂pixels (b, h, w, C) float32 of variants of each picture, summed with their weights (n,).

        make(numbers, some of 0..n−1) → (b, some, h, w, C), in 0..255, float allowed. It is asked for a few
        at a time, so that memory does not grow with n.
        """
        total = np.zeros(self.pixels.shape, np.float64)
        for numbers in self._passes(len(weights), at_once(self.network)):
            variants = make(numbers)
            slopes = self.slopes_at(variants.reshape(-1, *self.pixels.shape[1:]))
            total += np.einsum("n,bnhwc->bhwc", weights[numbers], slopes.reshape(variants.shape))
        return total.astype(np.float32)

    def scores_of(self, many: int, make: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """y^c (b, many) float32 of so many variants of each picture. `make` as in `mean_slopes`, uint8."""
        found = np.empty((len(self.pixels), many), np.float32)
        for numbers in self._passes(many, AT_ONCE):
            variants = make(numbers).reshape(-1, *self.pixels.shape[1:])
            found[:, numbers] = self.score(variants).reshape(len(self.pixels), -1)
        return found

    def _passes(self, many: int, pictures: int) -> Iterator[np.ndarray]:
        """The numbers 0..many−1, as many at a time as make so many pictures."""
        step = max(pictures // len(self.pixels), 1)
        for start in range(0, many, step):
            yield np.arange(start, min(start + step, many))
            if self._on_pass:
                self._on_pass(min(start + step, many), many)

    def _in_pieces(self, function: Callable, pixels: np.ndarray, size: int) -> np.ndarray:
        """function(pixels, classes) of pictures (n, …), so many of them at once."""
        classes = np.repeat(self.classes, len(pixels) // len(self.pixels))
        pieces = [slice(start, start + size) for start in range(0, len(pixels), size)]
        return _joined([function(pixels[piece], classes[piece]) for piece in pieces])


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


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _batched(parts) -> np.ndarray:
    return parts[0][None] if len(parts) == 1 else np.stack(parts)


def _numpy(seen: dict) -> dict:
    return {k: [v.numpy() for v in t] if isinstance(t, list) else t.numpy() for k, t in seen.items()}
