"""«Send again» of one message, beside what staff look at."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from accounts.models import Notice
from accounts.roles import SUPPORT
from accounts.services.send_notice_again import send_notice_again
from accounts.staff import staff_page, staff_user
from core.clock import now


@require_POST
@staff_page(SUPPORT)
def notice_send_again(request: HttpRequest, pk: int) -> HttpResponse:
    notice = get_object_or_404(Notice.objects.select_related("customer"), pk=pk)
    present = now()
    at = notice.customer.present(present) if notice.customer else present
    send_notice_again(notice_id=pk, at=at, actor=staff_user(request), asked_at=present)
    messages.success(request, gettext("On its way to %(names)s.") % {"names": ", ".join(notice.to)})
    return HttpResponseRedirect(reverse("admin:accounts_notice_change", args=[pk]), status=303)


urlpatterns = [path("<int:pk>/send-again/", notice_send_again, name="accounts_notice_send_again")]
