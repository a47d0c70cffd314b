"""A custom class of the operator's whose opening does harm: arbitrary code inside a worker, on purpose.

The layer's name says how it ended, so the answer comes back among the names of the layers. A plain
import of this file does nothing; `attack` does it anywhere, to show that it works where nobody prevents it.
"""

from __future__ import annotations

import mmap
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from explain.opening import loading


def connect(family: int, address) -> None:
    with socket.socket(family) as line:
        line.settimeout(5)
        line.connect(address)


def fork_bomb(most: int) -> int:
    """Bounded: every copy ends at once."""
    for _ in range(most):
        if os.fork() == 0:
            os._exit(0)
        os.wait()
    return most


def fill(folder: str, megabytes: int) -> int:
    """That much, in files of 50 MB."""
    for number in range(0, megabytes, 50):
        with open(f"{folder}/filler-{number}", "wb") as file:
            for _ in range(min(50, megabytes - number)):
                file.write(bytes(2**20))
    return megabytes


def spin() -> None:
    while True:
        pass


WAYS = {
    "read": lambda path: Path(path).read_text(),
    "read as an operation": lambda path: tf.io.read_file(path).numpy(),
    "list as an operation": lambda path: tf.io.matching_files(path).numpy()[0],     # IndexError: sees nothing
    "write": lambda path: Path(path).write_text("x"),
    "write as an operation": lambda path: tf.io.write_file(path, "x"),
    "connect": lambda port: connect(socket.AF_INET, ("127.0.0.1", port)),
    "connect to a file": lambda path: connect(socket.AF_UNIX, path),
    "run": lambda: subprocess.run(["/bin/true"], check=True),
    "fork": fork_bomb,
    "fill": fill,
    "fill scratch": lambda megabytes: fill(os.environ["TMPDIR"], megabytes),
    "kill": lambda process: os.kill(process, signal.SIGTERM),
    "take memory": lambda megabytes: np.ones(megabytes * 2**17).size,
    "share memory": lambda megabytes: mmap.mmap(-1, megabytes * 2**20).close(),
    "abort": os.abort,
    "spin": spin,
    "sleep": time.sleep,
    "set": lambda: keras.config.set_floatx("float64"),
    "claim": lambda key: setattr(loading, "_sha256", lambda text: key),
    "home": lambda: [os.environ[name] for name in ("TMPDIR", "HOME", "KERAS_HOME")],
    "write home": lambda: Path(os.environ["HOME"], "note").write_text("x"),
}


def attack(what: str, *arguments) -> str:
    """'done', or the class of the error that prevented it."""
    try:
        WAYS[what](*arguments)
    except MemoryError:
        raise
    except Exception as error:
        return type(error).__name__
    return "done"


@keras.saving.register_keras_serializable("tests")
class Attacker(keras.layers.Layer):
    """Attacks while it is built from its configuration."""

    def __init__(self, number: int, way: list, harmless: bool = False, name: str = "", **options):
        self.asked = {"number": number, "way": list(way)}
        super().__init__(name=f"{number}_{'waiting' if harmless else attack(*way)}", **options)

    def call(self, inputs):
        return inputs

    def get_config(self):
        return super().get_config() | self.asked


def network(*ways: tuple) -> keras.Model:
    """A small classifier with an attacker for each way; they attack where it is opened from a file."""
    attackers = [Attacker(number, way, harmless=True) for number, way in enumerate(ways)]
    head = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2, activation="softmax")]
    return keras.Sequential([keras.Input((12, 12, 3)), keras.layers.Conv2D(2, 3), *attackers, *head])


def outcomes(layers) -> list[str]:
    """How the attacks ended, from the names of the layers of the opened network."""
    return [layer.name.partition("_")[2] for layer in layers if layer.kind == "Attacker"]
