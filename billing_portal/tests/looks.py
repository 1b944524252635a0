"""Whom a page keeps out: axe and sideways scrolling, in both themes and on both widths, of a page that is loaded once.

What is on a page and where depends on the width, and only its colours on the theme: the style sheet says nothing else
by theme. So all rules are asked on either width once, in a different theme, and in the two looks that are left only
the rules about colours (`COLOURS`), where all four are looked at. A page is dressed anew where it is: loading it for
each look would find nothing more and cost as much again.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from billing_portal.chromium import STILL, dress

# Of what is in order one example is enough: without it axe describes every element of the page.
WCAG = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
    "resultTypes": ["violations"],
    # A copy of every style sheet, read for one rule: that none turns the page. test_style.py asks the files themselves.
    "preload": False,
}
LOOKS = (("light", 1280), ("dark", 320))
REST = (("dark", 1280), ("light", 320))
EVERY = (LOOKS[0], REST[0], LOOKS[1], REST[1])  # the page is laid out anew once
COLOURS = {**WCAG, "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
# Text near something that CSS has added would only need to be looked at by a person, after half of axe's time; it is
# measured like all other text instead.
PSEUDO = "axe.configure({checks: [{id: 'color-contrast', options: {ignorePseudo: true}}]})"
AXE = f"{Axe().axe_script};{PSEUDO}"


def complaints(page: Page, rules: Mapping[str, Any] = WCAG) -> list[str]:
    """What axe finds, one line per element."""
    if not page.evaluate("'axe' in window"):  # half a megabyte to be read: once for all looks of a page
        page.evaluate(AXE)
    found = page.evaluate(f"axe.run({json.dumps(rules)})")
    assert found["passes"], "axe looked at nothing"
    return [f"{rule['id']}: {node['html']}" for rule in found["violations"] for node in rule["nodes"]]


def problems(page: Page, looks: Iterable[tuple[str, int]] = LOOKS) -> list[str]:
    """Of the page that is open, in every look; it is left in the last one."""
    found = []
    for look in looks:
        theme, width = look
        dress(page, theme, width)
        page.evaluate(STILL)
        wide = page.evaluate("document.documentElement.scrollWidth") > width
        said = complaints(page, COLOURS if look in REST else WCAG)
        found += [f"{theme} {width}: {one}" for one in (*said, *(["scrolls sideways"] if wide else []))]
    return found


def problems_on(page: Page, paths: Iterable[str]) -> dict[str, list[str]]:
    """By address, of those that have any."""
    dress(page)
    found = {}
    for path in paths:
        page.goto(path)
        found[path] = problems(page)
    return {path: wrong for path, wrong in found.items() if wrong}
