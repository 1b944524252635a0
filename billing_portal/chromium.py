"""Which Chromium there is, how it is started and how pages are looked at, for tests and for `manage.py states`.

Playwright is among the requirements of tests alone: nothing here needs it to be read.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from playwright.sync_api import Page, ViewportSize

# Without windows first: the same engine for a third less of the processor.
PROGRAMS: Final = (
    "chromium-headless-shell",
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
)
FLAGS: Final = [
    "--no-sandbox",  # root and containers have none; only our own pages are opened
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Pages are read once: optimising their scripts, and axe, for later costs more than it ever saves.
    "--js-flags=--no-maglev --no-turbofan",
]

# Colours that fade into each other, and what is shown only to those who have to wait, are at their end at once.
STILL: Final = "document.getAnimations().forEach(one => one.finish())"
COMING: Final = ".htmx-request, [hx-trigger=load]"  # what htmx is fetching, and what it is about to


def find_chromium(own: str) -> str | None:
    """The installed program, else `own`: that of `playwright install chromium`; None where there is none."""
    mac = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
    found = (shutil.which(name) for name in PROGRAMS)
    return next(filter(None, found), None) or next((str(path) for path in (Path(own), mac) if path.exists()), None)


def dress(page: "Page", theme: str = "light", width: int = 1280) -> None:
    """The page that is open, in a theme and on a width."""
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    size: ViewportSize = {"width": width, "height": 800}
    if page.viewport_size != size:  # each time it is set the page is laid out anew
        page.set_viewport_size(size)


def settle(page: "Page") -> None:
    """Until what the page fetches has come."""
    page.wait_for_load_state()
    page.locator(COMING).first.wait_for(state="detached")


def photograph(page: "Page", folder: Path, name: str, looks: Iterable[tuple[str, int]]) -> None:
    """`overview-past-due-light-1280.png` and its sisters, of the page that is open."""
    for theme, width in looks:
        dress(page, theme, width)
        page.screenshot(caret="initial", path=folder / f"{name.replace('/', '-')}-{theme}-{width}.png", full_page=True)
