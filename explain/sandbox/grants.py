"""What a process asks to keep, and what it is told about the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class Grants:
    """What is left to a process once it is inside. Everything else is taken away.

    read: files and folders beside the libraries, which are always readable; None: files are not
    restricted, and neither are programs; write: folders in which it may make, change, remove and read files;
    scratch: one folder more, covered by a small file system in memory where that is possible, so that it
    cannot fill the disk and is gone with the process;
    network: whether it may reach other machines; devices: whether it may use the GPUs;
    memory_bytes: of its data; cpu_seconds: until it is ended; file_bytes: of one file it writes, and of the
    whole scratch; 0 is no limit; processes: how many threads, where those can be counted.
    """

    read: tuple[str, ...] | None = ()
    write: tuple[str, ...] = ()
    network: bool = False
    memory_bytes: int = 0
    cpu_seconds: int = 0
    file_bytes: int = 64 * 2**20
    processes: int = 1024
    scratch: str = ""
    devices: bool = False

    @property
    def confined(self) -> bool:
        """Whether files are restricted: then it is about the file of a stranger."""
        return self.read is not None


class Part(NamedTuple):
    """One guard. name: stable; active: whether it holds; why: what it does, or why it does not."""

    name: str
    active: bool
    why: str
