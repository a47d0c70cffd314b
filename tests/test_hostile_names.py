"""Names from strangers: of photos, models, classes and layers. They are text everywhere, and nothing else."""

from __future__ import annotations

import re
import unicodedata

import pytest
from browser import browser, server, visitor, visitors  # noqa: F401
from picture_files import noise, saved
from playwright.sync_api import expect
from small_models import saved as saved_models

from dashboard.text import clean, for_chart, plain, say, slug
from dashboard.text import told as told_apart
from explain.samples import samples

AWAY = "http://example.org/"
NAMES = (
    f"![x]({AWAY}1.png).png",
    f"[click]({AWAY}2).png",
    "[click](javascript:alert(3)).png",
    f"<img src={AWAY}4.png onerror=alert(4)>.png",
    f"<script>fetch('{AWAY}5')</script>.png",
    "<iframe srcdoc='<script>alert(6)</script>'></iframe>.png",
    f"<a href='{AWAY}7'>seven</a><b>bold</b>.png",
    f"{AWAY}8 www.example.org someone@example.org.png",
    ":red[hot] :material/home: :smile: :streamlit: :blue-badge[x].png",
    r"$\frac{1}{0}$ $$x$$ \(y\).png",
    "`code` **bold** ~~gone~~ _it_ # head.png",
    "a\nb\r\n- item\n\n# head\n| a | b |\n|---|---|.png",
    "photo\u202egnp.exe",
    "\u2066isolated\u2069 \u200fmark\u200b\ufeff.png",
    "nul\x00byte \x1b[31mred\x1b[0m \x07.png",
    "../../../etc/passwd",
    "..\\..\\windows\\system32\\cmd.exe",
    "CON",
    "nul.tar.png",
    "x" * 2000 + ".png",
    "{0.__class__} %s {name} ${env}.png",
    "'; DROP TABLE photos; --\" && rm -rf ~ |.png",
    "&lt;b&gt;&amp;&#x202e;&nbsp;.png",
    f"[ref]: {AWAY}24\n\n[ref].png",
    "   ",
    "e" + "\u0301" * 60 + ".png",
)
JOINER = "\u2060"
INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def test_there_are_enough_of_them():
    assert len(set(NAMES)) == len(NAMES) >= 19


# Without a browser -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_what_is_shown_can_be_read(name):
    shown = clean(name)
    assert not INVISIBLE.search(shown) and len(shown) <= 80 and shown == clean(shown)
    assert not INVISIBLE.search(plain(name)) and not INVISIBLE.search(say("alt.photo", name=name))
    seen = [c for c in name if unicodedata.category(c)[0] not in "CZ"]
    if len(seen) == 0:
        assert shown == say("nameless")
    elif len(name) < 80:  # nothing that can be seen is lost
        assert [c for c in shown if c not in "� "] == seen
    assert "<" not in for_chart(name)


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_download_has_a_name_that_every_system_takes(name):
    for parts in ((name,), (name, "tabby"), ("a photo", name, name)):
        stem = slug(*parts)
        assert re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,130}[A-Za-z0-9])?", stem) and ".." not in stem
        assert not re.match(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)", stem)


def test_names_that_look_the_same_are_told_apart():
    shown = told_apart({0: "a\u202eb", 1: "a\u202db", 2: "a b", 3: "a\nb", 4: "x" * 90, 5: "x" * 91})
    assert len(set(shown.values())) == 6
    assert list(shown.values())[:4] == ["a�b", "a�b (2)", "a b", "a b (2)"]


# In a browser ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model_of_names(tmp_path_factory) -> bytes:
    """As many layers and classes as there are names, and called so."""
    return saved_models(tmp_path_factory.mktemp("models"), ("named", NAMES))["named"]


def text_of(element) -> str:
    """What can be read there, on one line, without the joiners of `plain`."""
    return " ".join(element.inner_text().replace(JOINER, "").split())


def nothing_came_alive(visitor) -> None:
    """No element that a name asked for; requests are watched by the visitor itself."""
    alive = (
        "img[src*='example.org'], a[href*='example'], a[href^='javascript'], iframe, .katex, "
        "[data-testid=stMarkdownContainer] :is(strong, em, code, del, h1, h2, table):has-text('head')"
    )
    assert visitor.page.locator(alive).count() == 0
    assert visitor.page.evaluate("document.querySelectorAll('script:not([src])').length") <= SCRIPTS


SCRIPTS = 1  # Streamlit's own, in the page it serves


