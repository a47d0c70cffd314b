"""Rows → one table, written as they come: CSV that is safe to open in a spreadsheet, or Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import IO, Any

from explain.errors import OptionError

NAMES = {"csv": "results.csv", "parquet": "results.parquet"}
ROWS_AT_ONCE = 1024  # of a Parquet row group
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # what a spreadsheet would compute

Item = dict[str, Any]

# name → (kind, what it is of a row's item); a skipped picture has the first three only.
COLUMNS: dict[str, tuple[str, Callable[[Item], Any]]] = {
    "class_index": ("int", lambda item: item["class_index"]),
    "label": ("text", lambda item: item["label"]),
    "score": ("number", lambda item: item["score"]),
    "probability": ("number", lambda item: item["probability"]),
    "layer": ("text", lambda item: item["layer"]),
    "method": ("text", lambda item: item["method"]),
    "lowest": ("number", lambda item: item["values"]["low"]),
    "highest": ("number", lambda item: item["values"]["high"]),
    "facts": ("text", lambda item: "; ".join(f"{k}={v}" for k, v in item["facts"].items())),
    "note": ("text", lambda item: item["note"]),
    "notices": ("text", lambda item: " ".join(item["notices"])),
    "overlay": ("text", lambda item: item["files"].get("overlay", {}).get("name")),
    "values": ("text", lambda item: item["files"].get("values", {}).get("name")),
    "height": ("int", lambda item: item["image"]["size"][0]),
    "width": ("int", lambda item: item["image"]["size"][1]),
    "image_key": ("text", lambda item: item["image"]["key"]),
    "values_sha256": ("text", lambda item: item["values"]["sha256"]),
}
HEADER = ("picture", "status", "reason", *COLUMNS)


def write(file: IO[bytes], kind: str, rows: Iterable[dict[str, Any]]) -> None:
    """All rows into an open file. kind: "csv" or "parquet". OptionError where Parquet is not installed."""
    (_write_csv if kind == "csv" else _write_parquet)(file, map(cells, rows))


def cells(row: dict[str, Any]) -> tuple[Any, ...]:
    """A row of the journal as one of the table: numbers, text, None where there is nothing to say."""
    if "skip" in row:
        return (row["skip"]["path"], "skipped", row["skip"]["reason"], *[None] * len(COLUMNS))
    item = row["item"]
    return (item["image"]["path"], "done", "", *[of(item) for _, of in COLUMNS.values()])


def check_installed(kind: str) -> None:
    """OptionError where a table of that kind cannot be written here."""
    if kind == "parquet":
        try:
            import pyarrow.parquet  # noqa: F401
        except ImportError as error:
            raise OptionError(
                "A Parquet table needs pyarrow, which is not installed: `pip install pyarrow`, or --table csv."
            ) from error


def guarded(text: str) -> str:
    """Text that no spreadsheet takes for a formula, and that is UTF-8."""
    text = _text(text)
    return f"'{text}" if text.startswith(FORMULA) else text


def _write_csv(file: IO[bytes], rows: Iterator[tuple[Any, ...]]) -> None:
    text = io.TextIOWrapper(file, "utf-8", newline="")
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(HEADER)
    for row in rows:
        lines.writerow([guarded(cell) if isinstance(cell, str) else cell for cell in row])
    text.detach()  # flushed; the file is closed by whoever opened it


def _write_parquet(file: IO[bytes], rows: Iterator[tuple[Any, ...]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {"int": pa.int32(), "number": pa.float64(), "text": pa.string()}
    fields = [(name, pa.string()) for name in HEADER[:3]]
    fields += [(name, kinds[kind]) for name, (kind, _) in COLUMNS.items()]
    schema = pa.schema(fields)
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        while several := list(islice(rows, ROWS_AT_ONCE)):
            columns = [[_text(c) if isinstance(c, str) else c for c in column] for column in zip(*several)]
            arrays = [pa.array(column, field.type) for column, field in zip(columns, schema)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def _text(text: str) -> str:
    # A file name may hold bytes that are no text.
    return text.encode("utf-8", "backslashreplace").decode()
