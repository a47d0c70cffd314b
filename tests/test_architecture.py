"""Who may import what, read from the sources: the rooms of the house keep to their doors."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

import explain

ROOT = Path(__file__).parents[1]
FILES = sorted([*ROOT.glob("explain/**/*.py"), *ROOT.glob("dashboard/**/*.py")])
HEAVY = ("tensorflow", "keras", "h5py")


class Room(NamedTuple):
    """now: what its files import when they are imported; late: what only functions import."""

    now: tuple[str, ...]
    late: tuple[str, ...] = ()


NOUNS = ("explain.errors", "explain.results")
CORE = (*HEAVY, "numpy", *NOUNS, "explain.scaling", "explain.store")
PAGE = (
    "numpy", *NOUNS, "explain.workers", "explain.render", "explain.image", "explain.samples", "explain.store",
    "explain.scaling", "explain.methods", "explain.opening.zoo", "explain.opening.labels", "explain.report",
    "explain.similarity", "explain.provenance",
)  # fmt: skip

# The longest prefix decides. The standard library is open to all.
ROOMS = {
    "explain/__init__.py": Room(()),
    "explain/errors.py": Room(()),
    "explain/results/": Room(("numpy", "explain.results"), late=("explain.report.notebook",)),
    "explain/store.py": Room(()),
    "explain/scaling.py": Room(("numpy", "explain.errors")),
    "explain/blanks.py": Room(("numpy", "explain.results")),
    "explain/notes.py": Room(("numpy", "explain.blanks", "explain.results")),
    "explain/causes.py": Room((*CORE, "explain.notes", "explain.probe")),
    "explain/device.py": Room(("explain.errors",), late=("tensorflow",)),
    "explain/image/": Room(("cv2", "PIL", "numpy", *NOUNS, "explain.image")),
    "explain/samples/": Room(("explain.errors",), late=("explain.image",)),
    "explain/render/": Room(("cv2", "numpy", *NOUNS, "explain.render")),
    "explain/report": Room(
        ("cv2", "numpy", *NOUNS, "explain.methods", "explain.provenance", "explain.render", "explain.report"),
        late=("fpdf",),
    ),
    "explain/report/commands.py": Room(
        ("explain.opening.zoo", "explain.report", "explain.samples")
    ),
    "explain/report/fields.py": Room(("numpy", "explain.errors", "explain.inspecting.limits", "explain.report")),
    "explain/report/curves.py": Room(("numpy", *NOUNS, "explain.report", "explain.similarity")),
    "explain/report/drafts.py": Room(
        ("numpy", *NOUNS, "explain.image", "explain.inspecting.archives", "explain.inspecting.documents",
         "explain.inspecting.limits", "explain.provenance", "explain.render", "explain.report"),
        late=("explain.reproducing.box",),
    ),  # fmt: skip
    "explain/similarity/": Room(
        ("numpy", *NOUNS, "explain.render", "explain.similarity"), late=("explain.jobs", "explain.representations", "explain.workers"),
    ),  # fmt: skip
    "explain/provenance/": Room(("numpy", *NOUNS, "explain.provenance"), late=("explain.device",)),
    "explain/methods/__init__.py": Room(("explain.errors",)),
    "explain/methods/heatmaps/": Room(("numpy", *NOUNS)),
    "explain/methods/trust/": Room(("numpy", *NOUNS)),
    "explain/methods/patterns/": Room(("numpy", "tensorflow", "explain.probe.ascent", *NOUNS)),
    "explain/probe/": Room((*CORE, "explain.probe")),
    "explain/opening/": Room(
        (*CORE, "google.protobuf", "explain.device", "explain.image", "explain.inspecting", "explain.opening",
         "explain.probe", "explain.samples")
    ),  # fmt: skip
    "explain/opening/zoo.py": Room(("explain.errors",), late=("keras", "h5py", "explain.opening")),
    "explain/opening/labels.py": Room(("explain.errors",)),
    # The page's side of the inspection; the other files run in a process of their own, late by late.
    "explain/inspecting/": Room(
        (*NOUNS, "numpy", "h5py", "explain.inspecting", "explain.repairing"), late=("explain.sandbox",)
    ),
    "explain/inspecting/__init__.py": Room(
        ("explain.errors", "explain.inspecting.customs", "explain.inspecting.limits"), late=("explain.results",)
    ),
    "explain/inspecting/child.py": Room(("explain.errors", "explain.inspecting"), late=("explain.sandbox",)),
    "explain/repairing/": Room((*NOUNS, "explain.repairing")),
    "explain/repairing/weights.py": Room(("numpy", *NOUNS, "explain.repairing")),
    "explain/jobs.py": Room((*CORE, "explain.causes", "explain.image", "explain.methods", "explain.notes", "explain.probe")),
    "explain/detective/": Room(
        (*CORE, "explain.detective", "explain.jobs", "explain.notes", "explain.opening", "explain.probe")
    ),
    "explain/doctor/": Room(
        (*CORE, "explain.blanks", "explain.causes", "explain.doctor", "explain.jobs", "explain.notes",
         "explain.probe", "explain.samples")
    ),  # fmt: skip
    "explain/representations/": Room((*CORE, "explain.jobs", "explain.probe")),
    "explain/exporting/": Room(
        (*CORE, "explain.exporting", "explain.image", "explain.jobs", "explain.methods", "explain.probe")
    ),
    "explain/sandbox/": Room(("explain.sandbox",)),
    "explain/workers/": Room(
        ("numpy", *NOUNS, "explain.image", "explain.inspecting", "explain.opening.labels", "explain.sandbox",
         "explain.workers")
    ),  # fmt: skip
    "explain/workers/child.py": Room(
        (*NOUNS, "explain.sandbox", "explain.workers"), late=("explain.detective", "explain.device", "explain.doctor", "explain.jobs", "explain.opening", "explain.representations"),
    ),
    "explain/folders/": Room(
        ("numpy", *NOUNS, "explain.folders", "explain.image", "explain.provenance", "explain.render"),
        late=("cv2", "explain", "tensorflow", "pyarrow", "ray"),
    ),  # fmt: skip
    "explain/reproducing/": Room(
        ("numpy", *NOUNS, "explain.folders.files", "explain.image", "explain.methods", "explain.opening.zoo",
         "explain.provenance", "explain.reproducing", "explain.samples"), late=("explain",),
    ),  # fmt: skip
    # The command line asks by the public names, and costs nothing before it knows what is asked.
    "explain/__main__.py": Room(("explain",), late=("explain",)),
    "explain/commands/": Room(("explain", "numpy"), late=("explain", "tensorflow", "keras", "cv2")),
    "dashboard/": Room((*PAGE, "streamlit", "plotly", "pandas", "dashboard")),
    "dashboard/bundles.py": Room(("explain.errors", "explain.inspecting.archives", "explain.similarity", "dashboard")),
    "dashboard/app.py": Room((), late=("dashboard.shell",)),
}


class Import(NamedTuple):
    module: str
    late: bool                  # inside a function, or under the guard of a script
    line: int


def imports(file: Path) -> list[Import]:
    """Every import but the type checker's; `from a import b` is 'a.b' where that is a module of ours."""
    found = []

    def walk(node, late):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            guarded = isinstance(child, ast.If) and "__main__" in ast.unparse(child.test)
            if isinstance(child, ast.Import):
                found.extend(Import(alias.name, late, child.lineno) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{file.name}:{child.lineno} imports relatively"
                for alias in child.names:
                    whole = f"{child.module}.{alias.name}"
                    ours = ROOT / whole.replace(".", "/")
                    is_module = ours.is_dir() or ours.with_suffix(".py").is_file()
                    found.append(Import(whole if is_module else child.module, late, child.lineno))
            function = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            walk(child, late or guarded or function)

    walk(ast.parse(file.read_text(encoding="utf-8")), False)
    return found


def room_of(file: Path) -> Room:
    path = file.relative_to(ROOT).as_posix()
    return ROOMS[max((prefix for prefix in ROOMS if path.startswith(prefix)), key=len)]


def allowed(module: str, names: tuple[str, ...]) -> bool:
    if module.partition(".")[0] in sys.stdlib_module_names:
        return True
    return any(module == name or module.startswith(name + ".") for name in names)


def name_of(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_a_room_imports_only_what_it_may(file):
    assert any(name_of(file).startswith(prefix) for prefix in ROOMS), f"{name_of(file)} belongs to no room"
    room = room_of(file)
    for one in imports(file):
        names = room.now + (room.late if one.late else ())
        assert allowed(one.module, names), f"{name_of(file)}:{one.line} may not import {one.module}"


def test_the_reader_of_imports_reads(tmp_path):
    (tmp_path / "trial.py").write_text(
        "import numpy as np, cv2\nfrom typing import TYPE_CHECKING\nfrom explain import render, read\n"
        "if TYPE_CHECKING:\n    import keras\ndef f():\n    import tensorflow\n"
        "try:\n    import h5py\nexcept ImportError:\n    pass\n"
    )
    assert [(i.module, i.late) for i in imports(tmp_path / "trial.py")] == [
        ("numpy", False), ("cv2", False), ("typing", False), ("explain.render", False), ("explain", False),
        ("tensorflow", True), ("h5py", False),
    ]  # fmt: skip
    assert allowed("explain.probe.door", ("explain.probe",))
    assert not allowed("explain.probes", ("explain.probe",))
    assert not allowed("streamlit", CORE) and allowed("zipfile", ())


def test_the_table_is_as_strict_as_the_house():
    """No room of the page may reach the core, and no room of the core the page."""
    page = ("dashboard/", "explain/render/", "explain/image/", "explain/samples/", "explain/workers/")
    core = {*HEAVY, "explain.jobs", "explain.probe", "explain.opening", "explain.opening.loading"}
    for prefix, room in ROOMS.items():
        everything = room.now + room.late
        if prefix.startswith("explain/"):
            screens = {"streamlit", "plotly", "dashboard"}
            assert not screens & {name.partition(".")[0] for name in everything}, prefix
        if prefix.startswith(page):
            assert not core & set(room.now), prefix


# As it runs --------------------------------------------------------------------------------------------


def loaded_by(code: str, *watched: str) -> list[str]:
    """Which of the watched modules a fresh interpreter has after `code`."""
    told = f"print([m for m in {watched!r} if m in sys.modules])"
    script = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{code}\n{told}"
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    return ast.literal_eval(said.stdout.splitlines()[-1])


def test_import_explain_costs_nothing():
    watched = (*HEAVY, "numpy", "cv2", "PIL", "streamlit", "explain.errors")
    assert loaded_by("import explain; dir(explain)", *watched) == []


def test_the_page_process_stays_light():
    """Every module of the dashboard, in one interpreter: Streamlit is there, TensorFlow is not.

    The views, which only a visit can run, import no more than their neighbours do.
    """
    paths = [name_of(file) for file in FILES if name_of(file).startswith("dashboard/")]
    views = [path for path in paths if path.startswith("dashboard/views/")]
    paths = [path for path in paths if path not in views]
    beside = {one.module for view in views for one in imports(ROOT / view) if one.module.startswith("dashboard")}
    assert {module.replace(".", "/") + ".py" for module in beside - {"dashboard"}} <= set(paths)
    modules = [path[:-3].replace("/", ".").removesuffix(".__init__") for path in paths]
    watched = (*HEAVY, "explain.jobs", "explain.probe", "streamlit", "explain.workers")
    found = loaded_by(f"import {', '.join(modules)}", *watched)
    assert found == ["streamlit", "explain.workers"]


def test_every_public_name_is_there():
    assert len(set(explain.__all__)) == len(explain.__all__)
    for name in explain.__all__:
        assert getattr(explain, name) is not None
    assert set(explain.__all__) <= set(dir(explain))
    with pytest.raises(AttributeError, match="no attribute 'heatmop'"):
        explain.heatmop


def test_both_faces_have_the_same_names_and_arguments():
    """`explain.workers` answers the same jobs: every argument in process exists there, in the same order."""
    import inspect

    from explain import workers

    for name in ("load", "layers", "predict", "activations", "heatmap", "heatmaps", "patterns"):
        here, there = (inspect.signature(getattr(face, name)).parameters for face in (explain, workers))
        extra = [p for p in there if p not in here]
        assert extra in ([], ["deadline"]), name
        assert [p for p in there if p in here] == list(here), name
        for parameter in here:
            if name != "load" or parameter != "name":                           # there a name is always given
                assert here[parameter].default == there[parameter].default, (name, parameter)


# What stands in no file ---------------------------------------------------------------------------


def project_files() -> list[Path]:
    hidden = {".git", ".venv", "venv", "__pycache__", ".pytest_cache", ".ruff_cache", "out", "node_modules"}
    return [f for f in ROOT.rglob("*") if f.is_file() and not hidden & set(f.relative_to(ROOT).parts)]


def test_no_file_knows_the_machine_it_was_written_on():
    needles = ["/" + "work/", str(ROOT) + "/"]
    for file in project_files():
        text = file.read_bytes().decode("utf-8", errors="ignore")
        for needle in needles:
            assert needle not in text, f"{name_of(file)} mentions {needle}"
