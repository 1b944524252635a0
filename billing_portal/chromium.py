"""Which Chromium there is and how it is started, for tests and for `manage.py states`."""

import shutil
from pathlib import Path
from typing import Final

PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS: Final = [
    "--no-sandbox",  # root and containers have none; only our own pages are opened
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find_chromium(own: str) -> str | None:
    """The installed program, else `own`: that of `playwright install chromium`; None where there is none."""
    mac = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
    found = (shutil.which(name) for name in PROGRAMS)
    return next(filter(None, found), None) or next((str(path) for path in (Path(own), mac) if path.exists()), None)
