"""The page “Checkpoints”: states of one training, uploaded together, opened one after the other."""

from __future__ import annotations

import hashlib
import re
import time
import zipfile

import numpy as np
import pytest
from command_runs import in_a_process
from corpus import members, packed
from pages import button, choice, panels, payload, told, uploader, visit
from small_models import saved_as

from dashboard import bundles, tours
from dashboard import uploads as storage
from dashboard.text import say
from explain import report, workers

STEPS = {"epoch-1.keras": 0, "epoch-2.keras": 1, "epoch-10.keras": 3}


@pytest.fixture(scope="module")
def states(tmp_path_factory) -> dict[str, bytes]:
    files = {name: ("trained", steps) for name, steps in STEPS.items()}
    files |= {"other.keras": ("nested",), "mine.weights.h5": ("trained", 1)}
    return saved_as(tmp_path_factory.mktemp("states"), files)


def give(at, states, *names: str):
    for name in names:
        uploader(at, say("tour.upload")).upload(name, states[name], "application/octet-stream").run()
        assert not at.exception
    return at


def new(states, photo: str):
    """All of them, on a photo that no other test asks about."""
    at = visit("checkpoints")
    choice(at, "Photo").select(photo).run()
    return give(at, states, *STEPS)


def until(look) -> None:
    end = time.monotonic() + 90
    while not look():
        assert time.monotonic() < end
        time.sleep(0.05)


def finished(at):
    """Once all of it has been looked at."""
    for one in [b for b in at.button if b.label in (say("tour.start"), say("tour.go_on"))]:
        one.click().run()
    until(lambda: not at.session_state["tour"].running)
    at.run()
    assert not at.exception
    return at


def looked(states, *names: str):
    return finished(
        give(visit("checkpoints"), states, *(names or ("epoch-10.keras", "epoch-1.keras", "epoch-2.keras")))
    )


def table(at, head: str):
    return next(each.value for each in at.dataframe if head in each.value.columns)


def test_the_page_says_what_to_upload(states):
    at = visit("checkpoints")
    assert say("tour.none") in told(at)
    give(at, states, "epoch-2.keras")
    assert say("tour.one") in told(at) and say("tour.start") not in [b.label for b in at.button]


def test_a_training_from_its_first_to_its_last_state(states):
    at = looked(states)
    assert not at.error
    assert list(at.select_slider[0].options) == ["epoch-1.keras", "epoch-2.keras", "epoch-10.keras"]
    guesses = table(at, say("tour.guess"))
    assert list(guesses[say("tour.which")]) == list(STEPS)
    assert guesses[say("tour.said.score")].nunique() == 3
    label = guesses[say("tour.guess")].iloc[-1]  # the last one's first guess
    assert say("tour.heatmaps", label=label) in told(at)
    first, last = panels(at, "tour_heat")
    assert first["title"] == "epoch-1.keras" and last["title"] == say("tour.last", name="epoch-10.keras")
    assert first["limits"] == last["limits"]
    header, _ = payload(at, "tour_heat")
    assert header["words"]["own"] == say("tour.scale") and not header["shareable"]

    at.select_slider[0].set_value("epoch-10.keras").run()
    shown, last = panels(at, "tour_heat")
    assert shown["title"] == "epoch-10.keras" and np.array_equal(shown["values"], last["values"])

    blocks = table(at, say("tour.block")).set_index(say("tour.block"))
    assert blocks.loc["first", say("tour.block.state")] == say("tour.block.frozen")
    assert blocks.loc["second", say("tour.block.state")] == say("tour.block.tuned")
    assert blocks.loc["second", say("tour.block.changed")] == "epoch-2.keras, epoch-10.keras"
    assert say("tour.blocks.are.frozen", blocks="first") in told(at)
    assert say("tour.layers") in told(at)


def test_another_class_and_layer_are_asked_of_all(states):
    at = looked(states)
    before = [panel["values"] for panel in panels(at, "tour_heat")]
    choice(at, say("tour.layer")).select("first").run()
    finished(at)
    after = panels(at, "tour_heat")
    assert [panel["lines"][1] for panel in after] == ["first", "first"]
    assert after[0]["shape"] != list(before[0].shape)
    choice(at, say("choose.class")).select(2).run()
    finished(at)
    assert say("tour.heatmaps", label="class 2") in told(at) and not at.error


