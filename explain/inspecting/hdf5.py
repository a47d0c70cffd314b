"""HDF5, walked with both hands on the rail.

Allowed are groups, hard links (each object under one name), and arrays of real numbers that lie inside the
file. Refused are links to elsewhere, external and virtual storage, filters that need a plug-in, and every
array whose size is more than its bytes can hold. Attributes are read by name, where they are needed; none
is read because it is there. Nothing is followed, and nothing is read before its size is known.

Source: HDF5 1.14's reference manual, by way of h5py's low-level modules.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

import h5py
import numpy as np
from h5py import h5a, h5d, h5g, h5l, h5o, h5t, h5z

from explain.errors import BrokenModel, ModelTooLarge, TruncatedModel, UnsafeHdf5
from explain.inspecting import limits
from explain.inspecting.heaps import check_heaps
from explain.inspecting.limits import quoted, raise_out_of_room, size
from explain.inspecting.stretches import Stretch

FILTERS = {h5z.FILTER_DEFLATE, h5z.FILTER_SHUFFLE, h5z.FILTER_FLETCHER32, h5z.FILTER_LZF}
STORED = (h5d.COMPACT, h5d.CONTIGUOUS, h5d.CHUNKED)
BLOCK = 16 * limits.MEGABYTE                           # of an array, read at once
DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError)


class Weights:
    """An HDF5 file open for reading. `groups` ("" is the top) and `datasets`: path → object, once walked."""

    def __init__(self, stretch: Stretch, name: str) -> None:
        """BrokenModel or TruncatedModel when the library cannot open it."""
        self.name, self.bytes = name, stretch.length
        self.datasets: dict[str, h5py.Dataset] = {}
        self.groups: dict[str, h5py.Group] = {}
        check_heaps(stretch, name)
        where = stretch.open() if stretch.start else stretch.path
        with reading(name):
            self.file = h5py.File(where, "r", locking=False, rdcc_nbytes=limits.CHUNK_BYTES)
            self.groups[""] = self.file["/"]

    def __enter__(self) -> Weights:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.file.close()

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        return tuple(dataset.shape for dataset in self.datasets.values())

    def roots(self) -> tuple[str, ...]:
        """The names at the top. UnsafeHdf5 where one of them is a link."""
        with reading(self.name):
            return tuple(name for name, _ in self._children(self.groups[""].id, "", set()))

    def walk(self, *roots: str) -> None:
        """Everything below these names of the top, checked, into `groups` and `datasets`.

        UnsafeHdf5, ModelTooLarge or BrokenModel, as the module says.
        """
        with reading(self.name):
            top = self.groups[""].id
            seen = {h5o.get_info(top).addr}
            waiting = [(name, child) for name, child in self._children(top, "", seen) if name in roots]
            while waiting:
                path, child = waiting.pop()
                if isinstance(child, h5d.DatasetID):
                    self._check(path, child)
                    self.datasets[path] = h5py.Dataset(child)
                elif isinstance(child, h5g.GroupID):
                    self.groups[path] = h5py.Group(child)
                    if path.count("/") >= limits.HDF5_DEPTH:
                        raise self._large(f"its groups are nested more than {limits.HDF5_DEPTH} levels deep")
                    waiting += self._children(child, path + "/", seen)
                else:
                    raise self._unsafe(f"{quoted(path)} is neither a group nor an array")
            self._check_total()

    def _children(self, group: h5g.GroupID, path: str, seen: set[int]) -> Iterator[tuple[str, object]]:
        if group.get_num_objs() + len(seen) > limits.OBJECTS:
            raise self._large(f"it holds more than {limits.OBJECTS:,} groups and arrays")
        for raw in group:
            name = raw.decode("utf-8")
            link = group.links.get_info(raw)
            if link.type != h5l.TYPE_HARD:
                raise self._unsafe(f"{quoted(path + name)} is a link to somewhere else")
            if "/" in name or name in ("", ".", ".."):
                raise self._unsafe(f"{quoted(name)} is no name of a group or an array")
            if link.u in seen:
                raise self._unsafe(f"{quoted(path + name)} is another name of something already seen")
            seen.add(link.u)
            yield path + name, h5o.open(group, raw)

    def _check(self, path: str, dataset: h5d.DatasetID) -> None:
        """One array: where it lies, how it is packed, what it is made of, how large it says it is."""
        plan = dataset.get_create_plist()
        if plan.get_layout() not in STORED:
            raise self._unsafe(f"the array {quoted(path)} is put together from other places")
        if plan.get_external_count():
            raise self._unsafe(f"the array {quoted(path)} lies in another file")
        filters = {plan.get_filter(number)[0] for number in range(plan.get_nfilters())}
        if filters - FILTERS:
            strange = min(filters - FILTERS)
            raise self._unsafe(f"the array {quoted(path)} is packed by the unusual filter {strange}")
        shape, width = dataset.shape, dataset.dtype.itemsize
        if shape is None or len(shape) > limits.DIMENSIONS:
            raise self._unsafe(f"the array {quoted(path)} has no shape or more than {limits.DIMENSIONS} axes")
        if not self._is_number(dataset):
            raise self._unsafe(f"the array {quoted(path)} holds no numbers but {dataset.dtype}")
        chunk = plan.get_chunk() if plan.get_layout() == h5d.CHUNKED else ()
        if math.prod(chunk) * width > limits.CHUNK_BYTES:
            most = size(limits.CHUNK_BYTES)
            raise self._large(f"the array {quoted(path)} is in pieces of more than {most}")
        self._compare(f"the array {quoted(path)}", math.prod(shape) * width, dataset.get_storage_size())

    def _is_number(self, dataset: h5d.DatasetID) -> bool:
        dtype = dataset.dtype
        return (dtype.kind in "fiub" and dtype.itemsize <= 8) or is_bfloat16(h5py.Dataset(dataset))

    def _check_total(self) -> None:
        stored = sum(dataset.id.get_storage_size() for dataset in self.datasets.values())
        if stored > self.bytes:
            raise self._unsafe(f"its arrays share bytes: {size(stored)} in a file of {size(self.bytes)}")
        self._compare("all of it", sum(dataset.nbytes for dataset in self.datasets.values()), stored)

    def _compare(self, what: str, declared: int, stored: int) -> None:
        most = limits.model_bytes()
        if declared > most:
            raise self._large(
                f"{what} would have {size(declared)}, {size(most)} are allowed (EXPLAIN_MAX_MODEL_MB)"
            )
        if declared > limits.UNPACKED_FREELY and declared > limits.RATIO * stored:
            raise self._large(
                f"{what} would grow from {size(stored)} to {size(declared)}, "
                f"and trained weights never pack to less than 1 : {limits.RATIO}"
            )

    # Attributes -------------------------------------------------------------------------------------

    def text(self, path: str, attribute: str, most: int) -> str | None:
        """A text beside the group at `path`, or None where there is none."""
        found = self._attribute(path, attribute, most)
        if found is not None and len(found) != 1:
            raise self.broken(f"the note {quoted(attribute)} is no text")
        return found[0] if found else None

    def names(self, path: str, attribute: str) -> list[str]:
        """A list of names; Keras cuts long ones in parts, 'layer_names0', 'layer_names1', …"""
        whole = self._attribute(path, attribute, limits.NAMES_BYTES)
        if whole is not None:
            return whole
        found: list[str] = []
        for number in itertools.count():
            part = self._attribute(path, f"{attribute}{number}", limits.NAMES_BYTES)
            found += part or []
            if part is None or len(found) > limits.OBJECTS:
                return found

    def has(self, path: str, attribute: str) -> bool:
        with reading(self.name):
            return h5a.exists(self.groups[path].id, attribute.encode())

    def _attribute(self, path: str, attribute: str, most: int) -> list[str] | None:
        with reading(self.name):
            holder = self.groups[path]
            if not h5a.exists(holder.id, attribute.encode()):
                return None
            note = holder.attrs.get_id(attribute)
            count = note.get_space().get_simple_extent_npoints()
            if count == 0:
                return []
            kind = note.get_type()
            if kind.get_class() != h5t.STRING:
                raise self.broken(f"the note {quoted(attribute)} is no text")
            if count * kind.get_size() > most:
                raise self._large(f"its note {quoted(attribute)} has {size(count * kind.get_size())}")
            value = holder.attrs[attribute]
            texts = [_text(each) for each in (value.ravel() if isinstance(value, np.ndarray) else [value])]
        if sum(map(len, texts)) > most:
            raise self._large(f"its note {quoted(attribute)} has {size(sum(map(len, texts)))}")
        return texts

    # The endings of every sentence ------------------------------------------------------------------

    def broken(self, reason: str) -> BrokenModel:
        return broken(self.name, reason)

    def _unsafe(self, reason: str) -> UnsafeHdf5:
        return UnsafeHdf5(
            f"{quoted(self.name)} is not opened: {reason}, as no file of Keras does. "
            "Save the model again with model.save('name.keras')."
        )

    def _large(self, reason: str) -> ModelTooLarge:
        return ModelTooLarge(f"{quoted(self.name)} is not opened: {reason}.")


def broken(name: str, reason: str) -> BrokenModel:
    return BrokenModel(f"{quoted(name)} is damaged: {reason}. Fetch the file or save the model again.")


def is_bfloat16(dataset: h5py.Dataset) -> bool:
    """Keras stores bfloat16 as two bytes without a meaning, and writes the meaning beside them."""
    if dataset.dtype.kind != "V" or dataset.dtype.itemsize != 2 or dataset.dtype.fields:
        return False
    if not h5a.exists(dataset.id, b"dtype"):
        return False
    note = dataset.attrs.get_id("dtype")
    short = note.get_type().get_class() == h5t.STRING and note.get_space().get_simple_extent_npoints() == 1
    return short and dataset.attrs["dtype"] in ("bfloat16", b"bfloat16")


def blocks(dataset: h5py.Dataset) -> Iterator[tuple[tuple, np.ndarray]]:
    """(place, numbers) of the whole array, at most BLOCK bytes at a time, in this machine's byte order.

    bfloat16 comes as float32, which holds each of its numbers exactly.
    """
    half = is_bfloat16(dataset)
    for place in _places(dataset.shape, dataset.dtype.itemsize):
        values = np.asarray(dataset[place])
        if half:
            values = (values.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
        yield place, values.astype(values.dtype.newbyteorder("="), copy=False)


def whole(dataset: h5py.Dataset) -> np.ndarray:
    """The array at once, for one that has to be turned."""
    numbers = None
    for place, values in blocks(dataset):
        if numbers is None:
            numbers = np.empty(dataset.shape, values.dtype)
        numbers[place] = values
    return numbers


def _places(shape: tuple[int, ...], width: int) -> Iterator[tuple]:
    if math.prod(shape) * width <= BLOCK:
        yield ()
        return
    axis = next(a for a in range(len(shape)) if math.prod(shape[a + 1:]) * width <= BLOCK)
    rows = BLOCK // (math.prod(shape[axis + 1:]) * width)
    for front in itertools.product(*map(range, shape[:axis])):
        for start in range(0, shape[axis], rows):
            yield (*front, slice(start, min(start + rows, shape[axis])))


@contextmanager
def reading(name: str) -> Iterator[None]:
    """What the library says about a bad file, as one of our sentences."""
    try:
        yield
    except MemoryError as error:
        raise ModelTooLarge(f"{quoted(name)} needs more memory than an inspection has.") from error
    except DAMAGE as error:
        said = str(error)
        if re.search("memory allocation failed|unable to allocate|can't allocate", said, re.IGNORECASE):
            raise ModelTooLarge(f"{quoted(name)} needs more memory than an inspection has.") from error
        if number := re.search(r"errno = (\d+)", said):
            raise_out_of_room(name, int(number[1]), error)
        if cut := re.search(r"truncated file: eof = (\d+), .*stored_eof = (\d+)", said):
            raise TruncatedModel(
                f"{quoted(name)} ends too early: {int(cut[1]):,} bytes were received, {int(cut[2]):,} were "
                "expected. Fetch or save the file again."
            ) from error
        reason = next(iter(said.splitlines()), "no reason given")[:200]
        raise broken(name, f"its HDF5 cannot be read ({reason})") from error


def _text(value: object) -> str:
    text = value.decode("utf-8") if isinstance(value, bytes) else str(value)
    text.encode("utf-8")                               # a lone surrogate stands for a byte that is no text
    return text
