"""Pictures that commands write carry their own manifest: one of them is enough to make its numbers again."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import time
from pathlib import Path

import networks
import numpy as np
import pytest
from folder_runs import carried_out, files_of, fill, job_for, small_model, sources_in

from explain import provenance
from explain.commands import DONE, REFUSED, main
from explain.folders import work
from explain.reproducing import carriers

MAPS = ["activations", "small.keras", "photos/p00.png", "--layer", "second", "--layer", "first"]
PATTERNS = ["patterns", "small.keras", "--layer", "first", "--size", "32", "--steps", "2", "--seed", "5"]


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """Pictures, a network in a file, and what three commands made of them."""
    folder = tmp_path_factory.mktemp("template")
    fill(folder / "photos", 6)
    networks.plain().save(folder / "small.keras")
    with contextlib.chdir(folder):
        photos = str(folder / "photos")  # an absolute path, which is nobody else's business
        heatmaps = ["heatmaps", "small.keras", photos, "--batch", "4", "--class", "1"]
        for words, out in ((heatmaps, "heat"), (MAPS, "maps"), (PATTERNS, "patterns")):
            assert main([*words, "--quiet", "--out", out]) == DONE
    return folder


@pytest.fixture
def here(template, tmp_path, monkeypatch):
    """A place with the photos and the model, but nothing else of `template`."""
    shutil.copytree(template / "photos", tmp_path / "pictures")
    shutil.copy(template / "small.keras", tmp_path / "model.keras")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def carried(path: Path) -> dict:
    return json.loads(carriers.manifest_in(path, "PNG"))


@pytest.mark.parametrize(
    "name, count",
    [
        ("heat/p00.png", 1), ("heat/p05.png", 1), ("maps/second.png", 1), ("maps/first.png", 1),
        ("patterns/first-0002.png", 1), ("patterns/first-grid.png", 4),
    ],
)  # fmt: skip
def test_one_picture_alone_gives_the_same_bits(name, count, template, here, capsys):
    shutil.copy(template / name, "sent.png")
    code = main(["reproduce", "sent.png", "--images", "pictures", "--model", "model.keras", "--out", "again"])
    said = capsys.readouterr().out.splitlines()
    assert code == DONE and said[-1] == f"{count} of {count} item{'s' * (count > 1)}: the same bits."
    then = template / name.replace("-grid", "-0000").replace(".png", ".npy")  # a grid begins with the first
    np.testing.assert_array_equal(np.load(min(Path("again").glob("*.npy"))), np.load(then))


def test_where_the_photos_are_is_asked_and_not_told(template, here, capsys):
    """The picture says which photo by name and digest; where it lay stays in the folder's own manifest."""
    shutil.copy(template / "heat" / "p00.png", "sent.png")
    assert str(template) in (template / "heat" / "manifest.json").read_text(encoding="utf-8")
    for path in template.glob("*/*.png"):
        if path.parent.name != "photos":
            assert str(template) not in carriers.manifest_in(path, "PNG").decode()
    assert main(["reproduce", "sent.png", "--model", "model.keras"]) == REFUSED
    assert "give the folder it is in with --images" in capsys.readouterr().out


def test_it_tells_what_the_folder_s_manifest_tells(template):
    whole = json.loads((template / "heat" / "manifest.json").read_text(encoding="utf-8"))
    for item in whole["items"]:
        told = carried(template / "heat" / item["files"]["overlay"]["name"])
        for part in ("format", "versions", "device", "processor", "settings", "models"):
            assert told[part] == whole[part]
        del item["files"]["overlay"], item["image"]["path"]
        assert told["items"] == [item]


def test_it_is_the_same_wherever_a_batch_is_computed(tmp_path, monkeypatch):
    """A worker elsewhere writes what the driver was told, whatever its own settings are."""
    model, photos = small_model(), fill(tmp_path / "photos", 6)
    sources = sources_in(photos)
    carried_out(model, job_for(model, tmp_path / "one"), sources)
    job = job_for(model, tmp_path / "two")
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    carried_out(model, job, sources)
    one, two = files_of(tmp_path / "one"), files_of(tmp_path / "two")
    assert [two[name] for name in two if name.startswith("p")] == [one[name] for name in two if name.startswith("p")]


def test_it_costs_little(tmp_path):
    """Beside the forty milliseconds that a photo takes."""
    model, photos = small_model(), fill(tmp_path / "photos", 4)
    job, image = job_for(model, tmp_path), work.read(sources_in(photos)[0], model.input_shape)
    heatmap = work.compute(model, job, [image])[0]
    together = [image.small.key, *(hashlib.sha256(bytes([i])).hexdigest() for i in range(15))]
    recipe = provenance.heatmap_recipe(model, image.small, heatmap, None, together)
    took = []
    for _ in range(20):
        begun = time.perf_counter()
        work.with_text(b"\0" * 100_000, "manifest.json", provenance.enclosed([recipe], job.surroundings))
        took.append(time.perf_counter() - begun)
    assert min(took) < 0.001
