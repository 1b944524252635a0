"""The measurement of staff's pages runs, and every page it asks for answers."""

import pytest
from django.contrib import admin

from billing_portal.benchmarks import staff as bench

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("forgets_statistics")]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(bench, "ROUNDS", 1)
    monkeypatch.setattr(bench, "WARM_UPS", 0)


def test_it_measures_every_list_and_every_tab(seller):
    found = list(bench.measure_staff(customers=40, invoices=200, seller_id=seller.pk))
    names = {measured.name for measured in found}
    tables = {f"{model._meta.app_label}_{model._meta.model_name}" for model in admin.site._registry}
    pages = {*bench.PAGES, *bench.TABS}
    assert tables | pages <= names
    assert len(names) == len(tables) + len(pages) + sum(map(len, bench.LISTS.values()))
    assert all(measured.figure > 0 < measured.floor for measured in found)
    assert "× the floor, among 200 invoices of 40 customers" in str(found[0])
