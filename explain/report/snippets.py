"""One view, ready to paste: LaTeX and Markdown with the figure's file, its caption and its words."""

from __future__ import annotations

import re
from urllib.parse import quote

from explain.report import captions
from explain.report.nouns import View
from explain.report.texts import file_name, for_latex, for_markdown, visible


def latex(view: View, file: str) -> str:
    """A figure environment that includes `file`; needs the package graphicx.

    The alternative text is the option `alt` of \\includegraphics (LaTeX of 2021 and later).
    """
    stem, _, ending = file.rpartition(".")
    return "\n".join([
        r"\begin{figure}",
        r"  \centering",
        rf"  \includegraphics[width=\linewidth, alt={{{for_latex(captions.alt(view))}}}]{{{_path(file)}}}",
        rf"  \caption{{{for_latex(told(view))}}}",
        rf"  \label{{fig:{file_name(stem or ending)}}}",
        r"\end{figure}",
        "",
    ])  # fmt: skip


def markdown(view: View, file: str) -> str:
    """The picture with its alternative text, and the caption under it."""
    picture = f"![{for_markdown(captions.alt(view))}]({quote(visible(file))})"
    return f"{picture}\n\n*{for_markdown(told(view))}*\n"


def told(view: View) -> str:
    """Title and caption in one line."""
    title = visible(view.title)
    if title and title[-1] not in ".!?":
        title += "."
    return " ".join(filter(None, [title, visible(view.caption or captions.caption(view))]))


def _path(file: str) -> str:
    """A path as \\includegraphics takes it: nothing in it that TeX would read as a command."""
    return re.sub(r"[^A-Za-z0-9_./-]", "-", file)
