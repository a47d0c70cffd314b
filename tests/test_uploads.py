"""Files of sessions: where they lie, how many there may be, and that they go when the session goes."""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from pathlib import Path

import pytest

from dashboard.uploads import Uploads, tidy
from explain.errors import QuotaExceeded

KB = 1024


@pytest.fixture
def keeper():
    return Uploads(session_bytes=10 * KB, all_bytes=15 * KB)


def files(keeper: Uploads) -> list[Path]:
    return sorted(keeper.path("x").parent.iterdir())


def test_a_file_lies_under_its_digest_in_a_folder_of_ours(keeper):
    data = b"a model" * 100
    digest = keeper.keep("one", data, "../../etc/passwd\0")
    assert digest == hashlib.sha256(data).hexdigest()
    assert files(keeper) == [keeper.path(digest)] and keeper.path(digest).read_bytes() == data
    if os.name == "posix":
        assert stat.S_IMODE(keeper.path(digest).parent.stat().st_mode) == 0o700


def test_the_quota_of_a_session(keeper):
    keeper.keep("one", bytes(6 * KB), "first.h5")
    keeper.keep("one", bytes(6 * KB), "again.h5")  # the same bytes are the same file
    assert keeper.used("one") == 6 * KB
    with pytest.raises(QuotaExceeded, match="“second.h5” .0.00488 MB. was not taken") as caught:
        keeper.keep("one", b"x" * 5 * KB, "second.h5")
    assert caught.value.code == "E_QUOTA" and "Remove one of them" in str(caught.value)
    assert len(files(keeper)) == 1 and keeper.used() == 6 * KB
    keeper.drop("one", keeper.keep("one", bytes(6 * KB), "first.h5"))
    keeper.keep("one", b"x" * 5 * KB, "second.h5")  # now there is room


def test_the_quota_of_all_sessions(keeper):
    first = keeper.keep("one", b"1" * 9 * KB, "a")
    with pytest.raises(QuotaExceeded, match="Try again later"):
        keeper.keep("two", b"2" * 9 * KB, "b")
    assert keeper.keep("two", b"1" * 9 * KB, "b") == first  # what is there already takes no more room
    assert keeper.used("two") == 9 * KB and keeper.used() == 9 * KB


def test_a_shared_file_stays_until_the_last_session_is_gone(keeper):
    digest = keeper.keep("one", b"same", "a")
    keeper.keep("two", b"same", "b")
    keeper.forget("one")
    assert keeper.path(digest).is_file() and keeper.sessions() == ["two"]
    keeper.drop("one", digest)  # it never held it
    assert keeper.path(digest).is_file()
    keeper.drop("two", digest)
    keeper.drop("two", digest)
    assert files(keeper) == [] and keeper.used() == 0


def test_the_files_of_a_session_go_when_it_cannot_come_back(keeper):
    keeper.keep("stays", b"1", "a")
    digest = keeper.keep("goes", b"2", "b")
    seen: dict[str, float] = {}
    here = {"stays", "goes"}
    for now in range(0, 200, 10):
        if now == 50:
            here.remove("goes")  # the tab is closed …
        if now == 70:
            here.add("goes")  # … or it was the wireless
        if now == 90:
            here.remove("goes")
        tidy(keeper, here.__contains__, 60, seen, now)
        assert keeper.path(digest).exists() == (now <= 140), now
    assert keeper.sessions() == ["stays"] and set(seen) == {"stays"}


def test_a_session_that_was_never_seen_has_the_same_patience(keeper):
    digest = keeper.keep("one", b"1", "a")
    seen: dict[str, float] = {}
    tidy(keeper, lambda _: False, 60, seen, 1000)
    assert keeper.path(digest).exists()
    tidy(keeper, lambda _: False, 60, seen, 1061)
    assert not keeper.path(digest).exists()


def test_a_full_disk_is_a_sentence_and_leaves_nothing(keeper):
    resource = pytest.importorskip("resource", reason="Windows cannot limit the size of files")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * KB, before[1]))
    try:
        with pytest.raises(QuotaExceeded, match="cannot store it .File too large."):
            keeper.keep("one", bytes(4 * KB), "a.h5")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert keeper.used() == 0 and files(keeper) == []


def test_many_at_once(keeper):
    def work(session: str) -> None:
        for i in range(50):
            keeper.drop(session, keeper.keep(session, bytes([i % 5]) * 10, "x"))

    threads = [threading.Thread(target=work, args=(str(n),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert files(keeper) == [] and keeper.used() == 0