def test_what_cannot_be_opened_is_named_and_the_others_stay(states):
    states = states | {"epoch-2.keras": states["epoch-2.keras"][:3000]}
    at = looked(states)
    (error,) = at.error
    assert error.value.replace("\\", "").startswith("epoch-2.keras: ") and "(code E_" in error.value
    assert list(at.select_slider[0].options) == ["epoch-1.keras", "epoch-10.keras"]


def test_weights_of_an_own_architecture_are_refused_with_the_way_out(states):
    at = looked(states, "epoch-1.keras", "epoch-2.keras", "mine.weights.h5")
    (error,) = at.error
    assert "(code E_WEIGHTS_ONLY)" in error.value and "mine" in error.value
    assert "save_weights_only=False" in str([box.help for box in at.selectbox])


def test_another_architecture_among_them(states):
    at = looked(states, "epoch-1.keras", "epoch-2.keras", "other.keras")
    assert not at.error and "other architectures than the last one" in told(at)


def test_stopping_keeps_what_is_there(states):
    at = new(states, "motorcycle")
    button(at, say("tour.start")).click().run()
    job = at.session_state["tour"]
    until(lambda: job.states())
    job.stop()
    until(lambda: not job.running)
    at.run()
    done = len(job.states())
    assert 1 <= done < 3 and say("tour.stopped", done=done, total=3) in told(at)
    assert (
        len(finished(at).select_slider[0].options) == 3
        and at.session_state["tour"].states()[-1] is job.states()[-1]
    )


def test_a_page_that_was_left_ends_the_work(states, monkeypatch):
    monkeypatch.setattr(tours, "PATIENCE", -1.0)
    at = new(states, "raccoon")
    button(at, say("tour.start")).click().run()
    job = at.session_state["tour"]
    until(lambda: not job.running)
    assert len(job.states()) == 0 and not job.failures


def test_never_more_workers_than_allowed_and_files_go(states):
    at = looked(states)
    assert len(workers.status()) <= 3
    held = set(at.session_state["checkpoint_files"])
    keeper = storage.uploads()
    assert all(keeper.path(digest).exists() for digest in held)
    button(at, say("tour.forget")).click().run()
    assert say("tour.none") in told(at) and not any(keeper.path(digest).exists() for digest in held)


def test_too_much_for_one_session(states, monkeypatch):
    at = visit("checkpoints")
    monkeypatch.setattr(storage.uploads(), "session_bytes", 1000)
    give(at, {"large.keras": states["other.keras"] + b" "}, "large.keras")  # bytes that no session holds
    assert "(code E_QUOTA)" in at.error[0].value and not at.exception


def test_what_another_session_asked_is_there_with_all_its_choices(states):
    looked(states)
    at = give(visit("checkpoints"), states, *STEPS)
    assert say("tour.start") not in [b.label for b in at.button] and len(at.select_slider[0].options) == 3
    labels = [box.label for box in at.selectbox]
    assert say("tour.layer") in labels and say("choose.class") in labels


# A folder of them, as a zip ------------------------------------------------------------------------------


def held(at) -> list[str]:
    """The checkpoints of the page, in no order."""
    return sorted(one.name for one in at.session_state["checkpoint_files"].values())


def zipped(at, data: bytes, name: str = "run.zip"):
    return give(at, {name: data}, name)


def test_a_zipped_folder_becomes_a_training(states):
    folder = {f"run/{name}": states[name] for name in STEPS}
    junk = {
        "run/log.csv": b"epoch,loss", "__MACOSX/run/._epoch-1.keras": b"mac", "run/.epoch-3.keras": b"half",
        "run/best/": b"",
    }  # fmt: skip
    data = packed(folder | junk)
    at = finished(zipped(visit("checkpoints"), data))
    assert not at.error and list(at.select_slider[0].options) == list(STEPS)
    assert not storage.uploads().path(hashlib.sha256(data).hexdigest()).exists()  # the zip itself is gone


