"""The same jobs in another process: the same answers, the same sentences, and a page without TensorFlow."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from networks import nested, pictures

import explain
from explain import workers
from explain.errors import (
    ClassError, InternalError, LayerError, MethodError, ModelError, OptionError, UnknownModel,
)  # fmt: skip

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "nested.keras"
    nested().save(path)
    return str(path)


@pytest.fixture(scope="module")
def there(path):
    yield workers.load(path, scaling="0..1", labels=["tabby cat", "tiger cat", "dog"])
    workers.close()


@pytest.fixture(scope="module")
def here(path):
    return explain.load(path, scaling="0..1", labels=["tabby cat", "tiger cat", "dog"])


# The same answers --------------------------------------------------------------------------------------


def test_a_model_without_its_network(here, there):
    assert there.network is None and there.key == here.key
    for name in ("name", "input_shape", "scaling", "labels", "default_layer", "scaling_note", "about"):
        assert getattr(there, name) == getattr(here, name)
    assert [vars(x) for x in workers.layers(there)] == [vars(x) for x in here.layers]
    assert [vars(x) for x in there.outputs] == [vars(x) for x in here.outputs]


def test_same_answers_as_in_process(here, there):
    images = pictures(5, size=30)                                             # travels in the network's size
    for a, b in zip(explain.predict(here, images[0]), workers.predict(there, images[0]), strict=True):
        assert (a.class_index, a.label) == (b.class_index, b.label)
        assert a.score == pytest.approx(b.score, abs=1e-6)
    for layers in (None, "body/conv", ["body/last", "body/conv"]):
        a, b = explain.activations(here, images[0], layers), workers.activations(there, images[0], layers)
        for one, other in zip(a, b, strict=True) if isinstance(a, tuple) else [(a, b)]:
            assert (one.layer, one.image) == (other.layer, other.image)
            assert np.allclose(one.values, other.values, atol=1e-6)
    asked = {"layer": "body/conv", "class_index": "tiger cat"}
    a, b = explain.heatmap(here, images[1], **asked), workers.heatmap(there, images[1], **asked)
    assert np.allclose(a.values, b.values, atol=1e-6) and b.values.max() > 0
    assert {k: v for k, v in vars(a).items() if k not in ("values", "score", "probability")} == {
        k: v for k, v in vars(b).items() if k not in ("values", "score", "probability")
    }
    for name in ("integrated_gradients", "eigencam"):
        a, b = (face.heatmap(model, images[2], name, fresh=True) for face, model in ((explain, here), (workers, there)))
        assert np.allclose(a.values, b.values, atol=1e-6) and (a.layer, a.signed) == (b.layer, b.signed)
        assert b.facts == pytest.approx(a.facts, abs=1e-6) and bool(b.facts) == (not b.layer)
    told = []
    asked = {"class_index": [0, None, "tiger cat", 2, "1"], "batch": 2}
    listen = lambda done, total, new: told.append((done, total, len(new)))
    several = workers.heatmaps(there, images, on_progress=listen, **asked)
    expected = explain.heatmaps(here, images, **asked)
    assert told == [(2, 5, 2), (4, 5, 2), (5, 5, 1)]
    for one, other in zip(expected, several, strict=True):
        assert one.class_index == other.class_index and np.allclose(one.values, other.values, atol=1e-6)
    climb = {"channels": np.arange(3), "steps": 4, "size": 32, "seed": 3, "method": "plain", "rate": 0.1}
    a, b = (face.patterns(model, "body/last", **climb) for face, model in ((explain, here), (workers, there)))
    for one, other in zip(a, b, strict=True):
        assert one.channel == other.channel and np.allclose(one.pixels, other.pixels, atol=1e-5)
        assert one.scores == pytest.approx(other.scores, abs=1e-6)


def test_eight_sessions_ask_at_once(here, there):
    images = pictures(8)
    todo = [(images[i % 8], ["body/conv", "body/last"][i % 2], i % 3) for i in range(48)]
    with ThreadPoolExecutor(8) as sessions:
        asked = [sessions.submit(workers.heatmap, there, i, "gradcam", layer, k) for i, layer, k in todo]
    for (image, layer, k), one in zip(todo, asked, strict=True):
        expected = explain.heatmap(here, image, "gradcam", layer, k)
        assert np.allclose(one.result().values, expected.values, atol=1e-5)


def test_store_is_there_and_can_be_emptied(there):
    def held() -> int:
        return next(row["store_bytes"] for row in workers.status() if row.get("key") == there.key)

    workers.heatmap(there, pictures(1)[0])
    assert held() > 0
    workers.forget(there)
    assert held() == 0


def test_fresh_there_reads_and_keeps_nothing(there):
    image = pictures(1, seed=3)[0]
    workers.forget(there)
    first = workers.heatmap(there, image, fresh=True), workers.activations(there, image, fresh=True)
    assert all(row["store_bytes"] == 0 for row in workers.status() if row.get("key") == there.key)
    workers.heatmaps(there, [image, *pictures(2)])                           # remembered from a batch of three
    again = workers.heatmap(there, image, fresh=True), workers.activations(there, image, fresh=True)
    for one, other in zip(first, again, strict=True):
        assert one.values.tobytes() == other.values.tobytes()


def test_the_passes_of_a_long_method_are_signs_of_life(there):
    """Between them the deadline starts anew, and who does not want the rest stops it."""
    told, (image,) = [], pictures(1)
    asked = {"method": "smoothgrad", "samples": 320}
    assert workers.heatmaps(there, [image], on_progress=lambda *now: told.append(now[:2]), **asked)
    assert len(told) == 21 and told[0] == (0.05, 1) and told[-1] == (1, 1)
    assert workers.heatmaps(there, [image], on_progress=lambda *now: False, **(asked | {"samples": 1024})) == ()


# Sentences ------------------------------------------------------------------------------------------------


MISTAKES = {
    "layer": (LayerError, "heatmap", {"layer": "body/lats"}),
    "class": (ClassError, "heatmap", {"class_index": "tigre cat"}),
    "method": (MethodError, "heatmap", {"method": "grad_cam"}),
    "option": (OptionError, "heatmap", {"smooth": 1}),
    "output": (ClassError, "predict", {"output": "tail"}),
}


@pytest.mark.parametrize(("kind", "verb", "wrong"), MISTAKES.values(), ids=MISTAKES)
def test_errors_cross_with_class_and_sentence(here, there, kind, verb, wrong):
    (image,) = pictures(1)
    with pytest.raises(kind) as at_home:
        getattr(explain, verb)(here, image, **wrong)
    with pytest.raises(kind) as abroad:
        getattr(workers, verb)(there, image, **wrong)
    assert type(at_home.value) is type(abroad.value) and str(at_home.value) == str(abroad.value)


def test_mistakes_in_patterns_and_names(there):
    for channels in ([5], [], 3, ["a"]):
        with pytest.raises(OptionError, match="channel"):
            workers.patterns(there, "body/last", channels, steps=1, size=32)
    with pytest.raises(UnknownModel, match="Did you mean 'resnet50'"):
        workers.load("resnet5")
    with pytest.raises(ModelError, match="not open any more"):
        workers.predict(type(there)(**vars(there) | {"key": "unknown"}), pictures(1)[0])


def test_an_unforeseen_exception_becomes_an_incident(there):
    with pytest.raises(InternalError, match=r"incident [0-9a-f]{8}") as raised:
        workers._ask(there, "predict", {"nonsense": 1}, None, None)
    assert "nonsense" not in str(raised.value)                                    # details are for the log
    with pytest.raises(OptionError, match="cannot be asked 'explode'"):
        workers._ask(there, "explode", {}, None, None)
    assert workers.predict(there, pictures(1)[0])


# A page that never imports TensorFlow -------------------------------------------------------------


PAGE = """
import sys

