"""The inspection of a stranger's file, seen from the page: a path goes in, a canonical copy comes out.

    kinds.py       what is it, by its first bytes
    archives.py    zips                    folders.py   folders          contents.py   which model is in them
    hdf5.py        HDF5                    heaps.py     the damage that HDF5 never returns from
    layouts.py     where Keras puts weights
    documents.py   JSON                    labels.py    labels.txt
    examining.py   the order of the questions
    writing.py     the copy
    child.py       the process in which all of this happens
    limits.py      how much is allowed

Nothing of the file is read in this process but its size and its digest. The other one has no TensorFlow,
little time and little memory, sees this file only, and may write into one folder only. What it answers is
checked here like any other input.
"""

from __future__ import annotations

import compileall
import hashlib
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import uuid
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from explain import errors
from explain.errors import InspectionFailed, ModelTooLarge, UnknownFile
from explain.inspecting import limits
from explain.inspecting.customs import Customs
from explain.inspecting.limits import quoted, size

if TYPE_CHECKING:                                      # costs NumPy, and the other process imports this
    from explain.results import Inspection

LOG = logging.getLogger("layerscope")
ROOT = Path(__file__).parents[2]
COPIES = {                                             # what a copy of each kind is called
    "keras": ("model",), "hdf5": ("model.h5",), "graph": ("graph.pb",),
    "weights": ("weights.weights.h5", "weights.h5"),
}  # fmt: skip
LARGEST_ANSWER = 8 * limits.MEGABYTE
KILLED, OUT_OF_TIME = (getattr(signal, name, 0) for name in ("SIGKILL", "SIGXCPU"))     # 0 on Windows
_AT_ONCE = threading.BoundedSemaphore(max(2, os.cpu_count() or 2))

# The libraries are those of this process, wherever it was started; the folder it stands in is not searched.
_START = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); "
    "from explain.inspecting import child; child.main()"
)
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TEMP", "SYSTEMROOT", "LD_LIBRARY_PATH")
_SET = {
    "OPENBLAS_NUM_THREADS": "1",                       # each thread of it costs memory
    "OMP_NUM_THREADS": "1",
    "HDF5_USE_FILE_LOCKING": "FALSE",
    "HDF5_PLUGIN_PRELOAD": "::",                       # no plug-ins
}


def inspect(
    path: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    customs: Customs = Customs(),
    seconds: float = 10.0,
    name: str | None = None,
    with_labels: bool = False,
) -> Inspection:
    """Inspect a model file or a SavedModel folder, and write its canonical copy into `folder`.

    customs: classes of the operator's that may occur; seconds: until the inspection is stopped, and one more
    for every 50 MB of the file; name: of the upload, for sentences, where the path is not its name;
    with_labels: whether a labels.txt beside the file counts as well (for files of the operator's own).

    Raises the subclasses of RefusedModel. The copy appears whole or not at all.
    """
    source, folder = Path(path).absolute(), Path(folder).absolute()
    if source.name == "saved_model.pb" and (source.parent / "variables").is_dir():
        source = source.parent
    name = source.name if name is None else name
    seconds += _check_size(source, name) / limits.BYTES_A_SECOND
    labels = source.with_name("labels.txt")
    scratch = Path(tempfile.mkdtemp(prefix=".inspecting-", dir=folder))
    request = {
        "source": str(source),
        "scratch": str(scratch),
        "name": name,
        "labels": str(labels) if with_labels and labels.is_file() else "",
        "seconds": seconds,
        "customs": {key: sorted(value) for key, value in vars(customs).items()},
    }
    try:
        with _AT_ONCE:
            found = _ask(request, seconds)
        from explain.results import Inspection

        copy, kind, labels, notices = _checked(found, scratch, name)
        target = folder / copy.name
        shutil.rmtree(target, ignore_errors=True)      # a folder of an earlier inspection; a file is replaced
        os.replace(copy, target)
        return Inspection(digest_of(source), kind, str(target), labels, notices)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def digest_of(path: Path) -> str:
    """SHA-256, hex, of a file; of a folder: of the names and contents of all its files."""
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    whole = hashlib.sha256()
    for file in sorted(file for file in path.rglob("*") if file.is_file()):
        whole.update(json.dumps([file.relative_to(path).as_posix(), digest_of(file)]).encode())
    return whole.hexdigest()


def _check_size(source: Path, name: str) -> int:
    """Bytes of the file, of all files of a folder. UnknownFile, ModelTooLarge."""
    if not source.is_file() and not source.is_dir():
        raise UnknownFile(
            f"There is no file {quoted(name)}. Expected is a .keras or .h5 file, or a SavedModel folder."
        )
    files = [source] if source.is_file() else [file for file in source.rglob("*") if file.is_file()]
    found, most = sum(file.stat().st_size for file in files), limits.model_bytes()
    if found > most:
        raise ModelTooLarge(
            f"{quoted(name)} has {size(found)}; models of at most {size(most)} are opened "
            "(EXPLAIN_MAX_MODEL_MB). Save it without the state of its optimizer, or take a smaller model."
        )
    return found


# The other process -------------------------------------------------------------------------------------


