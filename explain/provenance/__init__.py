"""Where numbers come from: recipes that make them again, and the manifest that lists them.

    recipes         a result → plain JSON: model, picture, layer, class, method, options, digest of the numbers
    surroundings    versions, device, processor, settings: what else can change the last bits
    manifests       recipes → one JSON document of format 2, also written item by item

A recipe names models and pictures by digest, never by place alone. Numbers that are recorded are computed
fresh and in one batch; `together` says which pictures were in it, as the last bits depend on the batch.
`python -m explain reproduce manifest.json` computes them again. TensorFlow is not imported here.
"""

from explain.provenance.manifests import FORMAT, dumps, enclosed, line, manifest, plain, write
from explain.provenance.recipes import (
    digest,
    heatmap_recipe,
    maps_recipe,
    model_of,
    pattern_recipe,
    told,
)
from explain.provenance.surroundings import surroundings, versions

__all__ = [
    "FORMAT",
    "digest",
    "dumps",
    "enclosed",
    "heatmap_recipe",
    "line",
    "manifest",
    "maps_recipe",
    "model_of",
    "pattern_recipe",
    "plain",
    "surroundings",
    "told",
    "versions",
    "write",
]
