"""Every state of every page: a list, and links that tell the story and lead there. Development only.

A link logs its visitor in as somebody of the story, staff included: where people bill for real there is no such page.
"""

from django.conf import settings
from django.contrib.auth import login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from accounts.backends import BACKEND
from billing_portal.states.registry import MISSING, PAGES, SITUATIONS, STATES, by_page, story_of, without
from billing_portal.states.telling import NotToldError, tell


def _only_in_development() -> None:
    if not (settings.DEBUG or settings.DEMO):
        raise Http404


@require_safe
def styleguide_states(request: HttpRequest) -> HttpResponse:
    """The grid and the list. 404 where people bill for real."""
    _only_in_development()
    grid = [(title, [_cell(f"{page}/{situation}") for situation in SITUATIONS]) for page, title in PAGES.items()]
    pages = [
        (title, [(state, story_of(state)) for state in states], without(states[0].page)) for title, states in by_page()
    ]
    context = {"situations": SITUATIONS, "grid": grid, "pages": pages, "count": len(STATES)}
    return render(request, "billing_portal/styleguide_states.html", context)


def _cell(name: str) -> dict[str, str]:
    """A link, a word, or that there is nothing to see."""
    return {"name": name if name in STATES else "", "text": "missing" if name in MISSING else "–"}


@require_safe
def styleguide_state(request: HttpRequest, name: str) -> HttpResponse:
    """Tell the story where it is not told yet, log the visitor in, and lead to the page – or to what has to be done
    there, where an address alone does not show the state."""
    _only_in_development()
    state = STATES.get(name)
    if state is None:
        raise Http404
    try:
        scene = tell(state.story)
    except NotToldError as error:
        return render(request, "rule_error.html", {"message": str(error)}, status=409)
    login(request, scene.person(state.who), backend=BACKEND)
    if state.is_direct:
        return redirect(state.address(scene))
    values = state.values(scene).items() if state.values else ()
    context = {"state": state, "action": state.address(scene), "values": values}
    return render(request, "billing_portal/styleguide_state.html", context)
