"""The scaling detective: what photos tell, and above all what they do not."""

from __future__ import annotations

import json
import math

import keras
import numpy as np
import pytest
from networks import SIZE, perceptron, pictures, plain
from test_guess import trained_on

import explain
from explain import workers
from explain.commands import DONE, main
from explain.detective import _versions, detect_scaling
from explain.detective.evidence import by_chance, trial_of
from explain.detective.verdict import decide
from explain.errors import Cancelled, ClassError, OptionError
from explain.results import ScalingTrial
from explain.samples import read_sample, samples
from explain.scaling import SCALINGS

# The classes of CIFAR-10: 2 bird, 3 cat, 5 dog.
ANIMALS = {
    "skimage_chelsea.png": 3, "imagenet_n02091467_Norwegian_elkhound.JPEG": 5,
    "imagenet_n02102040_English_springer.JPEG": 5, "imagenet_n02112137_chow.JPEG": 5,
    "imagenet_n01818515_macaw.JPEG": 2, "imagenet_n02009229_little_blue_heron.JPEG": 2,
}  # fmt: skip


@pytest.fixture(scope="module")
def six():
    return [read_sample(slug) for slug in samples()]


def opened(data, file: str) -> explain.Model:
    return explain.wrap(keras.models.load_model(data / "models" / file, compile=False))


# Figures of a trial, with a pencil ----------------------------------------------------------------------


def test_figures_of_one_trial():
    apart = np.array([[1.0, 0.0], [0.0, 1.0]])
    trial = trial_of("0..1", apart, [apart[::-1]], False, np.array([0, 0]))
    assert (trial.classes, trial.confidence, trial.accuracy, trial.agreement) == ((0, 1), 1, 0.5, 0)
    assert trial.told_apart == pytest.approx(1) and trial.entropy == pytest.approx(0, abs=1e-9)
    same = trial_of("0..1", np.array([[0.5, 0.5], [0.5, 0.5]]), [], False)
    assert (
        same.told_apart == pytest.approx(0)
        and same.entropy == pytest.approx(1)
        and math.isnan(same.agreement)
    )
    labels = trial_of("0..1", np.array([[1.0, 0.5], [0.0, 0.5]]), [], True)
    assert labels.entropies == pytest.approx((0.5, 0.5)) and labels.told_apart == pytest.approx(0.5)
    assert math.isnan(trial_of("0..1", apart[:1], [], False).told_apart), "one photo tells nothing apart"


def test_several_labels_are_several_questions():
    trial = trial_of("0..1", np.full((2, 3), 0.5), [], True)
    assert trial.entropies == pytest.approx((1, 1)), "three times undecided, not undecided between three"


def test_photos_are_mirrored_and_darkened():
    one = np.array([[[[100], [200]]]], np.uint8)
    plain_one, mirrored, darker = _versions(one)
    assert plain_one is one and mirrored.ravel().tolist() == [200, 100]
    assert darker.ravel().tolist() == pytest.approx([80, 160])


def test_sign_test():
    assert by_chance(5, 0) == 1 / 32 and by_chance(0, 0) == 1 and by_chance(2, 2) == 11 / 16


# Verdicts -----------------------------------------------------------------------------------------------


def trials(**others) -> list[ScalingTrial]:
    """All twelve alike, but for what is said of some: {name: {field: value}}."""
    usual = {"classes": (0, 1) * 5, "confidences": (0.7,) * 10, "entropies": (0.5,) * 10}
    rest = {"agreement": 0.8, "told_apart": 0.4}
    return [ScalingTrial(name, **{**usual, **rest, **others.get(name, {})}) for name in SCALINGS]


def test_nothing_to_go_by_is_an_answer():
    found = decide(trials())
    assert (found.recommended, found.certainty) == ("", "none") and len(found.possible) == 12
    assert "Not decided" in found.sentence and "true classes" in found.sentence


def test_certainty_speaks_for_no_scaling():
    """Ten times larger numbers, ten times surer: that is how every network answers."""
    surer = {"confidences": (0.999,) * 10, "entropies": (0.01,) * 10}
    found = decide(trials(**{"0..255": surer, "caffe": surer, "0..255 bgr": surer, "caffe rgb": surer}))
    assert found.recommended == "" and "0..1" in found.possible


def test_larger_numbers_that_are_less_certain_are_worse():
    small = {
        name: {"entropies": (0.1,) * 10, "confidences": (0.95,) * 10} for name in ("-1..1", "(x-127)/128")
    }
    found = decide(trials(**small))
    assert set(found.possible) == {
        "0..1",
        "-1..1",
        "(x-127)/128",
        *(n for n in SCALINGS if SCALINGS[n].order == "bgr"),
    }


def test_certain_of_everything():
    every = {"confidences": (1.0,) * 10, "entropies": (0.0,) * 10}
    found = decide(trials(**{"0..255": every, "0..255 bgr": every}))
    assert "0..255" not in found.possible and "certain of everything" in found.sentence


