"""Staff of the tests."""

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import User
from accounts.roles import billing_group


@pytest.fixture
def clerk(db: None) -> User:
    """A member of staff with the role and nothing else."""
    user = User.objects.create_user("clerk@example.com", "correct-horse-battery", first_name="Clara", is_staff=True)
    user.groups.add(billing_group())
    return user


@pytest.fixture
def trainee(db: None) -> User:
    """A member of staff without the role."""
    return User.objects.create_user("trainee@example.com", "correct-horse-battery", is_staff=True)


@pytest.fixture
def as_clerk(clerk: User, log_in: Callable[[User], Client]) -> Client:
    return log_in(clerk)
