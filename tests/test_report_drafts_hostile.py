"""A report from a stranger: bombs, tricks, wrong types and damage end in one sentence with a code, and soon."""

from __future__ import annotations

import io
import json
import random
import resource
import shlex
import struct
import time
import zipfile
import zlib
from dataclasses import replace

import numpy as np
import pytest
from test_report_drafts import everything, saved

from dashboard import pins
from explain import render, report
from explain.errors import (
    BrokenReport,
    ExplainError,
    ReportError,
    ReportTooLarge,
    UnknownReport,
    UnsafeReport,
)
from explain.report import Report, drafts
from explain.report.commands import commands

SOUND = saved(everything())
PNG, NPY = "pictures/01-01-First.png", "values/01-01-First.npy"


def members() -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(SOUND)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


FILES = members()
READ = {name: data for name, data in FILES.items() if name.startswith(("values/", "pictures/", "photos/"))}


def packed(files: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def draft() -> dict:
    return json.loads(FILES[drafts.NAME])


def with_draft(document) -> bytes:
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    return packed(READ | {drafts.NAME: text}, zipfile.ZIP_STORED)


def changed(path: str, value) -> bytes:
    """The archive with another value at that place of its report.json, such as 'views.0.panels.1.limits'."""
    document = draft()
    *way, last = [int(step) if step.isdecimal() else step for step in path.split(".")]
    at = document
    for step in way:
        at = at[step]
    at[last] = value
    return with_draft(document)


def refused(data: bytes, kind: type[ReportError], **most) -> str:
    with pytest.raises(ReportError) as refusal:
        report.open_archive(data, **most)
    assert type(refusal.value) is kind, refusal.value
    sentence = str(refusal.value)
    assert sentence.isprintable() and len(sentence) < 700 and "model's" not in sentence
    return sentence


def npy(shape, descr="<f4", data=b"", extra="") -> bytes:
    header = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape!r}{extra}}}".encode()
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + data


# What it is ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data", [b"", b"PK", b"%PDF-1.4", b"<!DOCTYPE html>", b"\x89PNG\r\n\x1a\n" * 9, b"\x93NUMPY"]
)
def test_other_files_are_named(data):
    assert "Save everything (ZIP)" in refused(data, UnknownReport)


def test_other_zips_are_named(tmp_path):
    assert "holds no report.json" in refused(packed({"a.txt": b"a"}), UnknownReport)
    assert "later Layerscope" in refused(changed("format", 2), UnknownReport)
    for path in (tmp_path, tmp_path / "none.zip"):
        with pytest.raises(UnknownReport, match="cannot be read"):
            report.open_archive(path)


# The zip ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["../up", "/etc/passwd", "a\\b", "C:/x", "a/./b", "bidi\u202e", "x" * 300])
def test_members_that_lead_elsewhere(name):
    assert "as no saved report does" in refused(packed(FILES | {name: b""}), UnsafeReport)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_twice_linked_encrypted_or_packed_oddly():
    buffer = io.BytesIO(SOUND)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("REPORT.json", b"{}")
    assert "twice" in refused(buffer.getvalue(), UnsafeReport)
    buffer = io.BytesIO(SOUND)
    with zipfile.ZipFile(buffer, "a") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    assert "is a link" in refused(buffer.getvalue(), UnsafeReport)
    assert "packed by method" in refused(packed(FILES, zipfile.ZIP_LZMA), UnsafeReport)
    assert "bytes follow its end" in refused(SOUND + b"more", UnsafeReport)


