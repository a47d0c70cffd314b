"""The same attacks with the inspection switched off: they are real, and the sandbox alone holds them."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from corpus import Target, as_file
from corpus_attacks import CONFIGS
from corpus_attacks_files import FILES
from corpus_attacks_graphs import GRAPHS
from corpus_watch import watching
from networks import pictures

from explain import workers
from explain.errors import WorkerDied

FORMS = {n: s for n, s in (CONFIGS | GRAPHS).items() if not n.endswith("_h5")}
REACHING = {
    n: s for n, s in FILES.items() if n.startswith(("external", "virtual", "unknown", "pickle", "numpy"))
}
UNGUARDED = FORMS | REACHING


@pytest.fixture(scope="module")
def watch(tmp_path_factory):
    if not any(part.active for part in workers.sandbox() if part.name == "files"):
        pytest.skip("this system cannot keep a process away from files")
    with watching(tmp_path_factory.mktemp("unguarded")) as watch:
        yield watch


@pytest.mark.parametrize("sample", UNGUARDED.values(), ids=lambda sample: sample.name)
def test_the_sandbox_alone(watch, sample):
    outcome = watch.opened(watch.made(sample), trusted=True)
    assert outcome.code not in ("E_INTERNAL", "E_DEADLINE"), outcome.sentence
    if outcome.model is not None:
        try:
            workers.predict(outcome.model, pictures(1)[0])
        except WorkerDied:
            pass  # what was asked for; the check below is what counts
    watch.check()


def test_nobody_noticed(watch):
    watch.undisturbed()


# Whatever runs inside ------------------------------------------------------------------------------

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


def test_any_python_inside(watch, tmp_path):
    """The strongest payload: code that the operator lets in. Its scores tell which of its deeds succeeded."""
    import keras

    class Escaping(keras.layers.Layer):
        def call(self, x):
            return keras.ops.zeros((keras.ops.shape(x)[0], 8))

    own, path = tmp_path / "own.py", tmp_path / "escaping.keras"
    own.write_text(
        ESCAPING.format(str(watch.target.marker), str(watch.target.secret), watch.target.port, os.getpid())
    )
    path.write_bytes(as_file(keras.Sequential([keras.Input((8, 8, 3)), Escaping(name="escaping")]), ".keras"))
    model = workers.load(path, custom_objects=str(own))
    scores = {p.class_index: p.score for p in workers.predict(model, pictures(1)[0], top=8)}
    assert [scores[i] for i in range(8)] == [0.0] * 8
    watch.check()
    assert watch.target.secret.exists()


# Against plain Keras -------------------------------------------------------------------------------

PLAIN = """
import json, sys, zipfile, keras, tensorflow as tf
from pathlib import Path

def state():
    return keras.config.floatx(), keras.config.image_data_format(), keras.config.dtype_policy().name

asked, healthy, found = json.loads(sys.argv[1]), state(), {}
for name, (file, marker) in asked.items():
    file, marker = Path(file), Path(marker)
    try:
        if file.suffix == ".zip":
            zipfile.ZipFile(file).extractall(file.with_suffix(""))
        if file.suffix in (".keras", ".h5"):
            keras.models.load_model(file, safe_mode=True)
        else:
            tf.saved_model.load(str(file.with_suffix("")))
    except Exception:
        pass
    found[name] = "marker" if marker.exists() else "state" if state() != healthy else ""
    marker.unlink(missing_ok=True)
    keras.config.set_floatx(healthy[0])
    keras.config.set_image_data_format(healthy[1])
    keras.config.set_dtype_policy(healthy[2])
print(json.dumps(found))
"""


def test_the_attacks_are_real(tmp_path):
    """Keras' own loader, in safe mode and in a process of its own, suffers what the samples say."""
    (tmp_path / "aim").mkdir()
    target = Target(tmp_path / "aim" / "marker", tmp_path / "aim" / "secret.txt")
    real = {name: sample for name, sample in UNGUARDED.items() if sample.harm}
    assert len(real) >= 6
    asked = {}
    for name, sample in real.items():
        (tmp_path / name).mkdir()
        asked[name] = str(sample.make(tmp_path / name, target)), str(target.marker)
    said = subprocess.run(
        [sys.executable, "-c", PLAIN, json.dumps(asked)],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    assert json.loads(said.stdout.splitlines()[-1]) == {name: sample.harm for name, sample in real.items()}
