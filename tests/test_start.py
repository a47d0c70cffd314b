"""The way in: a fresh interpreter, started in another folder, really opens the first page."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from pages import APP, ROOT
from serving import children, libraries, running

HEAVY = ("libtensorflow", "_pywrap_tensorflow", "h5py")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The dashboard as the README starts it, but in another folder and with nothing on the path."""
    folder = tmp_path_factory.mktemp("elsewhere")
    with running(folder, "--server.enableAgentApi=true") as server:
        yield server


def opened(server) -> str:
    """The first page, run to its end by the server itself, as text."""
    request = urllib.request.Request(
        f"{server.url}/_stcore/agent/interact", b"{}", {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=180) as answer:
        found = json.load(answer)
    assert found["status"] == "ready", found
    return json.dumps(found["tree"], ensure_ascii=False)


def test_the_first_page_opens(server):
    page = opened(server)
    assert "Where it looked for “Egyptian cat”" in page
    assert '"type": "exception"' not in page and "incident" not in page
    assert "Traceback" not in server.log()


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="there is no /proc to look into")
def test_the_page_process_holds_no_tensorflow_and_the_worker_does(server):
    opened(server)
    assert not [lib for lib in libraries(server.pid) if any(word in lib for word in HEAVY)]
    below = children(server.pid)
    below += [grandchild for child in below for grandchild in children(child)]
    holders = [pid for pid in below if any("tensorflow" in lib for lib in libraries(pid))]
    assert len(holders) == 2, "the fork server, and one worker forked from it"


def test_started_elsewhere_the_workers_are_forked_with_tensorflow_inside(tmp_path):
    """Were our own modules preloaded, the fork server would silently preload nothing from here."""
    code = (
        "import json; from streamlit.testing.v1 import AppTest;"
        f"at = AppTest.from_file({str(APP)!r}, default_timeout=180).run();"
        "import sys; from explain import workers;"
        "heavy = [m for m in ('tensorflow', 'keras', 'h5py') if m in sys.modules];"
        "found = [[h.value for h in at.header], len(at.exception), workers.status(), heavy];"
        "print('ANSWER', json.dumps(found))"
    )
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    answers = [line for line in run.stdout.splitlines() if line.startswith("ANSWER ")]
    assert answers, run.stderr[-3000:]
    headers, exceptions, (worker,), heavy = json.loads(answers[0].removeprefix("ANSWER "))
    assert "Where it looked for “Egyptian cat”" in headers and exceptions == 0
    assert worker["name"] == "efficientnet-lite0" and worker["preloaded"] is True
    assert heavy == []
    assert not list(tmp_path.iterdir())  # and leaves nothing lying about


def test_the_entry_file_does_nothing_under_another_name():
    """Under which a process that is started from a page may run it again."""
    code = (
        f"import runpy, sys; runpy.run_path({str(APP)!r}, run_name='__mp_main__');"
        "print('streamlit' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert run.stdout.split() == ["False"], run.stderr
