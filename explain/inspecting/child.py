"""The inspecting process: one file, one answer, and then it ends.

In, on stdin: {"source", "scratch", "name", "labels", "seconds", "customs": {"files", "classes", "functions"}}
Out, on stdout: {"found": …}, {"refused": [class, sentence]} or {"fault": traceback}, in JSON.

It shuts itself in before it looks at the file, and TensorFlow is never imported here.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from explain.errors import ExplainError, ModelTooLarge, UnknownFile
from explain.inspecting import limits
from explain.inspecting.customs import Customs
from explain.inspecting.limits import quoted


def main() -> None:
    asked = json.load(sys.stdin)
    answer_to = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)                                       # what a library prints is no answer
    with answer_to:
        json.dump(answer(asked), answer_to)


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    try:
        shut_in(asked)
        return {"found": examined(asked)}
    except ExplainError as error:
        return {"refused": [type(error).__name__, str(error)]}
    except MemoryError:
        error = ModelTooLarge(f"{quoted(asked['name'])} needs more memory than an inspection has.")
        return {"refused": [type(error).__name__, str(error)]}
    except Exception:
        return {"fault": traceback.format_exc()}


def shut_in(asked: dict[str, Any]) -> None:
    """From here on: this file to read, this folder to write, little time and memory, no network."""
    from explain.sandbox import Grants, enter

    reads = [asked["source"], *filter(None, [asked["labels"]])]
    enter(
        Grants(
            read=tuple(reads),
            write=(asked["scratch"],),
            memory_bytes=limits.memory_bytes(),
            cpu_seconds=int(asked["seconds"]) + 2,      # the page's own clock ends it first
            file_bytes=limits.model_bytes() + 64 * limits.MEGABYTE,
            processes=16,
        )
    )


def examined(asked: dict[str, Any]) -> dict[str, Any]:
    from explain.inspecting.examining import Examiner

    customs = asked["customs"]
    allowed = Customs(tuple(customs["files"]), frozenset(customs["classes"]), frozenset(customs["functions"]))
    examiner = Examiner(Path(asked["scratch"]), asked["name"], allowed)
    labels_file = Path(asked["labels"]) if asked["labels"] else None
    try:
        found = examiner.examine(Path(asked["source"]), labels_file)
    except OSError as error:
        limits.raise_out_of_room(asked["name"], error.errno, error)
        if not Path(asked["source"]).exists():         # its session ended, or its opening was cancelled
            raise UnknownFile(f"{quoted(asked['name'])} went away while it was inspected.") from error
        raise
    return found._asdict() | {"notices": [(notice.code, notice.sentence) for notice in found.notices]}
