"""Results become documents: figures for papers, pages, archives, each with what makes its numbers again.

    nouns       Panel, Chart, View, Report
    views       results → View              captions    the sentences about it, from its recipes
    curves      studies → View              charts      lines, axes and legend → shapes of a scene
    layouts     View → scene                rasters · vectors · papers    a scene as PNG, SVG, PDF
    ticks       the numbers under a bar     commands    the command line that makes a panel again
    figures     one view as one file        snippets    one view for LaTeX and Markdown
    webpages · booklets · archives          a report as HTML, PDF, ZIP
    notebook · studies                      results as Jupyter shows them
    drafts      the ZIP → report, of whoever it is; fields: what its JSON may say

    view = report.view_of_heatmaps(model, image, heatmaps)
    Path("figure.pdf").write_bytes(report.figure_pdf(view, width_cm=8.5))

Works without Streamlit and without TensorFlow. What it says stands in `words`; what strangers named is made
harmless by `texts`.
"""

from explain.report import captions
from explain.report.archives import archive
from explain.report.booklets import pdf
from explain.report.curves import view_of_similarity, view_of_training, view_of_training_layers
from explain.report.drafts import open_archive
from explain.report.figures import figure_pdf, figure_png, figure_svg, with_manifest
from explain.report.nouns import Chart, Panel, Report, View
from explain.report.snippets import latex, markdown
from explain.report.views import view_of_heatmaps, view_of_maps, view_of_patterns
from explain.report.webpages import html

__all__ = [
    "Chart", "Panel", "Report", "View", "archive", "captions", "figure_pdf", "figure_png", "figure_svg", "html",
    "latex", "markdown", "open_archive", "pdf", "view_of_heatmaps", "view_of_maps", "view_of_patterns",
    "view_of_similarity", "view_of_training", "view_of_training_layers", "with_manifest",
]  # fmt: skip
