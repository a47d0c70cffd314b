"""A report as a PDF of A4 pages: each view with figure, caption, remarks, and its facts in small print."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from explain.errors import OptionError
from explain.report import captions, commands, facts, layouts, papers, recipes
from explain.report.figures import DPI
from explain.report.nouns import Report, View
from explain.report.scenes import GREY, INK, POINTS, Scene, Words
from explain.report.texts import paragraphs, visible
from explain.report.webpages import checked
from explain.report.words import say

if TYPE_CHECKING:
    from fpdf import FPDF

PAGE = (595.28, 841.89)  # A4, points
SIDE, TOP, BOTTOM = 56.0, 56.0, 62.0
ROOM = PAGE[0] - 2 * SIDE
HEIGHT = PAGE[1] - TOP - BOTTOM
FEW_LINES = 5  # of a caption that stay with their figure
NARROWEST = 6 * POINTS  # of a figure that is made smaller to fit a page


def pdf(report: Report) -> bytes:
    """The whole report: title, introduction, views, page numbers; text and colour bars are vectors.

    Figures keep their columns where they fit a page, and get more where they do not. The manifest is
    attached. The same report gives the same bytes. OptionError for a report without views, or a view
    without panels.
    """
    checked(report)
    title = visible(report.title) or say("report.untitled")
    book = _Book(papers.sheet(*PAGE, title, report.made))
    book.write(title, 20, bold=True, after=4)
    made = say("report.made", made=visible(report.made)) if report.made else say("report.maker")
    book.write(made, 9, ink=GREY, after=12)
    for line in paragraphs(report.about):
        book.write(line, 10, after=4)
    for number, view in enumerate(report.views, 1):
        book.view(view, number)
    manifest = recipes.manifest_of(report.views)
    if manifest:
        book.again(manifest)
    papers.attach(book.pdf, manifest)
    book.number_pages(title)
    return bytes(book.pdf.output())


class _Book:
    """Pages that are filled from the top; what does not fit begins the next."""

    def __init__(self, sheet: FPDF):
        self.pdf = sheet
        self._turn()

    def view(self, view: View, number: int) -> None:
        """Heading, figure, caption, remarks and facts of one view."""
        heading = say("report.figure", number=number) + (
            f". {visible(view.title)}" if view.title.strip() else ""
        )
        caption = paragraphs(view.caption) or [captions.caption(view)]
        scene = _fitting(view, HEIGHT - 60)
        self.y += 10
        self._keep(scene.height + 40 + 11 * FEW_LINES)
        self.write(heading, 12, bold=True, after=4)
        papers.draw(self.pdf, scene, SIDE + (ROOM - scene.width) / 2, self.y, DPI)
        self.y += scene.height + 4
        for line in caption:
            self.write(line, 9, after=4)
        for panel in view.panels:
            if panel.note:
                self.write(f"{visible(panel.title)}: {visible(panel.note)}", 8, after=2)
        if view.remark.strip():
            self.write(say("report.remark"), 9, bold=True, after=1)
            for line in paragraphs(view.remark):
                self.write(line, 9, after=3)
        self._facts(view)

    def again(self, manifest: bytes) -> None:
        """How to compute everything again, and with what it was computed."""
        self.y += 12
        self._keep(70)
        self.write(say("report.again"), 12, bold=True, after=3)
        self.write(say("report.again.about"), 9, after=2)
        self.write(recipes.COMMAND, 9, after=4)
        self.write(recipes.software(manifest), 7.5, ink=GREY)

    def write(self, text: str, size: float, ink=INK, bold=False, after=0.0, left=SIDE, room=ROOM) -> None:
        """A paragraph, wrapped; it may run over to the next page."""
        for line in layouts.wrapped(text, size, room, 400) or [""]:
            self._keep(1.35 * size)
            papers.write(self.pdf, Words(left, self.y + size, line, size, ink=ink, bold=bold))
            self.y += 1.35 * size
        self.y += after

    def number_pages(self, title: str) -> None:
        pages = self.pdf.pages_count
        for page in range(1, pages + 1):
            self.pdf.page = page
            y, said = PAGE[1] - 34, say("report.page", page=page, pages=pages)
            papers.write(self.pdf, Words(PAGE[0] - SIDE, y, said, 8, "end", GREY))
            short = layouts.wrapped(title, 8, ROOM - 60, 1)
            papers.write(self.pdf, Words(SIDE, y, short[0] if short else "", 8, ink=GREY))

    def _facts(self, view: View) -> None:
        together, differing, listed = facts.table(view)
        if together or listed:
            self.y += 3
            self._keep(30)
            self.write(say("report.facts"), 8, bold=True, after=1.5)
        for key, value in together.items():
            self._row(say(f"fact.{key}"), value)
        for row in listed:
            told = "; ".join(f"{say(f'fact.{key}')} {row[key]}" for key in differing if key in row)
            self._row(row["panel"] or say("fact.panel"), told)
        for command in commands.commands(view):
            self._row(say("report.again"), command)

    def _row(self, name: str, value: str) -> None:
        """A name in a narrow column, its value beside it."""
        size, first = 7.0, 105.0
        names, values = (
            layouts.wrapped(name, size, first - 6, 3),
            layouts.wrapped(value, size, ROOM - first, 12),
        )
        for i in range(max(len(names), len(values))):
            self._keep(1.3 * size)
            for lines, left, ink in ((names, SIDE, GREY), (values, SIDE + first, INK)):
                if i < len(lines):
                    papers.write(self.pdf, Words(left, self.y + size, lines[i], size, ink=ink))
            self.y += 1.3 * size
        self.y += 0.8

    def _keep(self, height: float) -> None:
        """A new page where so much does not fit on this one."""
        if self.y + height > PAGE[1] - BOTTOM and self.y > TOP:
            self._turn()

    def _turn(self) -> None:
        self.pdf.add_page()
        self.y = TOP


def _fitting(view: View, height: float) -> Scene:
    """The figure as large as a page allows: narrower first, then with more columns."""
    for columns in range(max(1, min(view.columns, len(view.panels))), len(view.panels) + 1):
        width = ROOM if columns > 1 else min(ROOM, 12 * POINTS)
        while width >= NARROWEST:
            if layouts.columns_in(width) < columns:
                break
            scene = layouts.scene(replace(view, columns=columns), width / POINTS, caption=False)
            if scene.height <= height:
                return scene
            width *= 0.9
    raise OptionError(
        f"A figure of {len(view.panels)} panels does not fit a page of A4: '{visible(view.title)}'. "
        "Divide it into several views, or write HTML."
    )
