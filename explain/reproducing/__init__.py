"""From a manifest back to its numbers: find the model and the pictures, compute again, compare.

    box          where the manifest lies: a folder, a zip, an export; reads what is asked for, within limits
    carriers     the manifest inside a PNG, SVG, HTML or PDF
    recipes      the manifest's items, checked field by field; older formats as far as they go
    finding      pictures and models by their digests
    computing    recipes → numbers, in the batches in which they were computed
    comparing    the numbers of then and now, and what else differs

A manifest is a stranger's file. Nothing in it is run, no path in it is written to; what its paths name is read
as a picture or as a model, with the same limits and the same inspection as any upload.
"""

from explain.reproducing.box import open_box
from explain.reproducing.comparing import Outcome, differences, recipe_of
from explain.reproducing.computing import reproduce
from explain.reproducing.finding import Models, Pictures
from explain.reproducing.recipes import Document, read_document

__all__ = [
    "Document", "Models", "Outcome", "Pictures", "differences", "open_box", "read_document", "recipe_of",
    "reproduce",
]  # fmt: skip
