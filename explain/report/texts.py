"""Text of strangers, made harmless: for people, and for the languages that a report is written in."""

from __future__ import annotations

import html
import re
import unicodedata

LONGEST = 120  # letters of a name, such as a class or a layer
JOINERS = "\u200c\u200d"  # scripts and emoji need them, and they do no harm
HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # control, format (bidi among them), surrogates, …


def visible(text: object) -> str:
    """On one line, and what cannot be seen or turns the reading direction is a �."""
    line = " ".join(str(text).split())
    if line.isascii() and line.isprintable():
        return line
    return "".join("�" if unicodedata.category(c) in HIDDEN and c not in JOINERS else c for c in line)


def name(text: object, longest: int = LONGEST) -> str:
    """A name as it may be shown: visible, on one line, shortened in its middle."""
    line = visible(text)
    if len(line) <= longest:
        return line
    return f"{line[: longest * 2 // 3]}…{line[-(longest // 3 - 1) :]}"


def paragraphs(text: str, longest: int = 20_000) -> list[str]:
    """Lines of a person's text, each visible, empty ones at both ends left out, `longest` letters at most."""
    kept = text if len(text) <= longest else f"{text[:longest]}…"
    return [visible(line) for line in kept.strip().splitlines()]


def for_html(text: object) -> str:
    """Text for HTML, SVG and XML, between tags and in quoted attributes."""
    return html.escape(visible(text), quote=True)


_LATEX = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "−": r"\ensuremath{-}",
    "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}", '"': "''", "�": "?",
    **{c: f"\\{c}" for c in "&%$#_{}"},
}  # fmt: skip


def for_latex(text: object) -> str:
    """Text that LaTeX prints as it is; letters beyond ASCII are left, as UTF-8 engines read them.

    `--` and `---` are kept from becoming dashes, as layer names and options hold them.
    """
    escaped = "".join(_LATEX.get(c, c) for c in visible(text))
    return re.sub(r"(?<=-)(?=-)", "{}", escaped)


_MARKDOWN = re.compile(r"[\\`*_{}\[\]<>#|~$!&@^\"]|:(?=/)|(?<=www)\.|^[-+=]|^\d+(?=[.)])", re.IGNORECASE)


def for_markdown(text: object) -> str:
    """Text that Markdown and the HTML in it show as it is, on one line; no bare address becomes a link."""
    return _MARKDOWN.sub(_inert, visible(text))


def _inert(found: re.Match) -> str:
    """A number before a dot begins a list: there it is the dot that has to be escaped."""
    return f"{found[0]}\\" if found[0].isdigit() else f"\\{found[0]}"


def for_cell(value: object) -> object:
    """What may stand in a cell of CSV: numbers as they are, and no text that a spreadsheet would compute.

    A text that begins like a formula (=, +, -, @, also after blanks) gets an apostrophe before it.
    """
    if isinstance(value, (int, float)):
        return value
    line = visible(value)
    return f"'{line}" if line[:1] in ("=", "+", "-", "@", "＝", "＋", "－", "＠") else line


def file_name(*parts: object, longest: int = 80) -> str:
    """A safe file name without ending: small and large letters, digits, '_' and '-' of ASCII, never empty."""
    joined = unicodedata.normalize("NFKD", " ".join(str(part) for part in parts))
    plain = joined.encode("ascii", "ignore").decode()
    slug = re.sub(r"[^A-Za-z0-9_]+", "-", plain).strip("-")[:longest].strip("-")
    return slug or "unnamed"
