"""The canonical copies of inspected files: in a folder of this process, one of each, while it is needed."""

from __future__ import annotations

import shutil
import tempfile
import threading
from dataclasses import dataclass, replace
from pathlib import Path

from explain.inspecting import inspect
from explain.inspecting.customs import Customs
from explain.results import Inspection


@dataclass
class _Kept:
    path: str
    holds: int = 0


class Copy:
    """A hold on one copy. The last one that is released removes it."""

    def __init__(self, copies: Copies, inspection: Inspection, kept: _Kept):
        self.inspection = replace(inspection, path=kept.path)
        self._copies, self._kept, self._held = copies, kept, True

    @property
    def folder(self) -> str:
        """What must be readable to open it."""
        return str(Path(self._kept.path).parent)

    def again(self) -> Copy:
        """One more hold."""
        return self._copies.hold(self.inspection, self._kept)

    def release(self) -> None:
        if self._held:
            self._held = False
            self._copies.release(self.inspection.digest, self._kept)


class Copies:
    """Copies by the SHA-256 of the upload. Safe for many threads.

    The folder is readable by this user only (0700), and removed by `close` and when the process ends.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._root: tempfile.TemporaryDirectory | None = None
        self._kept: dict[str, _Kept] = {}                          # by digest

    def take(self, path: Path, customs: Customs) -> Copy:
        """Inspect the file and hold its copy. RefusedModel, InputError as the inspection raises them."""
        folder = self.folder("copy-")
        try:
            inspection = inspect(path, folder, customs)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        with self._lock:
            kept = self._kept.setdefault(inspection.digest, _Kept(inspection.path))
            copy = self.hold(inspection, kept)
        if kept.path != inspection.path:                           # the same content is there already
            shutil.rmtree(folder, ignore_errors=True)
        return copy

    def hold(self, inspection: Inspection, kept: _Kept) -> Copy:
        with self._lock:
            kept.holds += 1
        return Copy(self, inspection, kept)

    def release(self, digest: str, kept: _Kept) -> None:
        with self._lock:
            kept.holds -= 1
            if kept.holds:
                return
            if self._kept.get(digest) is kept:
                del self._kept[digest]
        shutil.rmtree(Path(kept.path).parent, ignore_errors=True)

    def folder(self, prefix: str) -> str:
        """A new empty folder beside the copies."""
        with self._lock:
            if self._root is None:
                self._root = tempfile.TemporaryDirectory(prefix="layerscope-")
            return tempfile.mkdtemp(prefix=prefix, dir=self._root.name)

    def close(self) -> None:
        """Remove everything; workers that read there must be ended before."""
        with self._lock:
            root, self._root = self._root, None
            self._kept.clear()
        if root is not None:
            root.cleanup()
