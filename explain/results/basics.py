"""What all nouns share: they are frozen, and some show themselves in a notebook."""

from __future__ import annotations

from dataclasses import dataclass

frozen = dataclass(frozen=True, eq=False)          # arrays do not compare, so nouns do not either


class Shown:
    """What shows itself in a notebook. How it looks is decided by `explain.report.notebook`."""

    def _repr_html_(self) -> str:
        from explain.report import notebook

        return notebook.html(self)

    def _repr_png_(self) -> bytes | None:
        from explain.report import notebook

        return notebook.png(self)