def test_names_in_a_zip_are_told_from_their_folders_and_are_never_paths(states):
    names = {"a": "epoch-1.keras", "b": "epoch-2.keras"}
    members = {f"runs/{folder}/epoch-1.keras": states[name] for folder, name in names.items()}
    at = zipped(visit("checkpoints"), packed(members))
    assert held(at) == ["a/epoch-1.keras", "b/epoch-1.keras"] and not at.error
    digests = at.session_state["checkpoint_files"]
    assert all(re.fullmatch("[0-9a-f]{64}", storage.uploads().path(digest).name) for digest in digests)


def test_one_packed_model_stays_one(states):
    at = zipped(visit("checkpoints"), states["epoch-1.keras"])  # a .keras file is a zip as well
    assert held(at) == ["run.zip"] and not at.error
    at = zipped(visit("checkpoints"), packed({"m/saved_model.pb": b"x", "m/extra.h5": b"y"}))
    assert held(at) == ["run.zip"]


@pytest.fixture(scope="module")
def exports(tmp_path_factory) -> dict[str, dict[str, bytes]]:
    """{checkpoint: {member: bytes}} of tiny SavedModels."""
    files = {"epoch-10.zip": ("trained", 3), "epoch-2.zip": ("trained", 1), "epoch-1.zip": ("trained", 0)}
    saved = saved_as(tmp_path_factory.mktemp("exports"), files)
    return {
        name.removesuffix(".zip"): {file: content for file, content in members(data).items() if content}
        for name, data in saved.items()
    }


def below(folder: str, files: dict[str, bytes]) -> dict[str, bytes]:
    return {f"{folder}/{name}": data for name, data in files.items()}


def test_a_zip_of_savedmodels_is_a_training(exports, states):
    inside = {"run/keras.keras": states["epoch-1.keras"], "__MACOSX/run/epoch-2/._saved_model.pb": b"mac"}
    for name, files in exports.items():
        inside |= below(f"run/{name}", files)
    at = finished(zipped(visit("checkpoints"), packed(inside)))
    assert not at.error
    assert list(at.select_slider[0].options) == ["epoch-1", "epoch-2", "epoch-10", "keras.keras"]
    scores = table(at, say("tour.guess"))[say("tour.said.score")]
    assert scores.iloc[:3].nunique() == 3
    assert scores.iloc[0] == pytest.approx(scores.iloc[3], rel=1e-5)  # the same weights, saved in two ways


def test_a_savedmodel_of_a_zip_is_its_folder_and_the_names_of_its_classes(exports):
    one, other = exports["epoch-1"], exports["epoch-2"]
    inside = below("run/a", one) | below("run/a/b", other)
    inside |= {"run/labels.txt": b"x\ny\nz", "run/.x/c": b""}
    at = zipped(visit("checkpoints"), packed(inside))
    assert held(at) == ["a", "a/b"] and not at.error
    kept = {
        own.name: members(storage.uploads().path(digest).read_bytes())
        for digest, own in at.session_state["checkpoint_files"].items()
    }
    assert kept["a"] == below("model", one) | {"labels.txt": b"x\ny\nz"}  # nothing of the one inside it
    assert kept["a/b"] == below("model", other)
    assert held(zipped(at, packed(inside))) == ["a", "a/b"]  # the same again are the same


def test_one_savedmodel_in_a_zip_stays_whole(exports):
    data = packed(below("m", exports["epoch-1"]))
    at = zipped(visit("checkpoints"), data)
    assert held(at) == ["run.zip"] and hashlib.sha256(data).hexdigest() in at.session_state["checkpoint_files"]


def test_a_savedmodel_that_means_harm_is_refused_as_one_alone_is(exports):
    graph = exports["epoch-1"]["saved_model.pb"].replace(b"Conv2D", b"PyFunc")
    spoilt = exports["epoch-1"] | {"saved_model.pb": graph}
    inside = below("epoch-1", spoilt) | below("epoch-2", exports["epoch-2"])
    at = finished(zipped(visit("checkpoints"), packed(inside)))
    (error,) = at.error
    assert error.value.replace("\\", "").startswith("epoch-1: ") and "(code E_GRAPH)" in error.value
    assert [state.name for state in at.session_state["tour"].states()] == ["epoch-2"]


