"""The contract of the shelf: what every method must do, whoever wrote it and whatever it is called."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys

import numpy as np
import pytest
from networks import (
    close, fingerprint, nested, perceptron, pictures, plain, skipping, subclassed, two_outputs,
)  # fmt: skip
from recipes_layers import vit

import explain
from explain import methods
from explain.errors import LayerError, MethodError, OptionError
from explain.probe.probing import Probe

EVERY = [(folder, name) for folder in methods.FOLDERS for name in methods.shelf(folder)]
heatmap_methods = pytest.mark.parametrize("name", methods.shelf("heatmaps"))
SHELF = methods.shelf("heatmaps")
layered_methods = pytest.mark.parametrize("name", [n for n, m in SHELF.items() if m.layered])
pixel_methods = pytest.mark.parametrize("name", [n for n, m in SHELF.items() if not m.layered])
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
        if isinstance(knob.default, str):
            assert len(knob.choices) > 1, f"'{knob.name}' needs its choices, such as [black | grey]"
            wrong = f"one of {knob.choices[0]}.* for '{knob.name}', received 'blak'"
            with pytest.raises(OptionError, match=wrong):
                method.options({knob.name: "blak"})
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
        'raise SystemExit\ndef trial(probe, *, depth: int = 3, sharp: bool = False, fill: str = "a"):\n'
        '    """Trial\n\n    First line\n    goes on.\n\n'
        '    depth: how deep [1..9]\n    sharp: no range\n    fill: with [a | b]\n\n'
        '    Looks at: the pixels,\n    whatever the class\n\n'
        '    Source: A book,\n    page 3.\n    """\n'
    )
    read = methods._read(tmp_path / "trial.py", "heatmaps")
    assert (read.title, read.help, read.source) == ("Trial", "First line goes on.", "A book, page 3.")
    depth, sharp = methods.Knob("depth", 3, "how deep", 1, 9), methods.Knob("sharp", False, "no range")
    assert read.knobs == (depth, sharp, methods.Knob("fill", "a", "with", choices=("a", "b")))
    assert not read.layered and not read.class_specific
    for wrong in ({"depth": 1.5}, {"depth": 0}, {"sharp": "no"}, {"fill": "c"}, {"fill": ["a"]}):
        with pytest.raises(OptionError):
            read.options(wrong)


# Heatmaps ---------------------------------------------------------------------------------------------


def at(name: str, layer: str) -> dict[str, str]:
    """The layer, for a method that takes one."""
    return {"layer": layer} if methods.method("heatmaps", name).layered else {}


def test_both_kinds_are_there():
    kinds = {(m.layered, m.class_specific) for m in methods.shelf("heatmaps").values()}
    assert kinds >= {(True, True), (True, False), (False, True)}


@heatmap_methods
def test_no_knob_is_called_like_an_argument_of_the_jobs(name):
    knobs = {knob.name: knob for knob in methods.method("heatmaps", name).knobs}
    for job in (explain.heatmap, explain.heatmaps, explain.workers.heatmaps):
        assert not set(knobs) & set(inspect.signature(job).parameters)
    assert isinstance(knobs["signed"].default, bool)


@heatmap_methods
def test_shape_and_numbers(model, name):
    images, method = pictures(3), methods.method("heatmaps", name)
    for layer in ("body/conv", "body/last"):
        for one in explain.heatmaps(model, images, name, **at(name, layer)):
            shape = model.network.layer(layer).shape if method.layered else model.input_shape
            assert one.values.shape == shape[:2] and one.layer == (layer if method.layered else "")
            assert one.values.dtype == np.float32 and np.isfinite(one.values).all()
            assert one.method == name and one.model == model.key and one.options == method.options({})
            assert one.note or one.values.min() < one.values.max()               # no blank without a sentence
            assert one.signed == one.options["signed"] and (one.signed or one.values.min() >= 0)
            assert all(isinstance(fact, float) and np.isfinite(fact) for fact in one.facts.values())


