"""Names of classes: the 1000 of ImageNet in the order of the networks' outputs, and the user's own."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from explain.errors import OptionError

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


MAX_LABELS_BYTES = 4 * 2**20


def read_labels(labels: Iterable[str] | str | os.PathLike[str] | None) -> tuple[str, ...] | None:
    """Names as they are, or from a text file with one per line; None for None. OptionError.

    Numbers in front ("0 cat", as Teachable Machine writes them) go when they count the lines.
    """
    if labels is None:
        return None
    if not isinstance(labels, (str, os.PathLike)):
        return tuple(str(label) for label in labels)
    path = Path(labels)
    if not path.is_file():
        raise OptionError(f"There is no file of labels '{path}': expected a text file with one label per line.")
    if path.stat().st_size > MAX_LABELS_BYTES:
        raise OptionError(
            f"'{path.name}' is larger than {MAX_LABELS_BYTES // 2**20} MB: expected a file of labels, one per line."
        )
    try:
        return labels_in(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError:
        raise OptionError(f"'{path.name}' is no text in UTF-8: expected a file of labels, one per line.") from None


def labels_in(text: str) -> tuple[str, ...]:
    """The lines that are not empty."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    counted = [re.match(rf"{i}[ :,\t]\s*(\S.*)", line) for i, line in enumerate(lines)]
    return tuple(m[1] for m in counted) if lines and all(counted) else tuple(lines)
