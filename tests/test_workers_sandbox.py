"""A stranger's file in its worker: what arbitrary code inside it can do, and what it costs the others.

The inspection is passed by on purpose: `trusted`, or a class that the operator allowed.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from multiprocessing import forkserver
from pathlib import Path

import attacking
import pytest
from networks import nested, pictures

from explain import sandbox, workers
from explain.errors import (
    DeadlineExceeded, ExplainError, InternalError, ModelError, TooMuchMemory, WorkerDied,
)  # fmt: skip
from explain.sandbox import Part
from explain.workers import terms
from explain.workers.pool import Pool

resource = pytest.importorskip("resource")
ROOT = Path(__file__).parents[1]
CUSTOMS = attacking.__file__

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "nested.keras"
    nested().save(path)
    return path


@pytest.fixture(scope="module")
def pool():
    made = Pool(standby=False)
    yield made
    made.close()


@pytest.fixture
def fresh():
    made = Pool(standby=False)
    yield made
    made.close()


def source(path: Path | str, **given) -> dict:
    kept = {"scaling": "0..1", "labels": None, "weights": None, "input_shape": None}
    return {"name": str(path)} | kept | given


def attacked(pool: Pool, folder: Path, *ways: tuple) -> list[str]:
    """How each attack ended while the file was opened."""
    path = folder / "attack.keras"
    attacking.network(*ways).save(path)
    return attacking.outcomes(pool.load(source(path, trusted=True, custom_objects=(CUSTOMS,))).layers)


def answers(pool: Pool, good: Path) -> bool:
    """Whether another model is opened and asked as if nothing had happened."""
    key = pool.load(source(good)).key
    return len(pool.ask(key, "predict", {"image": pictures(1)[0]})) == 3


# The sandbox around it ----------------------------------------------------------------------------


def test_it_computes_inside(pool, good):
    """Threads, libraries loaded late, functions traced: everything that can be asked."""
    key, (picture,) = pool.load(source(good)).key, pictures(1)
    assert pool.ask(key, "heatmap", {"image": picture, "layer": "body/conv"}).values.shape == (12, 12)
    assert pool.ask(key, "activations", {"image": picture, "layer": "body/last"}).values.shape == (12, 12, 5)
    climb = {"layer": "body/last", "channels": [0, 1], "steps": 2, "size": 32}
    for method in ("robust", "plain"):
        assert len(pool.ask(key, "patterns", climb | {"method": method})) == 2
    assert len(pool.ask(key, "predict", {"image": picture})) == 3
    (process,) = [row["process"] for row in pool.status() if row.get("key") == key]
    assert resource.prlimit(process, resource.RLIMIT_CPU)[0] == resource.RLIM_INFINITY       # it is open


def test_a_worker_reports_what_holds(pool, good):
    pool.load(source(good))
    row = next(row for row in pool.status() if row["name"] == good.name)
    assert all(isinstance(part, Part) and part.why for part in row["sandbox"])
    expected = {part.name: part.active for part in sandbox.available()}
    assert {part.name: part.active for part in row["sandbox"]} == expected
    assert 50 * 2**20 < row["memory_bytes"] < 4 * 2**30
    assert str(good.parent) not in repr(row) and row["name"] == good.name


def test_a_network_of_the_zoo_may_fetch(pool):
    pool.load(source("efficientnet-lite0", weights="imagenet"))
    row = next(row for row in pool.status() if row["name"] == "efficientnet-lite0")
    assert {part.name for part in row["sandbox"] if part.active} == {"limits", "lifetime", "privileges"}


def test_the_page_says_what_is_available():
    assert workers.sandbox() == sandbox.available() and workers.trusts_models()


# Attacks --------------------------------------------------------------------------------------------


@pytest.fixture
def target(tmp_path):
    """What attacks aim at, with the figures to tell whether they got there."""
    folder = tmp_path / "owner"
    folder.mkdir()
    (folder / "secret").write_text("do not tell")
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as file:
        file.bind(str(folder / "socket"))
        file.listen()
        yield {"folder": str(folder), "marker": str(folder / "marker"), "secret": str(folder / "secret"),
               "socket": str(folder / "socket"), "port": server.getsockname()[1]}  # fmt: skip


ATTACKS = {
    "password file": ("read", "/etc/passwd"),
    "owner's file": ("read", "secret"),
    "project's file": ("read", str(ROOT / "README.md")),
    "operation reads": ("read as an operation", "secret"),
    "operation lists": ("list as an operation", str(ROOT / "*")),
    "marker": ("write", "marker"),
    "operation writes": ("write as an operation", "marker"),
    "local server": ("connect", "port"),
    "socket file": ("connect to a file", "socket"),
    "program": ("run",),
    "fork bomb": ("fork", 50),
    "a gigabyte": ("fill", "folder", 1000),
    "a gigabyte of scratch": ("fill scratch", 1000),
    "shared memory": ("share memory", 100_000),
}


def test_attacks_fail_inside(pool, good, target, tmp_path):
    ways = [(what, *[target.get(one, one) for one in arguments]) for what, *arguments in ATTACKS.values()]
    ended = dict(zip(ATTACKS, attacked(pool, tmp_path, *ways), strict=True))
    prevented = ("PermissionError", "PermissionDeniedError", "OSError", "IndexError")
    assert {name: how for name, how in ended.items() if how not in prevented} == {}
    assert sorted(os.listdir(target["folder"])) == ["secret", "socket"]
    assert answers(pool, good)


def test_the_same_attacks_work_outside(target):
    """Else nothing was shown above."""
    for name, (what, *arguments) in ATTACKS.items():
        if what not in ("fill", "fill scratch", "fork", "share memory"):
            assert attacking.attack(what, *[target.get(one, one) for one in arguments]) == "done", name
    assert attacking.attack("fill", target["folder"], 2) == "done"


def test_the_process_that_starts_workers_is_out_of_reach(pool, tmp_path, good):
    """Whoever speaks to it gets a process outside; it belongs to the same user."""
    pool.load(source(good))
    server = forkserver._forkserver
    ways = [("connect to a file", server._forkserver_address)]
    ways += [("kill", process) for process in (server._forkserver_pid, os.getpid())]
    assert attacked(pool, tmp_path, *ways) == ["PermissionError"] * 3


def test_its_home_is_its_scratch_folder(fresh, tmp_path):
    assert attacked(fresh, tmp_path, ("home",), ("write home",)) == ["done", "done"]
    (worker,) = fresh._workers.values()
    scratch = worker.terms.grants.scratch
    assert os.listdir(scratch) == []                                  # what it wrote was in its own memory
    fresh.close()
    assert not os.path.exists(scratch)


def test_ten_gigabytes_are_refused(pool, tmp_path, good):
    with pytest.raises((TooMuchMemory, WorkerDied)):
        attacked(pool, tmp_path, ("take memory", 10_000))
    assert answers(pool, good)


def test_settings_of_keras_stay_in_the_worker(pool, tmp_path, good):
    assert attacked(pool, tmp_path, ("set",)) == ["done"]
    key = pool.load(source(good)).key
    maps = pool.ask(key, "activations", {"image": pictures(1)[0], "layer": "body/last"})
    assert maps.values.dtype == "float32"
    assert attacking.keras.config.floatx() == "float32"


def test_nobody_takes_the_place_of_another_model(pool, tmp_path, good):
    """A model is addressed by its key, and a worker says its key itself."""
    key = pool.load(source(good)).key
    path = tmp_path / "attack.keras"
    attacking.network(("claim", key)).save(path)
    with pytest.raises(InternalError, match="gave itself out as another"):
        pool.load(source(path, custom_objects=(CUSTOMS,)))
    assert len(pool.ask(key, "predict", {"image": pictures(1)[0]})) == 3          # the attacker has two classes


def test_real_files_that_attack(pool, good, tmp_path):
    """Files that make plain Keras write a marker or change its settings, opened uninspected."""
    from corpus import Target
    from corpus_attacks import CONFIGS

    for name, sample in CONFIGS.items():
        if sample.harm:
            folder = tmp_path / name
            folder.mkdir()
            aim = Target(folder / "marker", folder / "secret")
            aim.secret.write_text("do not tell")
            try:
                pool.load(source(sample.make(folder, aim), trusted=True))
            except ExplainError as error:
                assert error.code != "E_INTERNAL", name
            assert not aim.marker.exists(), name
    assert answers(pool, good)


# Ends -----------------------------------------------------------------------------------------------


def test_opening_has_its_own_deadline(pool, tmp_path, good, monkeypatch):
    monkeypatch.setattr(terms, "LOAD_SECONDS", 2.0)
    start = time.monotonic()
    with pytest.raises(DeadlineExceeded, match="not open after 2 seconds"):
        attacked(pool, tmp_path, ("spin",))
    assert time.monotonic() - start < 15 and answers(pool, good)


def test_a_cancel_acts_at_once(pool, tmp_path):
    path = tmp_path / "attack.keras"
    attacking.network(("sleep", 30)).save(path)
    start = time.monotonic()
    with pytest.raises(ExplainError, match="cancelled"):
        pool.load(source(path, trusted=True, custom_objects=(CUSTOMS,)), lambda done, total, partial: False)
    assert time.monotonic() - start < 1


def test_processor_time_is_limited_while_it_opens(pool, tmp_path, monkeypatch):
    """Should the page have gone, nobody else would end it."""
    real = terms.terms_of

    def short(*arguments):
        found = real(*arguments)
        found.grants = terms.replace(found.grants, cpu_seconds=3)
        return found

    monkeypatch.setattr("explain.workers.pool.terms_of", short)
    with pytest.raises(WorkerDied, match="signal 24"):
        attacked(pool, tmp_path, ("spin",))


def test_a_file_that_kills_its_process_is_known_by_its_content(pool, tmp_path, good):
    path = tmp_path / "abort.keras"
    attacking.network(("abort",)).save(path)
    own = {"custom_objects": (CUSTOMS,)}
    for number in range(3):
        other = tmp_path / f"{number}.keras"
        other.write_bytes(path.read_bytes())
        with pytest.raises(WorkerDied, match="signal 6"):
            pool.load(source(other, **own))
    for again in (path, tmp_path / "0.keras"):
        with pytest.raises(ModelError, match="3 times and is not opened again"):
            pool.load(source(again, **own))
    assert answers(pool, good)


PAGE = """
import os, signal, sys
sys.path[:0] = [sys.argv[1]]
from explain import workers

if __name__ == "__main__":
    model = workers.load(sys.argv[2], scaling="0..1")
    from multiprocessing import forkserver
    (row,) = workers.status()
    print(row["process"], forkserver._forkserver._forkserver_pid, flush=True)
    os.kill(row["process"], signal.SIGSTOP)                  # so it will not see the end of the pipe
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_nobody_outlives_the_page(tmp_path, good):
    (tmp_path / "page.py").write_text(PAGE)
    command = [sys.executable, "page.py", str(ROOT), str(good)]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert said.returncode == -9, said.stderr
    worker, server = said.stdout.split()
    start = time.monotonic()
    while any(os.path.exists(f"/proc/{one}/exe") for one in (worker, server)):
        assert time.monotonic() - start < 10, "somebody is left"
        time.sleep(0.05)
