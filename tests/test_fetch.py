"""Weights from elsewhere: a file must fit, and what is fetched is whole or nothing."""

from __future__ import annotations

import http.server
import inspect
import os
import socket
import threading
from hashlib import md5, sha256
from pathlib import Path

import cv2
import h5py
import keras
import numpy as np
import pytest

from explain.errors import Cancelled, ModelError, NoInternet
from explain.opening import fetch, zoo
from explain.opening.labels import imagenet_labels

DATA = Path(os.environ.get("LAYERSCOPE_DATA", "/nonexistent"))
with_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="LAYERSCOPE_DATA does not name the folder with real photos and weights"
)

# ── a file ──


def small():
    return zoo.build("mobilenet", weights=None, seed=3)


def write_as_keras_2(network, path):
    """The layout of the files that keras.applications fetches."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in network.layers]
        for layer in network.layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}/{n}" for n, _ in enumerate(layer.weights)]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, variable in zip(names, layer.weights, strict=True):
                group[name] = np.asarray(variable)


def assert_same_weights(one, other):
    pairs = zip(one.get_weights(), other.get_weights(), strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("name", ["mobilenet", zoo.DEFAULT])
def test_a_file_of_either_layout_under_any_name(tmp_path, name):
    network = zoo.build(name, weights=None, seed=3)
    network.save_weights(tmp_path / "new.weights.h5")
    write_as_keras_2(network, tmp_path / "old.weights.h5")
    (tmp_path / "new.weights.h5").rename(tmp_path / "upload")
    assert_same_weights(zoo.build(name, tmp_path / "upload"), network)
    assert_same_weights(zoo.build(name, str(tmp_path / "old.weights.h5")), network)


def test_a_file_without_the_classifier_gives_a_network_without_it(tmp_path):
    body = keras.applications.MobileNet(weights=None, include_top=False, input_shape=(224, 224, 3))
    body.save_weights(tmp_path / "body.weights.h5")
    found = zoo.build("mobilenet", tmp_path / "body.weights.h5")
    assert found.output_shape == (None, 7, 7, 1024)
    assert_same_weights(found, body)


def test_efficientnet_keeps_the_scaling_of_its_imagenet_weights(tmp_path):
    """Keras adds a second Rescaling for those weights only; a file of them must get it too."""
    bare = zoo.build("efficientnetb0", weights=None)
    bare.save_weights(tmp_path / "b0.weights.h5")
    found = zoo.build("efficientnetb0", tmp_path / "b0.weights.h5")
    assert [layer.__class__.__name__ for layer in found.layers].count("Rescaling") == 2


def test_files_that_do_not_fit(tmp_path):
    small().save_weights(tmp_path / "mobilenet.weights.h5")
    ten = keras.applications.MobileNet(weights=None, classes=10, input_shape=(224, 224, 3))
    ten.save_weights(tmp_path / "ten.weights.h5")
    for name, file in [("mobilenetv2", "mobilenet"), ("densenet121", "mobilenet"), ("mobilenet", "ten")]:
        with pytest.raises(ModelError, match=rf"'{file}.weights.h5' does not fit .* numbers, expected are"):
            zoo.build(name, tmp_path / f"{file}.weights.h5")
    (tmp_path / "cut.h5").write_bytes((tmp_path / "mobilenet.weights.h5").read_bytes()[:100_000])
    (tmp_path / "text.h5").write_text("hello")
    for file in ("cut.h5", "text.h5"):
        with pytest.raises(ModelError, match=f"'{file}' cannot be read"):
            zoo.build("mobilenet", tmp_path / file)
    with pytest.raises(ModelError, match="no file 'gone.h5'"):
        zoo.build("mobilenet", tmp_path / "gone.h5")


@with_data
def test_real_weights_from_files():
    mobilenet = zoo.build("mobilenet", DATA / "weights" / "mobilenet_1_0_224_imagenet_top.weights.h5")
    cat = cv2.imread(str(DATA / "photos" / "skimage_chelsea.png"))[..., ::-1]
    batch = cv2.resize(cat, (224, 224), interpolation=cv2.INTER_AREA)[None] / np.float32(127.5) - 1
    found = mobilenet.predict_on_batch(batch)[0]
    assert imagenet_labels()[found.argmax()] == "Egyptian cat"
    assert found.max() == pytest.approx(0.94, abs=0.01)
    vgg = zoo.build("vgg16", DATA / "weights" / "vgg16_imagenet_notop.weights.h5")
    assert vgg.output_shape == (None, 7, 7, 512)


# ── fetching, against a server of our own ──

BODY = bytes(range(256)) * 4096                                  # 1 MB


class Server(http.server.ThreadingHTTPServer):
    """Serves `files` whole; /short ends early; /stall falls silent half-way; all else is 404."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.asked, self.awake = {"/body": BODY}, [], threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        body = self.server.files.get(self.path, BODY if self.path in ("/short", "/stall") else None)
        if body is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.path == "/short":
            self.wfile.write(body[: len(body) // 2])
        elif self.path == "/stall":
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            self.server.awake.wait(20)
        else:
            self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server
    server.awake.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("digest", [md5(BODY).hexdigest(), sha256(BODY).hexdigest()])
def test_a_whole_file_arrives_with_progress(server, tmp_path, digest):
    seen = []
    target = tmp_path / "new" / "weights.h5"
    fetch.fetch(server.url + "/body", target, digest, on_progress=lambda *report: seen.append(report))
    assert target.read_bytes() == BODY
    assert seen[-1] == (len(BODY), len(BODY), None)
    assert [p.name for p in target.parent.iterdir()] == ["weights.h5"]


@pytest.mark.parametrize(
    ("path", "digest", "error", "sentence"),
    [
        ("/short", sha256(BODY).hexdigest(), ModelError, "cut short"),
        ("/short", "", ModelError, "cut short"),
        ("/body", "", ModelError, "damaged"),                    # no digest, and not HDF5
        ("/body", md5(b"other").hexdigest(), ModelError, "damaged"),
        ("/nothing", "", ModelError, "404"),
        ("/stall", "", NoInternet, "silent|timed out"),
    ],
)
def test_nothing_but_the_whole_file_is_kept(server, tmp_path, path, digest, error, sentence):
    target = tmp_path / "weights.h5"
    target.write_text("what was there before")
    with pytest.raises(error, match=sentence) as raised:
        fetch.fetch(server.url + path, target, digest, patience=0.5)
    assert type(raised.value) is error
    assert target.read_text() == "what was there before"
    assert list(tmp_path.iterdir()) == [target]


def test_a_stalled_line_can_be_cancelled(server, tmp_path):
    reports = []

    def stop(done, total, _):
        reports.append((done, total))
        return done < len(BODY) // 2

    with pytest.raises(Cancelled):
        fetch.fetch(server.url + "/stall", tmp_path / "weights.h5", on_progress=stop, patience=15)
    assert reports[-1] == (len(BODY) // 2, len(BODY)) and len(reports) < 20
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_noticed_before_writing(server, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch.shutil, "disk_usage", lambda _: type("", (), {"free": 1000}))
    with pytest.raises(ModelError, match="0 MB free, the file needs 1 MB"):
        fetch.fetch(server.url + "/body", tmp_path / "weights.h5", md5(BODY).hexdigest())
    assert not list(tmp_path.iterdir())


@pytest.fixture
def mobilenet_at(monkeypatch, tmp_path):
    """Let Keras ask an address of ours for MobileNet, with an empty cache."""

    def point(url):
        module = inspect.getmodule(keras.applications.MobileNet)
        monkeypatch.setattr(module, "BASE_WEIGHT_PATH", url + "/")
        monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
        return tmp_path / "home" / "models" / "mobilenet_1_0_224_tf.h5"

    return point


def test_fetched_once_then_from_the_cache(server, mobilenet_at, tmp_path):
    original = small()
    write_as_keras_2(original, tmp_path / "served.h5")
    server.files["/mobilenet_1_0_224_tf.h5"] = (tmp_path / "served.h5").read_bytes()
    kept = mobilenet_at(server.url)
    seen = []

    assert_same_weights(zoo.build("mobilenet", on_progress=lambda *report: seen.append(report)), original)
    assert seen[-1][0] == seen[-1][1] == kept.stat().st_size
    assert_same_weights(zoo.build("mobilenet"), original)
    assert server.asked == ["/mobilenet_1_0_224_tf.h5"]

    kept.write_bytes(kept.read_bytes()[:1_000_000])              # as an interrupted download leaves it
    assert_same_weights(zoo.build("mobilenet"), original)
    assert len(server.asked) == 2


def test_no_internet_says_so_and_what_to_do_instead(mobilenet_at):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))                            # bound, never listening: refused
        kept = mobilenet_at(f"http://127.0.0.1:{unused.getsockname()[1]}")
        with pytest.raises(NoInternet) as raised:
            zoo.build("mobilenet")
    sentence = str(raised.value)
    for part in ("MobileNet (17 MB)", "no way to the internet", "127.0.0.1", zoo.DEFAULT, ".weights.h5"):
        assert part in sentence
    assert not kept.exists()


def test_other_threads_keep_the_get_file_of_keras(tmp_path):
    from keras.src.utils import file_utils

    original = file_utils.get_file
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "theirs").write_text("x")
    found = []
    with fetch.answering(lambda wanted: f"ours: {wanted.name}, {wanted.url}, {wanted.digest}"):
        assert file_utils.get_file("a.h5", "http://b", file_hash="c") == "ours: a.h5, http://b, c"
        there = threading.Thread(
            target=lambda: found.append(file_utils.get_file("theirs", "http://b", cache_dir=str(tmp_path)))
        )
        there.start()
        there.join()
    assert found == [str(tmp_path / "datasets" / "theirs")]
    assert file_utils.get_file is original
    with pytest.raises(ZeroDivisionError), fetch.answering(lambda _: 1 / 0):
        file_utils.get_file("a.h5", "http://b")
    assert file_utils.get_file is original