def test_the_same_answer_to_every_photo():
    found = decide(trials(**{"torch": {"told_apart": 0.01}, "torch bgr": {"told_apart": 0.01}}))
    assert not {"torch", "torch bgr"} & set(found.possible) and "same answer to every photo" in found.sentence


def fits(**misfit) -> dict:
    return {name: {"misfit": misfit.get(SCALINGS[name].name.partition(" ")[0], 5.0)} for name in SCALINGS}


def test_statistics_decide_and_name_what_is_nearly_the_same():
    found = decide(trials(**fits(**{"-1..1": 0.1, "(x-127)/128": 0.1})))
    assert (found.recommended, found.certainty) == ("-1..1", "good")
    assert "'(x-127)/128' gives nearly the same" in found.sentence and "do not tell" in found.sentence
    kept = decide(trials(**fits(**{"-1..1": 0.1, "(x-127)/128": 0.1})), present="(x-127)/128")
    assert kept.recommended == "(x-127)/128", "no reason to change"


def test_an_offset_is_less_certain_than_a_size():
    found = decide(trials(**fits(**{"0..255": 0.3, "caffe": 0.8})))
    assert (found.recommended, found.certainty) == (
        "0..255",
        "weak",
    ) and "'caffe' remains possible" in found.sentence


def test_certainty_is_no_proof_that_colours_are_exchanged():
    fit = fits(**{"-1..1": 0.1, "(x-127)/128": 0.1})
    for name in ("-1..1 bgr", "(x-127)/128 bgr"):
        fit[name] |= {"entropies": (0.1,) * 10}
    found = decide(trials(**fit))
    assert (
        found.recommended == "-1..1" and "'-1..1 bgr' the answers are clearly more certain" in found.sentence
    )
    for name in ("-1..1 bgr", "(x-127)/128 bgr"):
        fit[name] |= {"entropies": (0.9,) * 10}
    assert "'-1..1 bgr' the answers are clearly less certain" in decide(trials(**fit)).sentence
    for name in ("-1..1 bgr", "(x-127)/128 bgr"):
        fit[name] |= {"entropies": (0.45,) * 10}
    assert "do not tell." in decide(trials(**fit)).sentence


def test_true_classes_decide_where_chance_would_not():
    truth = np.array([0, 1] * 5)
    wrong = {name: {"classes": (1, 0) * 5, "accuracy": 0.0} for name in SCALINGS if name != "0..1"}
    found = decide(trials(**wrong, **{"0..1": {"accuracy": 1.0}}), truth)
    assert (found.recommended, found.certainty, found.possible) == ("0..1", "good", ("0..1",))
    assert "10 of 10 photos are named rightly, clearly more" in found.sentence
    nearly = {name: {"classes": (0, 1) * 4 + (1, 1), "accuracy": 0.9} for name in SCALINGS if name != "0..1"}
    assert decide(trials(**nearly, **{"0..1": {"accuracy": 1.0}}), truth).certainty == "none", (
        "one photo more is chance"
    )


# Networks -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scaling", ["0..1", "torch"])
def test_a_network_that_remembers_its_training(scaling, six):
    model = explain.wrap(trained_on(scaling), "-1..1")
    found = detect_scaling(model, six)
    assert (found.recommended, found.present, found.certainty) == (scaling, "-1..1", "good")
    assert [n.code for n in found.notices] == ["W_SCALING_SUSPECTED"] and found.images == tuple(
        i.key for i in six
    )
    assert [t.scaling for t in found.trials] == list(SCALINGS)
    assert detect_scaling(explain.wrap(trained_on(scaling), scaling), six).notices == ()


def test_a_trial_is_what_the_network_answers_when_opened_like_that(six):
    made = plain(size=SIZE)
    found = detect_scaling(explain.wrap(made, "0..1"), six[:3])
    for trial in found.trials:
        for image, index, confidence in zip(six, trial.classes, trial.confidences):
            best = explain.predict(explain.wrap(made, trial.scaling), image, 1)[0]
            assert (best.class_index, best.probability) == (index, pytest.approx(confidence, abs=1e-5))


def test_networks_with_little_to_choose():
    images = pictures(5)
    assert [t.scaling for t in detect_scaling(explain.wrap(plain(channels=1)), images).trials] == list(
        SCALINGS
    )[:6]
    inputs = keras.Input((SIZE, SIZE, 3), dtype="uint8")
    whole = keras.Sequential([inputs, keras.layers.Rescaling(1 / 255), plain()])
    assert [t.scaling for t in detect_scaling(explain.wrap(whole), images).trials] == ["0..255", "0..255 bgr"]
    for head in ("sigmoid", None):
        detect_scaling(explain.wrap(plain(activation=head)), images)
    one = detect_scaling(explain.wrap(plain(classes=1, activation="sigmoid")), images)
    assert {c for t in one.trials for c in t.classes} <= {0, 1}
    assert detect_scaling(explain.wrap(perceptron()), images[:1]).certainty == "none"


