"""Pictures and models by their digests: a name may lead there, only the digest decides."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from explain import image as pictures
from explain.errors import ExplainError, ImageError, OptionError
from explain.opening.zoo import ZOO
from explain.reproducing.box import PICTURES, Box
from explain.reproducing.recipes import Document, Recipe, shown
from explain.results import Image, Model
from explain.samples import samples

REMOTE = ("\\\\", "//")  # names that Windows would ask another machine for
OF_FILE = " with weights from a file"  # as `explain.load` says it
ENDINGS = (".keras", ".h5", ".zip", ".pb")


class Pictures:
    """Where to look: the path in the manifest, beside it, the given folders, the samples.

    By name first; where that fails every picture of the box and of the folders is read once.
    """

    def __init__(self, box: Box, folders: Sequence[str] = ()):
        for folder in folders:
            if not os.path.exists(folder):
                raise OptionError(f"There is no folder '{folder}' to look for pictures in.")
        self._box, self._folders = box, folders
        self._known: dict[str, str] = {}  # key → path or name in the box
        self._unread = self._everything()

    def of(self, told: Recipe) -> Image | None:
        """The picture with that key, or None."""
        for place in self._likely(told):
            image = self._read(place)
            if image is not None and image.key == told["key"]:
                return image
        for place in self._unread:  # goes on where the last search ended
            image = self._read(place)
            if image is not None:
                self._known.setdefault(image.key, place)
                if image.key == told["key"]:
                    return image
        return None

    def _likely(self, told: Recipe) -> Iterator[str]:
        if told["key"] in self._known:
            yield self._known[told["key"]]
        base = os.path.basename(told["path"].replace("\\", "/")) or told["name"]
        for name in dict.fromkeys((base, told["name"])):
            yield f"box:{name}"
            yield from (os.path.join(folder, name) for folder in self._folders if os.path.isdir(folder))
        if told["path"] and not told["path"].startswith(REMOTE):
            yield told["path"]
            yield os.path.join(
                self._box.path if self._box.path.is_dir() else self._box.path.parent, told["path"]
            )
        yield from (str(s.path) for s in samples().values() if told["name"] in (s.title, s.path.name, s.slug))

    def _everything(self) -> Iterator[str]:
        yield from (f"box:{name}" for name in self._box.names(PICTURES))
        for given in self._folders:
            if os.path.isfile(given):
                yield given
            for here, folders, files in os.walk(given):
                folders.sort()
                yield from (
                    os.path.join(here, name) for name in sorted(files) if name.lower().endswith(PICTURES)
                )
        yield from (str(sample.path) for sample in samples().values())

    def _read(self, place: str) -> Image | None:
        """A picture, if that is one."""
        try:
            if not place.startswith("box:"):
                return pictures.read(place)
            data = self._box.read(place[4:], pictures.limits().bytes)
            return None if data is None else pictures.read(data, place[4:])
        except (ImageError, ValueError):  # none, or no path at all: then it is not the one
            return None


class Models:
    """Opened models by their keys, one after the other: most manifests are of one."""

    def __init__(
        self,
        box: Box,
        document: Document,
        load: Callable[..., Model],
        given: str | None = None,
        **keywords: Any,
    ):
        """load: `explain.load`; given: a name, a path, or a folder of models, which goes before all others;
        keywords: for `load`."""
        self._box, self._document, self._load = box, document, load
        self._given, self._keywords = given, keywords
        self._last: Model | None = None

    def of(self, key: str) -> Model:
        """The model with that key. OptionError, with what was tried, where it is not found."""
        if self._last is not None and self._last.key == key:
            return self._last
        told, tried = self._document.models[key], []
        for keywords in self._candidates(told):
            called = shown(keywords["name"])
            try:
                model = self._load(**{**self._keywords, **keywords})
            except ExplainError as error:
                tried.append(f"{called}: {error}")
                continue
            if model.key == key:
                self._last = model
                return model
            tried.append(f"'{called}' has other weights or another architecture (key {model.key[:12]}…)")
        raise OptionError(
            f"The model '{shown(told['name'])}' with the key {shown(key[:12])}… is not found. "
            + (f"Tried: {'; '.join(tried)}. " if tried else "")
            + "Give its file with --model, opened as it was then"
            + (f": with {told['opened']}." if told["opened"] else ".")
        )

    def _candidates(self, told: dict[str, Any]) -> Iterator[dict[str, Any]]:
        how = {"scaling": told["scaling"] or None, "input_shape": told["input_shape"]}
        args = self._document.arguments
        text = {name: args[name] for name in ("model", "weights") if isinstance(args.get(name), str)}
        random = args.get("random_weights") is True or told["about"].endswith("random weights")
        weights = {"weights": None} if random else {"weights": text["weights"]} if "weights" in text else {}
        of = next((e.name for e in ZOO.values() if told["about"].endswith(f"; {e.name}{OF_FILE}")), None)

        def in_file(path: str) -> dict[str, Any]:
            return {"name": of, "weights": path, **how} if of else {"name": path, **how}

        if self._given is not None:
            for name in _models_in(self._given, told["name"]):
                yield in_file(name) if os.path.exists(name) else {"name": name, **how, **weights}
            if not os.path.isdir(self._given):
                return
        named = next((e.name for e in ZOO.values() if told["name"] in (e.name, e.title)), None)
        if named and told["about"] and (not of or weights):  # the dashboard goes by titles
            yield {"name": named, **how, **weights}
        here = self._box.path if self._box.path.is_dir() else self._box.path.parent
        name = text.get("model", "")
        if name and name not in ZOO and not name.startswith(REMOTE):
            yield from ({"name": str(p), **how} for p in (Path(name), here / name) if p.exists())
        if os.path.basename(told["name"]) == told["name"] and told["name"]:
            own = [""] if told["name"].lower().endswith(ENDINGS) else []
            beside = (here / (told["name"] + ending) for ending in (*own, *ENDINGS))
            yield from (in_file(str(path)) for path in beside if path.is_file())


def _models_in(given: str, called: str) -> list[str]:
    """The name or path itself; of a folder of models every one of them, those of that name first."""
    if not os.path.isdir(given) or os.path.isfile(os.path.join(given, "saved_model.pb")):
        return [given]
    names = sorted(name for name in os.listdir(given) if name.lower().endswith(ENDINGS))
    likely = [name for name in names if name in called or Path(name).stem == called]
    return [os.path.join(given, name) for name in dict.fromkeys([*likely, *names])] or [given]
