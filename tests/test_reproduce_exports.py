"""Reproduce from every kind of export: the same bits, and one sentence for what carries no manifest."""

from __future__ import annotations

import io
import shutil
import struct
import zipfile
import zlib
from pathlib import Path

import networks
import pytest

import explain
from explain import provenance, render, report
from explain.commands import DONE, REFUSED, main
from explain.render.files import AFTER_HEADER
from explain.render.files import _chunk as chunk
from explain.reproducing import carriers, open_box, read_document
from explain.reproducing.box import Numbers

FIGURES = ("figure.png", "figure.svg", "figure.pdf")
KINDS = (*FIGURES, "page.html", "booklet.pdf", "report.zip", "manifest.json", "folder")


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A small network, its photos, and every export of heatmaps, maps and a pattern."""
    folder = tmp_path_factory.mktemp("exported")
    networks.plain().save(folder / "small.keras")
    (folder / "photos").mkdir()
    model = explain.load(folder / "small.keras", scaling="0..1")
    noise = [image.pixels for image in networks.pictures(2, size=24)]
    images = [explain.image.from_pixels(pixels, f"fóto & <{i}>.png") for i, pixels in enumerate(noise)]
    for i, image in enumerate(images):
        (folder / "photos" / f"{i}.png").write_bytes(render.png(image.pixels))
    heat = [explain.heatmap(model, image, fresh=True) for image in images]
    maps = explain.activations(model, images[0], "first", fresh=True)
    found = explain.patterns(model, "first", [1, 3], steps=3, size=32, seed=5)
    view = report.view_of_heatmaps(model, images, heat, "Heat")
    views = (
        view, report.view_of_maps(model, images[0], maps, [2, 0]),
        report.view_of_patterns(model, found, steps=3, size=32, seed=5, together=[1, 3]),
    )  # fmt: skip
    document = report.Report("A report", views)
    made = {
        "figure.png": report.figure_png(view), "figure.svg": report.figure_svg(view),
        "figure.pdf": report.figure_pdf(view), "page.html": report.html(document),
        "booklet.pdf": report.pdf(document), "report.zip": report.archive(document),
    }  # fmt: skip
    for name, data in made.items():
        (folder / name).write_bytes(data)
    with zipfile.ZipFile(folder / "report.zip") as file:
        file.extractall(folder / "folder")
    shutil.copy(folder / "folder" / "manifest.json", folder)
    return folder


@pytest.fixture
def here(exported, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return exported


def run(*words, capsys) -> tuple[int, list[str]]:
    code = main([str(word) for word in words])
    said = capsys.readouterr()
    return code, said.out.splitlines() + said.err.splitlines()


@pytest.mark.parametrize("name", KINDS)
def test_every_export_gives_the_same_bits(name, here, capsys):
    count = 2 if name.startswith("figure") else 6
    photos = () if name in ("report.zip",) else ("--images", here / "photos")
    code, lines = run("reproduce", here / name, "--model", here / "small.keras", *photos, capsys=capsys)
    assert lines[-1] == f"{count} of {count} items: the same bits." and code == DONE


def test_a_name_says_nothing_about_what_a_file_is(here, capsys):
    shutil.copy(here / "figure.pdf", "figure.png")
    told = ("--model", here / "small.keras", "--images", here / "photos")
    code, _ = run("reproduce", "figure.png", *told, capsys=capsys)
    assert code == DONE


# ── what other programs make of an export ──


def text_of(png: bytes) -> bytes:
    """The iTXt chunk of one of our PNGs."""
    at = png.index(b"iTXt")
    (length,) = struct.unpack(">I", png[at - 4 : at])
    return png[at - 4 : at + length + 8]


@pytest.mark.parametrize("kind", ["plain iTXt", "zTXt", "tEXt", "at the end"])
def test_a_text_chunk_that_was_written_anew(kind, here):
    png, manifest = (here / "figure.png").read_bytes(), open_box(here / "figure.png").manifest()
    ours = text_of(png)
    keyword = b"manifest.json\0"
    other = {
        "plain iTXt": chunk(b"iTXt", keyword + b"\0\0en\0manifest\0" + manifest),
        "zTXt": chunk(b"zTXt", keyword + b"\0" + zlib.compress(manifest)),
        "tEXt": chunk(b"tEXt", b"Comment\0none") + chunk(b"tEXt", keyword + manifest),
        "at the end": ours,
    }[kind]
    bare = png.replace(ours, b"")
    place = len(bare) - 12 if kind == "at the end" else AFTER_HEADER
    Path("other.png").write_bytes(bare[:place] + other + bare[place:])
    assert open_box("other.png").manifest() == manifest


def test_markup_that_was_written_anew(here):
    manifest = open_box(here / "figure.svg").manifest()
    text = (here / "figure.svg").read_text(encoding="utf-8")
    other = text.replace("<metadata id=", "<s:metadata xml:lang='en' id=").replace("</metadata>", "</s:metadata>")
    other = other.replace("<svg ", "<!-- drawn --><svg xmlns:s='http://www.w3.org/2000/svg' ", 1)
    Path("a.svg").write_text(other, encoding="utf-8")
    assert open_box("a.svg").manifest() == manifest
    page = (here / "page.html").read_text(encoding="utf-8")
    tag = '<script type="application/json" id="manifest">'
    other = page.replace(tag, "<SCRIPT id='manifest' type='application/json'>").replace("</script>", "</SCRIPT>")
    Path("a.html").write_text("<!-- saved from elsewhere -->\n" + other, encoding="utf-8")
    assert open_box("a.html").manifest() == open_box(here / "page.html").manifest()


@pytest.mark.parametrize("place", ["report.zip", "beside a figure"])
def test_numbers_of_then_are_found_by_their_digest(place, here):
    """Of maps an export has one channel, (h, w), where its recipe tells of (h, w, 1)."""
    with zipfile.ZipFile(here / "report.zip") as file:
        arrays = [io.BytesIO(file.read(name)) for name in file.namelist() if name.endswith(".npy")]
    box = open_box(here / "report.zip")
    if place != "report.zip":
        for i, data in enumerate(arrays):
            Path(f"{i}.npy").write_bytes(data.getvalue())
        shutil.copy(here / "figure.png", ".")
        box = open_box("figure.png")
    told = [item for item in read_document(open_box(here / "page.html")).items if item["job"] != "pattern"]
    assert len(told) == 4
    for item in told:
        found = Numbers(box).of(item["values"]["sha256"], None)
        assert provenance.digest(found) == item["values"]["sha256"]


def test_every_method_is_reproduced_from_a_figure(here, capsys):
    """Also those that draw random numbers, and those of pixels."""
    model = explain.load(here / "small.keras", scaling="0..1")
    image = explain.read(here / "photos" / "0.png")
    few = {"samples": 3, "steps": 4, "patch": 0.5}
    heat = []
    for method in explain.methods.shelf("heatmaps").values():
        options = {knob.name: few[knob.name] for knob in method.knobs if knob.name in few}
        heat.append(explain.heatmap(model, image, method.name, class_index=1, fresh=True, **options))
    view = report.view_of_heatmaps(model, image, heat, shared=False)
    Path("methods.svg").write_bytes(report.figure_svg(view, 17))
    told = ("--model", here / "small.keras", "--images", here / "photos")
    code, lines = run("reproduce", "methods.svg", *told, capsys=capsys)
    assert code == DONE and lines[-1] == f"{len(heat)} of {len(heat)} items: the same bits.", lines


def test_weights_of_a_network_of_the_list_are_given_as_a_file(here, capsys):
    """Their recipe says that they came from a file; --model gives that file."""
    from explain.opening import zoo

    zoo.build("mobilenetv3small", None, 3).save_weights("mine.weights.h5")
    model = explain.load("mobilenetv3small", weights="mine.weights.h5")
    assert model.about == "Howard et al. 2019; mobilenetv3small with weights from a file"
    image = explain.read(here / "photos" / "0.png")
    view = report.view_of_heatmaps(model, image, explain.heatmap(model, image, fresh=True))
    Path("figure.png").write_bytes(report.figure_png(view))
    told = ("reproduce", "figure.png", "--images", here / "photos")
    assert run(*told, "--model", "mine.weights.h5", capsys=capsys)[0] == DONE
    assert run(*told, capsys=capsys)[0] == REFUSED  # nothing else is guessed, and nothing fetched


def test_what_is_too_large_to_be_read_whole(here, capsys, monkeypatch):
    monkeypatch.setattr(carriers.limits, "WHOLE_BYTES", 1000)
    for name in ("figure.svg", "figure.pdf", "page.html"):
        assert "is damaged: it is larger than" in run("reproduce", here / name, capsys=capsys)[1][0]
    assert open_box(here / "figure.png").manifest()  # its pixels are never read
