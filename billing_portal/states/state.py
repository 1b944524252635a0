"""One state of one page."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from billing_portal.states.telling import Scene
from plans.models import QuoteKind

Address = Callable[[Scene], str]
Values = Callable[[Scene], Mapping[str, str]]


def nothing(_scene: Scene) -> dict[str, str]:
    """A form that is sent empty."""
    return {}


def confirming(scene: Scene) -> dict[str, str]:
    """«Confirm Downgrade», for the figures that were shown when the story was told."""
    return {"quote": scene.quote(QuoteKind.CANCEL)}


@dataclass(frozen=True, slots=True)
class State:
    """`name` is `page/situation`. `says` is for whoever looks at the list; `shows` are words that stand on the page.

    `address` is where it is looked at; with `values` they are posted there, and the answer is the state. `status` is
    that of the page in the end. `who` looks: admin, viewer, member or staff (`Scene.person`). `looks_like` names a
    state whose page has the same parts, so that one of the two is enough to look at.

    States of a moment: `presses` is the button or the link that is pressed on the page, after `types` – (field, text)
    – was filled in. `answer` is what comes of it, or of what the page asks for by itself, while it is looked at: it is
    `held` back, or the server `fails`.
    """

    name: str
    story: str
    says: str
    address: Address
    shows: tuple[str, ...]
    values: Values | None = None
    status: int = 200
    who: str = "admin"
    looks_like: str = ""
    types: tuple[tuple[str, str], ...] = ()
    presses: str = ""
    answer: Literal["", "held", "fails"] = ""

    @property
    def page(self) -> str:
        return self.name.partition("/")[0]

    @property
    def is_direct(self) -> bool:
        """Whether an address alone leads there."""
        return self.values is None and not self.answer

    @property
    def situation(self) -> str:
        return self.name.partition("/")[2]
