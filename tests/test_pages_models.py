"""Networks on the page: the zoo where there is no internet, own models, networks without a map, errors."""

from __future__ import annotations

import json
import logging
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from pages import ROOT, bars, button, choice, panels, payload, told, visit

from dashboard import remember
from dashboard.text import say
from explain.errors import LayerError, OptionError
from explain.workers.worker import context

# Without internet ----------------------------------------------------------------------------------

OFFLINE = """
import json, sys
sys.path[:0] = {paths}
from pages import button, choice, told, visit
from explain import workers

at = visit(model="MobileNetV2")
asked = told(at), [b.label for b in at.button][:2], [w["name"] for w in workers.status()]
button(at, "Fetch MobileNetV2").click().run()
refused = told(at), [b.label for b in at.button if b.label.startswith(("Use", "Fetch"))], len(at.exception)
button(at, "Use EfficientNet-Lite0 instead").click().run()
back = told(at), choice(at, "Network").value, len(at.error)
choice(at, "Network").select("mobilenetv2").run()
print("ANSWER", json.dumps([asked, refused, back, told(at)]))
"""


@pytest.fixture(scope="module")
def offline(tmp_path_factory):
    """What the page says in a process of its own, where no address on the internet answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}"  # closed again at once
    proxies = {name: nobody for name in ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY")}
    environment = {k: v for k, v in os.environ.items() if k.lower() != "no_proxy"}
    environment |= proxies | {"KERAS_HOME": str(tmp_path_factory.mktemp("keras"))}
    code = OFFLINE.format(paths=[str(ROOT), str(ROOT / "tests")])
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=180
    )
    answers = [line for line in run.stdout.splitlines() if line.startswith("ANSWER ")]
    assert answers, run.stderr[-3000:]
    return json.loads(answers[0].removeprefix("ANSWER "))


def test_weights_are_fetched_only_when_asked_for(offline):
    (text, buttons, workers), *_ = offline
    assert say("models.ask", title="MobileNetV2", megabytes=14) in text
    assert buttons == ["Fetch MobileNetV2", "Use EfficientNet-Lite0 instead"]
    assert workers == []  # nothing was started for it


def test_without_internet_a_sentence_and_the_way_back(offline):
    _, (text, buttons, exceptions), (back, model, errors), again = offline
    assert exceptions == 0 and "Code E_NO_INTERNET" in text
    assert "MobileNetV2" in text and "there is no way to the internet here" in text
    assert buttons == ["Use EfficientNet-Lite0 instead"]
    assert model == "efficientnet-lite0" and errors == 0 and "Where it looked for “Egyptian cat”" in back
    assert "is not here yet" in again  # and asks again the next time


# Own models ----------------------------------------------------------------------------------------


def save(path: str, kind: str) -> None:
    """In a process that may hold TensorFlow: one of the small networks as a file."""
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    import networks

    getattr(networks, kind)().save(path)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """{kind: bytes of a .keras file}; built in another process, as this one stands for the page's."""
    folder, files = tmp_path_factory.mktemp("models"), {}
    for kind in ("plain", "perceptron"):
        path = folder / f"{kind}.keras"
        process = context().Process(target=save, args=(str(path), kind))
        process.start()
        process.join(120)
        files[kind] = path.read_bytes()
    return files


def test_opening_a_model_is_off_by_default(monkeypatch):
    monkeypatch.delenv("EXPLAIN_TRUST_MODELS", raising=False)
    at = visit()
    assert say("models.off") in told(at)
    assert not [u for u in at.sidebar.file_uploader if u.label == say("models.upload")]


def opened(monkeypatch, name: str, data: bytes, page: str = "start"):
    """A session on that page, with that model uploaded."""
    monkeypatch.setenv("EXPLAIN_TRUST_MODELS", "1")
    at = visit(page)
    uploader = next(u for u in at.sidebar.file_uploader if u.label == say("models.upload"))
    uploader.upload(name, data).run()
    assert not at.exception
    return at


