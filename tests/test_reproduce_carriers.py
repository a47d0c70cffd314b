"""Files that carry no manifest, or a damaged one, and files that mean harm: one sentence each, and no memory."""

from __future__ import annotations

import time
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest

from explain import render
from explain.commands import REFUSED, main
from explain.errors import OptionError
from explain.render.files import AFTER_HEADER
from explain.render.files import _chunk as chunk
from explain.reproducing import carriers, open_box


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def refused(data: bytes, name: str, capsys) -> str:
    """The one sentence about a file of that name."""
    Path(name).write_bytes(data)
    code, said = main(["reproduce", name]), capsys.readouterr()
    lines = said.out.splitlines() + said.err.splitlines()
    assert code == REFUSED and len(lines) == 1 and lines[0].endswith("(E_OPTION)"), lines
    return lines[0]


# ── what carries none ──


def test_files_that_carry_no_manifest(capsys):
    from fpdf import FPDF

    paper = FPDF()
    paper.add_page()
    pixels = np.zeros((4, 4, 3), np.uint8)
    for name, data, kind in (
        ("a.png", render.png(pixels), "PNG"),
        ("a.svg", b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><metadata>x</metadata></svg>', "SVG"),
        ("a.html", b"<!DOCTYPE html><html><script>const manifest = 1</script></html>", "HTML"),
        ("a.pdf", bytes(paper.output()), "PDF"),
    ):
        said = refused(data, name, capsys)
        assert f"Expected a {kind} file that Layerscope exported, but '{name}' carries no manifest." in said
        assert "give the file as it was exported" in said
    Path("manifest.json").write_text("{}")
    assert "There is one beside it: 'manifest.json'." in refused(render.png(pixels), "a.png", capsys)
    assert "a JPEG file carries none" in refused(render.jpeg(pixels), "a.jpg", capsys)
    assert "a WebP file carries none" in refused(render.webp(pixels), "a.webp", capsys)
    assert "Expected a manifest in JSON, or an export that carries one" in refused(b"\0\1\2", "a.bin", capsys)
    assert "Expected a manifest in JSON" in refused(b"", "empty.png", capsys)
    assert main(["reproduce", "none.png"]) == REFUSED
    assert "There is no file 'none.png'." in capsys.readouterr().err


# ── what is damaged, and what means harm ──


def with_text(content: bytes, kind: bytes = b"iTXt") -> bytes:
    png = render.png(np.zeros((4, 4, 3), np.uint8))
    return png[:AFTER_HEADER] + chunk(kind, content) + png[AFTER_HEADER:]


BOMB = zlib.compress(b" " * 3_000_000)
HEAD = b"manifest.json\0"


@pytest.mark.parametrize(
    "data, sentence",
    [
        (with_text(HEAD + b"\1\0\0\0" + BOMB), "larger than 1 MB"),
        (with_text(HEAD + b"\0" + BOMB, b"zTXt"), "larger than 1 MB"),
        (with_text(HEAD + b" " * 1_500_000, b"tEXt"), "larger than 1 MB"),
        (with_text(HEAD + b"\0\0\0\0" + b" " * 1_048_500), "Expected a manifest in JSON"),
        (with_text(HEAD + b"\1\0\0\0" + zlib.compress(b"{}" * 5000)[:-9]), "ends in the middle"),
        (with_text(HEAD + b"\1\0\0\0no stream"), "cannot be decompressed"),
        (with_text(HEAD + b"\1\0en"), "ends in the middle"),
        (with_text(HEAD), "ends in the middle"),
        (with_text(HEAD + b"\0\0\0\0{}")[:-70] + b"\0", "of a chunk"),
        (with_text(HEAD + b"\0\0\0\0{}").replace(b"{}", b"[]"), "checksum"),
        (with_text(HEAD + b"\0\0\0\0[]"), "has other content"),
        (b"\x89PNG\r\n\x1a\n" + b"\xff" * 64, "of a chunk"),
        (b"\x89PNG\r\n\x1a\n" + 200 * chunk(b"teXt", b""), "more than 100 chunks"),
    ],
)
def test_a_png_that_is_damaged_or_a_bomb(data, sentence, capsys, monkeypatch):
    monkeypatch.setattr(carriers.limits, "MANIFEST_BYTES", 2**20)
    monkeypatch.setattr(carriers.png, "MANIFEST_BYTES", 2**20)
    monkeypatch.setattr(carriers.png, "MOST_CHUNKS", 100)
    assert sentence in refused(data, "a.png", capsys)


def test_a_bomb_takes_no_memory(monkeypatch):
    monkeypatch.setattr(carriers.limits, "MANIFEST_BYTES", 2**20)
    bomb = zlib.compress(bytes(200_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(carriers.limits.Damaged, match="larger than 1 MB"):
            carriers.limits.inflated(bomb)
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()


def laughs() -> str:
    """Entities that grow a billionfold."""
    lines = [f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10)]
    return f'<!DOCTYPE svg [<!ENTITY l0 "lol">{"".join(lines)}]>'


SVG = '<svg xmlns="http://www.w3.org/2000/svg">{}</svg>'


@pytest.mark.parametrize(
    "text, sentence",
    [
        (laughs() + SVG.format('<metadata id="manifest">&l9;</metadata>'), "it declares entities"),
        ('<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + SVG.format('<metadata id="manifest">&x;</metadata>'),
         "it declares entities"),
        (SVG.format('<metadata id="manifest">' + "a" * 1_100_000 + "</metadata>"), "larger than 1 MB"),
        (SVG.format('<metadata id="manifest">{'), "it is no XML"),
        (SVG.format('<metadata id="manifest">not json</metadata>'), "Expected a manifest in JSON"),
        (SVG.format('<g id="manifest">{}</g><metadata id="other">{}</metadata>'), "carries no manifest"),
        ("<svg>" * 200_000, "it is no XML"),
        ('<?xml version="1.0" encoding="x-none"?>' + SVG.format(""), "it is no XML"),
    ],
)  # fmt: skip
def test_an_svg_that_is_damaged_or_a_bomb(text, sentence, capsys, monkeypatch):
    monkeypatch.setattr(carriers.svg, "MANIFEST_BYTES", 2**20)
    assert sentence in refused(text.encode(), "a.svg", capsys)


@pytest.mark.parametrize(
    "text, sentence",
    [
        ('<html><script id="manifest">{"format": 2', "ends in the middle"),
        ('<html><script id="manifest">' + " " * 1_100_000 + "</script>", "larger than 1 MB"),
        ('<html><script id="manifest"></script>', "Expected a manifest in JSON"),
        ("<html>" + '<script id="' * 100_000, "carries no manifest"),
        ("<html>" + "<script " + "a " * 500_000, "carries no manifest"),
        ("<html>" + '<p title="&lt;script id=manifest&gt;{}">', "carries no manifest"),
    ],
)
def test_a_page_that_is_damaged_or_a_bomb(text, sentence, capsys, monkeypatch):
    monkeypatch.setattr(carriers.limits, "MANIFEST_BYTES", 2**20)
    begin = time.monotonic()
    assert sentence in refused(text.encode(), "a.html", capsys)
    assert time.monotonic() - begin < 5


SPEC = b"9 0 obj\n<<\n/EF <</F 8 0 R>>\n/F (manifest.json)\n>>\nendobj\n"


def attached(head: bytes, content: bytes) -> bytes:
    told = b"<< /Type /EmbeddedFile /Length " + head + b" >>\nstream\n" + content + b"\nendstream\nendobj\n"
    return b"%PDF-1.4\n" + SPEC + b"8 0 obj\n" + told


@pytest.mark.parametrize(
    "data, sentence",
    [
        (attached(b"%d /Filter /FlateDecode" % len(BOMB), BOMB), "larger than 1 MB"),
        (attached(b"1200000", b" " * 1_200_000), "larger than 1 MB"),
        (attached(b"9999999999 /Filter /FlateDecode", BOMB), "ends in the middle"),
        (attached(b"%d /Filter [/ASCIIHexDecode /FlateDecode]" % len(BOMB), BOMB), "in another way than ours"),
        (attached(b"7 0 R", b"{}"), "in another way than ours"),
        (attached(b"4 /Filter /FlateDecode", b"none"), "cannot be decompressed"),
        (attached(b"2", b"{}"), "has other content"),
        (b"%PDF-1.4\n" + SPEC, "is not in it"),
        (b"%PDF-1.4\n" + SPEC + b"8 0 obj\n" * 10_000, "is not in it"),
        (b"%PDF-1.4\n" + b"(manifest.json)" * 100_000, "carries no manifest"),
        (b"%PDF-1.4\n" + b" obj" * 100_000 + b"(manifest.json)", "carries no manifest"),
    ],
)
def test_a_pdf_that_is_damaged_or_a_bomb(data, sentence, capsys, monkeypatch):
    monkeypatch.setattr(carriers.limits, "MANIFEST_BYTES", 2**20)
    begin = time.monotonic()
    assert sentence in refused(data, "a.pdf", capsys)
    assert time.monotonic() - begin < 5


def test_a_folder_with_an_ending_and_a_file_that_cannot_be_read(tmp_path):
    (tmp_path / "a.png").mkdir()
    with pytest.raises(OptionError, match="There is no file"):
        open_box("a.png")