def _ask(request: dict[str, Any], seconds: float) -> dict[str, Any]:
    """What the inspecting process found. The refusal that it answered, or InspectionFailed."""
    name = request["name"]
    with tempfile.TemporaryFile() as said:
        answer, code, in_time = _answered(request, seconds, said)
        if not in_time:
            raise InspectionFailed(
                f"{quoted(name)} was not understood within {seconds:g} seconds, and was given up. It is "
                "damaged, made to take long, or the server is busy: try once more, or save the model again."
            )
        if answer is None:
            said.seek(0)
            raise _obituary(name, code, said.read(4000).decode(errors="replace"))
    if "refused" in answer:
        raise _refusal(answer["refused"], name)
    if not isinstance(answer.get("found"), dict):
        raise _fault(name, f"its inspection failed:\n{answer.get('fault')}")
    return answer["found"]


def _answered(request: dict[str, Any], seconds: float, said: BinaryIO) -> tuple[dict | None, int, bool]:
    """(the answer, None where it is none; the code with which the process ended; whether it was in time)."""
    process = _started(said)
    stopped = threading.Event()

    def stop() -> None:
        stopped.set()
        _kill(process)

    clock = threading.Timer(seconds, stop)
    clock.start()
    try:
        answer = _object(_exchange(process, json.dumps(request).encode()))
        if answer is None:
            process.wait()                             # by itself or by the clock: the code tells why
    finally:
        clock.cancel()
        clock.join()
        _kill(process)
        process.wait()
    return answer, process.returncode, not stopped.is_set()


def _object(text: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


@cache
def _compile() -> None:
    """The other process may not write what Python compiles, so it is done here, once."""
    for room in ("inspecting", "repairing", "sandbox"):
        compileall.compile_dir(ROOT / "explain" / room, quiet=2)


def _started(said: BinaryIO) -> subprocess.Popen:
    _compile()
    searched = json.dumps([str(ROOT), *filter(None, sys.path)])
    kept = {key: value for key, value in os.environ.items() if key in _KEPT or key.startswith("EXPLAIN_")}
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _START, searched],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said,
        env=kept | _SET, start_new_session=True,
    )  # fmt: skip


def _exchange(process: subprocess.Popen, request: bytes) -> bytes:
    try:
        with process.stdin as todo:
            todo.write(request)
    except BrokenPipeError:
        pass                                           # it ended before it was asked; its end is explained
    with process.stdout as answers:
        return answers.read(LARGEST_ANSWER)


def _kill(process: subprocess.Popen) -> None:
    """It and whatever it may have started, unless it was waited for: its number may be another's then."""
    if process.returncode is not None:
        return
    try:
        os.killpg(process.pid, KILLED) if hasattr(os, "killpg") else process.kill()
    except OSError:
        pass                                           # it has ended by itself


# What it said is data of a process that has read a stranger's file --------------------------------------


def _checked(found: dict[str, Any], scratch: Path, name: str) -> tuple[Path, str, tuple, tuple]:
    """(copy in the scratch folder, kind, labels, notices), or InspectionFailed."""
    from explain.results import Notice

    kind, file, labels, notices = (found.get(key) for key in ("kind", "file", "labels", "notices"))
    copy = scratch / str(file)
    noted = isinstance(notices, list) and len(notices) <= limits.NOTICES
    noted = noted and all(_texts(each, 2) and len(each) == 2 for each in notices)
    there = isinstance(kind, str) and file in COPIES.get(kind, ()) and copy.exists() and not copy.is_symlink()
    if not there or not noted or not _texts(labels, limits.LABELS):
        raise _fault(name, f"its inspection answered {str(found)[:500]}")
    return copy, kind, tuple(labels), tuple(Notice(*each) for each in notices)


def _texts(values: object, most: int) -> bool:
    """Whether it is a short list of short texts."""
    if not isinstance(values, list) or len(values) > most:
        return False
    return all(isinstance(value, str) and len(value) <= limits.SENTENCE for value in values)


def _refusal(value: object, name: str) -> errors.ExplainError:
    if _texts(value, 2) and len(value) == 2:
        kind = errors.tree(errors.ModelError).get(value[0])
        if kind is not None:
            return kind(value[1])
    return _fault(name, f"its inspection answered {str(value)[:500]}")


def _obituary(name: str, code: int, said: str) -> errors.RefusedModel:
    """Why the process ended without an answer."""
    LOG.error("The inspection of %r ended with code %s: %s", name, code, said)
    if code == -KILLED:
        return ModelTooLarge(
            f"The inspection of {quoted(name)} was ended by the system, most likely for want of memory. "
            "Give a smaller file, or try again when the server has less to do."
        )
    if code == -OUT_OF_TIME:
        said = "took too much processor time, so its inspection was stopped. Save the model again."
        return InspectionFailed(f"{quoted(name)} {said}")
    if code < 0:
        return InspectionFailed(
            f"{quoted(name)} brought its inspection down (signal {-code}): it is damaged, or was made to do "
            "harm. Fetch the file or save the model again."
        )
    return _fault(name, f"its inspection ended with code {code}:\n{said}")


def _fault(name: str, what: str) -> InspectionFailed:
    incident = uuid.uuid4().hex[:8]
    LOG.error("Incident %s: of %r, %s", incident, name, what)
    return InspectionFailed(
        f"Something went wrong inside while {quoted(name)} was inspected. "
        f"The server's log tells more under incident {incident}."
    )
