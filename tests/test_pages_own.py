"""A visitor's own network on the pages: opened, asked about, refused, told about, removed."""

from __future__ import annotations

import hashlib
import re

import pytest
from pages import PAGES, bars, button, choice, panels, payload, told, uploader, visit
from small_models import saved

from dashboard import uploads as storage
from dashboard.text import say
from explain import workers
from explain.errors import tree
from explain.sandbox import Part

LABELS = "kind one\nkind two\nkind three\n"


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> dict[str, bytes]:
    kinds = ("plain", "perceptron", "two_outputs", "against", "unbuilt", "any_size", "nested")
    return saved(tmp_path_factory.mktemp("models"), *kinds)


def give(at, name: str, data: bytes):
    uploader(at, say("models.upload")).upload(name, data, "application/octet-stream").run()
    assert not at.exception
    return at


def opened(name: str, data: bytes, page: str = "start", **address):
    """A session on that page that has opened that network."""
    at = give(visit(page, **address), name, data)
    assert not at.error and choice(at, "Network").options[-1] == say("models.own", name=name)
    assert choice(at, "Network").value == list(at.session_state["own_networks"])[-1]
    return at


def files() -> set[str]:
    keeper = storage.uploads()
    return {path.name for path in keeper.path("x").parent.iterdir()}


# Taken, or not ---------------------------------------------------------------------------------------------


def test_an_own_network_is_opened_and_shown_on_every_page(small):
    at = opened("![my](net).keras", small["plain"])
    assert re.fullmatch(r"class \d  [\d.]+%", bars(at, "start_guesses")[0])
    assert "layers, 3 classes, input 12×12×3" in told(at) and "![my]" not in told(at)
    assert panels(at, "start_heat")[0]["shape"] == [6, 6]
    for page in PAGES[1:]:
        at.switch_page(f"views/{page}.py").run()
        assert not at.exception and not at.error, page
    at.switch_page("views/maps.py").run()
    assert [o.split()[0] for o in choice(at, "Layer").options] == ["first", "pool", "second"]
    assert len(payload(at, "maps_wall")[0]["names"]) in (4, 6)
    assert choice(at, "Network").value in files()  # under its digest, a name of ours


@pytest.mark.parametrize("name", ["net.txt", "net", "net.KERAS.h5", "../../net.pb", "nul\0byte"])
def test_the_name_of_a_file_does_not_matter(small, name):
    at = give(visit(), name, small["plain"])
    assert not at.error and choice(at, "Network").options[-1] == say("models.own", name=name)


def test_without_a_sandbox_nothing_is_taken_and_it_is_said_why(monkeypatch):
    monkeypatch.delenv("EXPLAIN_TRUST_MODELS", raising=False)
    parts = (Part("files", False, "no <b>Landlock</b>"), Part("network", False, "no namespaces"))
    monkeypatch.setattr(workers, "sandbox", lambda: parts)
    monkeypatch.setattr(workers, "trusts_models", lambda: False)
    at = visit("status")
    assert told(at).count("EXPLAIN_TRUST_MODELS=1") == 2 and "no namespaces" in told(at)
    assert "<b>" not in told(at).replace("\\<", "")
    assert not [u for u in at.get("file_uploader") if u.label == say("models.upload")]


def test_a_refusal_is_one_sentence_with_its_code_and_nothing_is_lost(small):
    at = opened("good.keras", small["plain"])
    before = choice(at, "Network").value, files()
    give(at, "broken ![x](y).keras", small["plain"][:2000])
    (error,) = at.error
    code = re.search(r"\(code (E_\w+)\)$", error.value)[1]
    assert code in {kind.code for kind in tree().values()}
    assert "'broken \\!\\[x\\]\\(y\\)\\.keras'" in error.value
    assert (choice(at, "Network").value, files()) == before
    assert bars(at, "start_guesses")[0].startswith("class ")
    assert not at.run().error  # said once


def test_too_much_for_one_session(small, monkeypatch):
    at = visit()
    monkeypatch.setattr(storage.uploads(), "session_bytes", 1000)
    give(at, "large.keras", small["plain"] + b" ")  # other bytes: this session may hold the usual ones
    assert "(code E_QUOTA)" in at.error[0].value and "large\\.keras" in at.error[0].value
    assert choice(at, "Network").value == "efficientnet-lite0"


