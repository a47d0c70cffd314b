"""How alike two maps are, and how alike two networks see: numbers, and what they do not tell.

    maps.py             two maps: rank correlation, structural similarity, overlap of the hottest cells
    representations.py  two layers: linear centred kernel alignment (CKA) of their Gram matrices
    pairing.py          which classes and layers of two models stand for each other
    networks.py         two models layer by layer
    training.py         one model over its checkpoints

It knows numpy, the nouns and how a map is enlarged; it knows no network and no screen.
"""

from explain.similarity.maps import most_alike, similarity, spearman, ssim, top_overlap
from explain.similarity.networks import (
    ALIKE,
    Comparison,
    best_matches,
    compare_grams,
    compare_models,
    curve,
    first_below,
    steepest,
)
from explain.similarity.pairing import (
    match_classes,
    match_layers,
    named,
    same_architecture,
)
from explain.similarity.representations import FEWEST, chance, cka_matrix, linear_cka
from explain.similarity.training import (
    Block,
    State,
    alike_to_last,
    blocks,
    checkpoint_files,
    checkpoints,
    is_checkpoint,
    look,
    natural,
)

__all__ = [
    "ALIKE", "FEWEST", "Block", "Comparison", "State", "alike_to_last", "best_matches", "blocks",
    "chance", "checkpoint_files", "checkpoints", "cka_matrix", "compare_grams", "compare_models", "curve",
    "first_below", "is_checkpoint", "linear_cka", "look", "match_classes", "match_layers", "most_alike",
    "named", "natural", "same_architecture", "similarity", "spearman", "ssim", "steepest", "top_overlap",
]  # fmt: skip
