from datetime import timedelta

from django.contrib.sessions.models import Session

from billing_portal.demo_data import add_card
from billing_portal.models import Run, RunKind
from billing_portal.tests.people import on_free, on_plus
from billing_portal.tidying import tidy
from plans.models import ChangeQuote, QuoteKind
from plans.services.accept_quote import accept_quote
from plans.services.make_quote import make_quote

DAY = timedelta(days=1)


def test_it_forgets_sessions_that_are_over_and_leaves_the_others(db, at):
    Session.objects.create(session_key="over", session_data="", expire_date=at - DAY)
    Session.objects.create(session_key="open", session_data="", expire_date=at + DAY)

    assert tidy(at=at) == 1
    assert Session.objects.get().session_key == "open"
    assert tidy(at=at) == 0


def test_it_forgets_the_jobs_of_each_minute_and_keeps_the_runs(db, at):
    for kind in (RunKind.COLLECT, RunKind.BILLING):
        Run.objects.create(kind=kind, at=at, started_at=at - 31 * DAY, ended_at=at - 31 * DAY)

    assert tidy(at=at) == 1
    assert Run.objects.get().kind == RunKind.BILLING


def test_it_forgets_figures_that_nobody_has_confirmed_and_keeps_the_others(customer, alice, catalogue, seller, at):
    on_plus(customer, alice, catalogue, at)
    done = ChangeQuote.objects.get()
    asked = {"customer": customer, "kind": QuoteKind.CANCEL, "actor": alice}
    looked_at, recent = (make_quote(at=at + days * DAY, **asked) for days in (1, 3))

    over = looked_at.expires_at + 30 * DAY
    assert tidy(at=over) == 0
    assert tidy(at=over + DAY) == 1
    assert set(ChangeQuote.objects.all()) == {done, recent}
    assert tidy(at=over + DAY) == 0


def test_it_keeps_what_was_confirmed_and_never_carried_out(customer, alice, catalogue, seller, at):
    on_free(customer, alice, at)
    add_card(customer, alice, "4242424242424242", at)
    quote = make_quote(customer=customer, kind=QuoteKind.SUBSCRIBE, plan=catalogue.plus, at=at, actor=alice)
    accept_quote(quote=quote, at=at, actor=alice)

    assert tidy(at=at + 365 * DAY) == 0
    assert ChangeQuote.objects.get().accepted_at == at