def test_removing_it(small):
    at = opened("nested.keras", small["nested"])
    digest = choice(at, "Network").value
    assert digest in files()
    button(at, say("settings.remove")).click().run()
    assert not at.exception and not at.error and digest not in files()
    assert choice(at, "Network").value == "efficientnet-lite0"
    assert say("models.own", name="nested.keras") not in choice(at, "Network").options


def test_the_same_file_twice_is_one_network(small):
    at = opened("a.keras", small["plain"])
    choice(at, "Network").select("efficientnet-lite0").run()
    give(at, "b.keras", small["plain"])
    assert choice(at, "Network").options[-1] == "a.keras (uploaded)"
    assert choice(at, "Network").value in at.session_state["own_networks"]


def test_sessions_do_not_see_each_others_networks(small):
    opened("mine.keras", small["plain"])
    other = visit(model="mine.keras (uploaded)")
    assert "mine.keras (uploaded)" not in choice(other, "Network").options
    assert other.warning[0].value == say("lost.model", name="mine\\.keras \\(uploaded\\)")
    assert choice(other, "Network").value == "efficientnet-lite0" and not other.run().warning


# Asked -----------------------------------------------------------------------------------------------------


def test_weights_alone_are_put_into_a_network_of_the_zoo(data):
    weights = (data / "weights" / "mobilenet_1_0_224_imagenet_top.weights.h5").read_bytes()
    at = give(visit(), "weights.h5", weights)
    assert "(code E_WEIGHTS_ONLY)" in told(at) and not at.error
    assert choice(at, "Network").value == "efficientnet-lite0"  # until it is answered
    choice(at, say("models.weights_of")).select("vgg16").run()
    button(at, say("models.open_weights")).click().run()
    assert "does not fit VGG16" in at.error[0].value  # and it may be tried again
    choice(at, say("models.weights_of")).select("mobilenet").run()
    button(at, say("models.open_weights")).click().run()
    assert not at.error and not at.exception
    assert choice(at, "Network").options[-1] == "weights.h5 (uploaded)"
    assert bars(at, "start_guesses")[0].startswith("Egyptian cat")


def test_a_network_that_was_never_called_is_asked_for_its_size(small):
    at = give(visit(), "unbuilt.keras", small["unbuilt"])
    assert "input\\_shape" in told(at) and not at.error
    for cell in at.number_input:
        if cell.label in (say("size.height"), say("size.width")):
            cell.set_value(20)
    button(at, say("models.open_size")).click().run()
    assert not at.error and not at.exception and "input 20×20×3" in told(at)
    assert "W_UNTRAINED" in told(at)


def test_a_file_that_is_asked_about_can_be_forgotten(small):
    at = give(visit(), "unbuilt.keras", small["unbuilt"])
    assert hashlib.sha256(small["unbuilt"]).hexdigest() in files()
    button(at, say("models.forget")).click().run()
    assert not at.exception and "input\\_shape" not in told(at)
    assert hashlib.sha256(small["unbuilt"]).hexdigest() not in files()


# Told ------------------------------------------------------------------------------------------------------


def settle_size(at, height: int, width: int):
    cells = {cell.label: cell for cell in at.number_input}
    cells[say("size.height")].set_value(height)
    cells[say("size.width")].set_value(width)
    return button(at, say("size.use")).click().run()


def test_another_size_for_a_network_that_takes_any(small):
    at = opened("any.keras", small["any_size"])
    assert "input 224×224×3" in told(at)
    settle_size(at, 40, 60)
    assert not at.error and "input 40×60×3" in told(at)
    assert panels(at, "start_heat")[0]["shape"] == [20, 30]


def test_a_size_that_does_not_work_is_a_sentence_with_a_way_back(small):
    at = opened("fixed.keras", small["nested"])
    settle_size(at, 5, 5)
    assert len(at.error) == 1 and "Code E_" in told(at)
    button(at, say("models.usual")).click().run()
    assert not at.error and "input 12×12×3" in told(at)


def test_names_for_its_classes(small):
    at = opened("net.keras", small["plain"])
    uploader(at, say("labels.upload")).upload("labels.txt", b"one\ntwo\n", "text/plain").run()
    assert at.error[0].value == say("labels.count", expected=3, received=2)
    uploader(at, say("labels.upload")).upload("labels.txt", b"\xff\xfe\x00", "text/plain").run()
    assert at.error[0].value == say("labels.no_text", name="labels\\.txt")
    uploader(at, say("labels.upload")).upload("labels.txt", LABELS.encode(), "text/plain").run()
    assert not at.error and bars(at, "start_guesses")[0].startswith("kind ")
    other = opened("net.keras", small["plain"])  # the same file, and results are shared, but not the names
    assert bars(other, "start_guesses")[0].startswith("class ")
    at.switch_page("views/heatmaps.py").run()
    assert panels(at, "heat")[1]["title"].startswith("kind ")
    button(at, say("labels.remove")).click().run()
    assert panels(at, "heat")[1]["title"].startswith("class ")


