"""The journal of a folder and its files: torn, full, slow, unlocked; nothing half written counts."""

from __future__ import annotations

import errno
import io
import json
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from explain.errors import NotWritten
from explain.folders import files, journal
from explain.folders.journal import Journal

# ── the journal ──


def rows(*numbers: int) -> list[dict]:
    return [{"n": n, "item": "x" * n} for n in numbers]


@pytest.fixture
def opened(tmp_path):
    log = Journal(str(tmp_path), 4)
    log.begin({"journal": 1})
    log.append(rows(2, 0))
    yield log
    log.close()


def test_rows_come_back_in_their_order_with_their_places(opened):
    assert [row["n"] for row in opened.in_order()] == [0, 2]
    assert [n for n in range(4) if opened.has(n)] == [0, 2]
    whole = Path(opened.path).read_bytes()
    for offset, row in opened.rows():
        assert json.loads(whole[offset:].splitlines()[0].partition(b" ")[2]) == row


@pytest.mark.parametrize("torn", [b"0", b"00000000 {", b"\n\n"])
def test_a_torn_end_is_cut_off_and_only_that(torn, opened):
    whole = Path(opened.path).read_bytes()
    with open(opened.path, "ab") as file:
        file.write(torn)
    opened.mend()
    assert Path(opened.path).read_bytes() == whole + (torn if torn.endswith(b"\n") else b"")
    opened.append(rows(3))
    assert [row["n"] for _, row in opened.rows()] == [2, 0, 3]


def test_rows_that_cannot_be_are_not_believed(opened):
    opened.append([{"n": 3}])
    with open(opened.path, "ab") as file:
        for strange in ({"n": 4}, {"n": -1}, {"n": "1"}, {"m": 1}, [1]):
            file.write(journal._line_of(strange))
        file.write(journal._line_of({"n": 1}).rstrip(b"\n"))
    assert [row["n"] for _, row in opened.rows()] == [2, 0, 3]


def test_a_row_is_no_head(opened):
    assert opened.head() == {"journal": 1}
    opened.begin({"n": 1})
    assert opened.head() is None


def test_what_a_full_disk_took_half_is_given_back(opened, monkeypatch):
    whole, file = Path(opened.path).read_bytes(), opened._file
    budget = [7]

    def write(data):
        if not budget[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken, budget[0] = file.write(bytes(data[: budget[0]])), 0
        return taken

    half = SimpleNamespace(write=write, seek=file.seek, truncate=file.truncate, close=file.close)
    monkeypatch.setattr(opened, "_file", half)
    with pytest.raises(NotWritten, match="make room"):
        opened.append(rows(1))
    assert Path(opened.path).read_bytes() == whole and not opened.has(1)


def test_a_write_that_takes_only_a_part_is_gone_on_with(opened, monkeypatch):
    file = opened._file
    slow = SimpleNamespace(
        write=lambda data: file.write(bytes(data[:5])), seek=file.seek, fileno=file.fileno, close=file.close
    )
    monkeypatch.setattr(opened, "_file", slow)
    opened.append(rows(1, 3))
    assert [row["n"] for row in opened.in_order()] == [0, 1, 2, 3]


def test_rows_and_files_are_on_the_disk_before_they_count(tmp_path, monkeypatch):
    synced, real = [], os.fsync

    def fsync(number: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{number}"))
        real(number)

    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("This system does not say which file is synced")
    monkeypatch.setattr(os, "fsync", fsync)
    log = Journal(str(tmp_path), 4)
    log.begin({"journal": 1})
    assert synced == [log.path, str(tmp_path)]
    log.append(rows(1))
    log.close()
    assert synced[2:] == [log.path]
    files.write_whole(str(tmp_path), "a.npy", b"data")
    assert len(synced) == 4 and Path(synced[3]).name.startswith(".a.npy.")


def test_a_file_system_without_locks_keeps_nobody_out(tmp_path, monkeypatch):
    if journal.fcntl is None:
        pytest.skip("No locks on this system")

    def without(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(journal.fcntl, "flock", without)
    one, other = Journal(str(tmp_path), 1), Journal(str(tmp_path), 1)
    one.close()
    other.close()


# ── files ──


def test_a_file_that_could_not_be_written_leaves_nothing(tmp_path):
    (tmp_path / "old").write_bytes(b"old")

    def half(file):
        file.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(NotWritten, match="'.*old' cannot be written: No space left.*make room"):
        files.write_stream(str(tmp_path), "old", half)
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("old", b"old")]


def test_errors_say_whether_room_helps():
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG):
        assert "make room" in str(files.cannot("x", OSError(number, "Why")))
    assert "make room" not in str(files.cannot("x", OSError(errno.EACCES, "Why")))


@pytest.mark.parametrize("number, passes", [(errno.EINVAL, True), (errno.EBADF, True), (errno.EIO, False)])
def test_folders_that_cannot_be_synced(number, passes, tmp_path, monkeypatch):
    def fails(_):
        raise OSError(number, "Why")

    monkeypatch.setattr(os, "fsync", fails)
    if passes:
        files.sync_folder(str(tmp_path))
    else:
        with pytest.raises(NotWritten, match="Why"):
            files.sync_folder(str(tmp_path))
    files.sync_folder(str(tmp_path / "none"))


def test_numbers_are_float32_and_a_file_of_the_same_size_is_told(tmp_path):
    assert np.load(io.BytesIO(files.npy(np.arange(6.0).reshape(2, 3).T))).dtype == np.float32
    told = files.write_whole(str(tmp_path), "x", b"abc")
    assert told["bytes"] == 3 and files.is_whole(str(tmp_path), told)
    for other in (b"abd", b"ab", b"abcd"):
        (tmp_path / "x").write_bytes(other)
        assert not files.is_whole(str(tmp_path), told)
