"""The report and its pins on the embedded network, without a browser: what is pinned is what was shown."""

from __future__ import annotations

import io
import json
import re
import time
import zipfile
from dataclasses import replace

import numpy as np
from pages import button, panels, told, visit
from test_pages import LAYER, finished

from dashboard import pins
from dashboard.pins import digest_of, weight
from dashboard.text import say
from explain import provenance, report, workers
from explain.report.nouns import Panel, Report, View

HOSTILE = "</title><script>alert(1)</script>![x](http://example.org/x.png) \\input{/etc/passwd}"


def pinned(at) -> list:
    return [pin.view for pin in at.session_state["pins"]] if "pins" in at.session_state else []


def press(at, key: str):
    """The button with that key."""
    at.get_by_key(key).click().run()
    assert not at.exception
    return at


def keys(at, what: str) -> list[str]:
    """The keys of the widgets of all figures that begin so, in the order of the page."""
    every = [*at.button, *at.text_input, *at.text_area]
    return [each.key for each in every if each.key and each.key.startswith(f"{what} ")]


def some_view(number: int = 0, side: int = 4) -> View:
    values = np.random.default_rng(number).random((side, side), np.float32)
    return View(
        f"View {number}", (Panel("", values=values, limits=(0.0, 1.0)),), caption=f"Caption {number}."
    )


def report_of(*views: View):
    """The page with these pinned."""
    at = visit()
    at.session_state["pins"] = [
        pins.Pin(f"p{i}", view, digest_of(view), view.title) for i, view in enumerate(views)
    ]
    return at.switch_page("views/report.py").run()


# Pinning ---------------------------------------------------------------------------------------------------


def test_without_pins_the_page_says_where_to_get_some():
    at = visit("report")
    assert not at.exception and say("report.empty") in told(at)
    labels = [link.value for link in at.page_link]
    assert {f"**{say(f'{page}.nav')}**" for page in ("heatmaps", "compare", "maps", "patterns")} <= set(
        labels
    )
    assert not at.text_area


