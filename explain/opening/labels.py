"""The 1000 class names of ImageNet, in the order of the networks' outputs."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_LIST = Path(__file__).with_name("imagenet_classes.txt")          # "n01440764<TAB>tench", 1000 lines


@cache
def imagenet_labels() -> tuple[str, ...]:
    """1000 names: position 281 is 'tabby'. Two names occur twice ('crane', 'maillot'), as in the original."""
    return tuple(name for _, name in _rows())


@cache
def imagenet_ids() -> tuple[str, ...]:
    """1000 WordNet ids, like 'n02123045', in the same order."""
    return tuple(wordnet_id for wordnet_id, _ in _rows())


def _rows() -> list[list[str]]:
    return [line.split("\t") for line in _LIST.read_text(encoding="utf-8").splitlines()]