sys.path.insert(0, sys.argv[1])                          # as app.py does: the fork server knows nothing of it

from explain import workers
from explain.samples import read_sample

if __name__ == "__main__":
    workers.warm()
    model = workers.load("efficientnet-lite0")
    image = read_sample("cat")
    print(workers.predict(model, image)[0].label)
    print(workers.heatmap(model, image).values.shape)
    print(len(workers.patterns(model, "stem_activation", [0], steps=1, size=32)))
    (row,) = workers.status()
    print(row["preloaded"], row["device"].split()[0].strip(","))
    print([name for name in ("tensorflow", "keras", "h5py") if name in sys.modules])
    try:
        workers._ask(model, "predict", {"nonsense": 1}, None, None)
    except Exception as error:
        print(error)
    workers.close()
"""


def test_page_process_started_from_another_folder(tmp_path):
    """A fork server that was started elsewhere must still have TensorFlow, and the page must not."""
    (tmp_path / "page.py").write_text(PAGE)
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"EXPLAIN_DEVICE": "cpu"}
    said = subprocess.run(
        [sys.executable, "page.py", str(ROOT)], cwd=tmp_path, env=environment, capture_output=True, text=True,
        timeout=180, check=False,
    )  # fmt: skip
    *lines, sentence = said.stdout.splitlines()
    assert lines == ["Egyptian cat", "(7, 7)", "1", "True CPU", "[]"], said.stderr
    # And the log tells what the page does not.
    incident = re.search(r"incident (\w+)", sentence)[1]
    assert f"Incident {incident} in the worker, question 'predict'" in said.stderr
    assert "nonsense" in said.stderr


# Stopping -----------------------------------------------------------------------------------------


def test_cancelling_keeps_what_is_done(there):
    told = []

    def listen(done, total, new):
        told.append(done)
        return False

    start = time.monotonic()
    found = workers.patterns(there, "body/last", range(5), steps=200, size=64, at_once=1, on_progress=listen)
    assert 1 <= len(found) < 5 and [p.channel for p in found] == list(range(len(found)))
    assert workers.predict(there, pictures(1)[0]) and time.monotonic() - start < 60
    many = pictures(64)                                # enough that the word arrives while there is work left
    assert len(workers.heatmaps(there, many, batch=1, on_progress=lambda *told: False)) < 64


def test_a_quick_question_does_not_wait_for_a_climb(there):
    finished, done = threading.Event(), []

    def climb():
        found = workers.patterns(there, "body/last", range(5), steps=200, size=64, at_once=1,
                                 on_progress=lambda done, total, new: not finished.is_set())  # fmt: skip
        done.append(len(found))

    thread = threading.Thread(target=climb)
    thread.start()
    assert workers.predict(there, pictures(1)[0]) and not done
    finished.set()
    thread.join(60)
    assert done and done[0] < 5


def test_whoever_leaves_is_not_worked_for(there):
    class Left(Exception):
        pass

    def leave(*told):
        raise Left

    with pytest.raises(Left):
        workers.patterns(there, "body/last", range(5), steps=300, size=64, at_once=1, on_progress=leave)
    start = time.monotonic()
    workers.patterns(there, "body/last", [0], steps=1, size=32)             # queues behind what is left of it
    assert time.monotonic() - start < 30
