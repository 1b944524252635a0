"""The style sheet: its contrast is computed from its own tokens, its size has a budget, the pages keep their rules."""

import gzip
import re
from itertools import product
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders

from invoices.brand import luminance

ROOT = Path(__file__).resolve().parents[2]
CSS = (ROOT / "static/css/app.css").read_text()
TOKENS = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", CSS)
THEMES = {"light": {name: light for name, light, _ in TOKENS}, "dark": {name: dark for name, _, dark in TOKENS}}

BACKGROUNDS = ("bg", "surface", "surface-2")
TEXTS = ("text", "text-muted", "accent", "accent-strong", "success", "warning", "danger", "info", "credit")
PAIRS = [
    *((text, background, 4.5) for text, background in product(TEXTS, BACKGROUNDS)),
    *((level, f"{level}-bg", 4.5) for level in ("success", "warning", "danger", "info", "credit")),
    *(("text", f"{level}-bg", 4.5) for level in ("success", "warning", "danger", "info", "credit")),
    *(("on-accent", over, 4.5) for over in ("accent", "accent-strong", "danger")),
    *((line, background, 3.0) for line, background in product(("border-strong", "chart-1", "chart-2"), BACKGROUNDS)),
]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("front", "back", "least"), PAIRS)
def test_its_colours_can_be_read(theme: str, front: str, back: str, least: float) -> None:
    low, high = sorted((luminance(THEMES[theme][front]), luminance(THEMES[theme][back])))
    assert (high + 0.05) / (low + 0.05) >= least


def zipped(*paths: Path) -> int:
    return sum(len(gzip.compress(path.read_bytes(), 9, mtime=0)) for path in paths)


def test_the_style_sheet_keeps_its_budget() -> None:
    assert zipped(ROOT / "static/css/app.css") <= 8 * 1024


def test_the_scripts_keep_their_budget() -> None:
    htmx = finders.find("django_htmx/htmx-2.min.js")
    assert isinstance(htmx, str)
    assert zipped(Path(htmx), ROOT / "static/js/app.js") <= 20 * 1024


def test_the_logo_keeps_its_budget() -> None:
    assert (ROOT / "static/img/logo.svg").stat().st_size <= 3 * 1024


def test_it_asks_for_nothing_from_elsewhere() -> None:
    assert not re.search(r"url\(|@import|@font-face", CSS)


@pytest.mark.parametrize("path", sorted(ROOT.glob("static/css/*.css")), ids=lambda path: path.name)
def test_it_turns_no_page_that_is_held_another_way(path: Path) -> None:
    """WCAG 1.3.4. axe's own rule is left out of `looks.py`: it reads every style sheet anew for each look."""
    assert "orientation:" not in path.read_text()


def test_every_class_of_the_components_is_styled() -> None:
    unstyled_on_purpose = {"no-print"}
    readme = (ROOT / "templates/components/README.md").read_text()
    named = set(re.findall(r"`\.([a-z-]+)`", readme)) - unstyled_on_purpose
    assert named
    assert {name for name in named if f".{name}" not in CSS} == set()
