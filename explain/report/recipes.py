"""The manifest of what is exported: from the recipes of panels to one document."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from explain import provenance
from explain.report.nouns import View
from explain.report.words import say

COMMAND = "python -m explain reproduce FILE --model MODEL --images FOLDER"


def recipes_of(views: Iterable[View]) -> list[dict[str, Any]]:
    """The recipes of all panels, in their order, those that are the same once."""
    every = (panel.recipe for view in views for panel in view.panels if panel.recipe)
    return list({provenance.line(recipe): recipe for recipe in every}.values())


def manifest_of(views: Iterable[View], **more: Any) -> bytes:
    """The manifest as JSON, UTF-8; b"" where no panel has a recipe."""
    return written(recipes_of(views), **more)


def written(recipes: Sequence[dict[str, Any]], **more: Any) -> bytes:
    """The manifest of these recipes as JSON, UTF-8; b"" for none."""
    return provenance.dumps(provenance.manifest(recipes, **more)) if recipes else b""


def in_ascii(manifest: bytes) -> str:
    """The same JSON in one line and in ASCII, to stand inside another document; "" for none."""
    return json.dumps(json.loads(manifest)) if manifest else ""


def software(manifest: bytes) -> str:
    """What a manifest says about versions and device, in a sentence."""
    document = json.loads(manifest)
    versions = ", ".join(f"{name} {version}" for name, version in document.get("versions", {}).items())
    device = document.get("device") or (document.get("processor") or {}).get("name", "")
    return say("report.software", versions=versions, device=device)
