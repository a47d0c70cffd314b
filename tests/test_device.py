"""Where the arithmetic runs."""

from __future__ import annotations

import pytest
import tensorflow as tf

from explain import device
from explain.errors import OptionError


@pytest.fixture
def fresh(monkeypatch):
    """`ready` without memory, here and afterwards, and without anything that touches real devices."""
    done = []
    config, deeper = tf.config, tf.config.experimental
    monkeypatch.setattr(config, "set_visible_devices", lambda *asked: done.append(("visible", *asked)))
    monkeypatch.setattr(deeper, "set_memory_growth", lambda gpu, _: done.append(("grow", gpu.name)))
    monkeypatch.setattr(deeper, "get_device_details", lambda gpu: {"device_name": "NVIDIA Test"})
    device.ready.cache_clear()
    yield done
    device.ready.cache_clear()


def with_gpus(monkeypatch, *names):
    gpus = [tf.config.PhysicalDevice(name, "GPU") for name in names]
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: gpus)


@pytest.mark.parametrize(("text", "choice"), [("", "auto"), ("auto", "auto"), (" CPU ", "cpu")])
def test_choices(monkeypatch, text, choice):
    monkeypatch.setenv("EXPLAIN_DEVICE", text)
    assert device.wanted() == choice
    monkeypatch.delenv("EXPLAIN_DEVICE")
    assert device.wanted() == "auto"


def test_other_words_are_refused(monkeypatch):
    monkeypatch.setenv("EXPLAIN_DEVICE", "tpu")
    with pytest.raises(OptionError, match="auto, cpu or gpu, received 'tpu'"):
        device.wanted()


def test_without_a_gpu(monkeypatch, fresh):
    with_gpus(monkeypatch)
    monkeypatch.setenv("EXPLAIN_DEVICE", "auto")
    assert device.ready().startswith("CPU, ") and device.ready() == device.ready()
    assert len(fresh) == 1                                                     # asked once
    device.ready.cache_clear()
    monkeypatch.setenv("EXPLAIN_DEVICE", "gpu")
    with pytest.raises(OptionError, match="finds no GPU here"):
        device.ready()


def test_with_a_gpu(monkeypatch, fresh):
    with_gpus(monkeypatch, "gpu:0", "gpu:1")
    monkeypatch.setenv("EXPLAIN_DEVICE", "auto")
    assert device.ready() == "GPU: NVIDIA Test" and fresh == [("grow", "gpu:0"), ("grow", "gpu:1")]
    device.ready.cache_clear()
    monkeypatch.setenv("EXPLAIN_DEVICE", "cpu")
    assert device.ready().startswith("CPU") and fresh[-1] == ("visible", [], "GPU")


def test_a_notebook_that_has_computed_already(monkeypatch, fresh):
    """TensorFlow refuses to change devices after its first operation."""

    def too_late(*arguments):
        raise RuntimeError("cannot be modified after being initialized")

    with_gpus(monkeypatch, "gpu:0")
    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", too_late)
    monkeypatch.setattr(tf.config, "set_visible_devices", too_late)
    monkeypatch.setenv("EXPLAIN_DEVICE", "auto")
    assert device.ready() == "GPU: NVIDIA Test"
    device.ready.cache_clear()
    monkeypatch.setenv("EXPLAIN_DEVICE", "cpu")
    with pytest.raises(OptionError, match="before the first tensor"):
        device.ready()
