"""Rows → one page to look through them: filters, pages, pictures loaded as they come into view.

The page lies beside its pictures and asks for nothing else: it opens from a disk, without a server. Names of
files and classes are data in it, never markup.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

from explain.folders.tables import NAMES
from explain.provenance import plain

HERE = Path(__file__).parent


def write(file: IO[bytes], about: dict[str, Any], rows: Iterable[dict[str, Any]]) -> None:
    """The page into an open file; about: "model" and "method", by name."""
    script, style = (HERE / name for name in ("gallery.js", "gallery.css"))
    script, style = script.read_text("utf-8"), style.read_text("utf-8")
    policy = (
        f"default-src 'none'; img-src 'self' file:; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    head, foot = _frame(policy, style, script)
    file.write(head.encode())
    file.write(b'<script type="application/json" id="data">{"about": ' + _data(about) + b', "rows": [\n')
    for number, row in enumerate(rows):
        file.write((b",\n" if number else b"") + _data(_told(row)))
    file.write(b"\n]}</script>\n")
    file.write(foot.encode())


def _told(row: dict[str, Any]) -> list[Any]:
    """[picture, overlay, class, label, score, probability, notices, note], or [path, reason] of a skipped one."""
    if "skip" in row:
        return [row["skip"]["path"], row["skip"]["reason"]]
    item = row["item"]
    overlay = item["files"].get("overlay", {}).get("name", "")
    return [
        item["image"]["path"], overlay, item["class_index"], item["label"], item["score"], item["probability"],
        item["notices"], item["note"],
    ]  # fmt: skip


def _data(value: Any) -> bytes:
    """JSON that cannot end the element it stands in."""
    text = json.dumps(plain(value), ensure_ascii=True, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026").encode("ascii")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _frame(policy: str, style: str, script: str) -> tuple[str, str]:
    head = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="referrer" content="no-referrer">
<title>Heatmaps</title>
<style>{style}</style>
</head>
<body>
<header>
<h1>Heatmaps</h1>
<p id="about"></p>
<form id="filters" role="search" aria-label="Filters">
<label>Search <input id="text" type="search" placeholder="picture, class or note" autocomplete="off"></label>
<label>Class <select id="class"><option value="">all</option></select></label>
<label>Notice <select id="notice"><option value="">all</option><option value="-">without any</option></select></label>
<label>Score from <input id="low" type="number" step="any"></label>
<label>to <input id="high" type="number" step="any"></label>
<label>Sort <select id="sort">
<option value="">as in the folder</option>
<option value="score-">score, highest first</option>
<option value="score+">score, lowest first</option>
<option value="class">class</option>
</select></label>
<button type="reset">Clear</button>
</form>
</header>
<main>
<noscript><p>The filters need scripts. Every picture is listed in {NAMES["csv"]}, or {NAMES["parquet"]}, beside this
page.</p></noscript>
<p id="count" role="status"></p>
<ul id="cards"></ul>
<nav aria-label="Pages"><button id="before" type="button">Earlier</button> <span id="page"></span>
<button id="after" type="button">Later</button></nav>
<details id="skipped" hidden><summary></summary><ul></ul></details>
</main>
"""
    return head, f"<script>{script}</script>\n</body>\n</html>\n"
