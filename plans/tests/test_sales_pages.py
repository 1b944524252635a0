"""«Contact Sales» as a page."""

from django.urls import reverse

from plans.models import SalesInquiry

INQUIRY = {"name": "Alice", "email": "alice@example.com", "company": "Wonder Ltd", "message": "Call me", "volume": ""}


def text(response):
    return response.content.decode()


def test_it_thanks_with_a_reference(free, as_alice):
    response = as_alice.post(reverse("contact_sales"), INQUIRY, follow=True)

    inquiry = SalesInquiry.objects.get()
    assert inquiry.reference in text(response)
    assert "A sales representative will contact you to discuss your use case" in text(response)


def test_it_names_the_fields_that_are_wrong(free, as_alice):
    response = as_alice.post(reverse("contact_sales"), {**INQUIRY, "email": "nowhere", "message": ""})

    page = text(response)
    assert response.status_code == 422
    assert 'href="#id_email"' in page
    assert 'href="#id_message"' in page
    assert not SalesInquiry.objects.exists()


def test_it_keeps_nothing_from_programs(free, as_alice):
    assert as_alice.post(reverse("contact_sales"), {**INQUIRY, "website": "http://spam"}).status_code == 303
    assert not SalesInquiry.objects.exists()


def test_it_hides_requests_of_others(free, as_alice, other_customer, charlie, log_in):
    as_alice.post(reverse("contact_sales"), INQUIRY)
    url = reverse("contact_sales_sent", args=[SalesInquiry.objects.get().reference])

    assert as_alice.get(url).status_code == 200
    assert log_in(charlie).get(url).status_code == 404
