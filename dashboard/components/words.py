"""What the components say in the browser, in English."""

from __future__ import annotations

# What the wall of tiles says, in the browser.
WALL: dict[str, str] = {
    "controls": "How the wall looks",
    "help": "Arrow keys, Home, End, Page Up and Page Down move; Enter chooses.",
    "sort": "Sort by",
    "index": "channel number",
    "mean": "mean",
    "maximum": "maximum",
    "minimum": "minimum",
    "sparsity": "sparsity",
    "scale": "Scale",
    "each": "each channel its own",
    "whole": "one for the whole layer",
    "lowest": "lowest of each channel",
    "highest": "highest",
    "colormap": "Colours",
    "tile": "Tiles",
    "small": "small",
    "medium": "medium",
    "large": "large",
    "jump": "Go to channel",
    "missing": "There is no channel {n} here.",
    "status": "{count} channels, {size} each",
    "dead_count": "{n} dead (hatched)",
    "pending": "{n} still to come",
    "channel": "Channel {n}",
    "dead": "dead: the same everywhere",
    "selected": "chosen",
}

# What the overlay says, in the browser.
OVERLAY: dict[str, str] = {
    "controls": "How the maps look",
    "help": "Arrow keys read the values cell by cell.",
    "opacity": "Opacity",
    "threshold": "Hide below",
    "colormap": "Colours",
    "smooth": "Smooth",
    "locked": "Same scale for all",
    "photo": "Hold to see the photo",
    "shared": "one scale for all panels",
    "own": "this panel's own scale",
    "within": "on the shared scale; this one spans {lo} to {hi}",
    "native": "Map: {size} cells",
    "cell": "row {row}, column {column}: {value}",
}