def test_an_own_model_is_opened_when_switched_on(monkeypatch, small):
    at = opened(monkeypatch, "![my](net).keras", small["plain"])
    assert not at.error and choice(at, "Network").options[-1] == "![my](net).keras (uploaded)"
    assert re.fullmatch(r"class \d  [\d.]+%", bars(at, "start_guesses")[0])
    assert "layers, 3 classes, input 12×12×3" in told(at) and "![my]" not in told(at)
    assert panels(at, "start_heat")[0]["shape"] == [6, 6]
    for page in ("maps", "patterns", "heatmaps", "compare"):
        at.switch_page(f"views/{page}.py").run()
        assert not at.exception and not at.error, page
    at.switch_page("views/maps.py").run()
    assert [o.split()[0] for o in choice(at, "Layer").options] == ["first", "pool", "second"]
    assert len(payload(at, "maps_wall")[0]["names"]) in (4, 6)
    path = Path(choice(at, "Network").value)
    assert path.is_file() and "my" not in path.name  # a name of ours, not the stranger's
    path.unlink()


def test_choices_of_one_network_do_not_break_the_next(monkeypatch, small):
    at = visit("heatmaps", **{"class": "tabby [281]"}, target="block4a_expand_activation (28×28×240)")
    assert panels(at, "heat")[1]["title"] == "tabby"
    monkeypatch.setenv("EXPLAIN_TRUST_MODELS", "1")
    at.run()
    next(u for u in at.sidebar.file_uploader if u.label == say("models.upload")).upload(
        "net.keras", small["plain"]
    ).run()
    assert not at.exception and not at.error
    assert panels(at, "heat")[1]["title"].startswith("class ")
    choice(at, "Network").select("efficientnet-lite0").run()
    assert not at.exception and not at.error and panels(at, "heat")[1]["shape"] in ([7, 7], [28, 28])


@pytest.mark.parametrize("page", ["start", "maps", "patterns", "heatmaps", "compare"])
def test_a_network_without_a_map_says_so(monkeypatch, small, page):
    at = opened(monkeypatch, "flat.keras", small["perceptron"], page)
    sentence = told(at).replace("\\", "")
    assert "has no layer with a map" in sentence and "Incident" not in sentence and "incident" not in sentence
    if page == "start":
        assert len(bars(at, "start_guesses")) == 3  # what it can, it shows


def test_a_broken_model_is_one_sentence_with_its_code_and_a_way_back(monkeypatch):
    at = opened(monkeypatch, "broken.keras", b"PK\x03\x04 nothing")
    (error,) = at.error
    assert "cannot be opened" in error.value and "Code E_MODEL" in told(at)
    button(at, "Use EfficientNet-Lite0 instead").click().run()
    assert not at.error and bars(at, "start_guesses")[0].startswith("Egyptian cat")


# Errors --------------------------------------------------------------------------------------------


def raising(error):
    def predictions(*_):
        raise error

    return predictions


@pytest.mark.parametrize("page", ["start", "heatmaps"])  # with and without a fragment
@pytest.mark.parametrize(
    "error", [LayerError("There is no layer '<b>x</b>'. Did you mean 'y'?"), OptionError("Too few.")]
)
def test_an_expected_error_is_its_sentence_and_its_code(monkeypatch, page, error):
    monkeypatch.setattr(remember, "predictions", raising(error))
    at = visit(page)
    assert not at.exception
    assert at.error[0].value.replace("\\", "") == str(error) and "<b>" not in at.error[0].value.replace(
        "\\<", ""
    )
    assert f"Code {error.code}" in told(at)
    assert at.title[0].value == say(f"{page}.title")  # the rest of the page stays


@pytest.mark.parametrize("page", ["start", "heatmaps"])
def test_an_unexpected_error_is_an_incident_and_is_logged(monkeypatch, page, caplog):
    monkeypatch.setattr(remember, "predictions", raising(RuntimeError("the secret of the server")))
    with caplog.at_level(logging.ERROR, "layerscope"):
        at = visit(page)
    assert not at.exception
    (error,) = at.error
    incident = re.search(r"incident (\w{8})\.", error.value)[1]
    assert "secret" not in told(at)
    (record,) = [r for r in caplog.records if incident in r.getMessage()]
    assert "the secret of the server" in str(record.exc_info[1])
