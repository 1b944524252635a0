"""«Daily summary»: each member of staff decides for themselves whether they want the mail."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.roles import READ
from accounts.staff import render_staff, staff_page, staff_user
from billing_portal.digest import Summaries
from billing_portal.models import Digest
from billing_portal.services.choose_digest import choose_digest
from core import clock


class DigestForm(forms.Form):
    """On or off."""

    wanted = forms.ChoiceField(choices=[("yes", "yes"), ("no", "no")])


@require_http_methods(["GET", "HEAD", "POST"])
@staff_page(READ)
def digest(request: HttpRequest) -> HttpResponse:
    """What would be told now, and the switch."""
    user, form = staff_user(request), DigestForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        wanted = form.cleaned_data["wanted"] == "yes"
        choose_digest(wanted=wanted, at=clock.now(), actor=user)
        messages.success(request, _("The summary comes each morning.") if wanted else _("No summary comes any more."))
        return HttpResponseRedirect(reverse("admin:digest"), status=303)
    context = {
        "title": _("Daily summary"),
        "wanted": Digest.objects.filter(user=user).exists(),
        "email": user.email,
        "rows": Summaries(clock.now()).of(user),
    }
    return render_staff(request, "admin/digest.html", context, 422 if request.method == "POST" else 200)


urlpatterns = [path("billing/daily-summary/", digest, name="digest")]
