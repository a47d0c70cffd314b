"""Photos that strangers bring: several at once, broken ones, hostile names, a full tray."""

from __future__ import annotations

import re

import numpy as np
import pytest
from pages import bars, button, choice, panels, told, visit
from picture_files import corners, noise, saved

from dashboard import tray
from dashboard.text import say
from explain.samples import samples

HOSTILE = [
    "![x](http://example.org/x.png).png",
    "<img src=x onerror=alert(1)>.png",
    "../../etc/passwd.png",
    "[click](javascript:alert(1)) :red[hot] $x^2$ `code` **bold**.png",
    "a\nb\u202egnp.exe.png",
]
LIVE = re.compile(r"(?<!\\)(!\[|\]\(|<img|\*\*|:red\[|\$x|`code|\n|\u202e)")  # without a backslash in front


def take(at, *files: tuple[str, bytes]):
    """Several files through the uploader of the page, at once."""
    for name, data in files:
        at.main.file_uploader[0].upload(name, data, "image/png")
    return at.run()


def titles(at) -> list[str]:
    return choice(at, "Photo").options


def test_several_at_once_and_the_broken_one_is_named():
    at = take(
        visit(),
        ("quarters.png", saved(corners(), "PNG")),
        ("cut.png", saved(noise(), "PNG")[:900]),
        ("letter.png", b"Dear network, this is no picture."),
        ("empty.png", b""),
        ("noise.jpg", saved(noise(), "JPEG")),
    )
    assert not at.exception
    assert titles(at)[len(samples()) :] == ["quarters.png", "noise.jpg"]  # the others stay
    assert choice(at, "Photo").value == tray.read(saved(noise(), "JPEG")).key  # and the last is shown
    sentences = [error.value.replace("\\", "") for error in at.error]
    assert len(sentences) == 3 and all(s.startswith("Not added: ") for s in sentences)
    assert len(at.main.error) == 3  # where the files were given, not at the side
    reasons = {"cut.png": "end", "letter.png": "picture", "empty.png": "0 bytes"}
    for sentence, (name, reason) in zip(sentences, reasons.items(), strict=True):
        assert f"'{name}'" in sentence and reason in sentence
    assert not at.run().error  # said once


def test_an_uploaded_photo_is_explained_everywhere():
    at = take(visit(), ("quarters.png", saved(corners(), "PNG")))
    (panel,) = panels(at, "start_heat")
    assert np.isfinite(panel["values"]).all() and "quarters.png" in panel["alt"]
    for page in ("maps", "heatmaps", "compare"):
        at.switch_page(f"views/{page}.py").run()
        assert not at.exception and not at.error
    assert at.multiselect[0].value[0] == choice(at, "Photo").value


def test_the_same_photo_twice_is_one_and_two_of_one_name_are_two():
    at = take(visit(), ("a.png", saved(corners(), "PNG")), ("b.png", saved(corners(), "PNG")))
    assert titles(at)[len(samples()) :] in (["a.png"], ["b.png"])
    at = take(visit(), ("a.png", saved(noise(), "PNG")), ("a.png", saved(noise(seed=1), "PNG")))
    assert titles(at)[len(samples()) :] == ["a.png", "a.png (2)"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_only_a_name(name):
    at = take(visit(), (name, saved(corners(), "PNG")), (name, b"broken"))
    assert not at.exception and len(at.error) == 1
    label = next(b.label for b in at.button if b.key.startswith("look_") and b.key[5:] not in samples())
    for text in (label, at.error[0].value):
        assert not LIVE.search(text), text
    assert len(bars(at, "start_guesses")) == 5
    for page in ("maps", "patterns", "heatmaps", "compare"):
        at.switch_page(f"views/{page}.py").run()
        assert not at.exception and not at.error
        assert not re.search(r"(?<!\\)(!\[|<img|:red\[|`code)", told(at))


def test_a_full_tray_says_so_and_keeps_what_it_has(monkeypatch):
    monkeypatch.setattr(tray, "MAX_BYTES", 2 * corners().nbytes)
    first, second, third = (saved(noise(48, 64, seed), "PNG") for seed in range(3))
    at = take(visit(), ("1.png", first), ("2.png", second), ("3*.png", third))
    assert titles(at)[len(samples()) :] == ["1.png", "2.png"]
    (error,) = at.error
    assert error.value == say("photos.full", name="3\\*\\.png", megabytes=0)


def test_too_large_is_refused_in_words(monkeypatch):
    monkeypatch.setenv("EXPLAIN_MAX_PIXELS", "1000")
    at = take(visit(), ("large.png", saved(corners(), "PNG")))
    assert "large\\.png" in at.error[0].value and titles(at) == [s.title for s in samples().values()]


def test_removing_my_photos():
    at = take(visit(), ("mine.png", saved(corners(), "PNG")))
    at.switch_page("views/compare.py").run()
    assert len(at.multiselect[0].value) == 2
    at.multiselect[0].set_value([choice(at, "Photo").value]).run()
    at.query_params["photo"] = "mine.png"  # as the browser has noted
    button(at, say("photos.remove")).click().run()
    assert not at.exception and not at.error and not at.warning  # nothing is lost that was thrown away
    assert titles(at) == [s.title for s in samples().values()] and choice(at, "Photo").value == "cat"
    assert at.multiselect[0].value == ["cat"]
    assert say("photos.remove") not in [b.label for b in at.button]


def test_sessions_do_not_see_each_others_photos():
    take(visit(), ("mine.png", saved(corners(), "PNG")))
    assert "mine.png" not in titles(visit())


def test_the_uploader_is_empty_again():
    at = take(visit(), ("mine.png", saved(corners(), "PNG")))
    assert at.main.file_uploader[0].value == []


def test_the_camera_is_off_until_it_is_wanted():
    at = visit()
    assert not at.camera_input
    at.main.toggle[0].set_value(True).run()
    at.camera_input[0].upload("shot.jpg", saved(corners(), "JPEG")).run()
    assert not at.exception and titles(at)[-1] == "shot.jpg"
