"""Classes of the operator's own: their names are read, and they alone are allowed."""

from __future__ import annotations

import os

import pytest
from checked import changed, healthy, with_extra

from explain.errors import CustomClass, OptionError, UnsafeLayer
from explain.inspecting.configs import check
from explain.inspecting.customs import Customs, operator_files, read_customs
from explain.repairing import repair


@pytest.fixture(scope="module")
def base():
    return healthy()


SOURCE = """
import keras
from keras.saving import register_keras_serializable

@keras.saving.register_keras_serializable(package="my")
class Unit(keras.layers.Layer):
    class Inner: ...

@register_keras_serializable("pack", name="other")
class Named(Unit): ...

@keras.utils.register_keras_serializable()
def wave(x): return x

class Lambda(keras.layers.Layer): ...
def function(x): return x
raise SystemExit("this file is read, not run")
"""


def test_names_are_read_and_nothing_is_run(tmp_path, monkeypatch):
    file = tmp_path / "layers.py"
    file.write_text(SOURCE)
    customs = read_customs([str(file)])
    assert customs.files == (str(file),)
    assert customs.classes == {"Unit", "my>Unit", "Named", "pack>other"}
    assert customs.functions == {"wave", "Custom>wave"}
    monkeypatch.setenv("EXPLAIN_CUSTOM_OBJECTS", os.pathsep.join([str(file), "b.py"]))
    assert operator_files() == (str(file), "b.py") and operator_files("a.py") == ("a.py",)


def test_files_that_are_none(tmp_path):
    (tmp_path / "bad.py").write_text("class:")
    for name in ("bad.py", "missing.py", "."):
        with pytest.raises(OptionError, match="custom objects"):
            read_customs([str(tmp_path / name)])


def test_registered_classes_and_functions_are_allowed(base):
    customs = Customs((), frozenset({"Unit", "my>Unit"}), frozenset({"wave"}))
    own = {"module": "layers", "class_name": "function", "config": "wave", "registered_name": "wave"}
    check(
        with_extra(base, "Unit", "layers", "my>Unit", depth=9, words="anything", activation="unheard"),
        base[1],
        customs,
    )
    check(changed(base, "conv", activation=own), base[1], customs)
    check(changed(base, "conv", activation="wave"), base[1], customs)
    for bad in (with_extra(base, "Unit", "layers", "my>Unit", inner={"class_name": "Lambda", "config": {}}),
                changed(base, "conv", kernel_initializer=own),
                changed(base, "conv", activation=own | {"config": "eval"})):  # fmt: skip
        with pytest.raises(UnsafeLayer):
            check(bad, base[1], customs)
    with pytest.raises(CustomClass):
        check(with_extra(base, "Unit", "os; import x", "my>Unit"), base[1], customs)


def test_a_model_of_the_operators_keeps_the_shapes_it_was_built_with():
    config = {"module": "layers", "class_name": "Net", "config": {"name": "net"}, "registered_name": "my>Net",
              "build_config": {"input_shape": [None, 8, 8, 3]}}  # fmt: skip
    repaired, _ = repair(config, "3.15", "keras")
    assert repaired["build_config"] == config["build_config"]
    check(repaired, [(3, 3)], Customs((), frozenset({"my>Net"}), frozenset()))
    hostile = config | {"build_config": {"input_shape": {"class_name": "Lambda"}}}
    assert "build_config" not in repair(hostile, "3.15", "keras")[0]
