"""A saved report comes back to the page, behind what is there or instead of it, and nothing is lost."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pages import button, told, uploader, visit
from test_pages_report import pinned, press, report_of, some_view
from test_report_drafts import everything, same, saved

from dashboard import pins
from dashboard.text import say
from explain import report
from explain.report import Report

HOSTILE = "![x](http://example.org/x.png)<script>alert(1)</script>.zip"


def document(*views, title: str = "On cats", about: str = "Why.") -> bytes:
    return report.archive(Report(title, views, about), 8.5, 72)


def come(at, data: bytes, name: str = "report.zip"):
    """Upload it, and wait until it is opened."""
    uploader(at, say("report.open.label")).upload(name, data, "application/zip").run()
    assert not at.exception
    return at


def words(at) -> tuple[str, str]:
    return at.get_by_key("report_title").value, at.get_by_key("report_about").value


def test_a_saved_report_is_there_again_in_a_new_session():
    before = everything()
    at = come(visit("report"), saved(before))
    same(tuple(pinned(at)), before.views[:1] + (replace(before.views[1], caption=pinned(at)[1].caption),))
    assert words(at) == (before.title, before.about)
    assert [each.value for each in at.subheader] == ["Figure 1", "Figure 2"] and not at.error
    assert at.get_by_key("remark " + at.session_state["pins"][0].id).value == "A\n  remark"
    assert say("report.opened", figures="2 figures") in told(at) and "2 figures" in at.toast[0].value
    button(at, say("report.undo")).click().run()
    assert not pinned(at) and say("report.empty") in told(at)


def test_figures_come_behind_those_that_are_there_and_words_stay():
    at = report_of(some_view(0))
    at.get_by_key("report_title").set_value("Mine").run()
    come(at, document(some_view(1), some_view(0), some_view(2)))
    assert [view.title for view in pinned(at)] == ["View 0", "View 1", "View 2"]
    assert words(at) == ("Mine", "Why.")  # what was empty is filled
    assert "not added again: 1 figure." in at.toast[1].value
    at.get_by_key("caption p0").set_value("Written since.").run()
    button(at, say("report.undo")).click().run()
    assert [view.title for view in pinned(at)] == ["View 0"] and pinned(at)[0].caption == "Written since."
    assert words(at) == ("Mine", "")


def test_figures_come_instead_and_undo_brings_the_others_back():
    at = report_of(some_view(0), some_view(1))
    at.get_by_key("report_title").set_value("Mine").run()
    at.get_by_key("report_way").set_value("instead").run()
    come(at, document(some_view(2), some_view(1)))
    assert [view.title for view in pinned(at)] == ["View 2", "View 1"] and words(at) == ("On cats", "Why.")
    assert say("report.opened.instead", figures="2 figures", gone="2 figures") in told(at)
    button(at, say("report.undo")).click().run()
    assert [view.title for view in pinned(at)] == ["View 0", "View 1"] and words(at) == ("Mine", "")
    assert [pin.id for pin in at.session_state["pins"]] == ["p0", "p1"]


def test_limits_hold_and_nothing_is_lost(monkeypatch):
    at = report_of(some_view(0), some_view(1))
    monkeypatch.setattr(pins, "MOST", 3)
    come(at, document(some_view(2), some_view(3)))
    assert (
        len(pinned(at)) == 2
        and "holds 3 figures" in at.error[0].value
        and "E\\_OPTION" not in at.error[0].value
    )
    at.get_by_key("report_way").set_value("instead").run()
    come(at, document(some_view(2), some_view(3)))
    assert [view.title for view in pinned(at)] == ["View 2", "View 3"]
    monkeypatch.setattr(pins, "MAX_BYTES", 64 * 5 - 1)
    come(at, document(some_view(4), some_view(5), some_view(6)))  # together with what undo would bring back
    assert [view.title for view in pinned(at)] == ["View 2", "View 3"] and "may take 0 MB" in at.error[
        0
    ].value
    button(at, say("report.undo")).click().run()
    assert [view.title for view in pinned(at)] == ["View 0", "View 1"]


def test_a_report_beyond_the_memory_of_the_page_is_refused_before_it_is_read(monkeypatch):
    at = visit("report")
    monkeypatch.setattr(pins, "MAX_BYTES", 100)
    come(at, document(some_view(0), some_view(1)))
    assert not pinned(at) and "E\\_REPORT\\_SIZE" in at.error[0].value.replace(
        "E_REPORT_SIZE", "E\\_REPORT\\_SIZE"
    )


@pytest.mark.parametrize(
    "data, code", [(b"no zip", "E_REPORT_KIND"), (saved(everything())[:-9], "E_REPORT_BROKEN")]
)
def test_what_cannot_be_opened_is_a_sentence_once(data, code):
    at = come(report_of(some_view()), data, HOSTILE)
    assert (
        code in at.error[0].value
        and "![x](" not in at.error[0].value
        and "<script>" not in at.error[0].value.replace("\\<", "")
    )
    assert len(pinned(at)) == 1
    assert not at.run().error  # said once


def test_a_fault_of_ours_is_not_tried_again(monkeypatch):
    from dashboard import reopening

    def fails(*_):
        raise RuntimeError("not typed")

    monkeypatch.setattr(reopening, "open_archive", fails)
    at = come(report_of(some_view()), b"PK")
    assert "incident" in at.error[0].value.lower() and len(pinned(at)) == 1
    assert not at.run().error and at.get_by_key("remove p0")


def test_what_is_pinned_after_it_stays_when_it_cannot_be_undone_any_more():
    at = come(visit("report"), document(some_view(0)))
    at.switch_page("views/maps.py").run()
    press(at, "pin maps_wall")
    at.switch_page("views/report.py").run()
    assert len(pinned(at)) == 2 and say("report.undo") not in [each.label for each in at.button]


def test_numbers_of_a_pattern_count_and_tell_views_apart():
    (panel,) = some_view().panels
    computed = np.zeros((4, 4, 3), np.float32)
    view = replace(some_view(), panels=(replace(panel, computed=computed),))
    assert pins.weight([view]) == pins.weight([some_view()]) + computed.nbytes
    assert pins.digest_of(view) != pins.digest_of(some_view())
