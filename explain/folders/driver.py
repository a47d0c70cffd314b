"""One run over a folder: plan, believe what is there, hand out the rest, journal each row, list it all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

from explain import provenance
from explain.errors import NotWritten, OptionError
from explain.folders import gallery, tables
from explain.folders.engines import Engine
from explain.folders.files import cannot, is_whole, remove, remove_parts, write_stream
from explain.folders.job import Batch, Job, Source, batches_of
from explain.folders.journal import Journal
from explain.results import Model

MANIFEST, GALLERY = "manifest.json", "index.html"
ITEM, SKIPPED = 1, 2  # what a row tells of; 0 where there is none
CHECKED_AT_ONCE = 256  # rows whose files are read, when a run goes on


class Run:
    """From `begin` to `finish`. One row per source; nothing that grows with them is held but numbers.

    items, skipped: rows of each kind that are there; kept: those that an earlier run had finished.
    """

    def __init__(self, model: Model, job: Job, sources: Sequence[Source]):
        self.model, self.job, self.sources = model, job, sources
        self.items = self.skipped = self.kept = 0
        self._states = bytearray(len(sources))
        self._made_folder = self._full = False
        self._journal: Journal | None = None

    @property
    def wanted(self) -> int:
        return len(self.sources)

    @property
    def finished(self) -> bool:
        return self.items + self.skipped == self.wanted

    def begin(self, overwrite: bool = False, on_checked: Callable[[int], Any] = lambda done: None) -> None:
        """Open the journal, and believe the rows whose pictures are the same and whose files are whole.

        on_checked(rows looked at) is called now and then. OptionError where the folder belongs to a run with
        other arguments, another model or other versions, unless overwrite; NotWritten.
        """
        out = self.job.out
        try:
            self._made_folder = not os.path.isdir(out)
            os.makedirs(out, exist_ok=True)
        except OSError as error:
            raise cannot(out, error) from error
        journal = Journal(out, self.wanted)
        head = self._head()
        before = None if journal.is_new else journal.head()
        try:
            if before is not None and not overwrite:
                _same_or_refuse(before, head, out)
        except OptionError:
            journal.close()
            raise
        self._journal = journal
        remove_parts(out)
        stale = (MANIFEST,) if journal.is_new else (MANIFEST, GALLERY, *tables.NAMES.values())
        for name in stale:  # none of them would be true any longer
            remove(os.path.join(out, name))
        if before is None or overwrite:
            journal.begin(head)
        else:
            journal.mend()
            self._believe(on_checked)
            self.kept = self.items + self.skipped

    def _head(self) -> dict[str, Any]:
        said = provenance.surroundings()
        return {
            "journal": 1,
            "job": self.job.identity(),
            "versions": said["versions"],
            "device": said["device"],
        }

    def _believe(self, on_checked: Callable[[int], Any]) -> None:
        compositions = [batch.of for batch in batches_of(self.sources, self.job.batch)]
        rows = (
            (offset, row) for offset, row in self._journal.rows()
            if row.get("of") == compositions[row["n"] // self.job.batch]
        )  # fmt: skip
        done = 0
        with ThreadPoolExecutor(4, "layerscope-check") as pool:
            while several := list(islice(rows, CHECKED_AT_ONCE)):
                whole = pool.map(lambda one: self._is_whole(one[1]), several)
                for (offset, row), good in zip(several, whole):
                    if good:
                        self._journal.believe(row["n"], offset)
                        self._note(row)
                done += len(several)
                on_checked(done)

    def _is_whole(self, row: dict[str, Any]) -> bool:
        return all(is_whole(self.job.out, file) for file in row.get("item", {}).get("files", {}).values())

    def _note(self, row: dict[str, Any]) -> None:
        before, now = self._states[row["n"]], ITEM if "item" in row else SKIPPED
        self._states[row["n"]] = now
        self.items += (now == ITEM) - (before == ITEM)
        self.skipped += (now == SKIPPED) - (before == SKIPPED)

    def carry_out(
        self,
        engine: Engine,
        stopping: Callable[[], bool] = lambda: False,
        on_rows: Callable[[list[dict[str, Any]]], Any] = lambda rows: None,
        lock: Any = contextlib.nullcontext(),  # noqa: B008  holds nothing
    ) -> None:
        """Compute what is missing. on_rows(new rows): after they are journaled; lock: held while they are."""
        try:
            for rows in engine.run(self.model, self.job, self.missing(), stopping):
                if rows:
                    with lock:
                        self._keep(rows)
                    on_rows(rows)
        except NotWritten:
            self._full = True
            raise

    def _keep(self, rows: list[dict[str, Any]]) -> None:
        self._journal.append(rows)
        for row in rows:
            self._note(row)

    def missing(self) -> Iterator[Batch]:
        """The batches of which any row is not there, in their order."""
        for batch in batches_of(self.sources, self.job.batch):
            if not all(self._states[batch.first : batch.first + len(batch.sources)]):
                yield batch

    def finish(self, table: str = "csv", html: bool = False, **more: Any) -> None:
        """Write the table, the gallery, and last of all the manifest, from the journal, row by row.

        table: "csv" or "parquet"; more: what the manifest says beside. Without an item nothing is left.
        NotWritten.
        """
        out, journal = self.job.out, self._journal
        if self._full:  # said already; the journal knows what is there
            journal.close()
            return
        try:
            if not self.items:
                self._leave_nothing()
                return
            write_stream(out, tables.NAMES[table], lambda file: tables.write(file, table, journal.in_order()))
            if html:
                about = {
                    "model": self.model.name,
                    "method": self.job.method,
                    "signed": bool(self.job.options.get("signed")),
                }
                write_stream(out, GALLERY, lambda file: gallery.write(file, about, journal.in_order()))
            document = {
                "format": provenance.FORMAT, **more, "finished": self.finished, "wanted": self.wanted,
                "model": provenance.model_of(self.model), "table": tables.NAMES[table],
                **provenance.surroundings(), "models": {self.model.key: provenance.model_of(self.model)},
                "items": (row["item"] for row in journal.in_order() if "item" in row), "sheets": {},
                "skipped": (row["skip"] for row in journal.in_order() if "skip" in row),
            }  # fmt: skip
            write_stream(out, MANIFEST, lambda file: provenance.write(file, document))
        finally:
            remove_parts(out)
            journal.close()

    def _leave_nothing(self) -> None:
        remove(self._journal.path)
        if self._made_folder:
            with contextlib.suppress(OSError):  # somebody else has put something there
                os.rmdir(self.job.out)


def _same_or_refuse(before: dict[str, Any], now: dict[str, Any], out: str) -> None:
    """OptionError with what differs, unless the run may go on."""
    told = []
    for part in ("job", "versions"):
        old, new = before.get(part) or {}, now[part]
        told += [f"{name} {old.get(name)!r}, not {new[name]!r}" for name in new if old.get(name) != new[name]]
    if before.get("device") != now["device"]:
        told.append(f"device {before.get('device')!r}, not {now['device']!r}")
    if told:
        raise OptionError(
            f"'{out}' holds a run with {'; '.join(told[:3])}. Give --overwrite to begin anew there, or choose "
            "another folder for --out."
        )