def test_a_channel_and_its_wall_are_pinned_as_shown_and_computed_fresh():
    at = visit("maps", channel="9")
    press(at, "pin maps_channel")
    (view,) = pinned(at)
    (panel,) = view.panels
    shown = panels(at, "maps_channel")[1]
    np.testing.assert_allclose(panel.values, shown["values"], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(panel.limits, shown["limits"], rtol=1e-4)
    assert panel.picture is not None and LAYER in view.title and "Chelsea, a cat" in view.caption
    assert panel.recipe["values"]["sha256"] == provenance.digest(panel.values[..., None])
    assert any("Open the report (1)" in link.value for link in at.page_link)

    at.session_state["maps_wall"] = {
        "view": {"sort": "mean", "scale": "layer", "tile": "small", "colormap": "magma"}
    }
    press(at.run(), "pin maps_wall")
    wall = pinned(at)[1]
    assert len(wall.panels) == 64 and wall.columns == 8 and wall.colormap == "magma" and wall.shared
    means = [panel.values.mean() for panel in wall.panels]
    assert means == sorted(means, reverse=True)  # in the order of the screen
    assert "64 of 240 channels" in wall.title


def test_the_same_view_is_said_and_not_doubled_and_another_look_is_another_view():
    at = press(visit("maps", channel="9"), "pin maps_channel")
    press(at, "pin maps_channel")
    assert len(pinned(at)) == 1 and "in the report already" in at.warning[0].value
    looks = {"opacity": 0.4, "threshold": 0.0, "colormap": "magma", "smooth": False, "locked": True}
    at.session_state["maps_channel"] = {"looks": looks}
    press(at.run(), "pin maps_channel")
    assert len(pinned(at)) == 2 and pinned(at)[1].colormap == "magma" and pinned(at)[1].opacity == 0.4


def test_patterns_are_pinned_with_the_batch_they_were_made_in():
    at = visit("patterns", channels="2, 5-6", size="64", steps="3", seed=str(time.time_ns() % 2**31))
    button(at, "Make patterns").click().run()
    finished(at)
    press(at, "pin pattern_wall")
    (view,) = pinned(at)
    recipe = view.panels[1].recipe
    assert [panel.recipe["channel"] for panel in view.panels] == [2, 5, 6] and recipe["together"] == [2, 5, 6]
    model = workers.load("efficientnet-lite0")
    again = workers.patterns(
        model,
        recipe["layer"],
        recipe["together"],
        recipe["steps"],
        seed=recipe["seed"],
        method=recipe["method"],
        at_once=3,
        **recipe["options"],
    )
    assert [provenance.digest(p.pixels) for p in again] == [p.recipe["values"]["sha256"] for p in view.panels]
    at.session_state["pattern_wall"] = {"channel": 5}
    press(at.run(), "pin pattern_one")
    assert len(pinned(at)[1].panels) == 1 and "channel 5" in pinned(at)[1].title


def test_pins_survive_pages_photos_and_networks_but_not_the_session():
    at = press(visit("maps", channel="9"), "pin maps_channel")
    at.switch_page("views/start.py").run()
    button(at, "A motorcycle").click().run()
    at.switch_page("views/report.py").run()
    assert len(pinned(at)) == 1 and at.subheader[0].value == "Figure 1"
    assert not pinned(visit("report"))


def test_what_goes_wrong_while_pinning_is_a_sentence_and_the_page_goes_on(monkeypatch):
    from explain.errors import WorkerDied

    at = visit("maps", channel="9")

    def dies(*_, **__):
        raise WorkerDied("The network ended <b>unexpectedly</b>.")

    monkeypatch.setattr(workers, "activations", dies)
    press(at, "pin maps_wall")
    assert "ended" in at.error[0].value and "<b>" not in at.error[0].value.replace("\\<", "")
    assert not pinned(at) and at.get_by_key("pin maps_channel")


def test_the_report_is_bounded_in_number_and_bytes(monkeypatch):
    at = report_of(*(some_view(i) for i in range(3)))
    monkeypatch.setattr(pins, "MOST", 3)
    at.switch_page("views/maps.py").run()
    press(at, "pin maps_wall")
    assert len(pinned(at)) == 3 and "holds 3 figures" in at.warning[0].value
    monkeypatch.setattr(pins, "MOST", 40)
    monkeypatch.setattr(pins, "MAX_BYTES", 1000)
    press(at, "pin maps_wall")
    assert len(pinned(at)) == 3 and "may take 0 MB" in at.warning[0].value


def test_what_several_panels_share_is_counted_once():
    photo = np.zeros((10, 10, 3), np.uint8)
    shared = replace(some_view(), panels=(Panel("a", picture=photo), Panel("b", picture=photo)))
    assert weight([shared, shared]) == 300 and weight([some_view(), some_view()]) == 128


def test_other_words_are_the_same_view_and_anything_to_be_seen_is_not():
    view = some_view()
    (panel,) = view.panels
    assert digest_of(replace(view, title="x", caption="y", remark="z")) == digest_of(view)
    others = [
        replace(view, opacity=0.1),
        replace(view, columns=2),
        replace(view, label="x"),
        some_view(1),
        replace(view, panels=(replace(panel, note="x"),)),
        replace(view, panels=(replace(panel, limits=(0.0, 2.0)),)),
        replace(view, panels=(replace(panel, values=panel.values.astype("f8")),)),
        replace(view, panels=(panel, panel)),
    ]
    assert len({digest_of(each) for each in [view, *others]}) == 9


# The page --------------------------------------------------------------------------------------------------


def test_figures_are_moved_removed_and_brought_back():
    at = report_of(*(some_view(i) for i in range(3)))
    titles = lambda: [view.title[-1] for view in pinned(at)]
    assert (
        titles() == ["0", "1", "2"] and at.get_by_key("up p0").disabled and at.get_by_key("down p2").disabled
    )
    press(at, "down p0")
    assert titles() == ["1", "0", "2"] and keys(at, "title") == ["title p1", "title p0", "title p2"]
    assert "is figure 2 of 3 now" in at.toast[0].value
    press(at, "remove p0")
    assert titles() == ["1", "2"] and "“View 0” was removed" in told(at)
    button(at, say("report.undo")).click().run()
    assert titles() == ["1", "0", "2"] and say("report.undo") not in [b.label for b in at.button]
    button(at, say("report.clear.yes")).click().run()
    assert not pinned(at) and say("report.empty") in told(at) and "3 figures were removed" in told(at)
    button(at, say("report.undo")).click().run()
    assert titles() == ["1", "0", "2"]


def test_words_are_kept_and_can_be_set_back():
    at = report_of(some_view(0), some_view(1))
    at.get_by_key("caption p1").set_value("Mine.").run()
    at.get_by_key("remark p1").set_value("Two\nlines.").run()
    at.get_by_key("title p1").set_value("My title").run()
    view = pinned(at)[1]
    assert (view.title, view.caption, view.remark) == ("My title", "Mine.", "Two\nlines.")
    at.switch_page("views/start.py").run()
    at.switch_page("views/report.py").run()
    assert at.get_by_key("caption p1").value == "Mine." and at.get_by_key("remark p1").value == "Two\nlines."
    press(at, "proposed p1")
    view = pinned(at)[1]
    assert view.title == "View 1" and view.remark == "Two\nlines."
    assert view.caption == report.captions.caption(some_view(1)) == at.get_by_key("caption p1").value


def test_title_introduction_and_size_outlive_the_page():
    at = report_of(some_view())
    at.get_by_key("report_title").set_value("On cats").run()
    at.get_by_key("report_about").set_value("Why.").run()
    at.get_by_key("report_width").set_value(0.0).run()
    at.get_by_key("report_cm").set_value(11.5).run()
    at.switch_page("views/start.py").run()
    at.switch_page("views/report.py").run()
    assert at.get_by_key("report_title").value == "On cats" and at.get_by_key("report_about").value == "Why."
    assert at.get_by_key("report_cm").value == 11.5


def test_names_of_strangers_are_inert():
    at = report_of(replace(some_view(), title=HOSTILE))
    helps = [at.get_by_key(f"{what} p0").help for what in ("up", "down", "remove")]
    assert all("![x](" not in each and "<script>" not in each.replace("\\<", "") for each in helps)
    press(at, "remove p0")
    assert "![x](" not in told(at) and "<script>" not in told(at).replace("\\<", "")
    assert "removed" in told(at)


def test_a_figure_that_cannot_be_drawn_is_said_and_the_others_stay():
    broken = replace(some_view(), panels=some_view().panels * 40, columns=40)
    at = report_of(broken, some_view(1))
    assert not at.exception and len(at.error) == 1 and at.get_by_key("remove p0")
    assert [each.value for each in at.subheader] == ["Figure 1", "Figure 2"]
    documents = [at.get_by_key(f"report {kind}") for kind in ("zip", "html", "pdf")]
    assert all(each.disabled for each in documents) and say("report.not_drawn") in told(at)
    press(at, "remove p0")
    assert not at.error and say("report.not_drawn") not in told(at)
    assert not any(at.get_by_key(f"report {kind}").disabled for kind in ("zip", "html", "pdf"))


def test_the_chosen_size_reaches_every_figure(monkeypatch):
    """Width, dots, format and caption: what is drawn is what was chosen."""
    from dashboard import printing

    asked, drawn = [], printing.preview
    monkeypatch.setattr(printing, "preview", lambda pin, size: asked.append(size) or drawn(pin, size))
    (panel,) = some_view().panels
    at = report_of(replace(some_view(), panels=(replace(panel, alt="In words"),)))
    assert tuple(vars(asked[-1]).values()) == (8.5, 300, "png", False)
    at.get_by_key("report_width").set_value(0.0).run()
    at.get_by_key("report_cm").set_value(11.5).run()
    at.get_by_key("report_dpi").set_value(0).run()
    at.get_by_key("report_dots").set_value(440).run()
    at.get_by_key("report_format").set_value("svg").run()
    at.get_by_key("report_captioned").set_value(True).run()
    assert tuple(vars(asked[-1]).values()) == (11.5, 440, "svg", True)
    at.session_state["one p0"] = True
    at.run()
    assert [at.get_by_key(f"{kind} p0").proto.type for kind in printing.FORMATS] == ["secondary", "secondary", "primary"]
    assert at.get_by_key("png p0").label == say("report.save.png", dpi=440)
    assert at.code[3].value == "In words"


def test_a_document_too_large_for_the_screen_is_said(monkeypatch):
    from dashboard import printing

    at = report_of(some_view())
    at.session_state["report_preview"] = True
    assert at.run().get_by_key("report_leaf") and not at.info
    monkeypatch.setattr(printing, "SHOWN", 1000)
    at.run()
    assert "up to 0 MB are shown here" in at.info[0].value


def test_snippets_name_the_file_in_the_chosen_format():
    at = report_of(some_view())
    at.session_state["one p0"] = True
    at.run()
    latex, markdown = (code.value for code in at.code[1:3])
    assert re.search(r"\\includegraphics\[[^\]]*\]\{[\w-]+\.png\}", latex) and ".png" in markdown
    at.get_by_key("report_format").set_value("svg").run()
    latex, markdown = (code.value for code in at.code[1:3])
    assert ".pdf}" in latex and ".svg" in markdown  # LaTeX knows no SVG


def test_the_archive_of_what_was_pinned_tells_where_it_comes_from():
    at = press(visit("maps", layer="block1a_project_bn (112×112×16)"), "pin maps_wall")
    (view,) = pinned(at)
    with zipfile.ZipFile(io.BytesIO(report.archive(Report("On cats", (view,)), 8.5, 72))) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        numbers = [
            np.load(io.BytesIO(archive.read(n))) for n in sorted(archive.namelist()) if n.endswith(".npy")
        ]
        photos = [name for name in archive.namelist() if name.startswith("photos/")]
    assert [item["channels"] for item in manifest["items"]] == [[channel] for channel in range(16)]
    assert all(np.array_equal(one, panel.values) for one, panel in zip(numbers, view.panels, strict=True))
    assert len(photos) == 1  # without it nothing can be made again
