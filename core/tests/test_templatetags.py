"""What templates do to words that are put together elsewhere."""

import pytest

from core.templatetags.portal import unbroken


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("Your balance is −$6.90.", 'Your balance is <span class="num">−$6.90</span>.'),
        ("−1.234,50\xa0€ & mehr", '<span class="num">−1.234,50</span>\xa0€ &amp; mehr'),
        ("$6.90 <b>", "$6.90 &lt;b&gt;"),
    ],
)
def test_no_line_ends_between_a_minus_and_its_amount(text, html):
    assert unbroken(text) == html
