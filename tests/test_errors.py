"""The tree of errors: codes that stay, and near misses that help."""

from __future__ import annotations

import re
from pathlib import Path

from explain import errors
from explain.errors import ExplainError, near, tree
from explain.notes import CODES


def test_every_class_has_a_code_of_its_own():
    codes = [kind.code for kind in tree().values()]
    assert len(set(codes)) == len(codes) and all(re.fullmatch(r"E_[A-Z0-9_]+", code) for code in codes)


def test_the_drawing_is_the_tree():
    drawn = set(re.findall(r"[├└]── (\w+)|^ {4}(\w+Error)", errors.__doc__, re.M))
    assert {a or b for a, b in drawn} == set(tree())
    # Indentation says who is whose child.
    drawing = re.finditer(r"^ {4}([│├└─ ]*)(\w+) {2}", errors.__doc__, re.M)
    depth = {m[2]: len(m[1]) // 4 for m in drawing}
    for name, kind in tree().items():
        assert depth[name] == len(kind.__mro__) - ExplainError.__mro__.__len__(), name


def test_the_readme_lists_every_code_and_no_other():
    readme = Path(__file__).parents[1].joinpath("README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([EW]_[A-Z0-9_]+)` \| \S", readme, re.M)
    assert sorted(listed) == sorted([*(kind.code for kind in tree().values()), *CODES])


def test_an_error_is_its_sentence():
    assert str(errors.ClassError("There is no class 7.")) == "There is no class 7."
    assert tree()["WorkerDied"] is errors.WorkerDied and issubclass(errors.WorkerDied, errors.WorkerError)


def test_near_misses():
    known = ["block5_conv3", "block5_conv2", "block4_conv1", "Input", "tabby cat"]
    assert near("block5_conv4", known, most=2) == " Did you mean 'block5_conv3' or 'block5_conv2'?"
    assert near("BLOCK5_CONV3", known, most=1) == " Did you mean 'block5_conv3'?"
    assert near("input", known) == " Did you mean 'Input'?"
    assert near("tabby", known) == " Did you mean 'tabby cat'?"
    assert near("xyz", known) == "" and near("", known) == "" and near(7, known) == ""
    assert len(re.findall("'", near("block", known))) <= 6                     # three at most
