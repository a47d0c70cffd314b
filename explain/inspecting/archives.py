"""Zips: what is in them, and out of them only what is needed, one member at a time.

Everything is known before the first byte is unpacked:

    end record    where it must be, and the directory right before it: nothing in front, nothing behind
    directory     few members; no name twice, absolute, with `..`, a drive or a backslash; no links,
                  no devices, nothing encrypted, only stored or deflated
    sizes         of each member and of all, packed and unpacked; 20 to 1 at most above 16 MB
    places        no two members share bytes

While unpacking, what was announced is what may come, and the checksum must agree.

Source: PKWARE's APPNOTE 6.3.10; for what attackers do with it, "A better zip bomb" (Fifield, 2019).
"""

from __future__ import annotations

import io
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from explain.errors import BrokenModel, ExplainError, ModelTooLarge, TruncatedModel, UnsafeArchive
from explain.inspecting import limits
from explain.inspecting.limits import quoted, size
from explain.inspecting.stretches import Stretch

END, END_64, LOCATOR_64, LOCAL = b"PK\5\6", b"PK\6\6", b"PK\6\7", b"PK\3\4"
ENCRYPTED = 0x1 | 0x20 | 0x40 | 0x2000                # encrypted, patched, strongly encrypted, masked
DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, RuntimeError)
BLOCK = limits.MEGABYTE


@dataclass(frozen=True)
class Terms:
    """What a zip of some kind may hold, and how it is refused: those of a model's file.

    members, most: at most so many, and so many bytes unpacked; setting: of the operator, for `most`;
    never: what sound files never do; again: what to do about a file that does; packing: why it cannot grow.
    """

    unsafe: type[ExplainError] = UnsafeArchive
    large: type[ExplainError] = ModelTooLarge
    cut: type[ExplainError] = TruncatedModel
    broken: type[ExplainError] = BrokenModel
    members: int = limits.MEMBERS
    most: Callable[[], int] = limits.model_bytes
    setting: str = " (EXPLAIN_MAX_MODEL_MB)"
    never: str = "as no model's file does"
    again: str = "Save the model again with model.save('name.keras'), or pack it as an ordinary zip."
    fetch: str = "Fetch the file or save the model again."
    fewer: str = "Pack the model alone."
    packing: str = "trained weights never pack"


MODEL = Terms()


