"""What the pages “Two models” and “Checkpoints” say, in English."""

from __future__ import annotations

MODELS: dict[str, str] = {
    "models.title": "Two models",
    "models.nav": "Two models",
    "models.about": "The same photos through two networks: what they say, where they look, and from which "
    "layer on they see differently.",
    "two.other": "Second network",
    "two.other.help": "The first one is chosen in the side bar. Upload your own there too: both stay here "
    "while this page is open.",
    "two.choose": "Choose a second network",
    "two.none": "Choose a second network above. Your own can be uploaded in the side bar: the same network "
    "before and after "
    "training, say, or two that know the same classes.",
    "two.exchange": "Exchange the two",
    "two.photos": "Photos",
    "two.photos.help": "Up to {most}. They are what the layers are compared on: the more, the surer.",
    "two.no_photos": "Choose at least one photo.",
    "two.same": "Both are the same architecture in two states: classes and layers stand for each other one "
    "by one.",
    "two.equal_weights": "{equal} of {count} layers with weights hold the same ones.",
    "two.twins": "Both hold the same weights: whatever is asked, the answers are the same.",
    "two.unlike": "They are different architectures.",
    "two.classes": "{count} classes are known to both by name.",
    "two.classes.numbers": "The classes have no names in both, and are matched by their numbers.",
    "two.classes.none": "They have no class in common, so each is asked for its own first guess.",
    # Predictions
    "two.predictions": "What they take the photos for",
    "two.agreement": "Same first guess",
    "two.agreement.of": "{same} of {many}",
    "two.agreement.help": "Photos that both take for the same class, of those whose first guesses are "
    "classes that both know.",
    "two.photo": "Photo",
    "two.guess": "{model} says",
    "two.sure": "{side}: how sure",
    "two.side.first": "First",
    "two.side.second": "Second",
    "two.agree": "Same",
    "two.agree.yes": "yes",
    "two.agree.no": "no",
    "two.agree.unknown": "not comparable",
    "two.predictions.alt": "Table of {count} photos: what each network takes them for",
    # Heatmaps
    "two.heatmaps": "Where they looked",
    "two.method": "Method",
    "two.class.help": "A class of the first network; the second one is asked for the class of the same name.",
    "two.class.first": "first guess of the first network",
    "two.heat.first": "First: {model}",
    "two.heat.second": "Second: {model}",
    "two.no_counterpart": "{second} knows no class “{label}”, so its map is for its own first guess.",
    "two.scales": "Each map on its own scale: the scores of two architectures have no common unit.",
    "two.no_map": "{model} has no layer with a map, so there is nothing to lay beside it.",
    "similarity.spearman": "Rank correlation (Spearman)",
    "similarity.spearman.help": "Rank correlation of the cells: 1 the same order, 0 none in common, −1 the "
    "opposite. Blind to the scale.",
    "similarity.ssim": "Structural similarity (SSIM)",
    "similarity.ssim.help": "Structural similarity, each map divided by its largest value: 1 for the same "
    "shapes at the same places.",
    "similarity.top": "Shared hottest {share:.0%}",
    "similarity.top.help": "The hottest cells of both: those in common, divided by all that are hottest in "
    "one of them.",
    "similarity.sizes": "Maps of {first} and {second} places are compared in the larger size.",
    # Layers
    "two.layers": "Where they disagree first",
    "two.layers.about": "Linear CKA tells how alike two layers see a set of photos, whatever their sizes: 1 "
    "if what one answers is "
    "the other's answer turned and scaled, 0 if they have nothing in common.",
    "two.layers.few": "Choose at least two photos above: layers are compared by how alike they find them.",
    "two.layers.run": "Compare all layers",
    "two.layers.progress.first": "First network: {done} of {total} layers",
    "two.layers.progress.second": "Second network: {done} of {total} layers",
    "two.layers.equal": "All {count} layers see these photos alike (CKA 1.00).",
    "two.layers.same_until": "Up to {layer} both see these photos alike (CKA 1.00).",
    "two.layers.first": "The first layer that clearly differs is {layer}: CKA {cka:.2f}, below {least:.2f}.",
    "two.layers.above": "No layer differs clearly: CKA stays above {least:.2f}.",
    "two.layers.fall": "The steepest fall is at {layer}, from {before:.2f} to {after:.2f}.",
    "two.layers.curve": "CKA of the layers that stand for each other",
    "two.layers.curve.alt": "Line chart of {count} layers from input to output: CKA from {low:.2f} to "
    "{high:.2f}",
    "two.layers.matrix": "CKA of every layer with every other",
    "two.layers.matrix.alt": "{rows} layers of the first network against {columns} of the second: CKA as "
    "colour",
    "two.layers.matrix.read": "A bright diagonal: both find the same in the same order. Bright blocks: many "
    "layers that see alike.",
    "two.layers.axis": "layers, from the input to the output",
    "two.layers.axis.first": "first network",
    "two.layers.axis.second": "second network",
    "two.layers.cka": "CKA",
    "two.layers.chance": "by chance",
    "two.layers.chance.help": "The most that 20 tries give with the photos of one network shuffled. A figure "
    "that is not above it says nothing.",
    "two.layers.table": "Layer by layer",
    "two.layers.table.alt": "Table of {count} layers: CKA, and what chance gives",
    "two.layers.layer": "Layer",
    "two.layers.match": "Most alike in the second",
    "two.layers.trust": "On {count} photos, debiased. {word}",
    "two.layers.trust.few": "So few photos only indicate: from about 24 on the figures hold.",
    "two.layers.trust.enough": "Other photos give other figures, but not very different ones.",
    "two.layers.biased": "On {count} photos there is no estimate without bias, and figures are too high: "
    "take 4 or more.",
    "two.layers.undefined": "{count} layers answer the same to every photo and have no figure.",
    "two.layers.csv": "Figures (.csv)",
    # Maps
    "two.maps": "One channel in both",
    "two.maps.layer": "Layer",
    "two.maps.layer.help": "A layer of the first network. Its counterpart is the same layer, or else the "
    "most alike one.",
    "two.maps.channel": "Channel",
    "two.maps.channel.help": "At first the one that answers most strongly to this photo in the first "
    "network.",
    "two.maps.matched": "Channels of two architectures do not stand for each other: shown is the one of "
    "{layer} whose map is most alike, "
    "channel {channel} of {count}.",
    "two.maps.first_compare": "Compare the layers first: then the most alike layer of the second network is "
    "known.",
    "two.maps.values": "activation",
    "two.maps.title": "{side}: channel {channel}",
    # Patterns
    "two.patterns": "What these channels look for",
    "two.patterns.about": "Pictures made by climbing the activation of a channel, of both networks with the "
    "same recipe and seed: "
    "the first on the left, the second on the right.",
    "two.patterns.row": "Channel {first}",
    "two.patterns.rows": "Channel {first} of the first, channel {second} of the second",
    "two.patterns.reached": "{side}: activation {score:.3g}",
    "two.patterns.missing": "{side}: not made yet",
    "two.patterns.alt": "Two patterns side by side: channel {first} of {one} in the first network, "
    "channel {second} of {other} in the second",
    # Outputs and reports
    "two.output.first": "Output of the first network",
    "two.output.second": "Output of the second network",
    "two.pin.heatmaps": "{method} of two networks on {photo}",
    "two.pin.maps": "One channel of {layer} in two networks on {photo}",
    "two.pin.patterns": "Patterns of {layer} in two networks: {count} channels",
    "two.pin.help": "Puts this view into the report of this session, with its numbers as a table. The "
    "command reproduce computes heatmaps, maps and patterns again, but not these.",
    "two.pin.layers": "Where {first} and {second} disagree first",
    "two.pin.channel": "{side}, {model}: channel {channel}",
    # Checkpoints
    "checkpoints.title": "Checkpoints",
    "checkpoints.nav": "Checkpoints",
    "checkpoints.about": "One network over its training: the same photo, layer and class in every "
    "checkpoint, and what training changed.",
    "tour.upload": "Checkpoints of one training",
    "tour.upload.help": "Several files at once, or a folder of them as one .zip: whole models (.keras, .h5, "
    "in a .zip also SavedModel folders), each at most "
    "{megabytes} MB. They are put in the order of their names: epoch-2 before epoch-10.",
    "tour.none": "Upload at least two checkpoints of one training: whole models, as `ModelCheckpoint` of "
    "Keras saves them, "
    "one by one or as a zipped folder.",
    "tour.zip.empty": "'{name}' holds no model (.keras, .h5, SavedModel folder). Zip the folder that "
    "ModelCheckpoint of Keras saves its "
    "checkpoints to.",
    "tour.too_many": "'{name}' was not taken: a training has at most {most} checkpoints here, and it would "
    "bring {count} more. "
    "Take every second one.",
    "tour.one": "One checkpoint is here. Upload at least one more.",
    "tour.refused": "{sentence} (code {code})",
    "tour.forget": "Forget these files",
    "tour.weights_of": "Files with weights alone belong to",
    "tour.weights_of.none": "no network of the list",
    "tour.weights_of.help": "Weights without an architecture can be opened when they belong to a network of "
    "Keras. Those of your own architecture "
    "cannot: save whole models, with model.save or ModelCheckpoint(save_weights_only=False).",
    "tour.start": "Look at the training",
    "tour.go_on": "Go on",
    "tour.stop": "Stop",
    "tour.progress": "{done} of {total} checkpoints",
    "tour.opening": "{done} of {total} checkpoints; opening {name}",
    "tour.stopped": "Stopped: {done} of {total} checkpoints are here.",
    "tour.failed": "{name}: {sentence} (code {code})",
    "tour.layer": "Layer of the heatmap",
    "tour.which": "Checkpoint",
    "tour.class.last": "first guess of the last checkpoint",
    "tour.heatmaps": "Where it looked for “{label}”",
    "tour.last": "Last: {name}",
    "tour.scale": "one scale for all checkpoints",
    "tour.before": "What was asked before, until the answers are here.",
    "tour.no_layer": "This method looks at the pixels, not at a layer.",
    "tour.slider.help": "Drag it, or choose it with Tab and press the arrow keys.",
    "tour.pinned": "{method} over the training: {label} on {photo}",
    "tour.pinned.some": "{method} over the training: {label} on {photo} ({shown} of {count} checkpoints)",
    "tour.pinned.said": "{label} on {photo} over the training",
    "tour.pinned.layers": "How near to the last checkpoint, layer by layer",
    "tour.curves": "What it said",
    "tour.said.probability": "probability",
    "tour.said.score": "score",
    "tour.curve.alt": "Line chart of the {what} of {label} over {count} checkpoints",
    "tour.guesses": "First guesses",
    "tour.guess": "First guess",
    "tour.guesses.alt": "Table of {count} checkpoints: first guess, probability and score of the class",
    "tour.blocks": "Frozen and fine-tuned",
    "tour.blocks.about": "Weights compared number by number: a block is frozen where no checkpoint differs "
    "from any other.",
    "tour.blocks.none": "The checkpoints have no layer with weights in common.",
    "tour.blocks.all_frozen": "Nothing changed: all checkpoints hold the same weights.",
    "tour.blocks.are.frozen": "Frozen: {blocks}.",
    "tour.blocks.are.tuned": "Trained: {blocks}.",
    "tour.block": "Block",
    "tour.block.layers": "Layers with weights",
    "tour.block.state": "State",
    "tour.block.frozen": "frozen",
    "tour.block.tuned": "trained",
    "tour.block.partly": "partly: {unchanged} of {layers} unchanged",
    "tour.block.changed": "Changed in",
    "tour.block.every": "every checkpoint after the first",
    "tour.blocks.alt": "Table of {count} blocks: frozen or trained, and in which checkpoints",
    "tour.layers": "How near to the last checkpoint",
    "tour.layers.about": "Linear CKA of every layer with the same layer of the last checkpoint, on {count} "
    "photos, debiased. {word}",
    "tour.layers.alt": "{count} checkpoints against {layers} layers: CKA with the last checkpoint as colour",
    "tour.layers.checkpoints": "checkpoints",
    "tour.layers.unlike": "{names}: other architectures than the last one, so their layers have no "
    "counterpart.",
}
