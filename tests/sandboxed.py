"""Run in a process of its own: goes inside, tries things, and says how each of them ended.

    python sandboxed.py ROOT '{"grants": {…}, "user": 65534, "try": {"name": ["what", argument, …]}}'
"""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

sys.path.insert(0, sys.argv[1])

# All that is needed later: another user may not be able to read the interpreter's folder.
import encodings.ascii
import encodings.idna  # noqa: F401

from explain.sandbox import Grants, calls, enter, kernel  # noqa: F401
from explain.sandbox import landlock, limits, namespaces, privileges  # noqa: F401


def fill(folder: str, files: int, megabytes: int) -> int:
    for number in range(files):
        with open(f"{folder}/{number}", "wb") as file:
            for _ in range(megabytes):
                file.write(bytes(2**20))
    return files


def start_thread() -> str:
    said = []
    thread = threading.Thread(target=lambda: said.append("computed"))
    thread.start()
    thread.join()
    return said[0]


def socket_file(path: str) -> str:
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(path)
    return "connected"


def program_in_memory() -> None:
    handle = os.memfd_create("program")
    os.write(handle, Path("/bin/true").read_bytes() if os.access("/bin/true", os.R_OK) else b"")
    os.execve(handle, ["true"], {})


def send_back() -> str:
    """A pipe to itself, as TensorFlow and Python use."""
    here, there = socket.socketpair()
    with here, there:
        here.send(b"through")
        return there.recv(10).decode()


def status(name: str) -> list[str]:
    return [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name)]


def parent_death_signal() -> int:
    found = ctypes.c_int()
    ctypes.CDLL(None).prctl(2, ctypes.byref(found), 0, 0, 0)
    return found.value


WAYS = {
    "read": lambda path: Path(path).read_text()[:10],
    "list": lambda path: sorted(os.listdir(path)),
    "write": lambda path: Path(path).write_text("changed"),
    "append": lambda path: open(path, "a").close(),
    "remove": os.unlink,
    "folder": os.mkdir,
    "move": os.rename,
    "link": os.symlink,
    "attributes": lambda path: os.chmod(path, 0),
    "shorten": lambda path: os.truncate(path, 0),
    "date": lambda path: os.utime(path, (0, 0)),
    "fill": fill,
    "call": lambda port: socket.create_connection(("127.0.0.1", port), 5).close(),
    "send": lambda port: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", port)),
    "listen": lambda: socket.create_server(("127.0.0.1", 0)).close(),
    "socket": socket_file,
    "pipe": send_back,
    "spaces": lambda: [os.readlink(f"/proc/self/ns/{name}") for name in ("net", "ipc", "mnt")],
    "run": lambda: subprocess.run(["/bin/true"], check=True).returncode,
    "spawn": lambda: os.posix_spawn("/bin/true", ["true"], {}),
    "become": lambda: os.execv("/bin/true", ["true"]),
    "become memory": program_in_memory,
    "copy itself": os.fork,
    "thread": start_thread,
    "signal parent": lambda: os.kill(os.getppid(), 0),
    "signal all": lambda: os.kill(0, 0),
    "signal itself": lambda: os.kill(os.getpid(), 0),
    "limit parent": lambda: resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1)),
    "limit itself": lambda: resource.prlimit(0, resource.RLIMIT_NOFILE)[0],
    "raise limit": lambda: resource.setrlimit(resource.RLIMIT_DATA, (-1, -1)),
    "take memory": lambda megabytes: len(bytearray(megabytes * 2**20)),
    "share memory": lambda megabytes: mmap.mmap(-1, megabytes * 2**20).close(),
    "be root again": lambda: kernel.call("unshare", kernel.CLONE_NEWUSER),
    "user": lambda: [os.getuid(), os.getgid()],
    "powers": lambda: status("CapEff"),
    "own session": lambda: os.getsid(0) == os.getpid(),
    "first to go": lambda: [parent_death_signal(), *status("NoNewPrivs")],
    "import": lambda name: __import__(name).__name__,
    "processes": lambda: resource.getrlimit(resource.RLIMIT_NPROC)[0],
    "processor": lambda: resource.getrlimit(resource.RLIMIT_CPU),
    "lift": lambda: limits.limit_cpu(0),
}


def tried(what: str, *arguments) -> object:
    try:
        return WAYS[what](*arguments)
    except BaseException as error:
        return type(error).__name__


def main(asked: dict) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    if version := asked.get("landlock"):
        landlock.version = lambda: version
    if user := asked.get("user"):
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
        kernel.prctl(kernel.PR_SET_DUMPABLE, 1)              # as any program that was started by that user
    grants = asked["grants"]
    for name in ("read", "write"):
        if grants.get(name):
            grants[name] = tuple(grants[name])
    parts = enter(Grants(**grants))
    answers = {name: tried(*way) for name, way in asked["try"].items()}
    print(json.dumps({"parts": {part.name: list(part[1:]) for part in parts}, "found": answers}), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main(json.loads(sys.argv[2]))
