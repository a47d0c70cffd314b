"""The pages “Check-up” and “Status”: what the doctor and the detective found, and what runs here."""

from __future__ import annotations

import re

import pytest
from pages import bars, button, choice, told, uploader, visit
from small_models import saved

from dashboard.text import say
from explain import workers
from explain.samples import samples
from explain.sandbox import Part
from explain.scaling import SCALINGS


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> dict[str, bytes]:
    return saved(tmp_path_factory.mktemp("models"), "sick", "two_outputs", "plain")


def opened(page: str, name: str, data: bytes, **address):
    at = visit(page, **address)
    uploader(at, say("models.upload")).upload(name, data, "application/octet-stream").run()
    assert not at.exception and not at.error
    return at


def table(at, head: str) -> dict[str, str]:
    """{first cell: second cell} of the table whose first column is called so."""
    found = next(each.value for each in at.table if each.value.columns[0] == head)
    return {
        str(a).replace("\\", ""): str(b).replace("\\", "") for a, b in zip(found.iloc[:, 0], found.iloc[:, 1])
    }


# The doctor ------------------------------------------------------------------------------------------------


def test_a_healthy_network():
    at = visit("checkup")
    assert not at.exception and not at.error and at.success[0].value == say("doctor.healthy")
    facts = table(at, say("doctor.what"))
    assert facts[say("doctor.parameters")] == "4,694,024"
    assert facts[say("doctor.heads")] == "predictions: softmax, 1000 classes"
    assert facts[say("doctor.default_layer")] == "top_activation"
    layers = at.dataframe[0].value
    some = len(layers)
    at.toggle(key="every_layer").set_value(True).run()
    layers = at.dataframe[0].value
    assert some < len(layers) > 100
    assert layers[say("doctor.silent")].between(0, 100).all()


def test_a_sick_network_is_told_what_it_lacks(small):
    at = opened("checkup", "sick.keras", small["sick"])
    said = told(at).replace("\\", "")
    assert "(code W_WEIGHTS_NOT_FINITE)" in said and "(code W_DEAD_FILTER)" in said
    assert say("doctor.healthy") not in said
    layers = at.dataframe[0].value.set_index(say("doctor.layer"))
    assert layers.loc["first", say("doctor.dead")] == 1
    assert layers.loc["second", say("doctor.duplicates")] == 2
    assert layers.loc["second", say("doctor.not_finite")] == 0 < layers.loc["third", say("doctor.not_finite")]


def test_several_outputs_are_listed(small):
    at = opened("checkup", "two.keras", small["two_outputs"])
    heads = table(at, say("doctor.what"))[say("doctor.heads")]
    assert re.match(r"kind: softmax, 3 classes.*; side: binary, 2 classes", heads)


# The detective ---------------------------------------------------------------------------------------------


def detected(at):
    button(at, say("detective.run")).click().run()
    assert not at.exception and not at.error
    return at.dataframe[0].value.set_index(say("detective.column.scaling"))


def test_the_detective_finds_what_is_in_use():
    at = visit("checkup", part=say("detective.tab"))
    found = detected(at)
    assert set(found.index) == set(SCALINGS)
    assert at.success[0].value.replace("\\", "") == say("detective.right", scaling="(x-127)/128")
    assert list(found.columns[-6:]) == [sample.title for sample in samples().values()]
    assert re.fullmatch(r"Egyptian cat \d+%", found.loc["(x-127)/128", "Chelsea, a cat"])
    best, worst = found.loc["(x-127)/128"], found.loc["0..255"]
    assert best[say("detective.column.misfit")] < 1 < worst[say("detective.column.misfit")]
    assert say("detective.present") in best[say("detective.column.mark")]


def test_it_recommends_another_one_and_the_button_takes_it():
    at = visit("checkup", part=say("detective.tab"), scaling="0..255")
    assert not bars(visit(scaling="0..255"), "start_guesses")[0].startswith("Egyptian cat")
    detected(at)
    use = next(each for each in at.button if each.label.startswith("Use "))
    use.click().run()
    assert choice(at, say("settings.scaling")).value in ("-1..1", "(x-127)/128")
    at.switch_page("views/start.py").run()
    assert bars(at, "start_guesses")[0].startswith("Egyptian cat")


def test_true_classes_count_once_all_are_given():
    at = visit("checkup", part=say("detective.tab"))
    at.multiselect(key="evidence").set_value(["cat", "coffee"]).run()
    cells = [each for each in at.selectbox if each.label in ("Chelsea, a cat", "A cup of coffee")]
    cells[0].select(285).run()
    assert say("detective.column.accuracy") not in detected(at).columns
    next(each for each in at.selectbox if each.label == "A cup of coffee").select(967).run()
    assert say("detective.column.accuracy") in detected(at).columns


def test_without_photos_there_is_no_evidence():
    at = visit("checkup", part=say("detective.tab"))
    at.multiselect(key="evidence").set_value([]).run()
    assert say("detective.none") in told(at) and say("detective.run") not in [b.label for b in at.button]


# Status ----------------------------------------------------------------------------------------------------


def test_the_status_page_names_guards_workers_and_limits(small):
    at = opened("status", "mine.keras", small["plain"])
    guards = table(at, say("status.part"))
    assert list(guards) == [part.name for part in workers.sandbox()]
    assert guards == {
        part.name: say("status.yes" if part.active else "status.no") for part in workers.sandbox()
    }
    assert table(at, say("status.network"))["mine.keras (uploaded)"] == say("status.open")
    limits = table(at, say("status.limit"))
    assert limits[say("limit.model")] == "500 MB" and limits[say("limit.session")].endswith("of 1000 MB")
    assert table(at, say("status.package")).keys() >= {"Python", "tensorflow", "keras", "streamlit"}


def test_it_tells_no_paths_and_nothing_of_others(small):
    opened("status", "mine.keras", small["two_outputs"])
    at = visit("status")  # another session
    networks = table(at, say("status.network"))
    assert say("status.somebodys") in networks and "mine" not in str(networks)
    assert not re.search(r"/\w+/|[0-9a-f]{16}", str([each.value.to_string() for each in at.table]))


def test_trust_without_a_sandbox_is_not_called_safe(monkeypatch):
    monkeypatch.setattr(workers, "sandbox", lambda: (Part("files", False, "none here"),))
    monkeypatch.setattr(workers, "trusts_models", lambda: True)
    at = visit("status")
    assert [each.value for each in at.warning] == [say("status.trusted")] and not at.success
