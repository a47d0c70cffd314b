"""The contract of the shelf: what every method must do, whoever wrote it and whatever it is called."""

from __future__ import annotations

import ast
import subprocess
import sys

import numpy as np
import pytest
from networks import close, fingerprint, nested, pictures, plain, skipping, subclassed

import explain
from explain import methods
from explain.errors import LayerError, MethodError, OptionError
from explain.probe.probing import Probe

EVERY = [(folder, name) for folder in methods.FOLDERS for name in methods.shelf(folder)]
heatmap_methods = pytest.mark.parametrize("name", methods.shelf("heatmaps"))
pattern_methods = pytest.mark.parametrize("name", methods.shelf("patterns"))


@pytest.fixture(scope="module")
def keras_model():
    return nested()


@pytest.fixture(scope="module")
def model(keras_model):
    return explain.wrap(keras_model, "0..1")


# Every method ---------------------------------------------------------------------------------------


def test_there_is_something_on_the_shelf():
    assert methods.shelf("heatmaps") and methods.shelf("patterns")
    with pytest.raises(MethodError, match="heatmaps, patterns, trust"):
        methods.shelf("heatmap")
    with pytest.raises(MethodError, match="There is no method 'gradcamm'.*Did you mean"):
        methods.method("heatmaps", "gradcamm")


@pytest.mark.parametrize(("folder", "name"), EVERY)
def test_a_method_says_what_it_is(folder, name):
    method = methods.method(folder, name)
    assert method.title and not method.title.endswith(".") and len(method.title) < 40
    assert len(method.help) > 40 and len(method.source) > 40, "what it does, and whose idea it was"
    assert method.function.__name__ == name
    for knob in method.knobs:
        assert knob.help, f"'{knob.name}' needs a line in the docstring"
        assert knob.check(knob.default) == knob.default
        if isinstance(knob.default, (int, float)) and not isinstance(knob.default, bool):
            assert knob.low is not None, f"'{knob.name}' needs a range, such as [0..1]"
            for outside in (knob.low - 1, knob.high + 1, "many", float("nan"), float("inf")):
                with pytest.raises(OptionError, match=f"'{knob.name}'"):
                    method.options({knob.name: outside})
            for allowed in (knob.low, knob.high):
                assert method.options({knob.name: allowed})[knob.name] == allowed
    with pytest.raises(OptionError, match="has no option 'unheard_of'"):
        method.options({"unheard_of": 1})


def test_the_shelf_costs_no_tensorflow():
    said = subprocess.run(
        [sys.executable, "-c", "import sys, explain.methods as m; print(*map(m.shelf, m.FOLDERS)); "
         "print('tensorflow' in sys.modules)"],
        capture_output=True, text=True, check=True, cwd=methods.Path(methods.__file__).parents[2],
    )  # fmt: skip
    assert said.stdout.splitlines()[-1] == "False"


def test_a_file_is_read_without_being_run(tmp_path):
    (tmp_path / "trial.py").write_text(
        'raise SystemExit\ndef trial(probe, *, depth: int = 3, sharp: bool = False):\n'
        '    """Trial\n\n    First line\n    goes on.\n\n    depth: how deep [1..9]\n    sharp: no range\n\n'
        '    Source: A book,\n    page 3.\n    """\n'
    )
    read = methods._read(tmp_path / "trial.py", "heatmaps")
    assert (read.title, read.help, read.source) == ("Trial", "First line goes on.", "A book, page 3.")
    depth, sharp = methods.Knob("depth", 3, "how deep", 1, 9), methods.Knob("sharp", False, "no range")
    assert read.knobs == (depth, sharp)
    for wrong in ({"depth": 1.5}, {"depth": 0}, {"sharp": "no"}):
        with pytest.raises(OptionError):
            read.options(wrong)


# Heatmaps ---------------------------------------------------------------------------------------------


@heatmap_methods
def test_shape_and_numbers(model, name):
    images = pictures(3)
    for layer in ("body/conv", "body/last"):
        for one in explain.heatmaps(model, images, name, layer=layer):
            assert one.values.shape == model.network.layer(layer).shape[:2]
            assert one.values.dtype == np.float32 and np.isfinite(one.values).all()
            assert one.method == name and one.model == model.key and one.layer == layer
            assert one.options == methods.method("heatmaps", name).options({})
            assert one.note or one.values.min() < one.values.max()               # no blank without a sentence


@heatmap_methods
def test_same_twice(model, name):
    images = pictures(2)
    found = []
    for _ in range(2):
        model.network.store.clear()
        found.append([h.values.tobytes() for h in explain.heatmaps(model, images, name, class_index=1)])
    assert found[0] == found[1]


