"""board.html in a real browser, from disk: quiet, one view at a time, sortable, filterable, dark and light, and at home
on a phone."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reports.render import write
from tests.fake_noise import resampled, save_noise
from tests.fake_records import STALE, save, seeds, world
from tests.pages import markdown_tables

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
if not (CHROMIUM and DRIVER):
    pytest.skip("the page's tests need chromium and chromedriver on the PATH", allow_module_level=True)


@pytest.fixture(scope="module")
def out(tmp_path_factory) -> Path:
    """A folder with the pages of a made-up run: ties, and a figure that matplotlib draws."""
    folder, runs = tmp_path_factory.mktemp("pages"), tmp_path_factory.mktemp("world") / "runs"
    found = [*world(), *(r for k in ("k4", "k8", "k12") for r in seeds(2, method="prowtp", variant=k))]
    save(runs, *found, *seeds(2, method="prowtp"))
    save_noise(runs, resampled([r for r in found if r.dataset == "kuairand"]))
    write(runs, folder / "RESULTS.md", STALE)
    return folder


@pytest.fixture(scope="module")
def browser(tmp_path_factory) -> Iterator[Any]:
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(DRIVER)))
    yield driver
    driver.quit()


@pytest.fixture
def page(browser, out) -> Any:
    """The page, freshly opened on a desk's screen in the light."""
    _screen(browser, 1280, 900)
    _theme(browser, "light")
    browser.get((out / "board.html").as_uri())
    browser.execute_script("localStorage.clear()")
    browser.refresh()
    return browser


def _go(page: Any, place: str) -> None:
    """To a view, or to a heading in one."""
    page.execute_async_script(
        """const [hash, done] = arguments;
        if (location.hash === hash) return done();
        document.addEventListener("view", () => done(), { once: true });
        location.hash = hash;""",
        f"#{place}",
    )


def _unpack(page: Any) -> None:
    """Every view, as if each had been shown."""
    page.execute_async_script(
        "const done = arguments[0]; Promise.all([...document.querySelectorAll('.view')].map(fill)).then(() => done())"
    )


def _soon(page: Any, holds: Callable[[], bool]) -> bool:
    """Whether something holds within five seconds: views are unpacked and rows filtered without blocking the page."""
    from selenium.webdriver.support.ui import WebDriverWait

    return bool(WebDriverWait(page, 5).until(lambda _: holds()))


def _views(page: Any) -> list[str]:
    """The views that can be seen."""
    return page.execute_script(
        "return [...document.querySelectorAll('.view')].filter(v => v.offsetParent).map(v => v.id)"
    )


