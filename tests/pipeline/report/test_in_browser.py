"""The report as people see it: in Chromium on a desktop, on a phone, in the dark and on paper."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.stages.summary import read_report
from tests.browser.chromium import Tab, chromium
from tests.pipeline.whole_runs import Whole

pytestmark = pytest.mark.slow

DESKTOP, PHONE, PAPER = 1200, 390, 690
"""Widths in CSS pixels; A4 has so many between its margins."""
TOO_WIDE = """[...document.body.querySelectorAll("*")].filter(
    part => !part.closest(SCROLLED) && part.getBoundingClientRect().right > innerWidth + 1
).map(part => part.tagName + ": " + part.textContent.slice(0, 60))"""
PICTURES = """[...document.images].map(
    image => [image.alt, image.complete && image.naturalWidth > 0]
)"""
CONTRASTS = """[...document.querySelectorAll("h1, h2, p, td, dt, dd")].map(part => {
    const light = colour => {
        const [r, g, b] = colour.match(/[0-9.]+/g).map(Number).map(
            c => c / 255 <= .04045 ? c / 255 / 12.92 : ((c / 255 + .055) / 1.055) ** 2.4);
        return .2126 * r + .7152 * g + .0722 * b + .05;
    };
    const pair = [getComputedStyle(part).color, getComputedStyle(document.body).backgroundColor];
    const [one, two] = pair.map(light);
    return Math.max(one, two) / Math.min(one, two);
})"""
"""Of text with the page, as the Web Content Accessibility Guidelines count it."""


@pytest.fixture(scope="module")
def tab() -> Iterator[Tab]:
    with chromium() as opened:
        yield opened


@pytest.fixture(params=["digits_home", "flowers_home"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of the report of a run on images, and on a table."""
    whole: Whole = request.getfixturevalue(request.param)
    tracker = whole.called.context.tracker
    file = tmp_path / "report.html"
    file.write_text(read_report(tracker, tracker.run(whole.called.run.run_id)), encoding="utf-8")
    return file.as_uri()


@pytest.mark.parametrize(
    ("width", "media", "scrolled"),
    [(DESKTOP, "", ".scroll > *"), (PHONE, "", ".scroll > *"), (PAPER, "print", "script")],
)
def test_nothing_is_wider_than_the_screen_or_the_paper(tab, address, width, media, scrolled):
    """But on screens what scrolls by itself: tables, and the config. On paper nothing can."""
    tab.show(address, width, media=media)
    assert tab.evaluate("innerWidth") == width
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.evaluate(TOO_WIDE.replace("SCROLLED", repr(scrolled))) == []


def test_every_picture_is_there_and_says_what_it_shows(tab, address):
    tab.show(address, DESKTOP)
    pictures = tab.evaluate(PICTURES)
    assert len(pictures) >= 4
    for words, loaded in pictures:
        assert loaded
        assert re.match(r"\S.{20,}\.$", words)


@pytest.mark.parametrize("dark", [False, True])
def test_text_can_be_read_by_day_and_by_night(tab, address, dark):
    tab.show(address, DESKTOP, dark=dark)
    assert min(tab.evaluate(CONTRASTS)) > 4.5
    (red, *_) = re.findall(r"\d+", tab.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert (int(red) < 64) == dark


def test_in_the_dark_figures_turn_and_pictures_stay(tab, address):
    def turned(kind: str) -> list[bool]:
        images = f'[...document.querySelectorAll("{kind}")]'
        return tab.evaluate(f'{images}.map(image => getComputedStyle(image).filter != "none")')

    for dark in (True, False):
        tab.show(address, DESKTOP, dark=dark)
        assert set(turned("img:not(.picture)")) == {dark}
        assert not any(turned("img.picture"))


def test_on_paper_a_heading_stays_with_its_figure(tab, address):
    tab.show(address, PAPER, dark=True, media="print")
    with_figures = '[...document.querySelectorAll("section")].filter(s => s.querySelector("img"))'
    kept = tab.evaluate(f"{with_figures}.map(s => getComputedStyle(s).breakInside)")
    assert set(kept) == {"avoid"}
    heights = tab.evaluate(f"{with_figures}.map(s => s.offsetHeight)")
    assert max(heights) < 1000  # a page's: what is higher is parted all the same
    assert not any(tab.evaluate(
        '[...document.images].map(image => getComputedStyle(image).filter != "none")'
    ))  # fmt: skip
    assert tab.printed().startswith(b"%PDF")
