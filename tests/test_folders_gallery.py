"""The gallery of a folder: safe against names, filters that work, nothing asked of the network."""

from __future__ import annotations

import io
import json
import re

import pytest
from browser import browser  # noqa: F401

from explain.folders import gallery

HOSTILE = "</script><script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">"


def row(number: int, label: str = "cat", score: float = 1.0, notices=(), path: str | None = None) -> dict:
    item = {
        "files": {"overlay": {"name": f"p{number}.png"}}, "image": {"path": path or f"photos/p{number}.jpg"},
        "class_index": ["ant", "cat", "dog", HOSTILE].index(label), "label": label, "score": score, "probability": None if number % 2 else 0.5,
        "notices": list(notices), "note": "Blank: why." if notices else "",
    }  # fmt: skip
    return {"n": number, "item": item}


def page(rows) -> str:
    file = io.BytesIO()
    gallery.write(file, {"model": HOSTILE, "method": "gradcam"}, rows)
    return file.getvalue().decode("utf-8")


def test_names_are_data_and_nothing_is_asked_of_others():
    text = page([row(0, HOSTILE, path=HOSTILE), {"n": 1, "skip": {"path": HOSTILE, "reason": "a & b"}}])
    assert HOSTILE not in text and "onerror=" not in re.sub(r"\\u00..", "", text.split("</style>")[0])
    assert text.count("<script") == 2 and text.count("</script>") == 2
    assert not re.search(r"https?://|//cdn|@import|url\(", text)
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.S)[1])
    assert (
        data["about"]["model"] == HOSTILE and data["rows"][0][0] == HOSTILE and data["rows"][1][1] == "a & b"
    )
    assert "default-src 'none'" in text and "unsafe" not in text


@pytest.fixture
def shown(browser, tmp_path):  # noqa: F811
    """10,000 pictures, one of them with a hostile name, opened from the disk."""
    rows = [
        row(i, "cat" if i % 4 else "dog", i / 10, ["W_BLANK"] if i % 100 == 0 else ()) for i in range(9_999)
    ]
    rows += [row(10_000, "ant", -5.0, path=HOSTILE), {"n": 1, "skip": {"path": HOSTILE, "reason": "cut"}}]
    (tmp_path / "index.html").write_text(page(rows), encoding="utf-8")
    visitor = browser.new_page()
    asked, errors = [], []
    visitor.on("request", lambda request: asked.append(request.url))
    visitor.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    visitor.on("pageerror", lambda error: errors.append(str(error)))
    visitor.goto((tmp_path / "index.html").as_uri())
    visitor.asked, visitor.errors = asked, errors
    yield visitor
    visitor.close()


def test_ten_thousand_pictures_are_filtered_and_paged(shown):
    count, cards = shown.locator("#count"), shown.locator("#cards li")
    assert count.inner_text() == "10000 of 10000 pictures" and cards.count() == 60
    shown.locator("#after").click()
    assert shown.locator("#page").inner_text() == "page 2 of 167"
    shown.locator("#class").select_option(label="dog (2500)")
    assert count.inner_text() == "2500 of 10000 pictures"
    shown.locator("#notice").select_option("W_BLANK")
    assert count.inner_text() == "100 of 10000 pictures" and "Blank: why." in cards.first.inner_text()
    shown.locator("#low").fill("500")
    assert count.inner_text() == "50 of 10000 pictures"
    shown.locator("button[type=reset]").click()
    shown.locator("#sort").select_option("score-")
    shown.wait_for_function("document.querySelector('#cards .figures').textContent.startsWith('score 999.8')")
    shown.locator("#text").fill("onerror")
    assert count.inner_text() == "1 of 10000 pictures" and HOSTILE in cards.first.inner_text()
    assert shown.title() == "Heatmaps" and shown.locator("#skipped summary").inner_text().startswith(
        "1 skipped"
    )
    assert all(url.startswith("file:") for url in shown.asked)
    assert not [
        text for text in shown.errors if "ERR_FILE_NOT_FOUND" not in text
    ]  # its pictures are not there