def _theme(browser: Any, value: str) -> None:
    """What the system prefers; scrolling at once, so that nothing moves under the pointer."""
    features = [{"name": "prefers-color-scheme", "value": value}, {"name": "prefers-reduced-motion", "value": "reduce"}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def _screen(browser: Any, width: int, height: int) -> None:
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def _table(page: Any, name: str) -> list[list[str]]:
    """A table as it stands in the document, the heading first."""
    script = """return [...document.querySelectorAll(`#${arguments[0]} tr`)].filter(row => !row.hidden).map(
        row => [...row.cells].map(cell => cell.textContent.trim()))"""
    return page.execute_script(script, name)


def _column(page: Any, name: str, heading: str) -> list[str]:
    head, *rows = _table(page, name)
    return [row[head.index(heading)] for row in rows]


def _button(page: Any, name: str, heading: str) -> Any:
    buttons = page.find_elements("css selector", f"#{name} thead button")
    return next(button for button in buttons if button.get_attribute("textContent") == heading)


def _means(texts: list[str]) -> list[float]:
    return [float(text.split(" ± ")[0]) for text in texts if text != "–"]


def test_it_opens_from_disk_without_a_word_on_the_console_or_a_request(browser, out):
    browser.get("about:blank")
    browser.get_log("performance"), browser.get_log("browser")
    url = (out / "board.html").as_uri()
    browser.get(url)
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"}
    assert {address for address in asked if not address.startswith("data:")} == {url}
    assert browser.get_log("browser") == []
    assert browser.title == "CVP-Bench: the board"


def test_nothing_can_be_fetched_from_it(page):
    page.get_log("browser")
    page.execute_script("const i = new Image(); i.src = 'https://example.org/x.png'; document.body.append(i);")
    blocked = " ".join(entry["message"] for entry in page.get_log("browser"))
    assert "Content Security Policy" in blocked


def test_its_numbers_are_those_of_results_md_and_its_pages(page, out):
    theirs = [out / "RESULTS.md", *sorted((out / "pages").glob("*.md"))]
    _unpack(page)
    told = [table for path in theirs for table in markdown_tables(path.read_text(encoding="utf-8"))]
    names = page.execute_script("return [...document.querySelectorAll('.scroll:has(> table)')].map(e => e.id)")
    shown = [_table(page, name) for name in names]
    assert len(shown) == len(told) > 15
    assert sorted(map(str, shown)) == sorted(map(str, told))


# --- one view at a time


def test_it_opens_on_what_answers_first(page):
    assert _views(page) == ["start"]
    answers = page.find_elements("css selector", ".findings summary")
    assert len(answers) > 3 and all(answer.text for answer in answers)
    assert "networks" in " ".join(answer.text for answer in answers)
    picture = page.find_element("css selector", ".card svg")
    assert picture.is_displayed() and "by MAE" in picture.get_attribute("textContent")
    closed = page.find_element("css selector", ".findings li:nth-child(2) p")
    assert not closed.is_displayed()
    answers[1].click()
    assert closed.is_displayed()


def test_an_address_shows_its_view_alone(browser, page, out):
    _go(page, "kuairand")
    assert _views(page) == ["kuairand"] and page.title == "The board kuairand – CVP-Bench"
    here = page.find_element("css selector", "nav a[aria-current]")
    assert here.text == "kuairand" and page.execute_script("return scrollY") == 0
    page.back()
    assert _soon(page, lambda: _views(page) == ["start"]) and page.title == "CVP-Bench: the board"
    browser.get((out / "board.html").as_uri() + "#kuairec--leaderboard")
    browser.refresh()
    assert _views(page) == ["kuairec"]
    where = "return document.getElementById('kuairec--leaderboard')?.getBoundingClientRect().top"
    assert _soon(page, lambda: 0 <= (page.execute_script(where) or -1) < 200)  # below the bar
    _go(page, "nowhere")
    assert _views(page) == ["start"]


def test_every_heading_has_an_address_and_every_link_a_target(page):
    _unpack(page)
    lacking = page.execute_script(
        """return [...document.querySelectorAll('.view h2, .view h3')].filter(h => {
            const link = h.querySelector('a.here');
            return !link || !document.getElementById(link.hash.slice(1));
        }).map(h => h.textContent)"""
    )
    assert lacking == []
    broken = page.execute_script(
        """return [...document.querySelectorAll('a[href^="#"]')].map(a => a.getAttribute('href').slice(1))
            .filter(id => !document.getElementById(id))"""
    )
    assert broken == []


def test_a_figure_is_unpacked_when_its_view_is_shown(page):
    assert page.find_elements("css selector", "#prowtp *") == []
    _go(page, "prowtp")
    drawn = "const i = document.querySelector('#prowtp img'); return i.complete && i.naturalWidth > 100"
    assert _soon(page, lambda: page.execute_script(drawn))
    assert page.get_log("browser") == []


# --- tables


def test_a_heading_sorts_by_click_and_by_key(page):
    from selenium.webdriver.common.keys import Keys

    _go(page, "kuairand")
    name = "leaderboard-kuairand"
    heading = _button(page, name, "RMSE ↓").find_element("xpath", "..")
    before = _column(page, name, "RMSE ↓")
    _button(page, name, "RMSE ↓").click()
    rising = _column(page, name, "RMSE ↓")
    assert heading.get_attribute("aria-sort") == "ascending"
    assert _means(rising) == sorted(_means(before)) != _means(before)
    assert rising[-3:] == ["–"] * 3  # what has no number stays last, either way
    _button(page, name, "RMSE ↓").send_keys(Keys.ENTER)
    falling = _column(page, name, "RMSE ↓")
    assert heading.get_attribute("aria-sort") == "descending"
    assert _means(falling) == _means(rising)[::-1] and falling[-3:] == ["–"] * 3
    assert page.find_element("id", "sorted").get_attribute("textContent") == "Sorted by RMSE ↓, descending."

    _button(page, name, "XAUC ↑").click()
    assert _means(_column(page, name, "XAUC ↑")) == sorted(_means(_column(page, name, "XAUC ↑")), reverse=True)
    assert heading.get_attribute("aria-sort") is None
    _button(page, name, "method").click()
    assert (names := _column(page, name, "method")) == sorted(names, key=str.lower)
    assert _table(page, name)[0][0] == "# by MAE"  # sorted by whatever, a place says of what it is


def test_the_box_keeps_the_rows_that_hold_all_its_words(page):
    from selenium.webdriver.common.keys import Keys

    _go(page, "kuairand")
    every = _table(page, "leaderboard-kuairand")
    page.find_element("tag name", "body").send_keys("/")
    box = page.switch_to.active_element
    assert box.get_attribute("id") == "filter"
    box.send_keys("BOOSTED absolute")
    assert _soon(page, lambda: _column(page, "leaderboard-kuairand", "variant") == ["absolute"])
    assert " of " in page.find_element("id", "filter-found").text
    shown = "return [...document.querySelectorAll(arguments[0])].filter(e => e.offsetParent).length"
    assert page.execute_script(shown, "#kuairand table") >= 2  # the leaderboard and where its numbers come from
    assert page.execute_script(
        "return [...document.querySelectorAll('#kuairand .scroll:has(> table)')].every(e => "
        "e.offsetParent === null || [...e.querySelectorAll('tbody tr')].some(r => r.offsetParent))"
    )
    _go(page, "kuairec")
    assert page.execute_script(shown, "#kuairec table, #kuairec figure, #kuairec h2") == 0
    told = page.find_element("id", "elsewhere")
    assert "No row of this page" in told.text and "The board kuairand" in told.text
    told.find_element("link text", "The board kuairand").click()
    assert _soon(page, lambda: _views(page) == ["kuairand"] and told.text == "")
    page.find_element("id", "filter").send_keys(Keys.ESCAPE)
    assert _soon(page, lambda: _table(page, "leaderboard-kuairand") == every)
    _go(page, "kuairec")
    assert page.execute_script(shown, "#kuairec table, #kuairec figure, #kuairec h2") > 4


def _brightness(page: Any) -> float:
    colour = page.execute_script("return getComputedStyle(document.body).backgroundColor")
    return sum(map(float, colour.strip("rgb()").split(",")[:3])) / 3


def test_dark_and_light_follow_the_system_until_the_reader_chooses(page):
    assert _brightness(page) > 200
    _theme(page, "dark")
    assert _brightness(page) < 60
    button = page.find_element("id", "theme")
    # what the system says reaches the page's script as an event, after the colours
    assert _soon(page, lambda: (button.text, button.get_attribute("aria-pressed")) == ("Light", "true"))
    button.click()
    assert _brightness(page) > 200
    page.refresh()
    button = page.find_element("id", "theme")
    assert _brightness(page) > 200
    assert (button.text, button.get_attribute("aria-pressed")) == ("Dark", "false")


def test_words_stand_out_from_the_paper_in_both_themes(page):
    """WCAG AA: a contrast of at least 4.5 for text."""
    words = ["body", "figcaption", "caption", "nav a", "thead button", "td strong", "td i", ".quiet", ".skip"]
    script = """
        const linear = (v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
        const light = (c) => {
            const [r, g, b] = c.match(/[\\d.]+/g).map((v) => linear(v / 255));
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const paper = light(getComputedStyle(document.body).backgroundColor);
        return arguments[0].map((selector) => {
            const ink = light(getComputedStyle(document.querySelector(selector)).color);
            return [selector, (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05)];
        });"""
    _unpack(page)
    for theme in ("light", "dark"):
        _theme(page, theme)
        assert {s: c for s, c in page.execute_script(script, words) if c < 4.5} == {}, theme


def test_on_a_phone_only_the_tables_scroll_sideways(page):
    _screen(page, 390, 844)
    page.refresh()
    for view in ("start", "kuairand", "kuairec", "prowtp", "cost", "data"):
        _go(page, view)
        assert page.execute_script("return document.documentElement.scrollWidth") <= 390, view
    _go(page, "kuairand")
    wide = page.execute_script(
        "return [...document.querySelectorAll('#kuairand .scroll')].filter(e => e.scrollWidth > e.clientWidth).length"
    )
    assert wide > 1
    page.execute_script("document.querySelector('#leaderboard-kuairand').scrollLeft = 300")
    left = page.execute_script(
        "return document.querySelector('#leaderboard-kuairand tbody th').getBoundingClientRect().left"
    )
    assert 0 <= left < 40  # the method's name stays in sight


def test_on_a_phone_a_row_shows_its_name_its_variant_and_its_error_together(page):
    _screen(page, 390, 844)
    page.refresh()
    _go(page, "kuairand")
    head = _table(page, "leaderboard-kuairand")[0]
    for wanted in ("method", "variant", "MAE ↓"):
        edges = page.execute_script(
            """const place = arguments[0];
            return [...document.querySelectorAll('#leaderboard-kuairand tr')].map(row => {
                const box = row.cells[place].getBoundingClientRect(); return [box.left, box.right, box.width];
            })""",
            head.index(wanted),
        )
        assert all(left >= 0 and right <= 390 and width > 20 for left, right, width in edges), wanted


def test_the_keyboard_reaches_everything_and_shows_where_it_is(page):
    from selenium.webdriver.common.keys import Keys

    page.find_element("tag name", "body").send_keys(Keys.TAB)
    skip = page.switch_to.active_element
    assert skip.text == "Skip to the tables" and skip.rect["x"] >= 0
    skip.send_keys(Keys.ENTER)
    assert page.switch_to.active_element.get_attribute("id") == "main" and _views(page) == ["start"]
    _go(page, "kuairand")
    button = _button(page, "leaderboard-kuairand", "MAE ↓")
    page.find_element("id", "filter").send_keys(Keys.TAB)
    assert page.switch_to.active_element.get_attribute("id") == "theme"
    outline = "return getComputedStyle(document.activeElement).outlineStyle"
    assert page.execute_script(outline) != "none"
    page.execute_script("arguments[0].focus({focusVisible: true})", button)
    assert page.execute_script(outline) != "none"


# --- the committed page


def test_the_committed_page_is_small_and_soon_ready(browser):
    """Of all the committed records: 1.2 MB at most, and within 1.5 s."""
    path = Path(__file__).parent.parent / "board.html"
    text = path.read_text(encoding="utf-8")
    if "data-packed" not in text:
        pytest.skip("board.html was rendered before its views were packed: run `python -m benchmark report`")
    assert len(text.encode()) <= 1_200_000
    _screen(browser, 1280, 900)
    browser.get("about:blank")
    browser.get(path.as_uri() + "#start")
    ready = "return performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"
    assert browser.execute_script(ready) < 1500
    picture, answers = (
        browser.find_element("css selector", ".card svg"),
        browser.find_elements("css selector", ".findings li"),
    )
    assert 8 <= len(answers) <= 12 and picture.rect["y"] < 450 and answers[0].rect["y"] < 450
