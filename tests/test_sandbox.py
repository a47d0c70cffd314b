"""What a process can still do once it is inside: tried by real processes, as root and as nobody."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from explain import sandbox
from explain.sandbox import Grants, Part, landlock

ROOT = Path(__file__).parents[1]
SCRIPT = Path(__file__).with_name("sandboxed.py")
NOBODY = 65534

linux = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")
USERS = [pytest.param(0, id="itself")]
USERS += [pytest.param(NOBODY, id="nobody")] if hasattr(os, "getuid") and os.getuid() == 0 else []


def inside(tries: dict, user: int = 0, landlock: int = 0, **grants) -> tuple[dict, dict]:
    """({part: (active, why)}, {name: how it ended}); what is forbidden ends in the name of an error."""
    asked = {"grants": grants, "try": tries, "user": user, "landlock": landlock}
    command = [sys.executable, str(SCRIPT), str(ROOT), json.dumps(asked)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert said.returncode == 0, said.stderr
    answer = json.loads(said.stdout)
    return {name: tuple(part) for name, part in answer["parts"].items()}, answer["found"]


@pytest.fixture
def place():
    """A folder that everybody may use, as far as the file system is concerned."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "secret").write_text("do not tell")
        (folder / "given").write_text("for you")
        (folder / "results").mkdir()
        (folder / "scratch").mkdir()
        for one in (folder, *folder.iterdir()):
            one.chmod(0o777)
        yield folder


# Files ---------------------------------------------------------------------------------------------


@linux
@pytest.mark.parametrize("user", USERS)
def test_only_what_is_given_can_be_read_and_only_scratch_written(place, user):
    names = ("secret", "given", "results", "scratch")
    secret, given, results, scratch = (f"{place}/{name}" for name in names)
    (place / "way out").symlink_to(secret)
    tries = {
        "given": ["read", given], "written": ["write", f"{results}/new"],
        "scratch": ["write", f"{scratch}/new"], "again": ["read", f"{scratch}/new"],
        "module": ["import", "json" if user else "sqlite3"],
    }  # fmt: skip
    refused = {
        "secret": ["read", secret], "by a link": ["read", f"{place}/way out"],
        "passwords": ["read", "/etc/passwd"], "owner": ["read", f"{ROOT}/README.md"],
        "overwritten": ["write", secret], "longer": ["append", secret], "removed": ["remove", secret],
        "listed": ["list", str(place)], "homes": ["list", "/"], "folder": ["folder", f"{place}/x"],
        "moved": ["move", secret, f"{scratch}/mine"], "moved in": ["move", given, f"{results}/mine"],
        "linked": ["link", secret, f"{results}/link"], "chmod": ["attributes", secret],
        "truncated": ["shorten", secret], "dated": ["date", secret],
        "environment": ["read", "/proc/self/environ"], "parent": ["read", f"/proc/{os.getpid()}/cmdline"],
    }  # fmt: skip
    parts, found = inside(tries | refused, user, read=[given], write=[results], scratch=scratch)
    assert {name: parts[name][0] for name in sandbox.NAMES} == dict.fromkeys(sandbox.NAMES, True), parts
    assert {name: found[name] for name in tries} == {
        "given": "for you", "written": 7, "scratch": 7, "again": "changed", "module": tries["module"][1],
    }  # fmt: skip
    errors = {"PermissionError", "OSError"}                                    # OSError: across file systems
    assert {name: found[name] for name in refused if found[name] not in errors} == {}
    assert (place / "secret").read_text() == "do not tell"
    assert (place / "secret").stat().st_mode & 0o777 == 0o777
    assert (place / "results" / "new").read_text() == "changed"
    assert not list((place / "scratch").iterdir())                             # it was in memory, and is gone


@linux
@pytest.mark.parametrize("user", USERS)
def test_a_disk_cannot_be_filled(place, user):
    scratch, results = str(place / "scratch"), str(place / "results")
    tries = {"many": ["fill", scratch, 4, 5], "one": ["fill", results, 1, 20]}
    _, found = inside(tries, user, write=[results], scratch=scratch, file_bytes=8 * 2**20)
    assert found == {"many": "OSError", "one": "OSError"}
    assert sum(f.stat().st_size for f in place.rglob("*") if f.is_file()) <= 9 * 2**20


def test_each_version_of_landlock_knows_its_rights():
    many = [landlock.rights_of(known).bit_length() for known in range(1, 9)]
    assert many == [13, 14, 15, 15, 16, 16, 16, 16]
    assert landlock.rights_of(5) & landlock.IOCTL_DEV and not landlock.rights_of(4) & landlock.IOCTL_DEV


@linux
@pytest.mark.parametrize("known", range(1, 8))
def test_older_kernels_know_less_and_still_keep_files(place, known):
    """Of Landlock's interface only what that version has is asked for."""
    secret, given = str(place / "secret"), str(place / "given")
    tries = {"secret": ["read", secret], "given": ["read", given]}
    parts, found = inside(tries, read=[given], landlock=known)
    assert parts["files"][0] and f"Landlock {known}" in parts["files"][1]
    assert found == {"secret": "PermissionError", "given": "for you"}


# Network, programs, others ----------------------------------------------------------------------------