@heatmap_methods
def test_same_twice(model, name):
    images = pictures(2)
    found = []
    for _ in range(2):
        model.network.store.clear()
        found.append([h.values.tobytes() for h in explain.heatmaps(model, images, name, class_index=1)])
    assert found[0] == found[1]


@heatmap_methods
def test_fresh_gives_the_same_bits_whatever_is_remembered(model, name, monkeypatch):
    images = pictures(3)
    model.network.store.clear()
    first = explain.heatmaps(model, images, name, class_index=1, fresh=True)
    assert len(model.network.store) == 0, "fresh remembers nothing"
    for image in images:                          # remembered from batches of one, and for another class
        explain.activations(model, image)
        explain.heatmap(model, image, class_index=2)
        explain.heatmap(model, image, name, class_index=1)
    monkeypatch.setattr(model.network.store, "get", lambda address: pytest.fail("read what was remembered"))
    again = explain.heatmaps(model, images, name, class_index=1, fresh=True)
    for one, other in zip(first, again, strict=True):
        assert one.values.tobytes() == other.values.tobytes()
        assert (one.score, one.probability, one.facts) == (other.score, other.probability, other.facts)


@heatmap_methods
def test_a_batch_is_its_pictures_one_by_one(model, name):
    images = pictures(8)
    model.network.store.clear()
    together = explain.heatmaps(model, images, name, class_index=1)
    model.network.store.clear()
    for image, one in zip(images, together, strict=True):
        alone = explain.heatmap(model, image, name, class_index=1)
        assert close(one.values, alone.values, 1e-5)
        assert one.facts == pytest.approx(alone.facts, abs=1e-5)


@heatmap_methods
def test_the_class_makes_a_difference_or_none(name):
    model, (image,) = explain.wrap(skipping(), "0..1"), pictures(1)
    found = [explain.heatmap(model, image, name, class_index=k, **at(name, "conv")).values for k in range(3)]
    same = np.array_equal(found[0], found[1]) and np.array_equal(found[1], found[2])
    assert same != methods.method("heatmaps", name).class_specific


@heatmap_methods
def test_signed_keeps_what_is_below_zero(model, name):
    for image in pictures(4):
        signed, plain = (
            explain.heatmap(model, image, name, class_index=0, signed=each).values for each in (True, False)
        )
        assert close(plain, np.maximum(signed, 0), 1e-6) or close(plain, np.abs(signed), 1e-6)


@heatmap_methods
def test_every_knob_works_at_its_ends_and_choices(model, name):
    for knob in methods.method("heatmaps", name).knobs:
        ends = knob.choices or ([False, True] if knob.low is None else [knob.low, knob.high])
        for value in ends:
            seen = explain.heatmap(model, pictures(1)[0], name, **{knob.name: value})
            assert np.isfinite(seen.values).all() and seen.options[knob.name] == value, knob.name


@heatmap_methods
def test_network_and_probe_are_left_as_they_were(keras_model, model, name):
    images, before = pictures(2), fingerprint(keras_model)
    pixels = np.stack([i.pixels for i in images])
    probe = Probe(model.network, pixels, [i.key for i in images], "body/last", [0, 1])
    saw = [probe.maps.copy(), probe.slopes.copy(), pixels.copy(), probe.input_slopes.copy()]
    values = methods.method("heatmaps", name).function(probe)
    values = values[0] if isinstance(values, tuple) else values
    assert values.shape == (2, *(saw[0] if methods.method("heatmaps", name).layered else pixels).shape[1:3])
    assert values.dtype == np.float32
    for now, then in zip([probe.maps, probe.slopes, probe.pixels, probe.input_slopes], saw, strict=True):
        assert np.array_equal(now, then)
    assert fingerprint(keras_model) == before


@heatmap_methods
def test_a_subclassed_network_is_no_obstacle(name):
    model = explain.wrap(subclassed(), "0..1")
    assert explain.heatmap(model, pictures(1)[0], name, **at(name, "one/conv")).values.shape == (12, 12)


