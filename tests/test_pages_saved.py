"""What the pages save: every file says what makes its numbers again, and where they were computed."""

from __future__ import annotations

import io
import json
import time

import numpy as np
import pytest
from command_runs import opened  # noqa: F401
from pages import button, visit
from test_pages import finished

from dashboard import widgets
from explain import provenance, workers
from explain.commands import DONE, main
from explain.reproducing import open_box

CARRIERS = ("png", "svg", "pdf")


@pytest.fixture
def saved(monkeypatch):
    """{key of the buttons: {text key: (ending, what makes the bytes)}} of the last run of a page."""
    found: dict[str, dict] = {}
    draw = widgets.save_buttons

    def noted(files, key):
        found[key] = {text: (ending, make) for text, make, _, ending, _ in files}
        draw(files, key)

    monkeypatch.setattr(widgets, "save_buttons", noted)
    return found


def written(files: dict, folder) -> dict:
    """{text key: path} of the files as a browser saves them."""
    paths = {}
    for text, (ending, make) in files.items():
        paths[text] = folder / f"{text}.{ending}"
        paths[text].write_bytes(make())
    return paths


def manifest(path) -> dict:
    return json.loads(open_box(path).manifest())


def check(paths: dict, count: int, capsys) -> list[dict]:
    """Each picture gives the same bits, and says the worker's device. The items of the first."""
    (device,) = {row["device"] for row in workers.status()}
    carriers = [path for path in paths.values() if path.suffix[1:] in CARRIERS]
    for path in carriers:
        told = manifest(path)
        assert told["device"] == device != "" and len(told["items"]) == count
        assert main(["reproduce", str(path)]) == DONE, path
        said = capsys.readouterr().out
        assert f"{count} of {count} item" in said and "different here" not in said, said
    return manifest(carriers[0])["items"]


def test_files_of_a_channel_and_of_the_wall_carry_their_recipe(saved, opened, tmp_path, capsys):  # noqa: F811
    visit("maps", channel="9")
    (tmp_path / "channel").mkdir()
    paths = written(saved["maps_channel"], tmp_path / "channel")
    assert list(paths) == ["save.png", "save.svg", "save.pdf", "save.overlay", "save.numbers"]
    (item,) = check(paths, 1, capsys)
    numbers = np.load(paths["save.numbers"])
    assert item["channels"] == [9] and item["values"]["sha256"] == provenance.digest(numbers[..., None])
    paths = written(saved["maps_wall"], tmp_path)
    (item,) = check(paths, 1, capsys)
    assert item["channels"] is None and item["image"]["name"] == "Chelsea, a cat"
    assert item["values"]["sha256"] == provenance.digest(np.load(paths["save.layer_numbers"]))


def test_files_of_patterns_carry_their_recipes(saved, opened, tmp_path, capsys):  # noqa: F811
    at = visit("patterns", channels="2, 5-6", size="64", steps="2", seed=str(time.time_ns() % 2**31))
    button(at, "Make patterns").click().run()
    finished(at)
    at.session_state["pattern_wall"] = {"channel": 5}
    at.run()
    paths = written(saved["pattern_wall"], tmp_path)
    items = check(paths, 3, capsys)
    assert [item["channel"] for item in items] == [2, 5, 6]
    pixels = np.load(io.BytesIO(paths["save.numbers"].read_bytes()))
    assert [item["values"]["sha256"] for item in items] == [provenance.digest(one) for one in pixels]
    (tmp_path / "one").mkdir()
    paths = written(saved["pattern_one"], tmp_path / "one")
    assert list(paths) == ["save.png", "save.svg", "save.pdf", "save.pattern", "save.numbers"]
    (item,) = check(paths, 1, capsys)
    assert item["channel"] == 5 and item["values"]["sha256"] == provenance.digest(pixels[1])


def test_files_of_a_heatmap_say_where_they_were_computed(saved, opened, tmp_path, capsys):  # noqa: F811
    visit("heatmaps")
    (item,) = check(written(saved["heat"], tmp_path), 1, capsys)
    assert item["method"] == "gradcam"


def test_several_devices_are_all_said(default_model):
    """Two workers need not compute in the same place."""
    from dataclasses import replace

    def recipe(key: str, device: str) -> dict:
        model = provenance.model_of(replace(default_model, key=key, device=device))
        return {"job": "maps", "model": model}

    told = provenance.manifest([recipe("a", "GPU: one"), recipe("b", "CPU, 2 cores"), recipe("c", "GPU: one")])
    assert told["device"] == "GPU: one; CPU, 2 cores"
    assert provenance.manifest([recipe("a", "")], device="CPU, 3 cores")["device"] == "CPU, 3 cores"
