"""Opens mutated models and pictures for some minutes, and looks for what may never happen.

    python -m tests.mutate --minutes 30 [--seed 0] [--keep FOLDER]

Never: a hang over the deadline, an internal error, a worker's death, an error of any other kind than ours.
Such a file is kept, with seed and number in its name: the same two give the same file again. The process
then ends with 1.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("EXPLAIN_STANDBY", "0")

from corpus import Target
from corpus_pictures import PICTURES
from corpus_valid import VALID
from mutations import mutated

from explain.errors import (
    DeadlineExceeded,
    ExplainError,
    ImageError,
    InspectionFailed,
    InternalError,
    WorkerDied,
)

DEADLINE = 10.0  # seconds of an inspection
PICTURE = 5.0  # seconds to read a picture; 40 million pixels take one or two
LOADED = 0.2  # of those that pass the inspection: the share that is opened as well
MODELS = 0.4  # share of models; the rest are pictures
BAD = ("hang", "internal", "died", "untyped")


@dataclass
class Found:
    """counts: outcomes by code; kept: the files of what may never happen."""

    counts: Counter = field(default_factory=Counter)
    kept: list[Path] = field(default_factory=list)
    slowest: tuple[float, str] = 0.0, ""

    def told(self) -> str:
        rows = [f"{many:8,}  {code}" for code, many in sorted(self.counts.items(), key=lambda one: -one[1])]
        rows += [f"slowest: {self.slowest[0]:.2f} s, {self.slowest[1]}"]
        return "\n".join([*rows, *(f"kept {path}" for path in self.kept)])


class Run:
    """One run of numbered mutations. seed, number → always the same file."""

    def __init__(self, seed: int, keep: Path, names: tuple[str, ...] | None = None) -> None:
        self.seed, self.keep, self.found = seed, keep, Found()
        self.models = [sample for name, sample in sorted(VALID.items()) if names is None or name in names]
        self.pictures = sorted(PICTURES)
        self._built: dict[str, tuple[bytes, str]] = {}
        self._temporary = tempfile.TemporaryDirectory(prefix="mutations-")
        self.folder = Path(self._temporary.name)

    def close(self) -> None:
        from explain import workers

        workers.close()
        self._temporary.cleanup()

    def file(self, number: int) -> tuple[str, bytes]:
        """(name, bytes) of that number."""
        chance = Random(f"{self.seed}/{number}")
        if chance.random() >= MODELS:
            name, other = chance.choice(self.pictures), chance.choice(self.pictures)
            data = mutated(PICTURES[name].make() or b"\0", chance, PICTURES[other].make())
            return f"{name}.img", data
        sample, other = chance.choice(self.models), chance.choice(self.models)
        data, ending = self._model(sample)
        return sample.name + ending, mutated(data, chance, self._model(other)[0])

    def _model(self, sample) -> tuple[bytes, str]:
        if sample.name not in self._built:
            folder = self.folder / sample.name
            folder.mkdir()
            path = sample.make(folder, Target(self.folder / "marker", self.folder / "secret"))
            if path.is_dir():
                from corpus_attacks_graphs import zipped

                self._built[sample.name] = zipped(path), ".zip"
            else:
                self._built[sample.name] = path.read_bytes(), path.suffix or ".keras"
        return self._built[sample.name]

    def one(self, number: int) -> str:
        """Its outcome: a code, "opens", "passes", or one of BAD with what happened."""
        name, data = self.file(number)
        start = time.monotonic()
        outcome = _seen(data, name) if name.endswith(".img") else self._inspected(name, data, number)
        seconds = time.monotonic() - start
        self.found.slowest = max(self.found.slowest, (seconds, f"{number} {name}"))
        if name.endswith(".img") and seconds > PICTURE:
            outcome = f"hang: {seconds:.1f} s for a picture"
        self.found.counts[outcome.partition(":")[0]] += 1
        if outcome.startswith(BAD):
            self._keep(name, data, number, outcome)
        return outcome

    def _inspected(self, name: str, data: bytes, number: int) -> str:
        from explain.inspecting import inspect

        path = self.folder / f"mutation{Path(name).suffix}"
        path.write_bytes(data)
        with tempfile.TemporaryDirectory(dir=self.folder) as scratch:
            outcome = _outcome(lambda: inspect(path, scratch, seconds=DEADLINE))
        if outcome == "" and Random(f"load {self.seed}/{number}").random() < LOADED:
            return self._opened(path) or "opens"
        return outcome or "passes"

    def _opened(self, path: Path) -> str:
        """As the dashboard opens it, and one question."""
        from networks import pictures

        from explain import workers

        def ask():
            model = workers.load(path)
            workers.predict(model, pictures(1)[0], top=1)

        return _outcome(ask)

    def _keep(self, name: str, data: bytes, number: int, outcome: str) -> None:
        self.keep.mkdir(parents=True, exist_ok=True)
        path = self.keep / f"{self.seed}_{number}_{name}"
        path.write_bytes(data)
        path.with_name(path.name + ".txt").write_text(outcome + "\n", encoding="utf-8")
        self.found.kept.append(path)


def _outcome(deed) -> str:
    """ "" when it went well, the code of a refusal, or a word of BAD with the sentence."""
    try:
        deed()
        return ""
    except InspectionFailed as error:
        sentence = str(error)
        if "signal" in sentence:
            return f"E_INSPECTION (crashed): {sentence}"  # which is what the other process is for
        return f"{'internal' if 'incident' in sentence else 'hang'}: {sentence}"
    except DeadlineExceeded as error:
        return f"hang: {error}"
    except WorkerDied as error:
        return f"died: {error}"
    except InternalError as error:
        return f"internal: {error}"
    except ExplainError as error:
        return error.code
    except Exception as error:  # what this run is for
        return f"untyped: {type(error).__name__}: {error}"


def _seen(data: bytes, name: str) -> str:
    from explain.image import read

    try:
        read(data, name)
        return "a picture"
    except ImageError as error:
        return error.code
    except Exception as error:  # what this run is for
        return f"untyped: {type(error).__name__}: {error}"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutate", description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=1.0, help="how long (1)")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other files (0)")
    parser.add_argument("--first", type=int, default=0, help="number of the first mutation (0)")
    parser.add_argument("--count", type=int, default=10**9, help="at most so many")
    parser.add_argument(
        "--keep", type=Path, default=Path("out/mutations"), help="folder of what may never happen"
    )
    chosen = parser.parse_args(arguments)
    chosen.keep.mkdir(parents=True, exist_ok=True)
    with (chosen.keep / "said.txt").open("w") as said:
        os.dup2(said.fileno(), 2)  # what the libraries complain about, thousands of times
    run, until, number = Run(chosen.seed, chosen.keep), time.monotonic() + 60 * chosen.minutes, chosen.first
    try:
        while number < chosen.first + chosen.count and time.monotonic() < until:
            outcome = run.one(number)
            if outcome.startswith(BAD):
                print(f"{chosen.seed}/{number}: {outcome}", flush=True)
            number += 1
    finally:
        run.close()
    print(f"{number - chosen.first:,} mutations, seed {chosen.seed}\n{run.found.told()}")
    return 1 if run.found.kept else 0


if __name__ == "__main__":
    sys.exit(main())
