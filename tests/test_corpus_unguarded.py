"""The attacks without the inspection: they are real, and the sandbox alone holds them."""

from __future__ import annotations

import base64
import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from corpus import Target, as_file
from corpus_attacks import CONFIGS
from corpus_attacks_files import FILES
from corpus_attacks_graphs import GRAPHS
from corpus_watch import watching
from networks import pictures

from explain import workers

SCRIPT = Path(__file__).with_name("corpus_unguarded.py")
REACH = ("external", "virtual", "unknown", "pickle", "numpy")
REACHING = {name: sample for name, sample in FILES.items() if name.startswith(REACH)}
ONE_FORM = {n: s for n, s in CONFIGS.items() if not n.endswith("_h5")}
UNGUARDED = ONE_FORM | REACHING | GRAPHS


@pytest.fixture(scope="module")
def watch(tmp_path_factory):
    if not any(part.active for part in workers.sandbox() if part.name == "files"):
        pytest.skip("this system cannot keep a process away from files")
    with watching(tmp_path_factory.mktemp("unguarded")) as watch:
        yield watch


@pytest.mark.parametrize("sample", UNGUARDED.values(), ids=lambda sample: sample.name)
def test_trusted(watch, sample):
    """The operator says that the file is to be trusted, which is wrong: it is opened without inspection."""
    outcome = watch.opened(watch.made(sample), trusted=True)
    assert outcome.code not in ("E_INTERNAL", "E_DEADLINE"), outcome.sentence
    watch.check()


def test_nobody_noticed(watch):
    watch.undisturbed()


# Opened as nobody should -------------------------------------------------------------------------------


def files(folder: Path, target: Target) -> dict[str, str]:
    """Every attack on Keras and TensorFlow that is one file, in base64, by a name with its ending."""
    found = {}
    for name, sample in (ONE_FORM | GRAPHS).items():
        (folder / name).mkdir()
        path = sample.make(folder / name, target)
        if isinstance(path, Path) and path.is_file() and "aborts" not in name:
            found[name + path.suffix] = base64.b64encode(path.read_bytes()).decode()
    return found


@pytest.fixture(scope="module")
def real(tmp_path_factory) -> dict[bool, dict[str, str]]:
    """What plain Keras and TensorFlow suffer from each, with and without safe mode, in another process."""
    folder = tmp_path_factory.mktemp("real")
    (folder / "aim").mkdir()
    (folder / "aim" / "secret.txt").write_text("root\n")
    target = Target(folder / "aim" / "marker", folder / "aim" / "secret.txt")
    script = folder / "script.py"
    tell = "import json\nprint(json.dumps([suffered(FILES, MARKER, safe) for safe in (True, False)]))"
    script.write_text(with_files(files(folder, target), target) + tell)
    said = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=300, check=True
    ).stdout
    return dict(zip((True, False), json.loads(said.splitlines()[-1]), strict=True))


def with_files(found: dict[str, str], target: Target) -> str:
    return f"{SCRIPT.read_text(encoding='utf-8')}\n\nFILES = {found!r}\nMARKER = {str(target.marker)!r}\n"


def test_the_attacks_are_real(real):
    """In safe mode each does what its sample says; without it, and run, many more do something."""
    expected = {Path(name).stem: sample.harm for name, sample in (ONE_FORM | GRAPHS).items() if sample.harm}
    suffered = {Path(name).stem: what for name, what in real[True].items()}
    assert {name: suffered.get(name, harm) for name, harm in expected.items()} == expected
    assert list(real[False].values()).count("marker") >= 12, real[False]
    assert readers(real[False]) == 3, real[False]


def readers(found: dict[str, str]) -> int:
    """How many of those that read the secret got through."""
    names = ("frozen_reads.", "saved_model_reads.", "by_a_dataset")
    return sum(what == "opened" and any(part in name for part in names) for name, what in found.items())


INSIDE = """
{}
TRIED = suffered(FILES, MARKER, False)


class Told(keras.layers.Layer):
    def call(self, x):
        told = [float(len(TRIED)), float(list(TRIED.values()).count("opened")), float(readers(TRIED))]
        return tf.reduce_mean(x, (1, 2, 3))[:, None] * 0 + tf.constant([told])
"""


def test_all_of_them_inside(watch, tmp_path, real):
    """The same in a worker: they are opened and run there, and reach nothing."""
    code = with_files(files(tmp_path, watch.target), watch.target) + INSIDE.format(inspect.getsource(readers))
    model = opened_with(watch, tmp_path, code, "Told", 3)
    told = {p.class_index: p.score for p in workers.predict(model, pictures(1)[0], top=3)}
    watch.check()
    assert told[0] == len(real[False]) and told[1] >= 5 and told[2] == 0


# Any Python at all ----------------------------------------------------------------------------------------

ESCAPING = """
import os, socket, subprocess
import keras, tensorflow as tf

MARKER, SECRET, PORT, PAGE = {!r}, {!r}, {!r}, {!r}


def tried(deed):
    try:
        deed()
        return 1.0
    except BaseException:
        return 0.0


DEEDS = [
    lambda: open(MARKER, "w").close(),
    lambda: open(SECRET).read(),
    lambda: os.listdir(os.path.dirname(SECRET)),
    lambda: os.chmod(SECRET, 0o777),
    lambda: os.remove(SECRET),
    lambda: socket.create_connection(("127.0.0.1", PORT), 2).close(),
    lambda: subprocess.run(["/bin/sh", "-c", "true"], check=True),
    lambda: os.kill(PAGE, 0),
]


class Escaping(keras.layers.Layer):
    def call(self, x):
        return tf.reduce_mean(x, (1, 2, 3))[:, None] * 0 + tf.constant([[tried(deed) for deed in DEEDS]])
"""


def opened_with(watch, folder: Path, code: str, name: str, answers: int):
    """A model of one layer, of that name, which an operator's Python file defines."""
    import keras

    def call(self, x):
        return keras.ops.zeros((keras.ops.shape(x)[0], answers))

    own, path = folder / "own.py", folder / "own.keras"
    own.write_text(code, encoding="utf-8")
    layer = type(name, (keras.layers.Layer,), {"call": call})(name="own")
    path.write_bytes(as_file(keras.Sequential([keras.Input((8, 8, 3)), layer]), ".keras"))
    return watch.opened(path, custom_objects=str(own)).model


def test_any_python_inside(watch, tmp_path):
    """The strongest payload: code that the operator lets in. Its scores tell which of its deeds succeeded."""
    target = watch.target
    code = ESCAPING.format(str(target.marker), str(target.secret), target.port, os.getpid())
    model = opened_with(watch, tmp_path, code, "Escaping", 8)
    scores = {p.class_index: p.score for p in workers.predict(model, pictures(1)[0], top=8)}
    assert [scores[i] for i in range(8)] == [0.0] * 8
    watch.check()
    assert target.secret.exists()