def test_another_scaling_and_back(small):
    at = opened("net.keras", small["plain"])
    assert "In use: 0\\.\\.1 (a guess" in told(at) and "(code W_SCALING_GUESSED)" in told(at)
    before = bars(at, "start_guesses")
    choice(at, say("settings.scaling")).select("caffe").run()
    assert not at.error and "In use: caffe (given)" in told(at) and bars(at, "start_guesses") != before
    choice(at, "Network").select("efficientnet-lite0").run()
    assert choice(at, say("settings.scaling")).value == ""  # it was said about the other one
    choice(at, "Network").select(list(at.session_state["own_networks"])[0]).run()
    assert choice(at, say("settings.scaling")).value == "caffe" and "In use: caffe" in told(at)


def test_a_scaling_by_a_link():
    at = visit(scaling="0..1")
    assert "In use: 0\\.\\.1 (given" in told(at) and choice(at, say("settings.scaling")).value == "0..1"


# Outputs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "page, key", [("start", "start_heat"), ("heatmaps", "heat"), ("compare", "compare_heat")]
)
def test_everything_follows_the_chosen_output(small, page, key):
    at = opened("two.keras", small["two_outputs"], page)
    assert choice(at, say("choose.output")).options == ["kind", "side"]
    first = panels(at, key)[-1]["values"]
    choice(at, say("choose.output")).select(1).run()
    assert not at.exception and not at.error
    assert (panels(at, key)[-1]["values"] != first).any()
    if page == "start":
        assert len(bars(at, "start_guesses")) == 2  # one sigmoid unit: two classes
    if page == "heatmaps":
        assert len(choice(at, "Class").options) == 3


def test_one_output_is_no_choice(small):
    at = opened("net.keras", small["plain"])
    assert say("choose.output") not in [each.label for each in at.selectbox]


# Networks without maps, and maps without evidence ----------------------------------------------------------


@pytest.mark.parametrize("page", ["start", "maps", "patterns", "heatmaps", "compare"])
def test_a_network_without_a_map_says_so(small, page):
    at = give(visit(page), "flat.keras", small["perceptron"])
    sentence = told(at).replace("\\", "")
    assert "has no layer with a map" in sentence and "ncident" not in sentence
    if page == "start":
        assert len(bars(at, "start_guesses")) == 3  # what it can, it shows


def test_a_blank_map_says_why_and_offers_the_next_step(small):
    at = opened("against.keras", small["against"], "heatmaps")
    choice(at, "Class").select(0).run()
    heat = panels(at, "heat")[1]
    assert "all evidence in this layer speaks against the class" in heat["note"]
    assert "(W_ALL_NEGATIVE)" in heat["note"] and not heat["values"].any()
    button(at, say("next.signed")).click().run()
    signed = panels(at, "heat_signed")[1]
    assert signed["values"].max() < 0 and not signed["note"]
    at.toggle(key="signed").set_value(False).run()
    button(at, say("next.preferred", label="class 1")).click().run()
    heat = panels(at, "heat")[1]
    assert heat["title"] == "class 1" and heat["values"].any() and not heat["note"]


def test_choices_of_one_network_do_not_break_the_next(small):
    at = visit("heatmaps", **{"class": "tabby [281]"}, target="block4a_expand_activation (28×28×240)")
    assert panels(at, "heat")[1]["title"] == "tabby"
    give(at, "net.keras", small["plain"])
    assert not at.error and panels(at, "heat")[1]["title"].startswith("class ")
    choice(at, "Network").select("efficientnet-lite0").run()
    assert not at.exception and not at.error and panels(at, "heat")[1]["shape"] in ([7, 7], [28, 28])


def test_with_its_file_a_network_leaves_its_worker(small):
    at = opened("against.keras", small["against"])
    digest = choice(at, "Network").value
    assert digest in [row["name"] for row in workers.status()]
    button(at, say("settings.remove")).click().run()
    assert digest not in [row["name"] for row in workers.status()]
