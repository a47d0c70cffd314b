"""Everything the dashboard says, in one place: `say("heatmaps.title")`. A second language is a
second dictionary with the same keys.

Names of files, classes and layers come from strangers: `plain` makes Markdown and HTML in them inert.
"""

from __future__ import annotations

import re
from typing import Any

ENGLISH: dict[str, str] = {
    "frame.now": "{model} · {photo} — chosen in the side bar",
    # Pages
    "start.title": "What does the network see?",
    "start.nav": "Start",
    "start.about": "A first result on a photo: what the network takes it for, and where it looked.",
    "start.heat": "Where it looked for “{label}”",
    "start.guesses": "What it takes the photo for",
    "start.how": "How to read this",
    "start.how.text": "A convolutional network looks at a photo through **layers**. Each layer has many **channels**, "
    "little detectors that answer strongly (a high **activation**) where they find their pattern: edges and colours in "
    "early layers, eyes or wheels in late ones. From the last answers it gives every class a **score**; the "
    "**probability** is what is left of the scores when all classes together make 100 %. The **heatmap** shows where "
    "in the photo the evidence for one class was found. Bright means much of the evidence, not that the network is "
    "right; and the map is as coarse as the layer, a few places interpolated.",
    "start.photos": "Photos of this session",
    "start.next": "Go on",
    "start.use": "Look at this",
    "maps.title": "Feature maps",
    "maps.nav": "Feature maps",
    "maps.about": "What every channel of a layer answers to the photo. Choose a tile to see it large.",
    "maps.none": "Choose a channel on the wall: it appears here, large, with its numbers.",
    "maps.wall": "Channels of {layer}",
    "maps.alone": "Channel {channel}",
    "maps.over": "Channel {channel} over the photo",
    "maps.values": "activation",
    "maps.histogram": "How often each activation occurs in channel {channel}",
    "maps.places": "places",
    "maps.dead": "This channel answers the same everywhere on this photo: {value}. Try another photo; if it "
    "never changes, the channel is dead.",
    "patterns.title": "Filter patterns",
    "patterns.nav": "Filter patterns",
    "patterns.about": "What a channel would like to see: pictures made by climbing its activation.",
    "patterns.make": "Make patterns",
    "patterns.go_on": "Make the rest",
    "patterns.stop": "Stop",
    "patterns.progress": "{done} of {total} patterns",
    "patterns.left": "{done} of {total} patterns, about {seconds} s left",
    "patterns.stopped": "Stopped after {done} of {total} patterns. What is done stays.",
    "patterns.nothing": "No patterns yet. Choose a layer and channels, then “Make patterns”. Sixteen take some seconds.",
    "patterns.none": "Choose a pattern on the wall: it appears here, with its climb and its map on the photo.",
    "patterns.wall": "Patterns of {layer}",
    "patterns.large": "Channel {channel} of {layer}",
    "patterns.curve": "The climb: mean activation of channel {channel}",
    "patterns.step": "step",
    "patterns.activation": "mean activation",
    "patterns.map": "The same channel on the photo",
    "patterns.bad_channels": "Expected channel numbers like “0-15, 40” from 0 to {most}, received “{text}”.",
    "patterns.too_many": "Expected at most {most} channels at once, received {count}. Make them in two goes.",
    "heatmaps.title": "Heatmaps",
    "heatmaps.nav": "Heatmaps",
    "heatmaps.about": "Where in the photo a layer found evidence for a class.",
    "heatmaps.photo": "The photo",
    "heatmaps.how": "How to read this, and where it comes from",
    "heatmaps.coarse": "The layer {layer} sees the photo as {size} places; the heat between them is interpolated.",
    "heatmaps.top": "Its first five guesses",
    "compare.title": "Compare",
    "compare.nav": "Compare",
    "compare.about": "Heatmaps side by side, on one scale unless you say otherwise.",
    "compare.per_layer": "one scale for this layer",
    "compare.per_layer.why": "Layers measure on scales of their own, so panels share one scale within a layer only.",
    "compare.photos": "Photos",
    "compare.layers": "Layers",
    "compare.classes": "Classes",
    "compare.empty": "Choose at least one photo, one layer and one class above.",
    "compare.too_many": "That would be {count} pictures; at most {most} are shown at once. Choose fewer photos, layers or classes.",
    # Choices
    "choose.model": "Network",
    "choose.model.help": "EfficientNet-Lite0 is always there. The others are fetched once, when you ask for it.",
    "choose.photo": "Photo",
    "choose.photo.help": "Six samples, and whatever you add. Samples can be linked; your own photos stay in this session.",
    "choose.layer": "Layer",
    "choose.layer.help": "Type to search. In brackets: height × width × channels of what it answers.",
    "choose.block": "Block",
    "choose.block.help": "Part of the network, to shorten the list of layers.",
    "choose.every_block": "all blocks",
    "choose.automatic": "automatic: {layer}",
    "choose.target.help": "The last layer with a map is the usual choice; earlier ones are finer and less certain.",
    "choose.class": "Class",
    "choose.class.help": "Whose evidence to show. Type to search; the first guesses stand first.",
    "choose.top_class": "the network's first guess",
    "choose.method": "Method",
    "choose.channels": "Channels",
    "choose.channels.help": "Numbers and ranges, like 0-15, 40. This layer has channels 0 to {most}.",
    "choose.recipe": "Recipe",
    "choose.steps": "Steps",
    "choose.steps.help": "How many steps to climb. More are clearer, and take longer.",
    "choose.seed": "Seed",
    "choose.seed.help": "The same seed gives the same picture.",
    "choose.more": "Recipe and its settings",
    # Photos
    "photos.add": "Add photos",
    "photos.upload": "From files",
    "photos.upload.help": "JPEG, PNG, WebP, BMP, GIF or TIFF, up to {megabytes} MB each; several at once.",
    "photos.camera": "Use the camera",
    "photos.camera.label": "Take a picture",
    "photos.refused": "Not added: {reason}",
    "photos.full": "“{name}” was not added: the tray of this session is full ({megabytes} MB). Remove photos first.",
    "photos.remove": "Remove my photos",
    "photos.remove.help": "Removes the photos that you added from this session.",
    "photos.lost": "The link names the photo “{name}”, which is not in this session. Add it again, or look at a sample.",
    "photos.credit": "Photo: {credit}, {licence}",
    # Models
    "models.own": "{name} (uploaded)",
    "models.ask": "{title} is not here yet: its weights ({megabytes} MB) are fetched once from the place where Keras keeps them.",
    "models.fetch": "Fetch {title}",
    "models.back": "Use {title} instead",
    "models.waiting": "Starting {title}: TensorFlow and the network are being loaded, which takes some seconds.",
    "models.fetching": "Fetching the weights of {title}: {done} of {total} MB",
    "models.fetching_some": "Fetching the weights of {title}: {done} MB",
    "models.off": "Opening your own model here is switched off, because a model file can contain programs. On your own "
    "machine, start the dashboard with EXPLAIN_TRUST_MODELS=1, or use `python -m explain`.",
    "models.upload": "Open a model",
    "models.upload.help": "A .keras or .h5 file saved by Keras 3. It is opened without inspection: only files that you trust.",
    "models.facts": "{layers} layers, {classes} classes, input {size}, scaling {scaling} ({why})",
    "models.device": "Runs on {device}",
    # Shared
    "save.figure": "Figure (PNG)",
    "save.overlay": "Overlay (PNG)",
    "save.numbers": "Numbers (.npy)",
    "save.archive": "Numbers (.zip)",
    "save.wall": "Wall (PNG)",
    "save.channel": "Channel (PNG)",
    "save.pattern": "Pattern (PNG)",
    "save.layer_numbers": "Whole layer (.npy)",
    "save.help": "As it stands on the screen.",
    "save.numbers.help": "The raw float32 numbers, for numpy.load.",
    "score": "score {score:.3g}",
    "probability": "{probability:.1%}",
    "chart.alt": "Bar chart of the first guesses: {guesses}",
    "stat.mean": "Mean",
    "stat.maximum": "Maximum",
    "stat.minimum": "Minimum",
    "stat.sparsity": "Zeros",
    "caption": "{model}, layer {layer}, {label} (score {score:.3g}), {method}, {photo}",
    "caption.maps": "{model}, layer {layer}, channel {channel}, {photo}",
    "alt.photo": "The photo {name}",
    "alt.heat": "Heatmap of {layer} for {label} over {name}",
    "alt.map": "Activation of channel {channel} of {layer} on {name}",
    "alt.pattern": "Pattern that excites channel {channel} of {layer}",
    "error.help": "Code {code}",
    "error.internal": "Something went wrong inside; nothing of yours is lost. The server's log tells more under incident {incident}.",
    "no_map": "{model} has no layer with a map, so there is no place to show. What it takes the photo for is on the first page.",
}

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


def say(key: str, **values: Any) -> str:
    """The sentence of that key, with values put in. KeyError for an unknown key."""
    return ENGLISH[key].format(**values)


_LIVE = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&])")
_ADDRESS = re.compile(r"(?i)(?<=:)(?=//)|(?<=www)(?=\.)|(?<=@)")


def plain(text: object) -> str:
    """Text that Markdown and HTML show as it is, on one line.

    Escaped or not, Markdown makes links of bare addresses: a joiner without width keeps them text.
    """
    return _LIVE.sub(r"\\\1", _ADDRESS.sub("\u2060", " ".join(str(text).split())))


def slug(*parts: object) -> str:
    """A safe file name from any texts: letters, digits, dots and dashes only."""
    joined = "-".join(str(p) for p in parts)
    return re.sub(r"[^A-Za-z0-9.]+", "-", joined).strip("-.")[:120] or "layerscope"