@linux
@pytest.mark.parametrize("user", USERS)
def test_nobody_can_be_reached(place, user):
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as file:
        file.bind(str(place / "socket"))
        (place / "socket").chmod(0o777)
        file.listen()
        port = server.getsockname()[1]
        tries = {"tcp": ["call", port], "udp": ["send", port], "served": ["listen"]}
        tries |= {"file": ["socket", f"{place}/socket"]}
        _, found = inside(tries | {"pipe": ["pipe"], "spaces": ["spaces"]}, user, read=[str(place)])
        here = [os.readlink(f"/proc/self/ns/{name}") for name in ("net", "ipc", "mnt")]
        assert not set(here) & set(found.pop("spaces"))
        assert found == dict.fromkeys(tries, "PermissionError") | {"pipe": "through"}
        _, allowed = inside(tries, user, read=None, network=True)
        assert allowed["tcp"] is None and allowed["file"] == "connected"       # else nothing was shown above


@linux
@pytest.mark.parametrize("user", USERS)
def test_no_programs_no_copies_and_hands_off_others(place, user):
    refused = {name: [name] for name in (
        "run", "spawn", "become", "become memory", "copy itself", "signal parent", "signal all",
        "limit parent", "be root again",
    )}  # fmt: skip
    allowed = {"thread": ["thread"], "signal itself": ["signal itself"], "limit itself": ["limit itself"]}
    _, found = inside(refused | allowed, user)
    assert {name: found[name] for name in refused} == dict.fromkeys(refused, "PermissionError")
    assert (found["thread"], found["signal itself"], found["limit itself"]) == ("computed", None, 4096)


@linux
@pytest.mark.parametrize("user", USERS)
def test_limits_powers_and_the_end(place, user):
    asked = ("user", "powers", "own session", "first to go", "raise limit", "processor", "lift", "processes")
    beyond = 512 * (len(os.sched_getaffinity(0)) + 3)
    tries = {name: [name] for name in asked} | {"lifted": ["processor"], "shared": ["share memory", beyond]}
    tries |= {"little": ["take memory", 100], "much": ["take memory", 600]}
    _, found = inside(tries, user, memory_bytes=2**29, cpu_seconds=7, processes=77)
    assert (found["little"], found["much"], found["shared"]) == (100 * 2**20, "MemoryError", "OSError")
    assert found["raise limit"] == "ValueError" and found["own session"]
    assert found["user"] == [user or os.getuid(), user or os.getgid()]
    assert found["powers"] == ["CapEff:\t" + "0" * 16]
    assert found["first to go"] == [9, "NoNewPrivs:\t1"]
    assert found["processor"][0] == 7 and found["lifted"][0] == -1
    assert (user or os.getuid()) == 0 or found["processes"] == 77              # root's are never counted


@linux
def test_a_process_that_fetches_keeps_its_files_and_its_line(place):
    tries = {"secret": ["read", f"{place}/secret"], "run": ["run"], "end": ["first to go"]}
    parts, found = inside(tries, read=None, network=True)
    assert {name for name, (active, _) in parts.items() if active} == {"limits", "lifetime", "privileges"}
    assert found["secret"] == "do not tel" and found["run"] == 0 and found["end"] == [9, "NoNewPrivs:\t1"]


# What this system has, or lacks ------------------------------------------------------------------------


@linux
def test_what_is_available_is_found_out_once():
    sandbox.available.cache_clear()
    found = sandbox.available()
    assert tuple(part.name for part in found) == sandbox.NAMES and all(part.why for part in found)
    assert sandbox.available() is found
    with open("/proc/self/status", encoding="utf-8") as file:                # and this process stays outside
        assert "NoNewPrivs:\t0" in file.read()


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_other_systems_have_none_and_say_so(monkeypatch, system):
    sandbox.available.cache_clear()
    monkeypatch.setattr(sys, "platform", system)
    try:
        parts = sandbox.enter(Grants(read=("/etc",), memory_bytes=2**40))
        assert parts == sandbox.available() and not sandbox.confines(parts)
        assert [part.name for part in parts] == list(sandbox.NAMES)
        assert not any(part.active for part in parts)
        assert all(f"this is {system}" in part.why for part in parts)
        sandbox.lift_cpu_limit()
    finally:
        sandbox.available.cache_clear()


def test_what_is_enough():
    parts = [Part(name, name in ("limits", "calls"), "") for name in ("limits", "network", "files", "calls")]
    assert not sandbox.confines(tuple(parts)) and not sandbox.confines(())
    for one in (1, 2):
        assert sandbox.confines((*parts[:one], parts[one]._replace(active=True), *parts[one + 1 :]))


@linux
def test_a_trial_that_fails_means_that_there_is_none(monkeypatch):
    sandbox.available.cache_clear()
    monkeypatch.setattr(sys, "executable", "/nonexistent")
    try:
        assert not sandbox.confines(sandbox.available()) and "trial" in sandbox.available()[0].why
    finally:
        sandbox.available.cache_clear()


REFUSED = """
import json, sys
sys.path.insert(0, sys.argv[1])
from explain.sandbox import Grants, enter, kernel
def call(name, *arguments):
    raise OSError(1, f"{name}: Operation not permitted")
kernel.call = call
print(json.dumps([list(part) for part in enter(Grants(scratch="/tmp"))]))
"""


@linux
def test_a_system_that_refuses_everything_is_reported_not_raised():
    command = [sys.executable, "-c", REFUSED, str(ROOT)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    parts = [Part(*part) for part in json.loads(said)]
    assert [part.name for part in parts] == list(sandbox.NAMES)
    assert [part.name for part in parts if part.active] == ["limits"]        # Python has a function for them
    assert all("refuses it" in part.why for part in parts if not part.active and part.name != "scratch")
