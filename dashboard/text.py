"""How the dashboard speaks: `say("heatmaps.title")`, with the sentences of `sentences.py`.

Names of files, classes and layers come from strangers. `clean` makes what is invisible in them
visible, everywhere; `plain` makes Markdown and HTML inert as well; `slug` makes a file name.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Hashable, Mapping
from typing import Any

from dashboard.sentences import ENGLISH

LONGEST = 80  # letters of a name
_JOINERS = "\u200c\u200d\u2060"  # scripts, emoji and `plain` need them, and they do no harm
_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # control, format (bidi among them), surrogates, line ends


def say(key: str, **values: Any) -> str:
    """The sentence of that key, with values put in, texts among them cleaned. KeyError for an unknown key."""
    return ENGLISH[key].format(**{k: visible(v) if isinstance(v, str) else v for k, v in values.items()})


def visible(text: str) -> str:
    """On one line, and what cannot be seen or turns the reading direction is a �."""
    line = " ".join(text.split())
    if line.isascii() and line.isprintable():
        return line
    return "".join("�" if unicodedata.category(c) in _HIDDEN and c not in _JOINERS else c for c in line)


def clean(text: object, longest: int = LONGEST) -> str:
    """A stranger's name as it may be shown: visible, on one line, shortened in its middle, never empty."""
    line = visible(str(text)) or say("nameless")
    if len(line) <= longest:
        return line
    return f"{line[: longest * 2 // 3]}…{line[-(longest // 3 - 1) :]}"


def told(names: Mapping[Hashable, object], longest: int = LONGEST) -> dict[Hashable, str]:
    """{key: name} with every name clean, and still told apart: "cat.jpg", "cat.jpg (2)"."""
    shown: dict[Hashable, str] = {}
    taken: set[str] = set()
    for key, name in names.items():
        first = title = clean(name, longest)
        n = 2
        while title in taken:
            title, n = f"{first} ({n})", n + 1
        shown[key] = title
        taken.add(title)
    return shown


_LIVE = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&])")
_MAGIC = re.compile(r"(?i)(?<=:)(?=[a-z/])|(?<=www)(?=\.)|(?<=@)")


def plain(text: object) -> str:
    """Text that Markdown and HTML show as it is, on one line.

    Escaped or not, bare addresses become links and `:material/home:` an icon: a joiner without width keeps
    them text.
    """
    return _LIVE.sub(r"\\\1", _MAGIC.sub("\u2060", visible(str(text))))


def for_chart(text: object, longest: int = LONGEST) -> str:
    """Text for Plotly, which reads tags and entities."""
    return html.escape(clean(text, longest), quote=False)


_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)")  # no file of Windows may be called so


def slug(*parts: object) -> str:
    """A safe file name from any texts: letters, digits, dots and dashes only."""
    joined = "-".join(str(p) for p in parts)
    words = re.sub(r"[^A-Za-z0-9.]+", "-", joined)
    name = re.sub(r"[-.]*\.[-.]*\.[-.]*", "-", words).strip("-.")[:120].rstrip("-.") or "layerscope"
    return f"layerscope-{name}" if _RESERVED.match(name) else name
