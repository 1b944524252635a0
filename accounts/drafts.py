"""What somebody typed into a form that could not be taken yet, until they are back on its page.

One draft a session, for the person who typed it and nobody else who logs in there, on the page of the customer it was
typed for; never a password.
"""

import time
from typing import Any, TypeVar

from django.contrib import messages
from django.forms import BaseForm
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext

from accounts.access import FORM_CUSTOMER

Form = TypeVar("Form", bound=BaseForm)

SESSION_KEY = "draft"
LIFETIME = 3_600  # seconds
LONGEST = 20_000  # characters; a session is no place for more
LEFT_OUT = frozenset({"csrfmiddlewaretoken", FORM_CUSTOMER})


def keep(request: HttpRequest, *, page: str, person: int, elsewhere: bool = False) -> bool:
    """Keeps what was posted for `page` (a path with its query), as the draft of the user with that id.

    `elsewhere`: they have logged in in another tab, which is why it was refused. False where it could not be kept.
    """
    fields = {name: request.POST.getlist(name) for name in request.POST if name not in LEFT_OUT}
    request.session.pop(SESSION_KEY, None)
    if not fields or sum(len(value) for values in fields.values() for value in values) > LONGEST:
        return False
    request.session[SESSION_KEY] = {
        "page": page,
        "person": person,
        "customer": request.POST.get(FORM_CUSTOMER, ""),
        "at": time.time(),
        "fields": fields,
        "elsewhere": elsewhere,
    }
    return True


def refill(request: HttpRequest, form: Form, *more: BaseForm) -> Form:
    """The form; the draft of this page stands in it, and in `more` of its page, where it is shown unbound, and that is
    said. Saves nothing."""
    draft = request.session.get(SESSION_KEY)
    if form.is_bound or request.method != "GET" or not draft or draft["page"] != request.get_full_path():
        return form
    del request.session[SESSION_KEY]
    if not _is_theirs(draft, request) or time.time() - draft["at"] > LIFETIME:
        return form
    typed = QueryDict(mutable=True)
    for name, values in draft["fields"].items():
        typed.setlist(name, values)
    forms: tuple[BaseForm, ...] = (form, *more)
    for one in forms:
        if not any(one.add_prefix(name) in typed for name in one.fields):
            continue  # another button of the page was pressed, which sent nothing of this form
        for name, field in one.fields.items():
            one.initial[name] = field.widget.value_from_datadict(typed, {}, one.add_prefix(name))
    said = gettext("Nothing was sent yet. What you typed is still here: check it and send it again.")
    # Kept by the version before, it does not say.
    if draft.get("elsewhere"):
        said = " ".join((gettext("You have logged in again in another tab."), said))
    messages.info(request, said)
    return form


def _is_theirs(draft: dict[str, Any], request: HttpRequest) -> bool:
    """Whether the person who looks at the page typed it, for the customer whose page it is by now."""
    customer = getattr(getattr(request, "customer", None), "key", "")
    return draft["person"] == request.user.pk and draft.get("customer", "") in ("", customer)
