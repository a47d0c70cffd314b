"""A Keras model that can be asked: what it is made of, and the functions compiled from it."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable
from functools import cached_property

import keras
import numpy as np
import tensorflow as tf

from explain.errors import ClassError, InputError, LayerError, near
from explain.probe import door
from explain.probe.cutting import cut_out
from explain.probe.entrance import Entrance, takes_fractions
from explain.probe.heads import read_head
from explain.probe.surveying import survey
from explain.probe.weights import first_not_finite
from explain.results import Layer
from explain.scaling import Scaling
from explain.store import Store

MAX_FUNCTIONS = 48                                     # concrete functions; 200 of ResNet50 took 1 GB
STORE_BYTES = int(float(os.environ.get("EXPLAIN_STORE_MB", 256)) * 2**20)

CLASSES = tf.TensorSpec((None,), tf.int32)


class Network:
    """The one object in which a Keras model lives. Shared by all sessions, never changed.

    model: a built Keras model with one picture as input; scaling: how pixels become its input;
    input_shape: (h, w, C).
    """

    def __init__(self, model: keras.Model, scaling: Scaling, input_shape: tuple[int, int, int]):
        self.model, self.scaling, self.input_shape = model, scaling, tuple(input_shape)
        self.store = Store(STORE_BYTES, weigh=_bytes)       # (picture, layer, what) → arrays
        self._functions = Store(MAX_FUNCTIONS)
        self._vectors: dict[tuple[str, int], tuple[str, ...]] = {}        # names, as traced
        self.entrance = Entrance(model, scaling, self.input_shape[2])
        found = survey(self)
        self.layers, self.outputs, self.default_layers = found.layers, found.outputs, found.default_layers
        self.operations, self.reach = found.operations, found.reach
        self._predict, self._grids = found.forward, found.grids
        self._by_name = {layer.name: layer for layer in self.layers}

    # What it is made of ------------------------------------------------------------------------

    def layer(self, name: str | None, output: int = 0) -> Layer:
        """The named layer, or the default one. LayerError when it is missing or has no map."""
        if name is None:
            name = self.default_layers[output]
            if name is None:
                raise LayerError(
                    "This network has no layer with a map (height, width, channels) on the way to its "
                    f"output '{self.outputs[output].name}', so there is no place to show: no activations, no "
                    "Grad-CAM. Predictions and the slopes of the score at the pixels remain possible."
                )
        if name not in self._by_name:
            with_map = [n for n, layer in self._by_name.items() if layer.has_map]
            raise LayerError(
                f"There is no layer '{name}' in this network.{near(name, self._by_name)} "
                f"It has {len(with_map)} layers with a map"
                + (f", from '{with_map[0]}' to '{with_map[-1]}'." if with_map else ".")
            )
        layer = self._by_name[name]
        if not layer.map_shape:
            usable = self.default_layers[output]
            raise LayerError(
                f"Layer '{name}' gives {layer.shape}, not (height, width, channels) of the whole picture."
                + (f" Choose a layer with a map, for example '{usable}'." if usable else "")
            )
        return layer

    def output_index(self, output: int | str | None) -> int:
        """Which output is meant, by number or name. ClassError for any other."""
        names = [o.name for o in self.outputs]
        if output is None:
            return 0
        if output in names:
            return names.index(output)
        if isinstance(output, (int, np.integer)) and 0 <= output < len(names):
            return int(output)
        raise ClassError(f"There is no output '{output}'. This network has: {', '.join(names)}.{near(output, names)}")

    def check_classes(self, classes: np.ndarray, output: int) -> None:
        """ClassError unless every class index is −1 (the top class) or one of the output's K."""
        known = self.outputs[output].classes
        wrong = [int(c) for c in classes if not -1 <= c < known]
        if wrong:
            raise ClassError(
                f"There is no class {wrong[0]}. Output '{self.outputs[output].name}' has {known} "
                f"classes: expected a number from 0 to {known - 1}."
            )

    @cached_property
    def broken(self) -> str:
        """The first layer whose weights are not finite, or "": they are looked through once."""
        return first_not_finite(self.operations)

    # Functions ---------------------------------------------------------------------------------

    def prepare(self, pixels: tf.Tensor, smooth: bool = False) -> tf.Tensor:
        """(b, h, w, C) in 0..255 of any dtype → what the network was trained on. See `Entrance.fitted`."""
        return self.entrance.prepare(pixels, smooth)

    def fitted(self, inputs: tf.Tensor) -> tf.Tensor:
        """(b, h, w, C) float32, scaled already → the network's own input: its dtype and axes."""
        return self.entrance.fitted(inputs)

    def check_smooth(self) -> None:
        """InputError where a network takes whole numbers, and fractions not for the same."""
        if self.entrance.dtype.is_integer and not self._takes_fractions:
            raise InputError(
                f"This network takes whole numbers ({self.entrance.dtype.name}) and fractions not for the "
                "same, so its answers have no slopes at the pixels: no patterns, no input gradients. "
                "Save it with a float32 input."
            )

    @cached_property
    def _takes_fractions(self) -> bool:
        return takes_fractions(self)

    def pixels_spec(self, batch: int | None = None) -> tf.TensorSpec:
        return tf.TensorSpec((batch, *self.input_shape), tf.uint8)

    def maps_spec(self, layer: str, batch: int | None = None) -> tf.TensorSpec:
        return tf.TensorSpec((batch, *self._by_name[layer].map_shape), tf.float32)

    def view(self, layer: str, tensor: tf.Tensor) -> tf.Tensor:
        """What a layer answered, as a map (b, h, w, c)."""
        return self._grids[layer].as_map(tensor) if layer in self._grids else tensor

    def places(self, layer: str, tensor: tf.Tensor) -> tf.Tensor:
        """What a layer answered to pictures of any size, without the tokens that are no place: (b, …, c)."""
        return self._grids[layer].places(tensor) if layer in self._grids else tensor

    def trace(self, function: Callable, *specs: tf.TensorSpec):
        """A concrete function with exactly these inputs; it can never retrace."""
        with door.TRACING:
            return tf.function(function, autograph=False).get_concrete_function(*specs)

    def compiled(self, key: Hashable, make: Callable[[], Callable]):
        """The function kept under `key`, made under the lock when it is not there."""
        function = self._functions.get(key)
        if function is None:
            with door.TRACING:
                function = self._functions.get(key)
                if function is None:
                    function = make()
                    self._functions.put(key, function)
        return function

    def predict(self, pixels: np.ndarray, output: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """(b, h, w, C) uint8 → scores (b, K) and probabilities (b, K), float32."""
        scores, probabilities = self._predict(tf.constant(pixels))[output]
        return scores.numpy(), probabilities.numpy()

    def tap(self, layers: tuple[str, ...]):
        """pixels (b, h, w, C) uint8 → {layer: maps (b, h, w, c) float32}."""

        def make():
            def maps(pixels):
                noted = door.tap(self.model, self.prepare(pixels), layers)
                return {name: tf.cast(self.view(name, noted[name]), tf.float32) for name in layers}

            return self.trace(maps, self.pixels_spec())

        return self.compiled(("tap", layers), make)

    def look(self, layer: str, output: int):
        """(pixels, classes (b,) int32; −1 is the top class) → one pass forward, the head backward.

        {maps, slopes (b, h, w, c), scores, probabilities (b, K), classes (b,), vectors}: `vectors`
        are the (b, n) answers on the way from the layer to the score, which `slopes` wants back.
        """

        def make():
            def function(pixels, classes):
                return self._forward_and_back(pixels, None, classes, layer, output)

            return self.trace(function, self.pixels_spec(), CLASSES)

        return self.compiled(("look", layer, output), make)

    def head(self, layer: str, output: int):
        """(pixels, maps (b, h, w, c), classes (b,)) → what `look` gives, from the maps on.

        The pixels are read only where a path leads round the layer.
        """

        def make():
            def function(pixels, maps, classes):
                return self._forward_and_back(pixels, maps, classes, layer, output)

            return self.trace(function, self.pixels_spec(), self.maps_spec(layer), CLASSES)

        return self.compiled(("head", layer, output), make)

    def slopes(self, layer: str, output: int, batch: int | None = None):
        """(pixels, maps, classes (b,), *vectors) → ∂y^c / ∂maps (b, h, w, c) of another class.

        With the head's own answers given back, only the way backward is left: half of the head. For a
        known `batch` the shapes fold away too, which tells where one click is one picture.
        """

        def make():
            ends = {}

            def function(pixels, maps, classes):
                seen = self._forward_and_back(pixels, maps, classes, layer, output, top=False)
                ends.update(seen, feeds=[pixels, maps, classes, *seen["vectors"]])
                return seen["slopes"]

            with door.TRACING:
                specs = self.pixels_spec(batch), self.maps_spec(layer, batch), tf.TensorSpec((batch,), tf.int32)
                whole = self.trace(function, *specs)
                return cut_out(whole.graph, ends["feeds"], ends["slopes"], self.trace)

        return self.compiled(("slopes", layer, output, batch), make)

    def _forward_and_back(self, pixels, maps, classes, layer: str, output: int, top: bool = True):
        """To be traced. From the pixels, or from the maps where they are given."""
        noted, vectors, reached = maps, {}, False
        # In a batch of known size a row a picture cannot be told from other rows: go by the names.
        wanted = self._vectors[layer, output] if pixels.shape[0] is not None else None
        # Watched from the layer on, the tape holds the head only.
        with tf.GradientTape(watch_accessed_variables=False) as tape:

            def visit(name, tensor):
                nonlocal noted, reached
                if name == layer:
                    reached = True
                    if maps is None:
                        noted = self.view(name, tensor)
                        tape.watch(noted)
                    return self._in_place(name, tf.cast(noted, tensor.dtype), tensor, vectors)
                elif reached and (name in wanted if wanted is not None else _one_row_each(tensor)):
                    if not any(tensor is known for known in vectors.values()):  # Dropout passes its input on
                        vectors[name] = tensor
                return tensor

            if maps is not None:
                tape.watch(maps)
            head = read_head(door.run(self.model, self.prepare(pixels), visit)[output])
            if top:
                best = tf.argmax(head.scores, axis=-1, output_type=tf.int32)                  # (b,)
                classes = tf.where(classes < 0, best, classes)
        self._vectors[layer, output] = tuple(vectors)
        # Aimed at one score a picture, the sum of the batch's. A layer off the path to this output has
        # slope zero everywhere; the note says so later.
        aim = tf.one_hot(classes, head.scores.shape[-1])                                      # (b, K)
        slopes = tape.gradient(head.scores, noted, aim, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return {
            "maps": tf.cast(noted, tf.float32),
            "slopes": tf.cast(slopes, tf.float32),
            "scores": head.scores,
            "probabilities": head.probabilities,
            "classes": classes,
            "vectors": list(vectors.values()),
        }

    def _in_place(self, layer: str, maps: tf.Tensor, tensor: tf.Tensor, vectors: dict) -> tf.Tensor:
        """Maps (b, h, w, c) as the layer hands them on: tokens stand behind those that are no place.

        These come from the pixels, past the maps: what `slopes` wants back as well.
        """
        grid = self._grids.get(layer)
        if grid is None:
            return maps
        vectors[f"{layer}, before the places"] = others = tensor[:, : grid.before]
        return grid.as_tokens(maps, others)

    def pixel_slopes(self, output: int):
        """(pixels (b, h, w, C) float32 in 0..255, classes (b,)) → ∂y^c / ∂pixels (b, h, w, C)."""
        self.check_smooth()

        def make():
            def function(pixels, classes):
                with tf.GradientTape(watch_accessed_variables=False) as tape:
                    tape.watch(pixels)
                    inputs = self.prepare(pixels, smooth=True)
                    head = read_head(door.run(self.model, inputs, as_it_is=True)[output])
                    aim = tf.one_hot(classes, head.scores.shape[-1])                          # (b, K)
                return tape.gradient(head.scores, pixels, aim, unconnected_gradients=tf.UnconnectedGradients.ZERO)

            return self.trace(function, tf.TensorSpec((None, *self.input_shape), tf.float32), CLASSES)

        return self.compiled(("pixels", output), make)


def _one_row_each(tensor: tf.Tensor) -> bool:
    """Whether the tensor is (b, n): not learnt positions, which are rows of no picture."""
    return tensor.shape.rank == 2 and tensor.shape[0] is None


def _bytes(value) -> int:
    return value.nbytes if isinstance(value, np.ndarray) else sum(part.nbytes for part in value)
