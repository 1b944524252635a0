"""Who is logged in: allauth's own way in, and one question for who comes back."""

from typing import Any, Final

from allauth.account.auth_backends import AuthenticationBackend
from django.core.exceptions import PermissionDenied

from accounts.models import User
from accounts.selectors import person

BACKEND: Final = "accounts.backends.PersonBackend"  # as sessions name it


class PersonBackend(AuthenticationBackend):  # type: ignore[misc] # allauth has no types
    """Reads people with all they belong to: every page asks for both."""

    def authenticate(self, *args: Any, **credentials: Any) -> User | None:
        """As allauth does. Raises PermissionDenied, by which Django asks no other: the one that stays for sessions from
        before this one would compare the same password again."""
        user: User | None = super().authenticate(*args, **credentials)
        if user is None:
            raise PermissionDenied
        return user

    def get_user(self, user_id: int) -> User | None:
        found = person(user_id)
        return found if found and self.user_can_authenticate(found) else None
