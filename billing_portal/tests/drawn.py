"""What lies on something else in a chart, where one of the two is words."""

from playwright.sync_api import Page

# A line of words is a little higher than its letters.
ASK = """() => {
    const drawn = [...document.querySelectorAll(".course text, .course circle")].map(one => {
        const box = one.getBoundingClientRect(), air = one.localName === "text" ? 2 : 0;
        return {
            words: one.textContent, name: one.textContent || one.getAttribute("class"), shown: box.width > 0,
            left: box.left, right: box.right, top: box.top + air, bottom: box.bottom - air,
        };
    }).filter(one => one.shown);
    const meet = (one, other) => (one.words || other.words)
        && one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
    return drawn.flatMap((one, place) => drawn.slice(place + 1).filter(other => meet(one, other))
        .map(other => `${one.name} lies on ${other.name}`));
}"""


def covered(page: Page) -> list[str]:
    """Of the page that is open, as wide as it is now."""
    return list(page.evaluate(ASK))