def give(visitor, where: str, files: list[tuple[str, bytes]]) -> None:
    """Through the file chooser of the uploader under that heading."""
    with visitor.page.expect_file_chooser() as chooser:
        visitor.page.get_by_test_id(where).get_by_test_id("stFileUploader").locator(
            "button", has_text="Upload"
        ).click()
    with visitor.rerun():
        chooser.value.set_files(
            [{"name": name, "mimeType": "image/png", "buffer": data} for name, data in files]
        )


def sent(name: str) -> str:
    """What a browser makes of a file name in a form (HTML, multipart/form-data)."""
    return name.replace("\n", "%0A").replace("\r", "%0D").replace('"', "%22")


def test_photos_called_like_that(visitor, tmp_path):
    visitor.open()
    visitor.drawn("#overlay")
    possible = [name for name in NAMES if "\0" not in name]
    give(visitor, "stMain", [(name, saved(noise(seed=i), "PNG")) for i, name in enumerate(possible)])
    every = [sample.title for sample in samples().values()] + [sent(name) for name in possible]
    titles = told_apart(dict(enumerate(every))).values()
    buttons = visitor.page.get_by_test_id("stMain").get_by_role("button")
    visitor.until(lambda: buttons.count() > len(titles), "the photos in the tray")
    shown = [text_of(button) for button in buttons.all()]
    missing = [title for title in titles if " ".join(title.split()) not in shown]
    assert not missing, "\n".join([*missing, "----", *shown])
    nothing_came_alive(visitor)
    for page in ("Heatmaps", "Compare", "Feature maps", "Check-up"):
        visitor.go(page)
        visitor.settle()
        nothing_came_alive(visitor)
    visitor.go("Heatmaps")
    visitor.drawn("#overlay")
    path = visitor.saved(say("save.numbers"), tmp_path)
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]*\.npy", path.name)


def give_file(visitor, heading: str, name: str, data: bytes) -> None:
    """Through the uploader behind that heading of the side bar."""
    panel = visitor.page.get_by_test_id("stSidebar").get_by_test_id("stExpander").filter(has_text=heading)
    uploader = panel.get_by_test_id("stFileUploader").first
    if not uploader.is_visible():
        panel.locator("summary").click()
    expect(uploader).to_be_visible()
    with visitor.page.expect_file_chooser() as chooser:
        uploader.locator("button", has_text="Upload").click()
    chooser.value.set_files([{"name": name, "mimeType": "application/octet-stream", "buffer": data}])


def test_a_network_its_layers_and_its_classes_called_like_that(visitor, model_of_names, tmp_path):
    visitor.open()
    visitor.drawn("#overlay", "285")
    page = visitor.page
    give_file(visitor, say("models.open"), NAMES[0], model_of_names)
    network = page.get_by_role("combobox", name="Network")
    expect(network).to_have_value(say("models.own", name=clean(NAMES[0])))
    lines = [" ".join(name.split()) or "-" for name in NAMES]
    expect(page.get_by_text(f"{len(NAMES)} classes, input 12×12×3")).to_be_visible()  # it ran anew
    visitor.settle()
    give_file(visitor, say("settings.title"), NAMES[3], "\n".join(lines).encode())
    expect(page.get_by_text(say("labels.remove"))).to_be_visible()
    known = {clean(line, 28) for line in lines}
    visitor.until(lambda: guessed(page) <= known and guessed(page), "the names in the chart")
    for address in ("Heatmaps", "Compare", "Feature maps", "Filter patterns", "Check-up", "Status"):
        visitor.go(address)
        visitor.settle()
        expect(page.get_by_text("incident")).to_have_count(0)
        nothing_came_alive(visitor)
    visitor.go("Heatmaps")
    visitor.drawn("#overlay")
    for label, wanted in (("Layer", "3. "), ("Class", "[3]"), ("Layer", "12. "), ("Class", "[12]")):
        page.get_by_role("combobox", name=label).click()
        page.keyboard.type(wanted)
        with visitor.rerun():
            page.keyboard.press("Enter")
        visitor.drawn("#overlay")
        nothing_came_alive(visitor)
    assert page.locator("#overlay figcaption").last.inner_text() == clean(lines[12])
    assert visitor.saved(say("save.png"), tmp_path).stat().st_size > 1000
    name = visitor.saved(say("save.numbers"), tmp_path).name
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]*\.npy", name) and len(name) < 130


def guessed(page) -> set[str]:
    """The names in the chart of guesses, as they are drawn."""
    texts = page.get_by_test_id("stPlotlyChart").locator("text.bartext").all_text_contents()
    return {re.sub(r"\s+[\d.]+%$", "", text) for text in texts}
