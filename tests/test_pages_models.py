"""Networks of the zoo on the page where there is no internet, and what becomes of errors."""

from __future__ import annotations

import json
import logging
import os
import re
import socket
import subprocess
import sys

import pytest
from pages import ROOT, told, visit

from dashboard import remember
from dashboard.text import say
from explain.errors import LayerError, OptionError

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