@heatmap_methods
def test_a_batch_is_its_pictures_one_by_one(model, name):
    images = pictures(8)
    model.network.store.clear()
    together = explain.heatmaps(model, images, name, class_index=1)
    model.network.store.clear()
    for image, one in zip(images, together, strict=True):
        assert close(one.values, explain.heatmap(model, image, name, class_index=1).values, 1e-5)


@heatmap_methods
def test_the_class_makes_a_difference(name):
    model, (image,) = explain.wrap(skipping(), "0..1"), pictures(1)
    found = [explain.heatmap(model, image, name, layer="conv", class_index=k).values for k in range(3)]
    assert not np.array_equal(found[0], found[1]) or not np.array_equal(found[1], found[2])


@heatmap_methods
def test_network_and_probe_are_left_as_they_were(keras_model, model, name):
    images, before = pictures(2), fingerprint(keras_model)
    pixels = np.stack([i.pixels for i in images])
    probe = Probe(model.network, pixels, [i.key for i in images], "body/last", [0, 1])
    saw = [probe.maps.copy(), probe.slopes.copy(), pixels.copy()]
    values = methods.method("heatmaps", name).function(probe)
    assert values.shape == probe.maps.shape[:3]                                               # (b, h, w)
    for now, then in zip([probe.maps, probe.slopes, probe.pixels], saw, strict=True):
        assert np.array_equal(now, then)
    assert fingerprint(keras_model) == before


@heatmap_methods
def test_a_subclassed_network_is_no_obstacle(name):
    model = explain.wrap(subclassed(), "0..1")
    assert explain.heatmap(model, pictures(1)[0], name, layer="one/conv").values.shape == (12, 12)


@heatmap_methods
def test_blank_and_broken_maps_carry_a_note(name):
    for value in (0.0, np.nan):
        network = plain()
        network.get_layer("head").set_weights([np.full((6, 3), value, np.float32), np.zeros(3, np.float32)])
        seen = explain.heatmap(explain.wrap(network, "0..1"), pictures(1)[0], name, class_index=0)
        assert np.isfinite(seen.values).all() and seen.note


@heatmap_methods
def test_misspelt_layer(model, name):
    with pytest.raises(LayerError, match="Did you mean 'body/last'"):
        explain.heatmap(model, pictures(1)[0], name, layer="body/lost")


# Patterns ---------------------------------------------------------------------------------------------


@pattern_methods
def test_three_steps_uphill_raise_the_score(default_model, name):
    for layer in ("stem_activation", "block3a_project_bn", "block5a_project_bn"):
        found = explain.patterns(default_model, layer, range(6), steps=4, size=64, method=name)
        gains = [p.scores[-1] - p.scores[0] for p in found]
        assert sum(gain > 0 for gain in gains) >= 5, (layer, gains)


@pattern_methods
def test_pictures_are_pictures(model, name):
    (pattern,) = explain.patterns(model, "body/last", [2], steps=3, size=40, method=name)
    assert pattern.pixels.shape == (40, 40, 3) and pattern.pixels.dtype == np.float32
    assert pattern.pixels.min() >= 0 and pattern.pixels.max() <= 1 and np.ptp(pattern.pixels) > 0.05
    assert pattern.scores.shape == (3,) and pattern.scores.dtype == np.float32
    assert (pattern.layer, pattern.channel, pattern.method) == ("body/last", 2, name)


@pattern_methods
def test_same_seed_same_picture(model, name):
    def made(seed):
        return explain.patterns(model, "body/last", [1], steps=3, size=32, seed=seed, method=name)[0].pixels

    assert np.array_equal(made(0), made(0)) and not close(made(0), made(1), 0.05)


@pattern_methods
@pytest.mark.parametrize("edge", ["low", "high"])
def test_every_knob_works_at_its_ends(model, name, edge):
    for knob in methods.method("patterns", name).knobs:
        value = getattr(knob, edge)
        if knob.name == "size" and edge == "high":
            continue                                                     # works, but takes its time
        asked = {"size": 32, knob.name: value}
        (pattern,) = explain.patterns(model, "body/conv", [0], 2, method=name, **asked)
        assert np.isfinite(pattern.pixels).all() and np.isfinite(pattern.scores).all(), knob.name


@pattern_methods
def test_the_network_is_left_as_it_was(name):
    network = nested()
    before = fingerprint(network)
    explain.patterns(explain.wrap(network, "0..1"), "body/last", [0], steps=2, size=32, method=name)
    assert fingerprint(network) == before


def test_no_method_imports_another():
    for folder in methods.FOLDERS:
        for file in (methods.Path(methods.__file__).parent / folder).glob("*.py"):
            tree = ast.parse(file.read_text(encoding="utf-8"))
            modules = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
            assert not [m for m in modules if m.startswith(f"explain.methods.{folder}")], file.name