class Archive:
    """A zip whose directory has been checked. `names`: its files, in the order of the directory."""

    def __init__(self, path: Path | io.BytesIO, name: str, terms: Terms = MODEL) -> None:
        """path: of the file, or its bytes in memory, of which `weights` cannot tell where they lie.

        The errors of `terms`, as the module says: for a model UnsafeArchive, ModelTooLarge, TruncatedModel
        or BrokenModel.
        """
        self.path, self.name, self.terms = path, name, terms
        self._starts: dict[str, int] = {}                     # of the bytes of each member
        if isinstance(path, io.BytesIO):
            self._check(path)
        else:
            with path.open("rb") as file:
                self._check(file)
        self._files = {member.filename: member for member in self._zip.infolist() if not member.is_dir()}
        self.names = tuple(self._files)

    def _check(self, file: io.BufferedIOBase) -> None:
        """Open the zip once its directory is found to be sound."""
        total = file.seek(0, io.SEEK_END)
        directory_at = _directory_at(file, total, self.name, self.terms)
        try:
            self._zip = zipfile.ZipFile(self.path)
        except DAMAGE as error:
            raise self._damaged(str(error)) from error
        try:
            members = self._zip.infolist()
            self._check_names(members)
            for member in members:
                self._check_form(member)
            self._check_sizes(members, total)
            self._check_places(members, file, directory_at)
        except BaseException:
            self._zip.close()
            raise

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._zip.close()

    def read(self, member: str, most: int) -> bytes:
        """The bytes of a member; the error for what is too large above `most`, or for what is damaged."""
        announced = self._files[member].file_size
        if announced > most:
            raise self.terms.large(
                f"{quoted(member)} in {quoted(self.name)} has {size(announced)}; "
                f"at most {size(most)} are read."
            )
        return b"".join(self._blocks(member))

    def weights(self, member: str, target: Path) -> Stretch:
        """The same where it lies, once its checksum is known to agree; a packed member goes into `target`."""
        info = self._files[member]
        if info.compress_type != zipfile.ZIP_STORED:
            return Stretch.whole(self.fetch(member, target))
        for _ in self._blocks(member):                        # the checksum is compared at the end
            pass
        return Stretch(self.path, self._starts[member], info.file_size)

    def fetch(self, member: str, target: Path) -> Path:
        """The same into a new file, `target`. The name in the zip is not used for it."""
        with target.open("xb") as file:
            for block in self._blocks(member):
                file.write(block)
        return target

    def fetch_folder(self, member: str, target: Path) -> Path:
        """The files of a SavedModel below the folder `member` ('' or 'a/b/') into a new folder, `target`."""
        (target / "variables").mkdir(parents=True)
        for name in self.names:
            inside = name.removeprefix(member)
            wanted = re.fullmatch(r"saved_model\.pb|variables/variables\.[\w-]+", inside)
            if name.startswith(member) and wanted:
                self.fetch(name, target / inside)
        return target

    def _blocks(self, member: str):
        info, received = self._files[member], 0
        try:
            with self._zip.open(info) as stream:
                while block := stream.read(BLOCK):
                    received += len(block)
                    yield block
        except DAMAGE as error:
            raise self._damaged(f"{quoted(member)}: {error}") from error
        if received != info.file_size:
            raise self._damaged(f"{quoted(member)} has {received:,} bytes, {info.file_size:,} were announced")

    # What is asked of the directory ---------------------------------------------------------------

    def _check_names(self, members: list[zipfile.ZipInfo]) -> None:
        seen: set[str] = set()
        for member in members:
            if reason := _odd(member.orig_filename):
                raise self._unsafe(f"it holds the member {quoted(member.orig_filename)}, {reason}")
            if _folded(member.filename) in seen:
                raise self._unsafe(f"it holds the member {quoted(member.filename)} twice")
            seen.add(_folded(member.filename))
        files = {_folded(member.filename) for member in members if not member.is_dir()}
        for path in seen:
            above = {path[:at] for at, letter in enumerate(path) if letter == "/"}
            if both := above & files:
                raise self._unsafe(f"its member {quoted(both.pop())} is a file and a folder at once")

    def _check_form(self, member: zipfile.ZipInfo) -> None:
        shown = quoted(member.filename)
        if member.flag_bits & ENCRYPTED:
            raise self._unsafe(f"its member {shown} is encrypted")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise self._unsafe(f"its member {shown} is packed by method {member.compress_type}, not deflate")
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in (0, stat.S_IFDIR if member.is_dir() else stat.S_IFREG):
            what = "a link" if kind == stat.S_IFLNK else "neither a file nor a folder"
            raise self._unsafe(f"its member {shown} is {what}")
        if member.is_dir() and member.file_size:
            raise self._unsafe(f"its folder {shown} has content")
        if member.compress_type == zipfile.ZIP_STORED and member.file_size != member.compress_size:
            raise self._unsafe(f"its member {shown} announces two different sizes")

    def _check_sizes(self, members: list[zipfile.ZipInfo], packed: int) -> None:
        for member in members:
            self._check_ratio(quoted(member.filename), member.file_size, member.compress_size)
        self._check_ratio("it", sum(member.file_size for member in members), packed)

    def _check_ratio(self, what: str, unpacked: int, packed: int) -> None:
        most = self.terms.most()
        if unpacked > most:
            raise self.terms.large(
                f"{quoted(self.name)} is not unpacked: {what} would have {size(unpacked)}, "
                f"{size(most)} are allowed{self.terms.setting}."
            )
        if unpacked > limits.UNPACKED_FREELY and unpacked > limits.RATIO * packed:
            raise self.terms.large(
                f"{quoted(self.name)} is not unpacked: {what} would grow from {size(packed)} to "
                f"{size(unpacked)}, and {self.terms.packing} to less than 1 : {limits.RATIO}."
            )

    def _check_places(
        self, members: list[zipfile.ZipInfo], file: io.BufferedIOBase, directory_at: int
    ) -> None:
        free = 0
        for member in sorted(members, key=lambda member: member.header_offset):
            file.seek(member.header_offset)
            header = file.read(30)
            if len(header) < 30 or header[:4] != LOCAL:
                raise self._damaged(f"{quoted(member.filename)} is not where the directory says")
            if member.header_offset < free:
                raise self._unsafe(f"its member {quoted(member.filename)} lies over another one")
            name_length, extra_length = struct.unpack_from("<HH", header, 26)
            self._starts[member.filename] = member.header_offset + 30 + name_length + extra_length
            free = self._starts[member.filename] + member.compress_size
            if free > directory_at:
                raise self._unsafe(f"its member {quoted(member.filename)} lies over the directory")

    # The two endings of every sentence --------------------------------------------------------------

    def _unsafe(self, reason: str) -> ExplainError:
        return unsafe(self.name, reason, self.terms)

    def _damaged(self, reason: str) -> ExplainError:
        return self.terms.broken(f"{quoted(self.name)} is a damaged zip ({reason[:300]}). {self.terms.fetch}")


