"""Who may see the customer page of staff."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase

from accounts.models import Customer
from accounts.roles import READ, check_may
from accounts.staff import StaffView, staff_page
from accounts.staff import staff_user as staff_user

P = ParamSpec("P")
CustomerView = Callable[Concatenate[HttpRequest, Customer, P], HttpResponseBase]
KeyView = Callable[Concatenate[HttpRequest, str, P], HttpResponseBase]


def customer_page(*capabilities: str) -> Callable[[CustomerView[P]], KeyView[P]]:
    """As `staff_page`, for a page about the customer of that key, which the view gets; 404 where there is none.

    Whatever a page does, it tells of the customer: it is for those who may read as well.
    """

    def decorate(view: CustomerView[P]) -> KeyView[P]:
        @wraps(view)
        def find(request: HttpRequest, /, key: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            check_may(request.user, READ)
            customer = None if "\x00" in key else Customer.objects.filter(key=key).first()
            if customer is None:
                raise Http404
            return view(request, customer, *args, **kwargs)

        return cast("KeyView[P]", staff_page(*capabilities)(cast("StaffView[P]", find)))

    return decorate
