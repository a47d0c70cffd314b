"""Reproduce: the same bits from a manifest, what is said where they are not, and manifests that mean harm."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import zipfile
from pathlib import Path

import networks
import numpy as np
import pytest
from folder_runs import fill

import explain
from explain import provenance, render, reproducing
from explain.commands import DIFFERENT, DONE, REFUSED, main

HEATMAPS = ["heatmaps", "small.keras", "photos", "--batch", "4"]


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """Six pictures, a small network in a file, and their heatmaps in `out`."""
    folder = tmp_path_factory.mktemp("template")
    fill(folder / "photos", 6)
    networks.plain().save(folder / "small.keras")
    with contextlib.chdir(folder):
        assert main([*HEATMAPS, "--quiet", "--out", "out"]) == DONE
    return folder


@pytest.fixture
def here(template, tmp_path, monkeypatch):
    """A copy of `template` to be changed, and to be in."""
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str, capsys) -> tuple[int, list[str]]:
    code = main(list(words))
    said = capsys.readouterr()
    return code, said.out.splitlines() + said.err.splitlines()


def made(*words: str, capsys) -> Path:
    """The manifest of a command; of HEATMAPS alone it is there already."""
    if list(words) != HEATMAPS:
        shutil.rmtree("out")
        assert run(*words, "--quiet", "--out", "out", capsys=capsys)[0] == DONE
    return Path("out/manifest.json")


def change(path: Path, edit) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    edit(document)
    path.write_bytes(provenance.dumps(document))


# ── the same bits ──


@pytest.mark.parametrize(
    "words, count",
    [
        (HEATMAPS, 6),
        ([*HEATMAPS, "--class", "1", "--layer", "first", "--method", "gradcam", "--option", "signed=yes"], 6),
        (["activations", "small.keras", "photos/p00.png", "--layer", "second", "--layer", "first"], 2),
        (["patterns", "small.keras", "--layer", "first", "--size", "32", "--steps", "3", "--seed", "5"], 4),
    ],
    ids=["heatmaps", "heatmaps of a class", "activations", "patterns"],
)
def test_bit_for_bit(words, count, here, capsys):
    path = made(*words, capsys=capsys)
    code, lines = run("reproduce", str(path), capsys=capsys)
    assert code == DONE and lines[-1] == f"{count} of {count} items: the same bits."
    assert sum(line.endswith(": same bits") for line in lines) == count


def test_the_numbers_of_now_can_be_kept_and_reproduced_themselves(here, capsys):
    path = made(*HEATMAPS, capsys=capsys)
    assert run("reproduce", str(path), "--out", "again", capsys=capsys)[0] == DONE
    kept = sorted(name for name in os.listdir("again") if name.endswith(".npy"))
    assert len(kept) == 6 and kept[0] == "00001-photos-p00-png-second-gradcam-class-" + kept[0].split("-")[-1]
    np.testing.assert_array_equal(np.load(f"again/{kept[0]}"), np.load("out/p00.npy"))
    assert run("reproduce", "again", "--model", "small.keras", capsys=capsys)[0] == DONE


def test_a_picture_alone_and_one_of_a_batch_whose_others_are_gone(here, capsys):
    """The bits depend on the batch's size: copies stand in for what is missing."""
    path = made(*HEATMAPS, capsys=capsys)
    for name in ("p01", "p02", "p04"):
        os.remove(f"photos/{name}.png")
    code, lines = run("reproduce", str(path), capsys=capsys)
    assert code == REFUSED and sum(line.endswith(": same bits") for line in lines) == 3
    assert sum("give the folder it is in with --images" in line for line in lines) == 3


def test_everything_moved_elsewhere_is_found_by_its_digest(here, capsys):
    made(*HEATMAPS, capsys=capsys)
    (here / "deep" / "er").mkdir(parents=True)
    for i, picture in enumerate(sorted((here / "photos").glob("*.png"))):
        picture.rename(here / "deep" / "er" / f"renamed-{9 - i}.png")
    (here / "small.keras").rename(here / "deep" / "moved.keras")
    (here / "out").rename(here / "moved")
    code, lines = run("reproduce", "moved", "--quiet", "--images", "deep", capsys=capsys)
    assert code == REFUSED and all("Give its file with --model" in line for line in lines)
    code, lines = run("reproduce", "moved", "--images", "deep", "--model", "deep/moved.keras", capsys=capsys)
    assert code == DONE and lines[-1] == "6 of 6 items: the same bits."


