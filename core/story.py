"""What happened to a customer and what comes, as rooms tell it: one sentence each, for people."""

from datetime import datetime
from typing import NamedTuple


class Event(NamedTuple):
    """One fact. `at` is the customer's present then. `mood`: neutral, success, warning or danger. `about` names what
    it is about, for a link: `invoice:7:inv_…`, `notice:7`, `plan`, `credits`; empty: nothing to look at."""

    at: datetime
    text: str
    about: str = ""
    mood: str = "neutral"


class Coming(NamedTuple):
    """What is due at an instant, as things stand."""

    at: datetime
    text: str


class Told(NamedTuple):
    """What one room tells: both in any order. `owes`: something is issued and not paid."""

    happened: list[Event]
    coming: list[Coming]
    owes: bool = False