def test_a_savedmodel_above_the_limit_is_refused_as_a_whole(exports, monkeypatch):
    """Its files are counted together."""
    monkeypatch.setattr(bundles, "session", lambda: "somebody")
    monkeypatch.setattr(bundles, "own", dict)
    large = {f"variables/variables.{i}": bytes([i]) * 600_000 for i in range(2)}
    inside = below("epoch-1", exports["epoch-1"]) | below("epoch-2", exports["epoch-2"] | large)
    kept = {}

    class File:
        name = "run.zip"

        def getvalue(self) -> bytes:
            return packed(inside)

    refused = bundles.take(File(), kept, 2**20)
    assert [one.name for one in kept.values()] == ["epoch-1"]
    assert len(refused) == 1 and "(code E_MODEL_SIZE)" in refused[0]
    storage.uploads().forget("somebody")


def linked() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("epoch-1.keras")
    info.external_attr = 0o120777 << 16
    return info


HOSTILE = {
    "upwards": (packed({"../../epoch-1.keras": b"x"}), "E_ZIP"),
    "absolute": (packed({"/tmp/epoch-1.keras": b"x"}), "E_ZIP"),
    "a link": (packed([(linked(), b"/etc/passwd")]), "E_ZIP"),
    "twice": (packed([("Epoch.keras", b"x"), ("epoch.keras", b"y")]), "E_ZIP"),
    "a bomb": (packed({"epoch-1.keras": bytes(40 * 2**20)}, compressed=True), "E_MODEL_SIZE"),
    "cut": (packed({"epoch-1.keras": bytes(500)})[:-30], "E_MODEL_TRUNCATED"),
    "no zip": (b"GIF89a" * 30, "E_MODEL_TRUNCATED"),
    "empty": (packed({}), "E_MODEL_KIND"),
    "nothing of use": (packed({"notes.txt": b"x", "thumbs/a.png": b"y"}), "E_MODEL_KIND"),
    "crowded": (packed({f"{i}.keras": b"x" for i in range(bundles.MOST + 1)}), "E_QUOTA"),
    "very many": (packed({f"{i}.keras": b"x" for i in range(1001)}), "E_MODEL_SIZE"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_zip_that_means_harm_is_refused_and_nothing_stays(case):
    data, code = HOSTILE[case]
    keeper = storage.uploads()
    before = keeper.used()
    at = zipped(visit("checkpoints"), data, "![x](http://example.org/x.png).zip")
    (error,) = at.error
    assert f"(code {code})" in error.value.replace("\\", "") and "![x](http" not in error.value
    assert not held(at) and keeper.used() == before and not at.exception


def test_a_member_above_the_limit_is_named(states, monkeypatch):
    monkeypatch.setattr(bundles, "MOST", 10)
    members = {"epoch-1.keras": states["epoch-1.keras"], "epoch-2.keras": bytes(2 * 2**20)}
    kept = {}

    class File:
        name = "run.zip"

        def getvalue(self) -> bytes:
            return packed(members)

    monkeypatch.setattr(bundles, "session", lambda: "somebody")
    monkeypatch.setattr(bundles, "own", dict)
    refused = bundles.take(File(), kept, 2**20)
    assert [one.name for one in kept.values()] == ["epoch-1.keras"]  # what was there before stays
    assert len(refused) == 1 and "epoch\\-2" in refused[0] and "(code E_MODEL_SIZE)" in refused[0]
    storage.uploads().forget("somebody")


def test_a_zip_counts_against_the_quota(monkeypatch):
    one, other = (np.random.default_rng(seed).bytes(5000) for seed in (1, 2))
    data, at = packed({"epoch-1.keras": one, "epoch-2.keras": other}), visit("checkpoints")
    keeper = storage.uploads()
    used = max(map(keeper.used, keeper.sessions()), default=0)  # tests share a session
    monkeypatch.setattr(keeper, "session_bytes", used + len(data) + len(one) + 100)
    zipped(at, data)
    (error,) = at.error
    assert "(code E_QUOTA)" in error.value and held(at) == ["epoch-1.keras"]
    button(at, say("tour.forget")).click().run()
    assert max(map(keeper.used, keeper.sessions()), default=0) == used


# Methods, the slider, the report -------------------------------------------------------------------------


def test_another_method_is_asked_of_all_and_may_have_a_sign(states):
    at = looked(states)
    choice(at, say("choose.method")).select("gradient_times_input").run()
    finished(at)
    first, last = panels(at, "tour_heat_signed")
    assert first["limits"] == last["limits"] and first["limits"][0] == -first["limits"][1] < 0
    assert first["lines"][1] == say("compare.pixels") and say("tour.no_layer") in told(at)
    assert say("tour.layer") not in [box.label for box in at.selectbox]


def test_the_slider_stays_where_it_is_and_so_does_the_picture(states):
    at = looked(states)
    at.select_slider[0].set_value("epoch-2.keras").run()
    assert panels(at, "tour_heat")[0]["title"] == "epoch-2.keras"
    choice(at, say("choose.class")).select(1).run()
    before = panels(at, "tour_heat")  # while all of them are asked anew
    assert before[0]["title"] == "epoch-2.keras"
    finished(at)
    shown, _ = panels(at, "tour_heat")
    assert shown["title"] == "epoch-2.keras" and at.select_slider[0].value == "epoch-2.keras"
    assert say("tour.heatmaps", label="class 1") in told(at) and say("tour.before") not in told(at)


def test_the_training_is_pinned_and_reproduced(states, tmp_path):
    at = looked(states)
    shown = panels(at, "tour_heat")
    at.get_by_key("pin tour_heat").click().run()
    assert not at.exception and not at.error
    (pin,) = at.session_state["pins"]
    view = pin.view
    assert [panel.title for panel in view.panels] == list(STEPS) and view.shared and view.columns == 3
    assert {panel.limits for panel in view.panels} == {view.panels[0].limits}
    np.testing.assert_allclose(view.panels[0].limits, shown[0]["limits"], rtol=1e-6)
    assert np.array_equal(view.panels[-1].values, shown[1]["values"])
    assert len({panel.lines for panel in view.panels}) == 3 and "score" in view.panels[0].lines[0]
    assert all(name in view.caption for name in STEPS)
    assert len({panel.recipe["model"]["key"] for panel in view.panels}) == 3
    assert [panel.recipe["model"]["name"] for panel in view.panels] == list(STEPS)

    for name in STEPS:
        (tmp_path / name).write_bytes(states[name])
    (tmp_path / "report.zip").write_bytes(report.archive(report.Report("Training", (view,))))
    said = in_a_process("reproduce", "report.zip", "--model", ".", cwd=tmp_path)
    assert said.returncode == 0, said.stdout + said.stderr
    assert "3 of 3 items: the same bits" in said.stdout


def test_curves_and_layers_are_pinned(states):
    at = looked(states)
    for key in ("tour_said", "tour_layers"):
        at.get_by_key(f"pin {key}").click().run()
        assert not at.exception and not at.error
    said, layers = (pin.view for pin in at.session_state["pins"])
    table_of = table(at, say("tour.guess"))
    probability, score = (panel.chart for panel in said.panels)
    assert probability.places == score.places == tuple(STEPS)
    np.testing.assert_allclose(probability.values[0], table_of[say("tour.said.probability")] / 100)
    np.testing.assert_allclose(score.values[0], table_of[say("tour.said.score")])
    (panel,) = layers.panels
    assert panel.values.shape[0] == 3 and np.nanmin(panel.values[0]) > 0.999  # the last one is at the top
    for view in (said, layers):
        assert all(name in view.caption for name in STEPS)
    document = report.Report("Training", (said, layers))
    assert report.archive(report.open_archive(report.archive(document))) == report.archive(document)