def test_a_zip_with_its_pictures_needs_the_model_alone(here, capsys):
    """As reports are exported: recipes, photos as PNG, arrays under names of their own."""
    model = explain.load("small.keras")
    image = explain.image.from_pixels(
        np.random.default_rng(3).integers(0, 256, (30, 40, 3), np.uint8), "a photo"
    )
    heatmap = explain.heatmap(model, image, fresh=True)
    maps = explain.activations(model, image, "first", fresh=True)
    recipes = [
        provenance.heatmap_recipe(model, image, heatmap),
        provenance.maps_recipe(model, image, maps, [3, 0]),
    ]
    values = io.BytesIO()
    np.save(values, heatmap.values)
    with zipfile.ZipFile("report.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("x/manifest.json", provenance.dumps(provenance.manifest(recipes)))
        file.writestr("x/photos/1.png", render.png(image.pixels))
        file.writestr("x/values/1.npy", values.getvalue())
    code, lines = run("reproduce", "report.zip", "--model", "small.keras", capsys=capsys)
    assert (code, lines[-1]) == (DONE, "2 of 2 items: the same bits."), lines
    # With other numbers in a recipe, those of then are found in the zip by their digest.
    box = reproducing.open_box("report.zip")
    found = reproducing.box.Numbers(box).of(provenance.digest(heatmap.values), None)
    np.testing.assert_array_equal(found, heatmap.values)


def test_networks_of_the_list_with_random_weights_are_found_by_name(here, capsys):
    words = ["heatmaps", "mobilenetv2", "photos/p00.png", "photos/p01.png", "--random-weights"]
    path = made(*words, capsys=capsys)
    assert run("reproduce", str(path), capsys=capsys)[0] == DONE
    change(path, lambda document: document.update(arguments={}))
    assert run("reproduce", str(path), capsys=capsys)[0] == DONE


# ── what was changed ──


def test_changed_numbers_are_told_by_how_much(here, capsys):
    path = made(*HEATMAPS, capsys=capsys)
    values = np.load("out/p00.npy")
    np.save("out/p00.npy", values * np.float32(1 + 1e-4))

    def edit(document):
        document["items"][0]["values"]["sha256"] = provenance.digest(np.load("out/p00.npy"))
        document["versions"]["tensorflow"] = "1.0"

    change(path, edit)
    code, lines = run("reproduce", str(path), capsys=capsys)
    assert code == DIFFERENT and lines[-2] == "5 of 6 items: the same bits."
    assert "which is 0.0001 of the largest number" in lines[0]
    assert "tensorflow 1.0 then" in lines[-1]


@pytest.mark.parametrize(
    "field, value, sentence",
    [
        (("values", "sha256"), "0" * 64, "other bits"),
        (("score",), 99.0, "score was 99, is "),
        (("probability",), 0.25, "probability was 0.25, is "),
        (("class_index",), 2, "score was "),
        (("layer",), "first", "another shape"),
        (("image", "key"), "f" * 64, "not in the batch"),
        (("together",), [], "score was |other bits|differs by|same bits"),
    ],
)
def test_a_manifest_that_was_changed_is_caught(field, value, sentence, here, capsys):
    path = made(*HEATMAPS, "--class", "1", capsys=capsys)

    def edit(document):
        item = document["items"][0]
        for name in field[:-1]:
            item = item[name]
        item[field[-1]] = value

    change(path, edit)
    code, lines = run("reproduce", str(path), capsys=capsys)
    assert any(re.search(sentence, line) for line in lines)
    if field != ("together",):  # alone it may give the same bits
        assert code in (DIFFERENT, REFUSED) and not lines[0].endswith(": same bits")


def test_another_model_is_refused(here, capsys):
    path = made(*HEATMAPS, capsys=capsys)
    other = networks.plain()
    other.layers[0].kernel.assign(other.layers[0].kernel * 1.01)
    other.save("small.keras")
    code, lines = run("reproduce", str(path), capsys=capsys)
    assert code == REFUSED and "'small.keras' has other weights or another architecture" in "".join(
        lines
    ).replace(str(here) + "/", "")


def test_manifests_of_format_1_are_understood(here, capsys):
    """They know no batch and no digest of the numbers, but the digest of the file."""
    path = made("activations", "small.keras", "photos/p00.png", "--layer", "second", capsys=capsys)

    def edit(document):
        [item] = document["items"]
        kept = {name: item[name] for name in ("files", "image", "layer", "shape")}
        versions = {**document.pop("versions"), "device": document.pop("device")}
        document.update(format=1, items=[kept], versions=versions)
        for name in ("models", "processor", "settings"):
            del document[name]

    change(path, edit)
    code, lines = run("reproduce", str(path), capsys=capsys)
    assert code == DONE and lines[-1] == "1 of 1 item: the same bits."
    change(path, lambda document: document["items"][0]["files"]["values"].update(sha256="0" * 64))
    code, lines = run("reproduce", str(path), capsys=capsys)
    assert code == DIFFERENT and "differs by at most 0, which is 0 of the largest" in lines[0]


# ── what means harm ──


@pytest.mark.parametrize(
    "content, sentence",
    [
        (b"not json", "Expected a manifest in JSON"),
        (b"[" * 100_000, "Expected a manifest in JSON"),
        (b"[]", "'format' and 'items'"),
        (b'{"format": 3, "items": []}', "use a later Layerscope"),
        (b'{"format": 2, "items": [' + b"9" * 5000 + b"]}", "Expected a manifest in JSON"),
        (b"\xff\xfe", "Expected a manifest in JSON"),
    ],
)
def test_what_is_no_manifest_is_refused(content, sentence, here, capsys):
    Path("manifest.json").write_bytes(content)
    code, lines = run("reproduce", "manifest.json", capsys=capsys)
    assert code == REFUSED and len(lines) == 1 and sentence in lines[0] and "(E_OPTION)" in lines[0]


@pytest.mark.parametrize(
    "edit",
    [
        lambda item: item.update(job="shell"),
        lambda item: item.update(model=["a"]),
        lambda item: item.update(layer="second\x1b[2J"),
        lambda item: item.update(class_index=10**30),
        lambda item: item.update(class_index=77),
        lambda item: item.update(score=10**400),
        lambda item: item.update(options=["signed"]),
        lambda item: item.update(options={"fresh": False}),
        lambda item: item.update(options={"on_progress": "x"}),
        lambda item: item.update(method="../../explain"),
        lambda item: item.update(together=["a"] * 5000),
        lambda item: item.pop("image"),
        lambda item: item["image"].update(key="0" * 64, path="/dev/zero", name="\0"),
        lambda item: item["image"].update(
            key="0" * 64, path="//evil/share/x.png", name="../../../etc/passwd"
        ),
    ],
)
def test_items_that_cannot_be_believed_are_not_computed(edit, here, capsys):
    path = made(*HEATMAPS, capsys=capsys)
    change(path, lambda document: edit(document["items"][0]))
    code, lines = run("reproduce", str(path), capsys=capsys)
    assert code == REFUSED and any("not computed" in line for line in lines)
    assert all(line.isprintable() for line in lines)


def test_nothing_of_a_manifest_is_run_or_written(here, capsys):
    """Names of its own code, of trust, of files to write: none of them is believed."""
    path = made(*HEATMAPS, capsys=capsys)
    Path("evil.py").write_text("open('marker', 'w')")

    def edit(document):
        document["arguments"].update(custom_objects=["evil.py"], trusted=True, out="elsewhere")
        document["items"][0]["files"]["values"]["name"] = "../marker"

    change(path, edit)
    before = sorted(os.listdir("out"))
    assert run("reproduce", str(path), "--out", "again", capsys=capsys)[0] == DONE
    assert (
        not Path("marker").exists() and not Path("elsewhere").exists() and sorted(os.listdir("out")) == before
    )


def test_bombs_are_refused(here, capsys, monkeypatch):
    with zipfile.ZipFile("bomb.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("manifest.json", b" " * 3_000_000 + b"{}")
    monkeypatch.setattr(reproducing.box, "MANIFEST_BYTES", 1_000_000)
    code, lines = run("reproduce", "bomb.zip", capsys=capsys)
    assert code == REFUSED and "Expected a manifest of at most" in lines[0]
    # A header that announces more numbers than there are takes no memory.
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f4", "fortran_order": False, "shape": (10**6,) * 3}
    )
    assert reproducing.box.array_of(header.getvalue()) is None
    assert reproducing.box.array_of(b"\x93NUMPY\x01\x00\x08\x00(1,2)(3)") is None
    with zipfile.ZipFile("many.zip", "w") as file:
        for i in range(20):
            file.writestr(f"{i}", b"")
    monkeypatch.setattr(reproducing.box, "MOST_MEMBERS", 10)
    assert "at most 10 files" in run("reproduce", "many.zip", capsys=capsys)[1][0]


def test_a_zip_that_is_damaged_or_another_one_is_refused(here, capsys):
    with zipfile.ZipFile("other.zip", "w") as file:
        file.writestr("a.txt", "b")
    assert "There is no manifest.json in" in run("reproduce", "other.zip", capsys=capsys)[1][0]
    assert "There is no file" in run("reproduce", "missing.json", capsys=capsys)[1][0]
    assert (
        "no folder 'nowhere'"
        in run("reproduce", str(made(*HEATMAPS, capsys=capsys)), "--images", "nowhere", capsys=capsys)[1][0]
    )


def test_an_exported_report_is_reproduced_from_its_zip(here, capsys):
    from explain import report

    model, images = explain.load("small.keras", scaling="0..1"), networks.pictures(2, size=24)
    heatmaps = [explain.heatmap(model, image, fresh=True) for image in images]
    view = report.view_of_heatmaps(model, images, heatmaps)
    Path("report.zip").write_bytes(report.archive(report.Report("A report", (view,))))
    code, lines = run("reproduce", "report.zip", "--model", "small.keras", capsys=capsys)
    assert (code, lines[-1]) == (DONE, "2 of 2 items: the same bits."), lines
