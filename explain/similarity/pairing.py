"""What stands for what in two models: classes by their names, layers by their places or their names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from explain.results import Model


def match_classes(a: Model, b: Model, output_a: int = 0, output_b: int = 0) -> dict[int, int]:
    """{class of a: class of b} of those that both know, by name: letters' case, '_' and '-' do not matter.

    Of equal names within one model the first stands for the first, and so on. Where a model has no names,
    classes of equal number stand for each other if both have as many, and none otherwise.
    """
    names_a, names_b = _names(a, output_a), _names(b, output_b)
    if names_a and names_b:
        known = {name: k for k, name in enumerate(names_b)}
        return {k: known[name] for k, name in enumerate(names_a) if name in known}
    many = a.outputs[output_a].classes
    return {k: k for k in range(many)} if many == b.outputs[output_b].classes else {}


def named(model: Model, output: int = 0) -> bool:
    """Whether the classes of an output have names."""
    return len(model.labels) == model.outputs[output].classes


def same_architecture(a: Model, b: Model) -> bool:
    """Whether both have layers of the same kinds, sizes and numbers of weights, in the same order."""
    return _anatomy(a) == _anatomy(b)


def match_layers(
    a: Model, b: Model, layers_a: Sequence[str], layers_b: Sequence[str]
) -> tuple[tuple[int, int], ...]:
    """(i, j) where layer i of `layers_a` is layer j of `layers_b` in another state of training.

    Of one architecture layers stand for each other by their places; of two that share a trunk those of equal
    name, kind and size do, if they are half of the smaller one. () otherwise.
    """
    if same_architecture(a, b):
        places_a, places_b = ({layer.name: i for i, layer in enumerate(m.layers)} for m in (a, b))
        at = {places_b[name]: j for j, name in enumerate(layers_b)}
        return tuple((i, at[places_a[name]]) for i, name in enumerate(layers_a) if places_a[name] in at)
    kinds_a, kinds_b = ({layer.name: (layer.kind, layer.shape) for layer in m.layers} for m in (a, b))
    at = {name: j for j, name in enumerate(layers_b)}
    pairs = [(i, at[n]) for i, n in enumerate(layers_a) if n in at and kinds_a[n] == kinds_b[n]]
    pairs = [pair for pair, before in zip(pairs, [(-1, -1), *pairs]) if pair[1] > before[1]]
    return tuple(pairs) if 2 * len(pairs) >= min(len(layers_a), len(layers_b)) else ()


def _names(model: Model, output: int) -> list[tuple[str, int]]:
    """(name, how often it stood before) of every class; [] where classes have no names."""
    if not named(model, output):
        return []
    seen: Counter[str] = Counter()
    found = []
    for label in model.labels:
        name = " ".join(label.casefold().replace("_", " ").replace("-", " ").split())
        found.append((name, seen[name]))
        seen[name] += 1
    return found


def _anatomy(model: Model) -> list[tuple]:
    return [(layer.kind, layer.shape, layer.parameters) for layer in model.layers]
