"""What the processes of a simulation share: one folder of small files, which outlives every one of them.

Read by the settings, so nothing of Django is used here.
"""

import hashlib
import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

FOLDER: Final = "SIMULATION_FOLDER"  # of the environment of every process


def folder() -> Path:
    """What all processes of this simulation share."""
    return Path(os.environ[FOLDER])


def share(seed: str, *parts: object) -> float:
    """A number in [0, 1) that the seed and the parts alone decide, whoever asks and in whichever order."""
    text = "|".join((seed, *map(str, parts)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big") / 2**56


class Clock:
    """The simulated present, in a file that is replaced as a whole."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "clock"

    def now(self) -> datetime:
        return datetime.fromisoformat(self.path.read_text())

    def set(self, at: datetime) -> None:
        new = self.path.with_suffix(".new")
        new.write_text(at.isoformat(timespec="microseconds"))
        new.replace(self.path)


class Lines:
    """A file that many processes append lines to and one reads on from where it was."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.position = 0

    def append(self, line: str) -> None:
        """In one write, so that lines of two processes never mix and a killed one leaves none half written."""
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(descriptor, f"{line}\n".encode())
        finally:
            os.close(descriptor)

    def new(self) -> Iterable[str]:
        """What was appended since it was last asked."""
        if not self.path.exists():
            return []
        with self.path.open("rb") as file:
            file.seek(self.position)
            read = file.read()
        whole = read[: read.rfind(b"\n") + 1]
        self.position += len(whole)
        return whole.decode().splitlines()
