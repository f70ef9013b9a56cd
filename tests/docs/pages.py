"""The pages of the documentation, and what stands in them: blocks, inline code, links, headings."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"(`+)(.+?)\1")
LINK = re.compile(r"\[[^]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


class Block(NamedTuple):
    """A fenced block of a page."""

    language: str
    text: str
    line: int
    """Of the page, where its text begins."""


def blocks(page: str) -> list[Block]:
    """Every fenced block, in order."""
    return [
        Block(found[1], found[2], page[: found.start(2)].count("\n") + 1)
        for found in FENCE.finditer(page)
    ]


def _prose(page: str) -> str:
    return FENCE.sub("", page)


def inline_code(page: str) -> list[str]:
    """What stands between backticks, outside of blocks."""
    return [found[2].strip() for found in CODE.finditer(_prose(page))]


def links(page: str) -> list[str]:
    """Targets of links and pictures, outside of code."""
    return LINK.findall(CODE.sub("code", _prose(page)))


def anchors(page: str) -> set[str]:
    """What `#...` in a link may name: the headings, as GitHub writes them."""
    titles = (re.sub(r"[^\w\- ]", "", title).lower() for title in HEADING.findall(_prose(page)))
    return {title.strip().replace(" ", "-") for title in titles}


def dead_links(path: Path) -> list[str]:
    """Links of a page to files that do not exist, or to headings that their page does not have."""
    dead = []
    for link in links(path.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = path.parent / name if name else path
        alive = target.exists()
        if alive and anchor:
            alive = anchor in anchors(target.read_text(encoding="utf-8"))
        if not alive:
            dead.append(link)
    return dead