def test_a_zip_that_is_cut_or_damaged():
    for end in (4, 1000, len(SOUND) // 2, len(SOUND) - 1):
        refused(SOUND[:end], BrokenReport)
    stored = bytearray(packed(FILES, zipfile.ZIP_STORED))
    stored[stored.find(FILES[NPY]) + 200] ^= 1  # a number: its checksum tells
    assert "damaged zip" in refused(bytes(stored), BrokenReport)


def test_what_grows_is_not_unpacked():
    bomb = packed(FILES | {drafts.NAME: b"[" + b" " * 60_000_000 + b"]"})
    assert len(bomb) < 500_000 and "grow" in refused(bomb, ReportTooLarge)
    assert "members" in refused(packed(FILES | {f"a/{i}": b"" for i in range(50_001)}), ReportTooLarge)


# Numbers and pictures --------------------------------------------------------------------------------------

SHAPES = {
    "a petabyte": npy((2**25, 2**25)),
    "more than there is": npy((5, 7), data=b"\0" * 100),
    "less than there is": npy((5, 7), data=b"\0" * 200),
    "pickled": npy((5, 7), "|O", b"\0" * 280),
    "a structure": npy((5, 7), [("a", "<f4")], b"\0" * 140),
    "negative": npy((-5, -7), data=b"\0" * 140),
    "empty": npy((0, 7)),
    "one axis": npy((35,), data=b"\0" * 140),
    "four axes": npy((5, 7, 1, 1), data=b"\0" * 140),
    "whole numbers": npy((5, 7), "<i4", b"\0" * 140),
    "texts": npy((5, 7), "<U1", b"\0" * 140),
    "a thin one": npy((1, 40_000), data=b"\0" * 160_000),
    "code": npy("__import__('os')", data=b"\0" * 140),
    "another field": npy((5, 7), data=b"\0" * 140, extra=", 'more': 1"),
    "a deep header": b"\x93NUMPY\1\0" + struct.pack("<H", 9000) + b"-" * 9000,
    "brackets": b"\x93NUMPY\1\0" + struct.pack("<H", 9000) + b"(" * 9000,
    "a cut header": npy((5, 7))[:20],
    "another version": b"\x93NUMPY\7\0" + npy((5, 7), data=b"\0" * 140)[8:],
    "a picture": FILES[PNG],
    "nothing": b"",
}  # fmt: skip


@pytest.mark.parametrize("data", SHAPES.values(), ids=SHAPES)
def test_numbers_are_what_they_say_and_what_is_expected(data):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "figure 1, panel 1, 'values'" in refused(packed(FILES | {NPY: data}), BrokenReport)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


def png_of(width: int, height: int) -> bytes:
    """A PNG that announces so many pixels, and has few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        drafts.PNG + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    "data, kind",
    [
        (png_of(60_000, 60_000), ReportTooLarge), (png_of(600, 600), BrokenReport), (FILES[PNG][:-20], BrokenReport),
        (b"GIF89a" + b"\0" * 50, BrokenReport), (FILES[NPY], BrokenReport), (b"", BrokenReport),
        (render.jpeg(np.zeros((6, 9, 3), np.uint8)), BrokenReport),
    ],
)  # fmt: skip
def test_pictures_pass_the_door_of_pictures(data, kind):
    refused(packed(FILES | {PNG: data}), kind)


def test_what_it_takes_in_memory_is_asked_before_it_is_taken():
    """Files far smaller than their pictures: refused from the header, within the limit of all of them."""
    large = np.zeros((2000, 2000, 3), np.uint8)
    sentence = refused(packed(FILES | {PNG: render.png(large)}), ReportTooLarge, most=5_000_000)
    assert "5.0 MB" in sentence
    refused(
        packed(FILES | {NPY: npy((1000, 1000), data=b"\1\2\3\4" * 1_000_000)}), ReportTooLarge, most=1_000_000
    )
    opened = report.open_archive(packed(FILES | {PNG: render.png(large)}), most=13_000_000)
    assert opened.views[1].panels[0].picture.shape == large.shape
    assert report.open_archive(SOUND, most=pins.weight(everything().views) + 200)  # what fits is opened
    refused(SOUND, ReportTooLarge, most=pins.weight(everything().views) - 200)


def test_a_picture_beyond_the_limit_is_never_decoded(monkeypatch):
    decode, decoded = drafts.decode, []
    monkeypatch.setattr(drafts, "decode", lambda *told: decoded.append(decode(*told)) or decoded[-1])
    large = render.png(np.zeros((2000, 2000, 3), np.uint8))
    refused(packed(READ | {drafts.NAME: FILES[drafts.NAME], PNG: large}), ReportTooLarge, most=5_000_000)
    assert not decoded  # its header said enough


# The JSON --------------------------------------------------------------------------------------------------

PANEL = "views.0.panels.0"
WRONG = {
    "title": 7, "about": ["x"], "made": {}, "views": [], "models": {}, "recipes": "x", "format": "1",
    "views.0": [], "views.0.title": None, "views.0.columns": 0, "views.0.columns ": 1.5, "views.0.opacity": 1.1,
    "views.0.opacity ": "0.5", "views.0.opacity  ": True, "views.0.threshold": -0.1, "views.0.threshold ": float("nan"),
    "views.0.colormap": "rainbow", "views.0.colormap ": ["magma"], "views.0.smooth": 1, "views.0.shared": None,
    "views.0.shared ": True, "views.0.panels": [], "views.0.panels ": {}, "views.0.panels.0": 3,
    f"{PANEL}.lines": "x", f"{PANEL}.lines ": [1], f"{PANEL}.limits": [1, 1], f"{PANEL}.limits ": [2, 1],
    f"{PANEL}.limits  ": [0, float("inf")], f"{PANEL}.limits   ": [0, float("nan")], f"{PANEL}.limits    ": [0, 10**400],
    f"{PANEL}.limits     ": ["0", "1"], f"{PANEL}.recipe": 5, f"{PANEL}.recipe ": -1, f"{PANEL}.recipe  ": True,
    f"{PANEL}.picture": "none.png", f"{PANEL}.picture ": NPY, f"{PANEL}.values": PNG, f"{PANEL}.picture  ": 0.5,
    f"{PANEL}.values ": "../../etc/passwd", f"{PANEL}.values  ": "report.json", f"{PANEL}.colormap": "x",
    f"{PANEL}.alt": 3, f"{PANEL}.note": [],
}  # fmt: skip


@pytest.mark.parametrize("path", WRONG)
def test_every_field_has_its_type_and_range(path):
    if path == "views.0.title":
        assert report.open_archive(changed(path, None)).views[0].title == ""  # what is missing is empty
        return
    refused(changed(path.strip(), WRONG[path]), BrokenReport)


def test_a_panel_shows_something():
    document = draft()
    for key in ("picture", "values"):
        del document["views"][0]["panels"][0][key]
    assert "a picture, values or a chart" in refused(with_draft(document), BrokenReport)


RECIPES = {
    "job": None, "model": 9, "model ": "x", "model  ": {"name": "x"}, "model   ": True, "image": [], "image ": {"key": 3},
    "layer": 3, "class_index": "3", "label": 3, "method": ["gradcam"], "options": [], "options ": {"a": {"b": 1}},
    "facts": "x", "score": "1.5", "values": {"sha256": 1}, "values ": {"shape": 3}, "channels": 3, "steps": "3",
    "together": "ab", "new": {"deep": {"deeper": 1}}, "new ": [[1]], "score ": 10**400, "class_index ": 2**63, "options  ": {"a": 10**400},
}  # fmt: skip


@pytest.mark.parametrize("key", RECIPES)
def test_recipes_are_plain_data_of_the_expected_form(key):
    refused(changed(f"recipes.0.{key.strip()}", RECIPES[key]), BrokenReport)


@pytest.mark.parametrize("place", ["models.0.input_shape", "recipes.0.image.size"])
def test_sizes_have_as_many_numbers_as_axes(place):
    for value in ([1], [0, 0, 0], [6, 9, 3, 1], "693"):
        refused(changed(place, value), BrokenReport)


def test_a_recipe_may_know_more_than_we_do():
    opened = report.open_archive(changed("recipes.0.later", {"version": 3, "names": "x"}))
    assert opened.views[0].panels[0].recipe["later"] == {"version": 3, "names": "x"}


@pytest.mark.parametrize(
    "text",
    [b"", b"nonsense", b"\xff\xfe{}", b"[]", b'"text"', b"null", b"3", b"[" * 100_000, b'{"format": 1, "format": 1}',
     b'{"format": ' + b"9" * 5000 + b"}"],
    ids=range(10),
)  # fmt: skip
def test_what_is_no_sound_json(text):
    refused(with_draft(text), BrokenReport)


def test_json_is_bounded_in_bytes_parts_and_letters():
    started = time.process_time()
    noise = np.random.default_rng(0).integers(97, 123, drafts.JSON_BYTES, np.uint8).tobytes()
    stored = packed(FILES | {drafts.NAME: b'{"title": "' + noise + b'"}'}, zipfile.ZIP_STORED)
    assert "at most" in refused(stored, ReportTooLarge)
    assert "parts" in refused(with_draft(b"[" + b"[]," * 1_500_000 + b"0]"), ReportTooLarge)
    assert "letters" in refused(changed("about", "x" * 20_001), ReportTooLarge)
    view = draft()["views"][0]
    assert "'views' has 201 entries" in refused(changed("views", [view] * 201), ReportTooLarge)
    small = {"title": "", "values": NPY}
    row = {"colormap": "", "recipe": None, "limits": None, **small}
    assert "10,000 panels" in refused(
        changed("views", [view | {"panels": [row] * 6_000}] * 2), ReportTooLarge
    )
    assert time.process_time() - started < 20


def test_recipes_of_strangers_stay_harmless_in_what_is_written():
    """A recipe is shown as text, and its command can be pasted: whatever it says, it is words."""
    document = draft()
    evil = "x'; rm -rf ~ #\n$(id) `id` </script><script>alert(1)</script> \\input{/etc/passwd} ![x](http://example.org)"
    recipe = document["recipes"][0]
    recipe |= {"layer": evil, "label": evil, "method": evil, "output": evil, "options": {evil: evil}}
    document["models"][0]["name"] = recipe["image"]["name"] = evil
    view = report.open_archive(with_draft(document)).views[0]
    page = report.html(Report(evil, (view,))).decode()
    assert "<script>alert" not in page and "\n$(id)" not in page
    assert commands(view) == []  # no line at all where a name cannot be shown as it is
    recipe["layer"] = recipe["method"] = recipe["output"] = evil = evil.replace("\n", " ")
    recipe["options"] = {evil: evil}
    for command in commands(report.open_archive(with_draft(document)).views[0]):
        words = shlex.split(command)
        assert words[:3] == ["python", "-m", "explain"] and f"--layer={evil}" in words and "\n" not in command
    assert r"\input{" not in report.latex(view, "f.pdf") and "![x]" not in report.markdown(view, "f.png")
    shown = report.archive(Report(evil, (view,)), 8.5, 72)
    assert all(name.isascii() and ".." not in name for name in zipfile.ZipFile(io.BytesIO(shown)).namelist())


ANYTHING = (
    ...,
    None,
    True,
    -1,
    float("nan"),
    10**400,
    "\ud83d",
    [],
    [None],
    [1] * 3,
    {},
    {"x": {}},
    {"key": "x"},
)
PLACES = {
    "models.0": ("name", "key", "scaling", "scaling_note", "about", "device", "input_shape", "notices", "other"),
    "recipes.0": (
        "job", "model", "image", "layer", "layers", "label", "class_index", "output", "method", "options", "facts",
        "score", "probability", "values", "scores", "together", "channel", "channels", "steps", "seed", "size", "shape",
        "note", "notices", "other",
    ),
    "recipes.0.image": ("key", "name", "size", "other"),
    "recipes.0.values": ("sha256", "shape", "dtype", "low", "high", "other"),
    "views.0.panels.0": ("title", "lines", "limits", "note", "alt", "recipe", "colormap", "picture", "photo", "values", "computed"),
    "views.0": ("title", "columns", "opacity", "colormap", "threshold", "smooth", "label", "shared", "caption", "remark"),
    "": ("title", "about", "made", "views", "recipes", "models", "format"),
}  # fmt: skip


@pytest.mark.parametrize(
    "place, job", [*((place, "heatmap") for place in PLACES), ("recipes.0", "maps"), ("recipes.0", "pattern")]
)
def test_whatever_a_field_holds_is_refused_or_can_be_written(place, job):
    """What passed the door raises nothing but typed errors, whoever uses it. ...: the field is missing."""
    opened = 0
    for key in PLACES[place]:
        for value in ANYTHING:
            document = draft()
            document["recipes"][0]["job"] = job
            at = document
            for step in filter(None, place.split(".")):
                at = at[int(step) if step.isdecimal() else step]
            at[key] = value
            if value is ...:
                del at[key]
            try:
                found = report.open_archive(with_draft(document))
                used(replace(found, views=found.views[:1]))
                opened += 1
            except ExplainError as error:
                assert str(error)
    assert opened


def used(found: Report) -> None:
    """What page and files make of a report."""
    for view in found.views:
        assert report.webpages._section(view, 1, {})
    manifest = report.recipes.manifest_of(found.views)
    assert json.loads(manifest)["items"]
    for view in found.views:
        pins.digest_of(view)
        report.latex(view, "f.pdf"), report.markdown(view, "f.png"), report.captions.caption(view)
        for place, panel in enumerate(view.panels):
            report.archives._row(panel, view, 1, place, "")


def test_any_changed_byte_is_read_or_refused():
    """300 files with a few bytes changed: a report, or a typed error; nothing else, and nothing slow."""
    chance, slowest = random.Random(7), 0.0
    loose = packed(FILES, zipfile.ZIP_STORED)
    for number in range(300):
        if number % 3:  # a sound zip around a damaged file
            name = chance.choice([drafts.NAME, PNG, NPY])
            data = bytearray(FILES[name])
        else:
            name, data = "", bytearray(loose)
        for _ in range(chance.choice([1, 1, 3, 20])):
            data[chance.randrange(len(data))] = chance.randrange(256)
        started = time.process_time()
        try:
            opened = report.open_archive(
                packed(READ | {drafts.NAME: FILES[drafts.NAME], name: bytes(data)}) if name else bytes(data)
            )
            report.html(opened)
        except ExplainError as error:
            assert str(error)
        slowest = max(slowest, time.process_time() - started)
    assert slowest < 5
