"""Folders on Ray: the files of the local engine, also when an actor is killed. Skipped without Ray."""

from __future__ import annotations

import gc
import importlib.util
import os
import pickle
import re
import signal
import socket
import socketserver
import stat
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import networks
import pytest
from picture_files import noise, saved

import explain
from explain.errors import ModelError, NotWritten, OptionError
from explain.folders import (
    Job,
    Local,
    Source,
    batches_of,
    engine_of,
    ray_engine,
    ray_start,
)
from explain.folders.ray_actors import Given, Order, Plan, Worker, plan
from explain.folders.ray_engine import Ray

with_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")


def test_without_ray_a_sentence_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(OptionError, match=r"pip install 'ray\[data\]'"):
        engine_of("ray")


def test_an_older_ray_is_refused(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(ray_start.importlib.metadata, "version", lambda name: "2.59.1")
    with pytest.raises(OptionError, match=r"Ray 2\.60 or later, received 2\.59\.1"):
        engine_of("ray")


CPU = lambda *cores: [{"CPU": float(n)} for n in cores]


@pytest.mark.parametrize(
    ("nodes", "workers", "share", "expected"),
    [
        (CPU(1), None, 1, Plan(1, 1, 0)),
        (CPU(2), None, 1, Plan(2, 1, 0)),                # one reads while another computes
        (CPU(8), None, 1, Plan(2, 4, 0)),
        (CPU(64), None, 1, Plan(16, 4, 0)),
        (CPU(16, 4), None, 1, Plan(10, 2, 0)),           # what fits into the smallest machine
        (CPU(2), 2, 1, Plan(2, 1, 0)),
        (CPU(8), 16, 1, Plan(16, 1, 0)),
        ([{"CPU": 16.0, "GPU": 2.0}], None, 1, Plan(2, 4, 1)),
        ([{"CPU": 16.0, "GPU": 2.0}, {"CPU": 64.0}], None, 0.5, Plan(4, 4, 0.5)),
        ([{"CPU": 2.0, "GPU": 1.0}], 4, 0.25, Plan(4, 1, 0.25)),
    ],
)  # fmt: skip
def test_how_many_actors_there_are(nodes, workers, share, expected):
    assert plan(nodes, workers, share) == expected


# With Ray --------------------------------------------------------------------------------------------------


# These first: two of them on one machine at a time, with different tokens, do not get on.

ELSEWHERE = """
import sys
from explain.folders.ray_start import connected
for turn in range(1 if sys.argv[1:] else 2):
    with connected(*sys.argv[1:] or [None]) as ray:
        there = ray.remote(lambda: __import__("explain").__name__)
        print(sorted(ray.cluster_resources())[:1], ray.get(there.remote()))
    assert not ray.is_initialized()
"""


def in_a_process(cwd: Path, *words: str, **more: str) -> subprocess.CompletedProcess:
    """ELSEWHERE, with the environment that the engine gives to Ray's process."""
    theirs = {name: value for name, value in ray_start.environment().items() if name not in os.environ}
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "PYTHONPATH"))}
    path = os.fspath(Path(explain.__file__).parents[1])
    command = [sys.executable, "-c", ELSEWHERE, *words]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=cwd, env={**ours, **theirs, **more, "PYTHONPATH": path},
        timeout=120, check=False,
    )  # fmt: skip


@with_ray
def test_a_ray_of_ones_own_twice_in_a_process_from_any_folder(tmp_path):
    """It finds the package, and only its owner may read the token that lets in."""
    done = in_a_process(tmp_path, HOME=os.fspath(tmp_path))
    assert done.returncode == 0 and done.stdout.split() == 2 * ["['CPU']", "explain"], done.stderr[-2000:]
    token = tmp_path / ".ray" / "auth_token"
    assert stat.S_IMODE(token.stat().st_mode) == 0o600 and len(token.read_text()) == 64


