"""The command line that makes the numbers of a panel again, complete and ready for a shell."""

from __future__ import annotations

import shlex
from typing import Any

from explain.opening.zoo import ZOO
from explain.report import facts, scales
from explain.report.nouns import Panel, View
from explain.report.texts import visible
from explain.samples import samples

START = ("python", "-m", "explain")


def commands(view: View) -> list[str]:
    """The commands of all panels, none twice."""
    return list(dict.fromkeys(filter(None, (command(panel, view) for panel in view.panels))))


def command(panel: Panel, view: View) -> str:
    """`python -m explain …` for one panel, quoted for a POSIX shell.

    Everything that the numbers depend on is said, defaults as well: model, scaling, input size, picture,
    layer, class, output, method, every option. Files, those of a model's own classes as well, stand under the
    names that people know them by: the reader puts their paths there. Labels change no number and are not said.
    "" without a recipe, and where a name has letters that cannot be shown.
    """
    recipe = panel.recipe or {}
    model, job = recipe.get("model") or {}, recipe.get("job", "")
    if not job or not model.get("name"):
        return ""
    options = _opened(model)
    if job in facts.PATTERN:
        words = ["patterns", *options, *_pattern(recipe)]
    else:
        told, of_looks = (_heatmap, _looks) if job in facts.HEATMAP else (_maps, _colours)
        name = "heatmaps" if job in facts.HEATMAP else "activations"
        words = [name, options[0], _picture(recipe.get("image") or {}), *options[1:], *told(recipe)]
        words += of_looks(panel, view)
    if any(visible(word) != word for word in words):
        return ""
    return shlex.join([*START, *words, "--out", "out"])


def _opened(model: dict[str, Any]) -> list[str]:
    """The model, and how it is opened."""
    name, about = visible(model["name"]), str(model.get("about", ""))
    entry = next((e for e in ZOO.values() if about and name in (e.name, e.title)), None)
    of_file = next((e for e in ZOO.values() if about.endswith(f"; {e.name} with weights from a file")), None)
    if of_file:
        words = [of_file.name, "--weights", _file("weights.h5" if entry else name)]
    elif entry:
        words = [entry.name, *(["--random-weights"] if about.endswith("random weights") else [])]
    else:
        words = [_file(name)]
    if model.get("scaling"):
        words.append(_given("scaling", model["scaling"]))
    if shape := model.get("input_shape"):
        height, width, channels = shape
        words.append(_given("input-size", f"{height}x{width}" + (f"x{channels}" if channels != 3 else "")))
    files, trusted = facts.opened(model)
    return words + [_given("custom-objects", file) for file in files] + ["--trusted"] * trusted


def _picture(image: dict[str, Any]) -> str:
    """Where the picture is: a sample in this project, any other under its name."""
    name = str(image.get("name", ""))
    sample = next((s for s in samples().values() if name == s.title), None)
    return f"explain/samples/{sample.path.name}" if sample else _file(visible(name))


def _heatmap(recipe: dict[str, Any]) -> list[str]:
    words = [_given("layer", recipe["layer"])] if recipe.get("layer") else []
    words.append(_given("class", recipe.get("class_index")))
    words += [_given("output", recipe["output"])] if recipe.get("output") else []
    return words + _method(recipe)


def _maps(recipe: dict[str, Any]) -> list[str]:
    return [_given("layer", layer) for layer in recipe.get("layers") or [recipe.get("layer", "")]]


def _pattern(recipe: dict[str, Any]) -> list[str]:
    channels = facts.channels_text(recipe).replace(" ", "")
    words = [_given("layer", recipe.get("layer", "")), _given("channels", channels)]
    words += [_given(name, recipe[name]) for name in ("steps", "size", "seed") if name in recipe]
    return words + _method(recipe)


def _method(recipe: dict[str, Any]) -> list[str]:
    """The method with its options, except those that the command has an option of its own for."""
    options = {k: v for k, v in (recipe.get("options") or {}).items() if k not in recipe}
    given = [_given("option", f"{name}={value}") for name, value in options.items()]
    return [_given("method", recipe.get("method", "")), *given]


def _looks(panel: Panel, view: View) -> list[str]:
    threshold = [_given("threshold", f"{view.threshold:g}")] if view.threshold else []
    return [_given("opacity", f"{view.opacity:g}"), *_colours(panel, view), *threshold]


def _colours(panel: Panel, view: View) -> list[str]:
    return [_given("colormap", scales.colormap_of(panel, view))]


def _given(name: str, value: Any) -> str:
    """`--name=value` in one word: a value may begin with a dash, as the scaling -1..1 does."""
    return f"--{name}={value}"


def _file(name: str) -> str:
    """A name that cannot be taken for an option."""
    return f"./{name}" if name.startswith("-") else name
