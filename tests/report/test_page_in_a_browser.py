"""The page of a difference as a browser shows it: whole, quiet, readable, and nothing in it acts."""

import secrets
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.support.browser import Browser, overlapping
from tests.support.example_diffs import eventful, examples
from workbench.diff.evaluation import evaluated
from workbench.diff.snapshot import Snapshot
from workbench.graph.picture import picture
from workbench.graph.svg import svg
from workbench.pictures import example
from workbench.project import ROOT
from workbench.report.page import page

pytestmark = pytest.mark.xdist_group("browser")

_EXAMPLES = examples()

_TAGS = {
    *("html", "head", "meta", "title", "style", "body", "header", "main", "footer", "section", "figure"),
    *("h1", "h2", "h3", "p", "ul", "li", "div", "span", "strong", "small", "code", "pre", "mark", "a"),
    *("details", "summary", "table", "thead", "tbody", "tr", "th", "td"),
    *("svg", "desc", "g", "rect", "path", "circle", "text", "tspan"),
}
"""All elements that a page has."""

_UNREADABLE = """() => {
  const parts = color => (color.match(/[\\d.]+/g) || []).map(Number)
  const linear = value => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
  const behind = element => {
    for (; element; element = element.parentElement) {
      const color = parts(getComputedStyle(element).backgroundColor)
      if (color.length === 3 || color[3] === 1) return color
    }
    return [255, 255, 255]
  }
  const ratio = (one, other) => {
    const [dim, bright] = [light(one), light(other)].sort((a, b) => a - b)
    return (bright + 0.05) / (dim + 0.05)
  }
  const found = []
  for (const element of document.querySelectorAll('body *:not(svg *)')) {
    const own = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim())
    if (!own || !element.checkVisibility()) continue
    const contrast = ratio(parts(getComputedStyle(element).color), behind(element))
    if (contrast < 4.5) found.push([element.tagName, element.className, element.textContent.slice(0, 40), contrast])
  }
  for (const text of document.querySelectorAll('svg .box text:not(.symbol), svg .box tspan')) {
    const body = getComputedStyle(text.closest('.box').querySelector('.body')).fill
    const contrast = ratio(parts(getComputedStyle(text).fill), parts(body))
    if (contrast < 4.5) found.push(['svg', text.getAttribute('class'), text.textContent, contrast])
  }
  for (const text of document.querySelectorAll('svg .symbol')) {
    const badge = getComputedStyle(text.parentElement.querySelector('.badge')).fill
    const contrast = ratio(parts(getComputedStyle(text).fill), parts(badge))
    if (contrast < 4.5) found.push(['svg', 'symbol', text.textContent, contrast])
  }
  return found
}"""

_BOXES = """() => {
  const place = element => { const box = element.getBBox(); return [box.x, box.y, box.width, box.height] }
  const view = document.querySelector('svg').viewBox.baseVal
  return {
    view: [view.x, view.y, view.width, view.height],
    boxes: [...document.querySelectorAll('.box')].map(box => ({
      place: place(box.querySelector('.body')),
      texts: [...box.querySelectorAll('text:not(.symbol)')].map(place),
    })),
    frames: [...document.querySelectorAll('.frame')].map(frame => ({
      place: place(frame.querySelector('rect')), texts: [...frame.querySelectorAll('text')].map(place),
    })),
    labels: [...document.querySelectorAll('.label, .legend text')].map(place),
  }
}"""


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    """One for all tests of this module."""
    with Browser.found() as found:
        yield found


@pytest.fixture(scope="module")
def stacks() -> dict[str, Snapshot]:
    """The stacks of this checkout."""
    return dict(evaluated({ROOT: ["dev", "prod"]}, secrets.token_bytes(32))[ROOT])


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", sorted(_EXAMPLES))
def test_a_page_asks_for_nothing_says_nothing_and_does_not_overflow(
    browser: Browser, tmp_path: Path, name: str, width: int
) -> None:
    file = _written(tmp_path, page(_EXAMPLES[name]))
    found, heard = browser.show(file, _unfolded_width, width=width)
    assert (found, heard.requests, heard.console, heard.dialogs) == (width, [file.as_uri()], [], [])


def test_hostile_names_and_values_are_text(browser: Browser, tmp_path: Path) -> None:
    file = _written(tmp_path, page(_EXAMPLES["hostile"]))
    script = """() => ({
      tags: [...new Set([...document.querySelectorAll('*')].map(each => each.tagName.toLowerCase()))],
      handlers: [...document.querySelectorAll('*')].flatMap(each => [...each.attributes].map(one => one.name))
        .filter(name => name.startsWith('on') || name === 'style' || name === 'src'),
      links: [...document.querySelectorAll('[href]')].map(each => each.getAttribute('href'))
        .filter(href => !document.getElementById(href.slice(1)) || href[0] !== '#'),
      body: document.body.textContent,
    })"""
    found, heard = browser.show(file, lambda tab: tab.evaluate(script))
    assert set(found["tags"]) <= _TAGS
    assert (found["handlers"], found["links"], heard.dialogs) == ([], [], [])
    assert "<script>alert('x')</script> would be deleted." in found["body"]


