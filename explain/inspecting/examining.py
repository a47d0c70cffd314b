"""From a file of unknown kind to its canonical copy: the order of the questions.

    zip      which model is in it → that model, out of the zip
    folder   which model is in it → that model
    hdf5     whole model or weights alone → configuration repaired and checked → copy
    graph    every operation checked → copy

Runs in the inspecting process only. What is costly to import waits until it is needed: a refusal is quick.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from explain.inspecting import labels, limits
from explain.inspecting.archives import Archive, unsafe
from explain.inspecting.contents import CONFIG, METADATA, WEIGHTS, Choice, choose
from explain.inspecting.customs import Customs
from explain.inspecting.folders import Folder
from explain.inspecting.kinds import kind_of
from explain.inspecting.limits import quoted
from explain.inspecting.stretches import Stretch

if TYPE_CHECKING:
    from explain.results import Notice


class Found(NamedTuple):
    """kind: as in results.Inspection; file: of the copy, in the scratch folder."""

    kind: str
    file: str
    labels: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()


class Examiner:
    """One file, on its way. scratch: an empty folder; name: of the upload, for sentences."""

    def __init__(self, scratch: Path, name: str, customs: Customs) -> None:
        self.scratch, self.name, self.customs = scratch, name, customs

    def examine(self, source: Path, labels_file: Path | None = None) -> Found:
        """What the file is, once its copy stands in `scratch`. Every refusal of errors.RefusedModel."""
        kind = kind_of(source, self.name)
        if kind == "zip":
            with Archive(source, self.name) as archive:
                found = self._chosen(archive)
        elif kind == "folder":
            found = self._chosen(Folder(source, self.name))
        else:
            found = self._file(kind, source)
        if labels_file is not None and not found.labels:
            found = self._labelled(found, labels_file.read_bytes(), labels_file.name)
        return found

    def _chosen(self, within: Archive | Folder) -> Found:
        choice = choose(within.names, self.name)
        if choice.kind == "keras":
            found = self._keras(within, choice)
        elif choice.kind == "saved_model":
            found = self._graph(within.fetch_folder(choice.member, self.scratch / "saved_model"))
        else:
            inner = within.fetch(choice.member, self.scratch / "inner")
            found = self._inner(inner, choice.member)
        if choice.labels:
            text = within.read(choice.labels, limits.LABELS_BYTES)
            found = self._labelled(found, text, choice.labels)
        return found

    def _inner(self, source: Path, member: str) -> Found:
        """A model's file in a zip. A .keras file is a zip itself; no other zip is opened inside one."""
        kind = kind_of(source, f"{member} in {self.name}")
        if kind != "zip":
            return self._file(kind, source)
        with Archive(source, f"{member} in {self.name}") as archive:
            choice = choose(archive.names, self.name)
            if choice.kind != "keras":
                raise unsafe(self.name, f"it holds another zip, {quoted(member)}")
            return self._keras(archive, choice)

    def _file(self, kind: str, source: Path) -> Found:
        return self._hdf5(source) if kind == "hdf5" else self._graph(source)

    def _labelled(self, found: Found, text: bytes, file: str) -> Found:
        names, notices = labels.parse(text, file)
        return found._replace(labels=names, notices=found.notices + notices)

    # The three formats ------------------------------------------------------------------------------

    def _keras(self, within: Archive | Folder, choice: Choice) -> Found:
        from explain import repairing
        from explain.inspecting import configs, layouts, writing
        from explain.inspecting.documents import parse, without_compilation
        from explain.inspecting.hdf5 import Weights

        folder = choice.member
        config = parse(within.read(folder + CONFIG, limits.CONFIG_BYTES), CONFIG, self.name)
        version = ""
        if folder + METADATA in within.names:
            metadata = parse(within.read(folder + METADATA, limits.METADATA_BYTES), METADATA, self.name)
            version = str(metadata.get("keras_version", "")) if isinstance(metadata, dict) else ""
        config, notices = repairing.repair(without_compilation(config), version, "keras")
        stored = within.weights(folder + WEIGHTS, self.scratch / "weights")
        with Weights(stored, self.name) as weights:
            weights.walk(*(root for root in weights.roots() if root not in layouts.LEFT_BEHIND))
            configs.check(config, weights.shapes, self.customs)
            config = repairing.undrawn(config) if weights.shapes else config
            notices += writing.write_keras(self.scratch, config, version, weights)
        return Found("keras", writing.KERAS, notices=notices)

    def _hdf5(self, source: Path) -> Found:
        from explain import repairing
        from explain.inspecting import configs, layouts, writing
        from explain.inspecting.documents import parse, without_compilation
        from explain.inspecting.hdf5 import Weights
        from explain.repairing.weights import backend_of, converter

        with Weights(Stretch.whole(source), self.name) as weights:
            text = weights.text("", "model_config", limits.CONFIG_BYTES)
            if text is None:
                return self._weights(weights)
            stored = without_compilation(parse(text, "model_config", self.name))
            classic = layouts.read_classic(weights, layouts.MODEL_WEIGHTS)
            version = classic.keras_version
            backend = backend_of(classic.backend, classic.names, version)
            config, notices = repairing.repair(stored, version, "hdf5", backend)
            classic = classic._replace(convert=converter(stored, version, backend))
            configs.check(config, classic.shapes(), self.customs)
            config = repairing.undrawn(config) if classic.names else config
            notices += writing.write_hdf5(self.scratch, config, classic, self.name)
        return Found("hdf5", writing.HDF5, notices=notices)

    def _weights(self, weights: Any) -> Found:
        from explain.inspecting import layouts, writing

        layout = layouts.weights_layout(weights)
        if layout == "vars":
            notices = writing.write_keras_weights(self.scratch, weights)
            return Found("weights", writing.KERAS_WEIGHTS, notices=notices)
        classic = layouts.read_classic(weights, layout)
        notices = writing.write_classic_weights(self.scratch, classic, self.name)
        return Found("weights", writing.CLASSIC_WEIGHTS, notices=notices)

    def _graph(self, source: Path) -> Found:
        from explain.inspecting import graphs

        copy, notices = graphs.check(source, self.scratch)
        return Found("graph", copy.name, notices=tuple(notices))
