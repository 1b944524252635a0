"""The sandbox processor's card page. It stands for a page on the processor's own site."""

from typing import cast

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from accounts.forms import SandboxCardForm
from accounts.gateways.sandbox import TEST_CARDS, keep_card
from accounts.models import CardSetup, GatewayName, SandboxSession, User
from accounts.views import see_other
from core.clock import now


@sensitive_post_parameters("number", "expiry", "cvc")
@sensitive_variables("form")
@require_http_methods(["GET", "POST"])
@login_required
def sandbox_card(request: HttpRequest, session_id: str) -> HttpResponse:
    """A card that was taken already leads back, so that a second submit has the first one's result."""
    visits = CardSetup.objects.filter(gateway=GatewayName.SANDBOX, user=cast("User", request.user))
    get_object_or_404(visits, gateway_id=session_id)
    session = get_object_or_404(SandboxSession, session_id=session_id)
    if session.token:
        return see_other(session.return_url)
    form = SandboxCardForm(request.POST if request.method == "POST" else None, on=now().date())
    if form.is_valid():
        keep_card(session_id, **form.cleaned_data)
        return see_other(session.return_url)
    cards = [{"number": _grouped(number), "meaning": card.meaning} for number, card in TEST_CARDS.items()]
    context = {"form": form, "session": session, "cards": cards}
    return render(request, "accounts/sandbox_card.html", context, status=422 if form.errors else 200)


def _grouped(number: str) -> str:
    """4242 4242 4242 4242."""
    return " ".join(number[start : start + 4] for start in range(0, len(number), 4))