def test_what_changes_is_coloured_in_the_picture(browser: Browser, tmp_path: Path) -> None:
    file = _written(tmp_path, page(eventful()))
    script = """() => Object.fromEntries([...document.querySelectorAll('.picture .box')].map(box => [
      box.querySelector('.name').textContent,
      [getComputedStyle(box.querySelector('.body')).stroke, box.querySelector('.symbol')?.textContent ?? ''],
    ]))"""
    light, _ = browser.show(file, lambda tab: tab.evaluate(script))
    dark, _ = browser.show(file, lambda tab: tab.evaluate(script), dark=True)
    red, amber, green = "rgb(201, 37, 45)", "rgb(154, 103, 0)", "rgb(26, 127, 55)"
    assert light == {
        "api": [amber, "~"],
        "database": [red, "\u00b1"],
        "exports": [green, "+"],
        "observability": [amber, "~"],
        "runs": [red, "\u2212"],
        "worker": [amber, "~"],
    }
    assert {stroke for stroke, _ in dark.values()} == {"rgb(210, 153, 34)", "rgb(248, 81, 73)", "rgb(63, 185, 80)"}


def test_changes_unfold_by_keyboard(browser: Browser, tmp_path: Path) -> None:
    def unfold(tab: Page) -> list[Any]:
        change = tab.locator("details.change.update").first
        before = change.evaluate("each => each.open")
        change.locator("summary").focus()
        tab.keyboard.press("Enter")
        return [before, change.evaluate("each => each.open"), change.locator("table.properties").is_visible()]

    found, _ = browser.show(_written(tmp_path, page(eventful())), unfold)
    assert found == [False, True, True]


def test_a_risk_leads_to_its_change(browser: Browser, tmp_path: Path) -> None:
    def follow(tab: Page) -> str:
        tab.locator(".risks.data-loss a").first.click()
        return tab.locator(":target summary").inner_text()

    found, _ = browser.show(_written(tmp_path, page(eventful())), follow)
    assert "database aws:rds/cluster:Cluster" in found


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", ["eventful", "harmless", "unchanged", "stacks_come_and_go"])
def test_text_stands_out_from_what_is_behind_it(browser: Browser, tmp_path: Path, name: str, dark: bool) -> None:
    def look(tab: Page) -> Any:
        _unfold(tab)
        return tab.evaluate(_UNREADABLE)

    found, _ = browser.show(_written(tmp_path, page(_EXAMPLES[name])), look, dark=dark)
    assert found == []


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_a_stack_is_drawn_with_everything_in_its_place(
    browser: Browser, tmp_path: Path, stacks: dict[str, Snapshot], stack: str
) -> None:
    file = tmp_path / "picture.svg"
    file.write_text(svg(picture(stacks[stack])), encoding="utf-8")
    found, heard = browser.show(file, lambda tab: tab.evaluate(_BOXES))
    assert heard.requests == [file.as_uri()]
    assert len(found["boxes"]) == len(picture(stacks[stack]).boxes)
    _assert_in_place(found)


def test_the_change_to_production_is_drawn_with_everything_in_its_place(
    browser: Browser, tmp_path: Path, stacks: dict[str, Snapshot]
) -> None:
    diff = example(stacks["prod"])
    found, _ = browser.show(_written(tmp_path, page(diff)), lambda tab: tab.evaluate(_BOXES))
    _assert_in_place(found)


def _assert_in_place(found: Any) -> None:
    view = tuple(found["view"])
    places = [tuple(box["place"]) for box in found["boxes"]]
    assert overlapping(places) == []
    outside = [place for place in [*places, *map(tuple, found["labels"])] if not _within(place, view)]
    assert outside == []
    for part in [*found["boxes"], *found["frames"]]:
        assert [text for text in part["texts"] if not _within(tuple(text), tuple(part["place"]))] == []


def _within(inner: tuple[float, ...], outer: tuple[float, ...]) -> bool:
    (x1, y1, w1, h1), (x2, y2, w2, h2) = inner, outer
    return x2 - 0.5 <= x1 and x1 + w1 <= x2 + w2 + 0.5 and y2 - 0.5 <= y1 and y1 + h1 <= y2 + h2 + 0.5


def _unfold(tab: Page) -> None:
    tab.evaluate("() => document.querySelectorAll('details').forEach(each => { each.open = true })")


def _unfolded_width(tab: Page) -> int:
    _unfold(tab)
    return tab.evaluate("() => Math.max(document.documentElement.scrollWidth, innerWidth)")


def _written(folder: Path, document: str) -> Path:
    file = folder / "page.html"
    file.write_text(document, encoding="utf-8")
    return file