def test_progress_and_refusals():
    model, images, told = explain.wrap(plain(), labels=["cat", "dog", "cow"]), pictures(4), []
    found = detect_scaling(model, images, ["cat", "1", 2, "cow"], on_progress=lambda *now: told.append(now))
    assert [(done, total) for done, total, _ in told] == [(i + 1, 12) for i in range(12)]
    assert told[-1][2] is found.trials[-1] and all(0 <= t.accuracy <= 1 for t in found.trials)
    with pytest.raises(Cancelled):
        detect_scaling(model, images, on_progress=lambda *now: False)
    with pytest.raises(OptionError, match="true class of each of 4 photos"):
        detect_scaling(model, images, ["cat"])
    with pytest.raises(ClassError, match="There is no class 'horse'"):
        detect_scaling(model, images, ["cat", "dog", "cow", "horse"])
    with pytest.raises(OptionError, match="at least one picture"):
        detect_scaling(model, [])


def test_the_embedded_network(default_model, six):
    """(x-127)/128 and -1..1 are nearly the same, and it says so."""
    found = detect_scaling(default_model, six[:4])
    assert (found.recommended, found.certainty) == ("(x-127)/128", "good") and found.notices == ()
    assert "'-1..1' gives nearly the same numbers: either will do" in found.sentence
    by_name = {t.scaling: t for t in found.trials}
    assert by_name["-1..1"].classes == by_name["(x-127)/128"].classes and by_name["0..1"].misfit > 1


# Real files: two CIFAR-10 networks that need opposite scalings ------------------------------------------


def test_a_file_that_does_not_say_gets_no_recommendation(data, six):
    found = detect_scaling(opened(data, "gh__Moha-1991_ciffarr-10__cnn_model.keras"), six)
    assert (found.recommended, found.certainty) == ("", "none")
    assert (
        "'0..255'" in found.sentence
        and "certain of everything" in found.sentence
        and "0..1" in found.possible
    )


def test_with_their_true_classes_the_photos_decide_rightly(data):
    images, truth = [explain.read(data / "photos" / name) for name in ANIMALS], list(ANIMALS.values())
    images += [explain.read(path) for path in sorted((data / "boxes").rglob("*.jp*g"))]
    truth += [5] * (len(images) - len(truth))
    raw = detect_scaling(opened(data, "pypi__cifar-10-model__cnn_model.h5"), images, truth)
    assert (raw.recommended, raw.certainty) == ("0..255", "good")
    scaled = detect_scaling(opened(data, "gh__Moha-1991_ciffarr-10__cnn_model.keras"), images, truth)
    assert (scaled.recommended, scaled.certainty) == (
        "0..1",
        "weak",
    ) and "that may be chance" in scaled.sentence


def test_a_teachable_machine(data, six):
    found = detect_scaling(
        explain.load(data / "models" / "gh__11Maximus11_Ai_cat-dog__teachable_keras_model.h5"), six[:4]
    )
    assert (found.recommended, found.present, found.certainty) == ("-1..1", "-1..1", "good")


# Doors --------------------------------------------------------------------------------------------------


def test_the_worker_answers_the_same(tmp_path, six):
    path = tmp_path / "trained.keras"
    trained_on("torch").save(path)
    told = []
    there = workers.detect_scaling(
        workers.load(str(path)), six, on_progress=lambda *now: told.append(now[:2])
    )
    here = detect_scaling(explain.load(path), six)
    assert (there.sentence, there.recommended, there.possible) == (here.sentence, "torch", here.possible)
    assert told[-1] == (12, 12)


def test_the_command(tmp_path, monkeypatch, capsys):
    path = tmp_path / "trained.keras"
    trained_on("torch").save(path)
    photos = [str(samples()[slug].path) for slug in ("cat", "coffee", "rocket", "raccoon")]
    assert main(["detect-scaling", str(path), *photos, "--quiet"]) == DONE
    said = capsys.readouterr().out
    assert "recommended   'torch', on good evidence from 4 photos" in said
    assert [line.split()[1] for line in said.splitlines() if line.startswith("* ")] == ["torch"]
    assert max(map(len, said.splitlines())) <= 80
    assert main(["detect-scaling", str(path), *photos, "--json", "--classes", "0,1,2,1"]) == DONE
    document = json.loads(capsys.readouterr().out)
    assert document["detection"]["recommended"] == "torch" and len(document["detection"]["trials"]) == 12
    assert document["pictures"][0]["name"] == "cat.jpg" and document["model"]["scaling"] == "torch"
    assert main(["detect-scaling", str(path), *photos, "--classes", "0,1"]) == 2
    assert "true class of each of 4 pictures" in capsys.readouterr().err