def unsafe(name: str, reason: str, terms: Terms = MODEL) -> ExplainError:
    return terms.unsafe(f"{quoted(name)} is not unpacked: {reason}, {terms.never}. {terms.again}")


def _folded(name: str) -> str:
    """What a file system that ignores case and composes accents would make of the name."""
    return unicodedata.normalize("NFC", name).casefold().rstrip("/")


def _odd(name: str) -> str | None:
    """Why a member may not have this name, or None."""
    parts = name.removesuffix("/").split("/")
    if not name or len(name) > limits.NAME or any(not letter.isprintable() for letter in name):
        return "whose name is empty, very long, or holds invisible characters"
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        return "an absolute path"
    if "\\" in name:
        return "a path with backslashes"
    if ".." in parts or "." in parts or "" in parts:
        return "a path that leaves its folder or hides its target"
    return None


def _directory_at(file: io.BufferedIOBase, total: int, name: str, terms: Terms) -> int:
    """Where the directory begins, from the end record; it must end where that record begins."""
    file.seek(max(0, total - 22 - 0xFFFF - 76))               # record, longest comment, the 64-bit records
    tail = file.read()
    at = tail.rfind(END)
    if at < 0 or at + 22 > len(tail):
        raise terms.cut(
            f"{quoted(name)} ends too early: {size(total)} were received, and a zip's directory, which "
            "stands at its end, is not among them. Fetch or save the file again."
        )
    count, length, start, comment = struct.unpack_from("<HIIH", tail, at + 10)
    if at + 22 + comment != len(tail):
        raise unsafe(name, "bytes follow its end", terms)
    if 0xFFFF == count or 0xFFFFFFFF in (length, start):
        if at < 76 or tail[at - 76:at - 72] != END_64 or tail[at - 20:at - 16] != LOCATOR_64:
            raise unsafe(name, "its 64-bit directory is not where it belongs", terms)
        at -= 76
        count, length, start = struct.unpack_from("<QQQ", tail, at + 32)
    if count > terms.members or length > terms.members * 1024:
        raise terms.large(
            f"{quoted(name)} holds {count:,} members; at most {terms.members:,} are allowed. {terms.fewer}"
        )
    if start + length != total - len(tail) + at:
        raise unsafe(name, "its directory is not where its end record says", terms)
    return start
