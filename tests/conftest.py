"""What all tests share: a quiet TensorFlow, the embedded network, a cat, and the folder of real data."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

# Before anything imports TensorFlow or the workers.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("EXPLAIN_STANDBY", "0")          # a spare worker in the background blurs what is tested

import pytest


@pytest.fixture(scope="module", autouse=True)
def short_collections() -> Iterator[None]:
    """Streamlit collects garbage after each run of a page; what earlier files left need not be walked through."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    yield


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real models and photos that LAYERSCOPE_DATA names, or a skip that says so."""
    folder = os.environ.get("LAYERSCOPE_DATA", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip("LAYERSCOPE_DATA does not name the folder with real models, photos and weights")
    return Path(folder)


@pytest.fixture(scope="session")
def default_model():
    """The embedded network, in this process."""
    import explain

    return explain.load()


@pytest.fixture(scope="session")
def cat():
    """The sample photo of a cat."""
    from explain.samples import read_sample

    return read_sample("cat")
