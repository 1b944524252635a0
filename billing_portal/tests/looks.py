"""Whom a page keeps out: axe and sideways scrolling, in both themes and on both widths, of a page that is loaded once.

What is on a page and where depends on the width, and only its colours on the theme: the style sheet says nothing else
by theme. So all rules are asked on either width once, in a different theme, and in the two looks that are left only
the rules about colours (`COLOURS`), where all four are looked at. A page is dressed anew where it is: loading it for
each look would find nothing more and cost as much again.
"""

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
# measured like all other text instead. The check is told all its options: those that are not named would be none.
PSEUDO = """
    const {options} = axe._audit.checks["color-contrast"];
    axe.configure({checks: [{id: "color-contrast", options: {...options, ignorePseudo: true}}]});
"""
# A third of the time of measuring contrast goes to reading the same few colours again for every element.
COLOURS_ONCE = """
    const own = axe.commons.color.Color.prototype, read = own.parseString, known = new Map();
    own.parseString = function (words) {
        if (!known.has(words)) {
            const {r, g, b, alpha} = read.call(this, words);
            known.set(words, {r, g, b, alpha});
        }
        return Object.assign(this, known.get(words));
    };
"""
# Half a megabyte: sent once for all documents of a page, and read by those that are looked at.
AXE = f"window.readAxe = () => {{{Axe().axe_script};{PSEUDO}{COLOURS_ONCE}}}"
# What axe found – one line per element, and per rule that broke while it was asked –, how much it looked at, and how
# wide the page is, in one question.
ASK = """async rules => {
    if (!window.axe) {
        if (!window.readAxe) return null;
        readAxe();
    }
    const wide = document.documentElement.scrollWidth;
    const {passes, violations, incomplete} = await axe.run(rules);
    const found = violations.flatMap(rule => rule.nodes.map(node => `${rule.id}: ${node.html}`));
    const broken = incomplete.filter(rule => rule.error).map(rule => `${rule.id}: ${rule.error.message}`);
    return [[...found, ...broken], passes.length, wide];
}"""
STILL_ASK = f"rules => {{ {STILL}; return ({ASK})(rules); }}"


def complaints(page: Page, rules: Mapping[str, Any] = WCAG) -> list[str]:
    """What axe finds, one line per element."""
    return _ask(page, ASK, rules)[0]


def problems(page: Page, looks: Iterable[tuple[str, int]] = LOOKS) -> list[str]:
    """Of the page that is open, in every look; it is left in the last one."""
    found = []
    for look in looks:
        theme, width = look
        dress(page, theme, width)
        said, wide = _ask(page, STILL_ASK, COLOURS if look in REST else WCAG)
        found += [f"{theme} {width}: {one}" for one in (*said, *(["scrolls sideways"] if wide > width else []))]
    return found


def _ask(page: Page, question: str, rules: Mapping[str, Any]) -> tuple[list[str], int]:
    """What axe finds, and how wide the page is."""
    page.wait_for_load_state()  # a click ends when the answer begins: nothing may stand on the page yet
    answer = page.evaluate(question, rules)
    if answer is None:  # this page was never asked before
        page.add_init_script(AXE)
        page.evaluate(AXE)
        answer = page.evaluate(question, rules)
    said, seen, wide = answer
    assert seen, "axe looked at nothing"
    return said, wide


def problems_on(page: Page, paths: Iterable[str]) -> dict[str, list[str]]:
    """By address, of those that have any."""
    dress(page)
    found = {}
    for path in paths:
        page.goto(path)
        found[path] = problems(page)
    return {path: wrong for path, wrong in found.items() if wrong}
