"""Small networks as files, built by another process: the one of the tests stands for the page's, which never
imports TensorFlow."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from pages import ROOT

from explain.workers.worker import NAME, context


def saved(folder: Path, *kinds: str | tuple, ending: str = "keras") -> dict[str, bytes]:
    """{name: bytes} of networks of `networks.py` or of this file, by the names of their functions.

    (name, *arguments) for those that take some.
    """
    wanted = [kind if isinstance(kind, tuple) else (kind,) for kind in kinds]
    found = saved_as(folder, {f"{i}.{ending}": kind for i, kind in enumerate(wanted)})
    return {kind[0]: data for kind, data in zip(wanted, found.values(), strict=True)}


def saved_as(folder: Path, files: dict[str, tuple]) -> dict[str, bytes]:
    """{file: bytes} of networks by (name, *arguments), for several of one name; the endings say how.

    .zip is a SavedModel; its folder lies beside it.
    """
    jobs = [(str(folder / file), kind) for file, kind in files.items()]
    # Called as workers are: a test that ran a page before leaves that page as `__main__`.
    process = context().Process(target=_save, args=(jobs,), name=NAME)
    process.start()
    process.join(180)
    assert process.exitcode == 0
    return {file: (folder / file).read_bytes() for file in files}


def _save(wanted: list[tuple[str, tuple]]) -> None:
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    import networks

    for path, (kind, *arguments) in wanted:
        build: Callable = globals().get(kind) or getattr(networks, kind)
        network = build(*arguments)
        if path.endswith(".zip"):
            stem = path.removesuffix(".zip")
            network.export(stem, verbose=False)
            shutil.make_archive(stem, "zip", stem)
        else:
            (network.save_weights if path.endswith(".weights.h5") else network.save)(path)


def named(names: tuple[str, ...]):
    """A convolution for each name, called so as far as Keras and TensorFlow let it, and as many classes."""
    import keras
    from networks import SIZE, draw_weights

    layers = [keras.Input((SIZE, SIZE, 3))]
    for i, name in enumerate(names):
        name = f"{i}. {name}".translate(dict.fromkeys(map(ord, "/\0>")))
        layers.append(keras.layers.Conv2D(3, 1, activation="relu", name=name))
    head = keras.layers.Dense(len(names), activation="softmax")
    return draw_weights(keras.Sequential([*layers, keras.layers.GlobalAveragePooling2D(), head]))


def against():
    """Class 1 has evidence in every place; class 0 has only evidence against it."""
    import keras
    import numpy as np
    from networks import SIZE

    layers = [
        keras.Input((SIZE, SIZE, 3)),
        keras.layers.Conv2D(2, 1, activation="relu", name="first"),
        keras.layers.Conv2D(2, 1, activation="relu", name="second"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(2, name="head"),
    ]
    network = keras.Sequential(layers, name="against")
    ones = [np.ones_like(w) for w in network.get_layer("first").get_weights()]
    network.get_layer("first").set_weights(ones)
    network.get_layer("second").set_weights([np.ones((1, 1, 2, 2), np.float32), np.zeros(2, np.float32)])
    network.get_layer("head").set_weights([np.array([[-1, 1], [-1, 1]], np.float32), np.zeros(2, np.float32)])
    return network


def deep():
    """Takes seconds to open."""
    import keras
    from networks import SIZE, draw_weights

    convs = [keras.layers.Conv2D(2, 3, padding="same", name=f"conv{i}") for i in range(600)]
    head = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)]
    inputs = keras.Input((SIZE, SIZE, 3))
    x = inputs
    for layer in (*convs, *head):
        x = layer(x)
    return draw_weights(keras.Model(inputs, x))


def any_size():
    """Takes pictures of any size."""
    import networks

    return networks.plain(size=None)


def unbuilt():
    """Saved before anybody told it what its input looks like."""
    import keras

    layers = [keras.layers.Conv2D(4, 3, activation="relu"), keras.layers.GlobalAveragePooling2D()]
    return keras.Sequential([*layers, keras.layers.Dense(3, activation="softmax")], name="unbuilt")


def sick():
    """'first' has a dead filter, 'second' two that are alike, 'third' a NaN."""
    import keras
    import numpy as np
    from networks import SIZE, draw_weights

    layers = [
        keras.layers.Conv2D(4, 3, padding="same", activation="relu", name=n)
        for n in ("first", "second", "third")
    ]
    head = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")]
    network = draw_weights(keras.Sequential([keras.Input((SIZE, SIZE, 3)), *layers, *head], name="sick"))
    for layer, change in zip(layers, (_kill, _copy, _break), strict=True):
        kernel, bias = layer.get_weights()
        change(kernel)
        layer.set_weights([kernel, np.zeros_like(bias)])
    return network


def _kill(kernel) -> None:
    kernel[..., 1] = 0


def _copy(kernel) -> None:
    kernel[..., 2] = kernel[..., 3]


def _break(kernel) -> None:
    kernel[0, 0, 0, 0] = float("nan")


def trained(steps: int, size: int | None = None):
    """`plain` after so many steps of a training that left its first convolution alone."""
    import networks
    import numpy as np

    network, noise = networks.plain(**({"size": size} if size else {})), np.random.default_rng(1)
    for name in ("second", "head"):
        layer = network.get_layer(name)
        change = [noise.normal(0, 0.4, w.shape) for w in layer.get_weights()]
        layer.set_weights([w + steps * c for w, c in zip(layer.get_weights(), change, strict=True)])
    return network


COLOURS = {"red": (230, 30, 30), "green": (30, 200, 40), "blue": (40, 50, 230)}


def squares(**places: tuple[int, int]):
    """(24, 24, 3) uint8: grey noise with a square of 8 pixels of each colour, whose first corner is given."""
    import numpy as np

    picture = np.random.default_rng(0).integers(90, 160, (24, 24, 1), np.uint8).repeat(3, axis=2)
    for name, (top, left) in places.items():
        picture[top : top + 8, left : left + 8] = COLOURS[name]
    return picture


def colours(*names: str):
    """Trained until it tells these colours from one another, and from a picture without any: "nothing"."""
    import keras
    import numpy as np

    keras.utils.set_random_seed(1)
    chance, pictures, classes = np.random.default_rng(2), [], []
    for i in range(128):
        name = names[i % len(names)]
        places = {name: tuple(chance.integers(0, 17, 2))} if name in COLOURS else {}
        pictures.append(squares(**places))
        classes.append(i % len(names))
    layers = [
        keras.Input((24, 24, 3)),
        keras.layers.Rescaling(1 / 127.5, -1),
        keras.layers.Conv2D(12, 3, padding="same", activation="relu", name="first"),
        keras.layers.MaxPooling2D(2),
        keras.layers.Conv2D(12, 3, padding="same", activation="relu", name="second"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(len(names), activation="softmax"),
    ]
    network = keras.Sequential(layers, name="colours")
    network.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"])
    network.fit(np.stack(pictures).astype("float32"), np.array(classes), batch_size=32, epochs=25, verbose=0)
    found = network.evaluate(np.stack(pictures).astype("float32"), np.array(classes), verbose=0)[1]
    assert found > 0.97, f"the training failed: {found:.0%}"
    return network