@with_ray
def test_an_address_where_no_cluster_is(tmp_path):
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{one.getsockname()[1]}"
    done = in_a_process(tmp_path, address)
    assert re.search(r"OptionError: Ray cannot be reached at '127\.0\.0\.1", done.stderr), done.stderr[-2000:]


def test_what_answers_at_the_address_is_no_ray(monkeypatch):
    """Ray would wait for it: for minutes, or for ever."""
    monkeypatch.setattr(ray_start, "PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        with pytest.raises(TimeoutError):
            ray_start.knock(f"ray://127.0.0.1:{silent.getsockname()[1]}")

    class Page(socketserver.StreamRequestHandler):
        def handle(self):
            self.wfile.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socketserver.TCPServer(("127.0.0.1", 0), Page) as other:
        threading.Thread(target=other.handle_request, daemon=True).start()
        with pytest.raises(OSError, match="what answers there is no Ray"):
            ray_start.knock(f"127.0.0.1:{other.server_address[1]}")
    with pytest.raises(OverflowError):
        ray_start.knock(f"127.0.0.1:{10**20}")
    ray_start.knock("auto")


def test_a_worker_that_cannot_begin_answers_why(monkeypatch):
    """What is not installed on a cluster's machine: an actor that raised it would be begun for ever."""
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with gc_kept():
        answered = pickle.loads(Worker(Given(Order(None, [])), 1)._rows(0))
    assert isinstance(answered, ModuleNotFoundError) and "_limit_threads" in answered.__notes__[0]


@contextmanager
def gc_kept():
    try:
        yield
    finally:
        gc.enable()


@pytest.mark.parametrize("words", [(), ("enough",)])
def test_the_process_of_ray_ends_with_its_driver(words, tmp_path):
    """In the middle of an order, and after it had enough, while Ray waits for a cluster that is silent."""
    child = """
import signal, sys, time
from contextlib import contextmanager
from explain.folders import ray_host, ray_start
ray_host.BEGIN = 0

@contextmanager
def silent(address):
    time.sleep(60)
    yield

ray_start.connected = silent
ray_host.main()
"""
    one = subprocess.Popen(
        [sys.executable, "-c", child], cwd=Path(explain.__file__).parents[1], stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL, env=ray_start.environment(),
    )  # fmt: skip
    with one:
        order = pickle.dumps([str(number) for number in range(100_000)])  # more than a pipe holds
        one.stdin.write(pickle.dumps(("silent", 1, 1.0, 1)))
        if words:
            one.stdin.write(order + pickle.dumps(*words))
        else:
            one.stdin.write(order[:300_000])
        one.stdin.close()
        try:
            assert one.wait(30) == 1
        finally:
            one.kill()


@with_ray
def test_a_cluster_by_address_is_sent_the_package(tmp_path):
    """A head started from another folder, whose processes do not find this project by themselves."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    others = ("RAY_", "PYTHONPATH")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "f" * 64}
    environment |= {**token, "RAY_USAGE_STATS_ENABLED": "0"}
    command = [
        sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", f"--port={port}",
        "--num-cpus=2", "--include-dashboard=false", "--disable-usage-stats", "--object-store-memory=100000000",
    ]  # fmt: skip
    head = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + 60
        while True:
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert head.poll() is None and time.monotonic() < until
            time.sleep(0.2)
        done = in_a_process(tmp_path, f"127.0.0.1:{port}", **token)
        assert done.returncode == 0 and done.stdout.split() == ["['CPU']", "explain"], done.stderr[-2000:]
    finally:
        head.send_signal(signal.SIGTERM)
        head.wait(60)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """(model, job without a place to write into, sources): 20 pictures, one of them broken."""
    home = tmp_path_factory.mktemp("folder")
    networks.plain().save(home / "plain.keras")
    source = {"name": os.fspath(home / "plain.keras"), "scaling": "0..1", "trusted": True}
    model = explain.load(**source)
    for i in range(20):
        (home / f"{i:02d}.png").write_bytes(saved(noise(20 + i, 30, seed=i), "PNG"))
    (home / "07.png").write_bytes(b"no picture")
    sources = [Source(os.fspath(path), path.stem) for path in sorted(home.glob("*.png"))]
    options = explain.methods.method("heatmaps", "gradcam").options({})
    return model, Job(source, model.key, "", layer="second", options=options, batch=2), sources


@pytest.fixture(scope="module")
def connected():
    """A Ray that this process has started, as a notebook may have: the engine uses it, and leaves it."""
    before = dict(os.environ)
    os.environ.update(ray_start.environment())
    with ray_start.connected(None) as ray:
        yield ray
        assert ray.is_initialized()
    for name in set(os.environ) - set(before):
        del os.environ[name]
    os.environ.update(before)


def carried_out(engine, folder, out: Path, stopping=lambda: False):
    model, job, sources = folder
    out.mkdir()
    job = replace(job, out=os.fspath(out))
    for rows in engine.run(model, job, batches_of(sources, job.batch), stopping):
        yield from rows


def in_order(rows) -> list[dict]:
    return sorted(rows, key=lambda row: row["n"])


def content(out: Path) -> dict[str, bytes]:
    """Without what a killed actor was writing, under a name of its own: a run removes that at its end."""
    return {path.name: path.read_bytes() for path in out.iterdir() if path.suffix != ".part"}


@pytest.fixture(scope="module")
def local(folder, tmp_path_factory):
    """(rows, files) of the local engine."""
    out = tmp_path_factory.mktemp("local") / "out"
    rows = in_order(carried_out(Local(), folder, out))
    assert [row["n"] for row in rows] == list(range(20)) and len(content(out)) == 38
    return rows, content(out)


def workers() -> list[int]:
    """The processes of this user that are actors of Ray Data and descend from this one."""
    parents, actors = {}, []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            number, name = int(path.name), (path / "cmdline").read_bytes()
            parents[number] = int((path / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
        if name.startswith(b"ray::MapWorker"):
            actors.append(number)

    def ours(number: int) -> bool:
        while number > 1:
            if number == os.getpid():
                return True
            number = parents.get(number, 0)
        return False

    return [number for number in actors if ours(number)]


@with_ray
def test_an_actor_that_is_killed_before_it_has_begun_loses_nothing(folder, local, tmp_path):
    """With a Ray of one's own, whose actors begin before there is an order."""
    ray = Ray(workers=2)
    with ray.begun(10):
        until = time.monotonic() + 60
        while not (victims := workers()):
            assert time.monotonic() < until
            time.sleep(0.05)
        os.kill(victims[0], signal.SIGKILL)
        rows = in_order(carried_out(ray, folder, tmp_path / "out"))
    assert rows == local[0] and content(tmp_path / "out") == local[1]


@with_ray
def test_the_same_rows_and_files_as_the_local_engine(folder, local, connected, tmp_path):
    rows = in_order(carried_out(Ray(workers=2), folder, tmp_path / "out"))
    assert rows == local[0] and content(tmp_path / "out") == local[1]


@with_ray
def test_an_actor_that_is_killed_loses_nothing(folder, local, connected, tmp_path):
    rows, victims = [], []
    for row in carried_out(Ray(workers=2), folder, tmp_path / "out"):
        rows.append(row)
        if not victims and (victims := workers()[:1]):
            os.kill(victims[0], signal.SIGKILL)
    assert victims and in_order(rows) == local[0] and content(tmp_path / "out") == local[1]


@with_ray
def test_stopping_ends_it_with_what_is_done(folder, local, connected, tmp_path):
    """Also rows of actors: the driver's own are the first four."""
    rows = []
    for row in carried_out(Ray(workers=2), folder, tmp_path / "out", stopping=lambda: len(rows) > 4):
        rows.append(row)  # noqa: PERF402  looked at meanwhile
    assert 4 < len(rows) < 20
    names = {file["name"] for row in rows for file in row.get("item", {}).get("files", {}).values()}
    files = content(tmp_path / "out")
    assert names <= set(files) and all(files[name] == local[1][name] for name in names)


@with_ray
def test_what_an_actor_is_refused_the_driver_hears(folder, connected, tmp_path):
    model, job, sources = folder
    with pytest.raises(ModelError, match="is another one than the run began with"):
        list(carried_out(Ray(workers=1), (model, replace(job, key="0" * 64), sources), tmp_path / "out"))
    with pytest.raises(NotWritten, match="cannot be written"):
        (tmp_path / "file").write_text("in the way")
        job = replace(job, out=os.fspath(tmp_path / "file"))
        list(Ray(workers=1).run(model, job, batches_of(sources, 2), lambda: False))


@with_ray
def test_nothing_to_do_starts_nothing(folder, tmp_path):
    model, job, _ = folder
    assert list(Ray().run(model, job, [], lambda: False)) == []


@with_ray
def test_one_begun_is_for_one_run(folder, connected, tmp_path):
    ray = Ray(workers=1)
    with ray.begun(10):
        assert len(list(carried_out(ray, folder, tmp_path / "one"))) == 20
        with pytest.raises(RuntimeError, match="begin again"):
            list(carried_out(ray, folder, tmp_path / "two"))


@with_ray
def test_actors_that_never_come_are_not_waited_for(folder, connected, tmp_path, monkeypatch):
    """A cluster that is busy: nobody answers, until the user has enough."""
    monkeypatch.setattr(ray_engine, "LONG", 0.5)
    every = int(connected.cluster_resources()["CPU"])
    busy = connected.remote(num_cpus=every)(type("Busy", (), {"hear": lambda self: True})).remote()
    assert connected.get(busy.hear.remote())
    begun = time.monotonic()
    rows = list(
        carried_out(Ray(), folder, tmp_path / "out", stopping=lambda: time.monotonic() > begun + 3)
    )
    assert len(rows) == 4 and time.monotonic() < begun + 30
    connected.kill(busy)


@with_ray
def test_a_ray_that_dies_is_told(folder, connected, tmp_path):
    """And not waited for."""
    answered = carried_out(ray := Ray(workers=1), folder, tmp_path / "out")
    with pytest.raises(RuntimeError, match=r"Ray's process has ended, code -9"):
        for _ in answered:
            ray._host._process.kill()


@with_ray
def test_nothing_is_left_where_the_driver_is_killed(tmp_path):
    """Nor where it has enough before there is anything to do; its own environment stays as it was."""
    driver = """
import os, sys, time
from explain.folders.ray_engine import Ray
before = dict(os.environ)
with Ray().begun(3):
    print(Ray.__name__, flush=True)
assert dict(os.environ) == before and "ray" not in sys.modules
with Ray().begun(3):
    time.sleep(4)
    print("up", flush=True)
    time.sleep(60)
"""
    command = [sys.executable, "-c", driver]
    one = subprocess.Popen(
        command, cwd=Path(explain.__file__).parents[1], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "LAYERSCOPE_MARK": "driver-7f3a"},
    )  # fmt: skip
    with one:
        assert one.stdout.readline() == "Ray\n" and one.stdout.readline() == "up\n"
        until = time.monotonic() + 60
        while len(marked()) <= 5 and time.monotonic() < until:
            time.sleep(0.2)
        assert len(marked()) > 5
        one.kill()
    until = time.monotonic() + 30
    while marked() and time.monotonic() < until:
        time.sleep(0.2)
    assert not marked()


def marked() -> list[str]:
    """The command lines of the processes that inherited the mark."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if b"LAYERSCOPE_MARK=driver-7f3a" in (path / "environ").read_bytes():
                found.append((path / "cmdline").read_text())
        except OSError:
            continue
    return found
