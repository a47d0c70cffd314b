"""The terms on which a worker works: what it opens, what it may do, and how long that may take.

    a name of the zoo      the network, and all files: weights are fetched and kept where Keras keeps them
    a file, inspected      only the canonical copy; no network; no other file
    a file, trusted        the same, with the file itself: it is opened as it is, and still kept inside
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from explain import sandbox
from explain.errors import Untrusted
from explain.inspecting.customs import operator_files, read_customs
from explain.sandbox import Grants
from explain.workers.copies import Copies, Copy

LOAD_SECONDS = float(os.environ.get("EXPLAIN_LOAD_SECONDS", 60))     # to open a file of a stranger
SCRATCH_BYTES = 64 * 2**20
THREADS = 2048

UNTRUSTED = (
    "Model files are not opened here: this system can keep them away neither from your files nor from the "
    "network (Landlock and namespaces are missing). Whoever runs this server and trusts the files sets "
    "EXPLAIN_TRUST_MODELS=1."
)


@dataclass
class Terms:
    """verb, keywords: the first question to the worker; content: what deaths are counted by; guarded: whether
    it is refused where no sandbox holds; patience: seconds for the first question, None for the usual."""

    verb: str
    keywords: dict[str, Any]
    grants: Grants
    content: str
    guarded: bool = False
    patience: float | None = None
    copy: Copy | None = field(default=None, repr=False)

    def again(self, copies: Copies) -> Terms:
        """The same for another worker, without another inspection."""
        scratch = copies.folder("scratch-") if self.grants.scratch else ""
        copy = self.copy and self.copy.again()
        return replace(self, grants=replace(self.grants, scratch=scratch), copy=copy)

    def release(self) -> None:
        """The worker is gone for good: so are its copy and its scratch folder."""
        if self.copy is not None:
            self.copy.release()
        if self.grants.scratch:
            shutil.rmtree(self.grants.scratch, ignore_errors=True)


def name_of(source: dict[str, Any]) -> str:
    return repr(sorted(source.items()))


def trusts_models() -> bool:
    """Whether model files are opened here: there is a sandbox, or the operator says so."""
    return _told_to_trust() or sandbox.confines(sandbox.available())


def _told_to_trust() -> bool:
    return os.environ.get("EXPLAIN_TRUST_MODELS", "") == "1"


def zoo_terms(source: dict[str, Any], memory_bytes: int) -> Terms:
    """A network of the zoo: its weights may be fetched, and are kept where Keras keeps them."""
    grants = Grants(read=None, network=True, memory_bytes=memory_bytes, file_bytes=0)
    return Terms("load", _asked(source), grants, name_of(source))


def terms_of(source: dict[str, Any], copies: Copies, memory_bytes: int) -> Terms:
    """Where the source is a file of the user, it is inspected here. RefusedModel, InputError, OptionError."""
    file = _file_of(source)
    if file is None:
        return zoo_terms(source, memory_bytes)
    trusted, own = bool(source.get("trusted")), operator_files(source.get("custom_objects"))
    if not trusted and not trusts_models():
        raise Untrusted(UNTRUSTED)
    as_data = file.suffix == ".pth"                                      # its reader runs nothing of it
    copy = None if trusted or as_data else copies.take(file, read_customs(own))
    verb, keywords = _first_question(source, file, copy, own)
    grants = Grants(
        read=(copy.folder if copy else str(file.resolve()), *(str(Path(one).resolve()) for one in own)),
        scratch=copies.folder("scratch-"),
        memory_bytes=memory_bytes,
        cpu_seconds=int(LOAD_SECONDS * (os.cpu_count() or 1)) + 1,
        file_bytes=SCRATCH_BYTES,
        processes=THREADS,
    )  # fmt: skip
    content = copy.inspection.digest if copy else name_of(source)
    return Terms(verb, keywords, grants, content, not trusted and not _told_to_trust(), LOAD_SECONDS, copy)


def _first_question(
    source: dict[str, Any], file: Path, copy: Copy | None, own: tuple[str, ...]
) -> tuple[str, dict[str, Any]]:
    """(verb, keywords): a file inspected is no longer asked for by its own name."""
    keywords = _asked(source)
    if copy is None:
        return "load", keywords | {"trusted": True, "custom_objects": own}
    if file == Path(source["name"]):
        kept = {key: keywords[key] for key in ("scaling", "labels", "input_shape")}
        return "open", kept | {"inspection": copy.inspection, "custom_objects": own, "name": file.stem}
    return "load", keywords | {"trusted": True, "weights": copy.inspection.path}


def _asked(source: dict[str, Any]) -> dict[str, Any]:
    return {key: source.get(key) for key in ("name", "scaling", "labels", "weights", "input_shape")}


def _file_of(source: dict[str, Any]) -> Path | None:
    """The user's file or folder that is to be opened; None for a network of the zoo."""
    name, weights = Path(source["name"]), source.get("weights")
    if name.exists():
        return name
    if weights not in (None, "imagenet") and Path(weights).is_file():
        return Path(weights)
    return None
