"""Where the arithmetic runs. Asked once, before the first tensor."""

from __future__ import annotations

import os
from functools import cache

from explain.errors import OptionError

CHOICES = ("auto", "cpu", "gpu")


def wanted() -> str:
    """EXPLAIN_DEVICE: auto (a GPU when there is one), cpu or gpu. OptionError for anything else."""
    choice = os.environ.get("EXPLAIN_DEVICE", "auto").strip().lower() or "auto"
    if choice not in CHOICES:
        raise OptionError(f"Expected EXPLAIN_DEVICE to be auto, cpu or gpu, received '{choice}'.")
    return choice


@cache
def ready() -> str:
    """Choose the device for this process and say which: "GPU: NVIDIA …" or "CPU, 8 cores".

    GPU memory grows as it is needed. Where TensorFlow has computed before, in a notebook say, its
    devices can no longer be changed: they stay as they are. OptionError when a GPU is demanded and there
    is none, or the CPU alone when it is too late for that.
    """
    import tensorflow as tf

    choice = wanted()
    gpus = tf.config.list_physical_devices("GPU")
    if choice == "gpu" and not gpus:
        raise OptionError("EXPLAIN_DEVICE=gpu, but TensorFlow finds no GPU here. Use auto or cpu.")
    if choice == "cpu" or not gpus:
        try:
            tf.config.set_visible_devices([], "GPU")
        except RuntimeError as error:
            raise OptionError(
                "EXPLAIN_DEVICE=cpu, but TensorFlow has computed on the GPU before. Set it before the first tensor."
            ) from error
        return f"CPU, {os.cpu_count()} cores"
    try:
        for gpu in gpus:
            tf.config.experimental.set_memory_growth(gpu, True)
    except RuntimeError:
        pass                                     # computed before: the memory is taken already
    return f"GPU: {tf.config.experimental.get_device_details(gpus[0]).get('device_name', gpus[0].name)}"
