"""A stranger's file opens, or is refused by its code; and nothing else happens, to anybody.

Each is opened as the dashboard opens it, while a dashboard and another user's model run beside.
"""

from __future__ import annotations

import pytest
from corpus import Sample
from corpus_attacks import CONFIGS
from corpus_attacks_files import FILES
from corpus_attacks_graphs import GRAPHS
from corpus_bombs import ARCHITECTURES
from corpus_bombs_graphs import GRAPHS as GRAPH_BOMBS
from corpus_bombs_hdf5 import HDF5
from corpus_broken import BROKEN
from corpus_others import OTHERS
from corpus_valid import VALID
from corpus_watch import PATIENCE, watching
from networks import pictures

from explain import workers

ATTACKS = CONFIGS | FILES | GRAPHS
NO_MODELS = BROKEN | OTHERS
BOMBS = ARCHITECTURES | HDF5 | GRAPH_BOMBS
HANG = 30  # seconds; a refusal takes far less


@pytest.fixture(scope="module")
def watch(tmp_path_factory):
    with watching(tmp_path_factory.mktemp("corpus")) as watch:
        yield watch


def named(samples):
    return pytest.mark.parametrize("sample", samples.values(), ids=lambda sample: sample.name)


def test_there_are_enough():
    counts = [len(shelf) for shelf in (ATTACKS, BOMBS, NO_MODELS, VALID)]
    assert all(count >= least for count, least in zip(counts, (30, 20, 20, 30), strict=True)), counts


def refused_or_opened(watch, sample: Sample):
    outcome = watch.opened(watch.made(sample))
    assert outcome.code == sample.code, outcome.sentence
    assert outcome.seconds < HANG
    watch.check()
    if sample.code:
        watch.seconds[sample.name] = outcome.seconds
        assert "Traceback" not in outcome.sentence and outcome.sentence.endswith((".", "?"))
    return outcome


@named(ATTACKS)
def test_attack(watch, sample):
    refused_or_opened(watch, sample)


@named(BOMBS)
def test_bomb(watch, sample):
    refused_or_opened(watch, sample)


@named(NO_MODELS)
def test_broken(watch, sample):
    refused_or_opened(watch, sample)


@named(VALID)
def test_valid(watch, sample):
    """It opens, and answers."""
    model = refused_or_opened(watch, sample).model
    height, width, _ = model.input_shape
    assert workers.predict(model, pictures(1, max(height, width))[0], top=1)
    watch.check()


def test_nobody_noticed(watch, capsys):
    """Last: over all of it the server answered within a second, and the neighbour's process never changed."""
    watch.undisturbed()
    with capsys.disabled():
        print(watch.told())
    assert max(watch.pulse.answers) < PATIENCE
    assert max(watch.pulse.gaps) < PATIENCE
