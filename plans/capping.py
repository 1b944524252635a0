"""PURE: what plans give back of a billed line is never more than what still stands of it. Amounts in minor units.

What stands is a fact (`invoices.standing`): the line less what every other document gave back of it – notes by staff,
too –, and nothing where its invoice is void. A line that the rule made smaller says so in its explain data:

`left` `left_of`    what was left of the line it gives back, and what that line had billed
`notes`             numbers of the credit notes of staff that had given back some of it
`earlier`           what lines before this one give back of the same difference, below zero (`plans/late.py`)
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from core import formats
from core.language import gettext as _
from core.language import in_english, ngettext
from invoices.giving_back import Standing
from invoices.lines import LineDraft

NOTHING_ASKED: Mapping[str, Standing] = {}  # what credit alone pays stands on no document

Data = Mapping[str, Any]


def capped(lines: Iterable[LineDraft], standing: Mapping[str, Standing]) -> Iterator[LineDraft]:
    """The lines, each giving back at most what is left of the line it corrects; those without anything to give back
    are gone. A line of which nobody asked what stands is kept as it is."""
    for line in lines:
        stands = standing.get(line.corrects)
        if stands is None or -line.amount <= stands.left:
            yield line
        elif stands.left:
            yield _down_to(line, stands)


@in_english
def _down_to(line: LineDraft, stands: Standing) -> LineDraft:
    left = formats.money(stands.left, line.explain["currency"])
    known = {"left": stands.left, "left_of": stands.billed, "notes": list(stands.notes)}
    return replace(
        line,
        amount=-stands.left,
        detail=capped_in_words(line.detail, left),
        explain={**line.explain, **known},
    )


def capped_in_words(detail: str, left: str) -> str:
    """How a line is calculated that only `left` was left for."""
    return _("%(detail)s; no more than %(left)s was left of it") % {"detail": detail, "left": left}


def limit(data: Data, amount: int) -> int:
    """What a line posts by its explain data, where the calculation alone comes to `amount`."""
    rest = amount - int(data.get("earlier", 0))
    return max(rest, -int(data["left"])) if "left" in data else rest


def limit_steps(data: Data, amount: int) -> Iterator[tuple[str, str]]:
    """The same as figures and notes; none where nothing was limited."""
    currency, earlier = data["currency"], int(data.get("earlier", 0))
    if earlier:
        yield f"+ {formats.money(-earlier, currency)}", _("given back of other lines of the window")
        yield f"= {formats.money(amount - earlier, currency)}", ""
    if "left" in data:
        yield f"→ {formats.money(limit(data, amount), currency)}", _why(data)


def _why(data: Data) -> str:
    billed, notes = formats.money(data["left_of"], data["currency"]), data["notes"]
    if not notes:
        return _("all that was left of %(billed)s billed") % {"billed": billed}
    return ngettext(
        "all that was left of %(billed)s: credit note %(notes)s gave some back",
        "all that was left of %(billed)s: credit notes %(notes)s gave some back",
        len(notes),
    ) % {"billed": billed, "notes": ", ".join(notes)}
