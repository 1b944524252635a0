"""manage.py states: pictures of every state of every page, to look at and to compare before and after a change."""

from argparse import ArgumentParser
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from billing_portal.chromium import FLAGS, find_chromium, photograph
from billing_portal.states.looking import looking_at
from billing_portal.states.registry import STATES

try:
    from playwright.sync_api import sync_playwright
except ImportError:  # pragma: no cover - in production, which has no browser either
    sync_playwright = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from playwright.sync_api import Browser

LOOKS = tuple((theme, width) for theme in ("light", "dark") for width in (1280, 320))


class Command(BaseCommand):
    help = "Photograph states of pages, in light and dark, wide and narrow, of the portal that runs at --url."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("names", nargs="*", help="such as overview/past-due or 'invoice/*'; none: every state")
        parser.add_argument("--into", type=Path, required=True, help="the folder for the pictures")
        parser.add_argument("--url", default=settings.PORTAL_URL, help="a portal with DEBUG or DEMO")

    def handle(self, *args: Any, **options: Any) -> None:
        if sync_playwright is None:
            raise CommandError("this needs requirements-test.txt: Playwright is not installed")
        wanted = options["names"] or ["*"]
        names = [name for name in STATES if any(fnmatch(name, pattern) for pattern in wanted)]
        if not names:
            raise CommandError(f"no state is called {' or '.join(wanted)}")
        options["into"].mkdir(parents=True, exist_ok=True)
        with sync_playwright() as playwright:
            program = find_chromium(playwright.chromium.executable_path)
            if program is None:
                raise CommandError("no Chromium found")
            browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
            for name in names:
                look(browser, options["url"], name, options["into"])
                self.stdout.write(name)
            browser.close()


def look(browser: "Browser", url: str, name: str, folder: Path) -> None:
    """Four pictures of one state; whoever looks is logged in afresh."""
    context = browser.new_context(base_url=url, reduced_motion="reduce", locale="en-GB")
    page = context.new_page()
    with looking_at(page, STATES[name]):
        photograph(page, folder, name, LOOKS)
    context.close()
