"""A folder of small pictures, a small network, and runs over them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import networks
import numpy as np

import explain
from explain import folders, render
from explain.folders.journal import NAME

BATCH = 4


def fill(folder: Path, many: int = 22, size: int = 20) -> Path:
    """`many` pictures of noise, each another; two files that are no pictures among them."""
    folder.mkdir()
    noise = np.random.default_rng(7)
    for i in range(many):
        pixels = noise.integers(0, 256, (size + i % 3, size, 3), np.uint8)
        (folder / f"p{i:02d}.png").write_bytes(render.png(pixels))
    (folder / "p03b.png").write_bytes((folder / "p03.png").read_bytes()[:200])
    (folder / "p17b.jpg").write_bytes(b"no picture")
    return folder


def sources_in(folder: Path) -> list[folders.Source]:
    paths = sorted(p for p in folder.iterdir() if p.suffix in (".png", ".jpg"))
    return [folders.Source(str(path), path.stem) for path in paths]


def small_model() -> explain.Model:
    return explain.wrap(networks.plain(), scaling="0..1", labels=["ant", "<b>bee</b>", "=cat"])


def job_for(model: explain.Model, out: Path, **changes) -> folders.Job:
    return folders.Job(
        **{"source": {}, "key": model.key, "out": str(out), "layer": "second", "batch": BATCH} | changes
    )


def carried_out(
    model, job, sources, engine=None, overwrite=False, stopping=lambda: False, **finish
) -> folders.Run:
    """A whole run, to its end or until `stopping`."""
    run = folders.Run(model, job, sources)
    run.begin(overwrite)
    try:
        run.carry_out(engine or folders.Local(), stopping)
    finally:
        run.finish(**finish)
    return run


def files_of(folder: Path) -> dict[str, str]:
    """{name: digest} of everything but the journal, which may hold rows that are not believed any longer."""
    paths = [path for path in Path(folder).iterdir() if path.name != NAME]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
