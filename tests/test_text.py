"""The sentences of the dashboard: none missing, none unused, and strangers' names are inert in them."""

from __future__ import annotations

import ast
import re
import string
import unicodedata

import pytest
from pages import ROOT

from dashboard.components.words import OVERLAY, WALL
from dashboard.sentences import ENGLISH
from dashboard.text import plain, say, slug

FILES = sorted((ROOT / "dashboard").rglob("*.py"))
SOURCES = {path: ast.parse(path.read_text("utf-8")) for path in FILES}
TABLES = {id(node) for path in SOURCES if path.name.startswith("sentences") for node in ast.walk(SOURCES[path])}

JOINER = "\u2060"


def gaps(sentence: str) -> set[str]:
    """The names of the values that a sentence needs."""
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def pattern(node: ast.AST) -> str | None:
    """A regular expression for the keys that this string, or f-string, can be."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.escape(node.value)
    if isinstance(node, ast.JoinedStr):
        parts = (re.escape(p.value) if isinstance(p, ast.Constant) else r"\w+" for p in node.values)
        return "".join(parts)
    return None


def calls():
    """(where, keys, keywords) of every call of `say`; keywords None where some are handed on by **."""
    for path, tree in SOURCES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "say":
                first = node.args[0]
                for choice in (first.body, first.orelse) if isinstance(first, ast.IfExp) else (first,):
                    if (wanted := pattern(choice)) is not None:
                        names = {k.arg for k in node.keywords}
                        keys = [key for key in ENGLISH if re.fullmatch(wanted, key)]
                        yield f"{path.name}:{node.lineno}", keys, None if None in names else names


def test_every_sentence_that_is_said_is_there_with_the_values_it_needs():
    found = list(calls())
    assert len(found) > 100
    for where, keys, names in found:
        assert keys, f"{where} says what is not in ENGLISH"
        for key in keys:
            assert names is None or names == gaps(ENGLISH[key]), (
                f"{where}: '{key}' needs {gaps(ENGLISH[key])}"
            )


def test_no_sentence_is_unused():
    said = {key for _, keys, _ in calls() for key in keys}
    named = {
        node.value
        for tree in SOURCES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and id(node) not in TABLES
    }  # keys handed on, to save_buttons
    assert not sorted(set(ENGLISH) - said - named)


@pytest.mark.parametrize("words", [ENGLISH, WALL, OVERLAY], ids=["ENGLISH", "WALL", "OVERLAY"])
def test_sentences_are_tidy(words):
    for key, sentence in words.items():
        assert sentence == sentence.strip() and "  " not in sentence and sentence, key
        assert '"' not in sentence and "..." not in sentence, f"{key}: “ ” and …, please"


def test_an_unknown_key_and_a_missing_value_are_errors():
    with pytest.raises(KeyError):
        say("start.nonsense")
    with pytest.raises(KeyError):
        say("alt.photo")
    assert say("alt.photo", name="{x} %s") == "The photo {x} %s"  # values are not filled in again


@pytest.mark.parametrize(
    "text, inert",
    [
        ("cat.jpg", r"cat\.jpg"),
        ("![x](http://example.org/x.png)", r"\!\[x\]\(http\://example\.org/x\.png\)"),
        ("<img src=x>", r"\<img src=x\>"),
        ("**b** _i_ ~s~ `c` $x$ :red[y] :smile:", r"\*\*b\*\* \_i\_ \~s\~ \`c\` \$x\$ \:red\[y\] \:smile\:"),
        ("# one\n- two\n\n    three", r"\# one \- two three"),
        ("a\\*b", r"a\\\*b"),
        ("www.example.org &lt; a|b {x}", r"www\.example\.org \&lt; a\|b \{x\}"),
        (None, "None"),
    ],
)
def test_plain_makes_markdown_inert(text, inert):
    assert plain(text).replace(JOINER, "") == inert
    assert not re.search(r"://|www\\?\.|@(?=\w)", plain(text))  # or Markdown makes a link of it


def test_plain_loses_nothing():
    every = "".join(map(chr, range(33, 0x250)))
    every = "".join(every.split())  # the other spaces are one space
    every = "".join(c for c in every if unicodedata.category(c) not in ("Cc", "Cf"))
    assert re.sub(r"\\(.)", r"\1", plain(every)).replace(JOINER, "") == every
    loose = re.sub(r"\\.", "", plain(string.punctuation)).replace(JOINER, "")
    assert set(loose) <= set("\"%',/;=?@^")  # these mean nothing to Markdown


@pytest.mark.parametrize(
    "parts, name",
    [
        (("A raccoon", "tabby", "block4a/conv#2", "gradcam"), "A-raccoon-tabby-block4a-conv-2-gradcam"),
        (("../../etc/passwd",), "etc-passwd"),
        (("..", "C:\\x\\.bat"), "C-x-.bat"),
        (("고양이", "🐈"), "layerscope"),
        (("", 3), "3"),
        (("x" * 500,), "x" * 120),
    ],
)
def test_slugs_are_safe_file_names(parts, name):
    assert slug(*parts) == name
