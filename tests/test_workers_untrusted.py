"""Where a system can keep a file away from nothing, it stays closed, unless the operator says otherwise."""

from __future__ import annotations

import pytest
from networks import nested

from explain import sandbox, workers
from explain.errors import Untrusted
from explain.sandbox import Part
from explain.workers.pool import Pool

NOTHING = tuple(Part(name, False, "not here") for name in sandbox.NAMES)


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "nested.keras"
    nested().save(path)
    return path


@pytest.fixture
def pool():
    made = Pool(standby=False)
    yield made
    made.close()


def source(path, **given) -> dict:
    kept = {"scaling": "0..1", "labels": None, "weights": None, "input_shape": None}
    return {"name": str(path)} | kept | given


@pytest.fixture
def bare(monkeypatch):
    """A system that has neither Landlock nor namespaces, as far as the page is told."""
    monkeypatch.setattr(sandbox, "available", lambda: NOTHING)
    monkeypatch.delenv("EXPLAIN_TRUST_MODELS", raising=False)


def test_files_stay_closed_without_a_sandbox(bare, pool, good):
    assert not workers.trusts_models()
    with pytest.raises(Untrusted, match="EXPLAIN_TRUST_MODELS=1"):
        pool.load(source(good))
    with pytest.raises(Untrusted):
        pool.load(source("efficientnet-lite0", weights=str(good)))
    assert pool.load(source("efficientnet-lite0")).layers


def test_the_operator_may_allow_them(bare, pool, good, monkeypatch):
    monkeypatch.setenv("EXPLAIN_TRUST_MODELS", "1")
    assert workers.trusts_models() and pool.load(source(good)).layers


def test_files_of_ones_own_are_opened(bare, pool, good):
    assert pool.load(source(good, trusted=True)).layers


def test_the_worker_asks_for_itself(good, monkeypatch):
    """Should the sandbox fail there although the page was told that it holds, nothing is opened."""
    from explain.workers import child

    said, closed = [], child._Worker(None, True, NOTHING, refuses=True)
    monkeypatch.setattr(closed, "send", lambda *message: said.append(message))
    closed.answer(1, "load", {"name": str(good)})
    ((number, kind, error),) = said
    assert (number, kind) == (1, "error") and isinstance(error, Untrusted) and closed.model is None
