"""The tray of a session: what it takes, what it refuses, what it is called."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from picture_files import corners, noise, saved

from dashboard import tray
from explain.image import read
from explain.samples import samples


@pytest.fixture(autouse=True)
def session(monkeypatch):
    """A session of its own, without a page."""
    state = {}
    monkeypatch.setattr(tray, "st", SimpleNamespace(session_state=state))
    monkeypatch.setattr(tray.remember, "sample", lambda slug: f"sample {slug}")
    return state


def file(name: str, data: bytes):
    """As Streamlit hands over an upload."""
    return SimpleNamespace(name=name, getvalue=lambda: data)


PICTURE = saved(corners(), "PNG")


def test_at_first_there_are_the_samples():
    assert tray.photos() == {slug: sample.title for slug, sample in samples().items()}
    assert tray.own() == 0


def test_what_is_taken_stands_behind_the_samples_under_its_digest():
    ids, refused = tray.add([file("quarters.png", PICTURE)])
    assert refused == [] and ids == [read(PICTURE).key]
    assert list(tray.photos().items())[-1] == (ids[0], "quarters.png")
    assert tray.photo(ids[0]).pixels.shape == (48, 64, 3) and tray.own() == 1


def test_one_broken_file_does_not_stop_the_others():
    ids, refused = tray.add(
        [file("a.png", PICTURE), file("b*.png", b"nothing"), file("c.png", saved(noise(), "PNG"))]
    )
    assert len(ids) == 2 and tray.own() == 2
    assert len(refused) == 1 and refused[0].startswith("Not added: ") and "b\\*\\.png" in refused[0]


def test_the_same_pixels_are_one_photo_whatever_the_file():
    (first,), _ = tray.add([file("a.png", PICTURE)])
    (second,), _ = tray.add([file("b.bmp", saved(corners(), "BMP"))])
    assert first == second and tray.own() == 1


def test_names_are_told_apart_even_from_the_samples():
    cat = samples()["cat"].title
    tray.add(file(name, saved(noise(seed=i), "PNG")) for i, name in enumerate([cat, "x", "x", "x"]))
    assert list(tray.photos().values())[len(samples()) :] == [f"{cat} (2)", "x", "x (2)", "x (3)"]
    assert len(set(tray.photos().values())) == len(tray.photos())


def test_a_full_tray_refuses_but_takes_again_what_it_has(monkeypatch):
    monkeypatch.setattr(tray, "MAX_BYTES", corners().nbytes + 10)
    tray.add([file("a.png", PICTURE)])
    ids, refused = tray.add([file("b.png", saved(noise(), "PNG")), file("a.png", PICTURE)])
    assert ids == [read(PICTURE).key] and len(refused) == 1 and "full" in refused[0]
    tray.clear()
    ids, refused = tray.add([file("b.png", saved(noise(), "PNG"))])
    assert len(ids) == 1 and refused == []


def test_a_photo_that_is_gone_is_the_first_sample():
    (key,), _ = tray.add([file("a.png", PICTURE)])
    tray.clear()
    assert tray.photo(key) == "sample cat" and tray.photo("raccoon") == "sample raccoon"
    assert tray.own() == 0 and len(tray.photos()) == len(samples())


def test_credits_are_for_samples_only():
    (key,), _ = tray.add([file("a.png", PICTURE)])
    assert tray.credit("cat") == "Photo: Stéfan van der Walt, CC0 1.0"
    assert tray.credit(key) == ""
