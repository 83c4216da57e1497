"""board.html in a real browser, from disk: quiet, sortable, filterable, dark and light, and at home on a phone."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reports.render import write
from tests.fake_records import STALE, save, world
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
    """A folder with both pages of a made-up run."""
    folder = tmp_path_factory.mktemp("pages")
    write(save(tmp_path_factory.mktemp("world") / "runs", *world()), folder / "RESULTS.md", STALE)
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
        row => [...row.cells].map(cell => cell.textContent))"""
    return page.execute_script(script, name)


def _column(page: Any, name: str, heading: str) -> list[str]:
    head, *rows = _table(page, name)
    return [row[head.index(heading)] for row in rows]


def _button(page: Any, name: str, heading: str) -> Any:
    buttons = page.find_elements("css selector", f"#{name} thead button")
    return next(button for button in buttons if button.text == heading)


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


def test_its_numbers_are_those_of_results_md(page, out):
    for dataset in ("kuairand", "kuairec", "synthetic"):
        theirs, *_ = markdown_tables((out / "pages" / f"board-{dataset}.md").read_text(encoding="utf-8"))
        assert _table(page, f"leaderboard-{dataset}") == theirs


def test_a_heading_sorts_by_click_and_by_key(page):
    from selenium.webdriver.common.keys import Keys

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


def test_the_box_keeps_the_rows_that_hold_all_its_words(page):
    from selenium.webdriver.common.keys import Keys

    every = _table(page, "leaderboard-kuairand")
    page.find_element("tag name", "body").send_keys("/")
    box = page.switch_to.active_element
    assert box.get_attribute("id") == "filter"
    box.send_keys("BOOSTED absolute")
    assert _column(page, "leaderboard-kuairand", "variant") == ["absolute"]
    assert _table(page, "leaderboard-kuairec")[1:] == []
    assert page.find_element("css selector", "#leaderboard-kuairec .none").is_displayed()
    assert " of " in page.find_element("id", "filter-found").text
    box.send_keys(Keys.ESCAPE)
    assert _table(page, "leaderboard-kuairand") == every
    assert not page.find_element("css selector", "#leaderboard-kuairec .none").is_displayed()


def _brightness(page: Any) -> float:
    colour = page.execute_script("return getComputedStyle(document.body).backgroundColor")
    return sum(map(float, colour.strip("rgb()").split(",")[:3])) / 3


def test_dark_and_light_follow_the_system_until_the_reader_chooses(page):
    assert _brightness(page) > 200
    _theme(page, "dark")
    assert _brightness(page) < 60
    button = page.find_element("id", "theme")
    assert (button.text, button.get_attribute("aria-pressed")) == ("Light", "true")
    button.click()
    assert _brightness(page) > 200
    page.refresh()
    button = page.find_element("id", "theme")
    assert _brightness(page) > 200
    assert (button.text, button.get_attribute("aria-pressed")) == ("Dark", "false")


def test_words_stand_out_from_the_paper_in_both_themes(page):
    """WCAG AA: a contrast of at least 4.5 for text."""
    words = ["body", "figcaption", "caption", "nav a", "thead button", "td strong", ".spread", ".lines", ".skip"]
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
    for theme in ("light", "dark"):
        _theme(page, theme)
        assert {s: c for s, c in page.execute_script(script, words) if c < 4.5} == {}, theme


def test_on_a_phone_only_the_tables_scroll_sideways(page):
    _screen(page, 390, 844)
    page.refresh()
    assert page.execute_script("return document.documentElement.scrollWidth") <= 390
    wide = page.execute_script(
        "return [...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth).length"
    )
    assert wide > 3
    page.execute_script("document.querySelector('#leaderboard-kuairand').scrollLeft = 300")
    left = page.execute_script(
        "return document.querySelector('#leaderboard-kuairand tbody th').getBoundingClientRect().left"
    )
    assert 0 <= left < 40  # the method's name stays in sight


def test_the_keyboard_reaches_everything_and_shows_where_it_is(page):
    from selenium.webdriver.common.keys import Keys

    page.find_element("tag name", "body").send_keys(Keys.TAB)
    skip = page.switch_to.active_element
    assert skip.text == "Skip to the tables" and skip.rect["x"] >= 0
    skip.send_keys(Keys.ENTER)
    assert page.switch_to.active_element.get_attribute("id") == "main"
    button = _button(page, "leaderboard-kuairand", "MAE ↓")
    page.find_element("id", "filter").send_keys(Keys.TAB)
    assert page.switch_to.active_element.get_attribute("id") == "theme"
    outline = "return getComputedStyle(document.activeElement).outlineStyle"
    assert page.execute_script(outline) != "none"
    page.execute_script("arguments[0].focus({focusVisible: true})", button)
    assert page.execute_script(outline) != "none"