@heatmap_methods
def test_each_of_two_outputs(name):
    model, images = explain.wrap(two_outputs(), "0..1"), pictures(2)
    kind, side = (
        explain.heatmaps(model, images, name, output=each, class_index=1) for each in ("kind", "side")
    )
    for one, other in zip(kind, side, strict=True):
        assert one.score != other.score and all(each.note or each.values.any() for each in (one, other))
        assert not np.array_equal(one.values, other.values)


@heatmap_methods
def test_tokens_as_a_grid(name):
    model = explain.wrap(vit(), "0..1")
    seen = explain.heatmaps(model, pictures(2, size=model.input_shape[0]), name, class_index=1)
    layer = model.network.layer(None)
    for one in seen:
        shape = layer.map_shape if methods.method("heatmaps", name).layered else model.input_shape
        assert one.values.shape == shape[:2] and (one.note or np.ptp(one.values) > 0)


@heatmap_methods
def test_blank_and_broken_maps_carry_a_note(name):
    for value in (0.0, np.nan):
        network = plain()
        network.get_layer("head").set_weights([np.full((6, 3), value, np.float32), np.zeros(3, np.float32)])
        seen = explain.heatmap(explain.wrap(network, "0..1"), pictures(1)[0], name, class_index=0)
        assert np.isfinite(seen.values).all()
        assert bool(seen.note) == methods.method("heatmaps", name).class_specific  # the layer itself is well


@heatmap_methods
def test_a_layer_that_is_silent_or_not_finite(name):
    for value, bias in ((0.0, -1.0), (np.nan, 0.0)):
        network = plain()
        for layer in ("first", "second"):
            kernel, old = network.get_layer(layer).get_weights()
            network.get_layer(layer).set_weights([np.full_like(kernel, value), np.full_like(old, bias)])
        seen = explain.heatmap(explain.wrap(network, "0..1"), pictures(1)[0], name, class_index=0)
        assert np.isfinite(seen.values).all() and not seen.values.any() and seen.note


@layered_methods
def test_misspelt_layer(model, name):
    with pytest.raises(LayerError, match="Did you mean 'body/last'"):
        explain.heatmap(model, pictures(1)[0], name, layer="body/lost")


@pixel_methods
def test_what_looks_at_pixels_takes_no_layer_and_needs_none(model, name):
    (image,) = pictures(1)
    with pytest.raises(OptionError, match="looks at the pixels: expected no layer .*received 'body/last'"):
        explain.heatmap(model, image, name, layer="body/last")
    without = explain.wrap(perceptron(), "0..1")
    assert without.default_layer is None
    seen = explain.heatmap(without, image, name)
    assert seen.values.shape == (12, 12) and np.ptp(seen.values) > 0 and seen.layer == seen.note == ""
    (best,) = explain.predict(without, image, top=1)
    assert (seen.class_index, seen.score) == (best.class_index, best.score)


@pixel_methods
def test_what_looks_at_pixels_computes_no_layer(model, name, monkeypatch):
    for each in ("look", "head", "tap"):
        monkeypatch.setattr(model.network, each, lambda *asked: pytest.fail("a layer was computed"))
    assert explain.heatmap(model, pictures(1)[0], name).values.any()


@layered_methods
def test_what_looks_at_a_layer_costs_one_pass_for_all(model, name, monkeypatch):
    """After one method of a picture, a layer and a class, every other finds everything in the store."""
    (image,) = pictures(1, seed=7)
    model.network.store.clear()
    expected = explain.heatmap(model, image, name, class_index=1, fresh=True).values
    explain.heatmap(model, image, class_index=1)
    for each in ("look", "head", "tap", "slopes"):
        monkeypatch.setattr(model.network, each, lambda *asked: pytest.fail("computed again"))
    assert close(explain.heatmap(model, image, name, class_index=1).values, expected, 1e-6)


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
