"""All messages of the house: text and HTML say the same, and the HTML survives mail programs."""

import re
from html.parser import HTMLParser
from itertools import product
from typing import Any

import pytest
from django.conf import settings
from django.template.loader import get_template
from django.urls import reverse

from accounts.mail import subject, write
from billing_portal.pages.styleguide_emails import ACCOUNT, FOLDER, samples, templates
from billing_portal.tests.test_style import CSS
from core.language import override
from invoices.brand import luminance

SAMPLES = [(template, name) for template in templates() for name in samples(template)]
FRAMES = sorted(FOLDER.glob("*.html"))
LONGEST_SUBJECT = 60
AMOUNT = re.compile(r"−?[$€¥][\d,.]+")
DAY = re.compile(r"\b(\d{1,2}) ([A-Z][a-z]{2})\b")
HOSTILE = "<b>&\"Wonder'</b>"
# What goes out without a link: a person answers it.
NO_BUTTON = {"sales_acknowledgement"}


class Reader(HTMLParser):
    """What a person sees of a message, its links, and every element."""

    HIDDEN = {"head", "style", "title"}
    VOID = {"meta", "br"}

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        values = {name: value or "" for name, value in attrs}
        self.elements.append((tag, values))
        if tag == "a":
            self.links.append(values["href"])
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data):
        if not self.HIDDEN & set(self.open):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.words)


@pytest.fixture(params=SAMPLES, ids=lambda sample: f"{sample[0]}, {sample[1]}")
def message(request: pytest.FixtureRequest) -> Any:
    template, name = request.param
    return write(template, samples(template)[name])


def addresses(text: str) -> set[str]:
    return {address.rstrip(".,)") for address in re.findall(r"https?://\S+", text)}


def figures(text: str) -> set[str]:
    """Every amount, date and number, as written: $1,234.50, −€3, 20, 2026, INV-2026-000001."""
    without_links = re.sub(r"https?://\S+", " ", text)
    return {word.strip(".,:;()“”") for word in without_links.split() if any(sign.isdigit() for sign in word)}


@pytest.mark.parametrize("template", templates())
def test_it_has_html_and_a_sample_for_every_text(template):
    html, sample = FOLDER / f"{template}.html", FOLDER / "samples" / f"{template}.json"

    assert html.exists(), f"write emails/{html.name}: it extends emails/base.html and says what the text says"
    assert samples(template), f"keep the context of a real message in emails/samples/{sample.name}"


def test_it_has_no_html_without_a_text():
    names = {path.stem for path in FRAMES if not path.stem.startswith("_")} - {"base"}

    assert names <= set(templates())


def test_text_and_html_name_the_same_figures(message):
    assert figures(Reader(message.html).text) == figures(f"{message.subject} {message.text}")


def test_text_and_html_lead_to_the_same_pages(message):
    assert set(Reader(message.html).links) == addresses(message.text)


@pytest.mark.parametrize(("template", "name"), SAMPLES)
def test_it_has_one_button_and_it_leads_where_the_text_leads(template, name):
    written = write(template, samples(template)[name])
    buttons = [values["href"] for tag, values in Reader(written.html).elements if values.get("class") == "button"]

    assert len(buttons) == (template not in NO_BUTTON)
    assert set(buttons) <= addresses(written.text)


def as_long_as_real_ones(value: Any, language: str) -> Any:
    """The figures of a sample, as long as others are: amounts of thousands, and days as each language writes them."""
    if isinstance(value, dict):
        return {key: as_long_as_real_ones(each, language) for key, each in value.items()}
    if not isinstance(value, str):
        return value
    day = r"\1. \2." if language == "de" else r"\1 \2"
    return DAY.sub(day, AMOUNT.sub(lambda found: found[0].ljust(len("$1,249.00"), "0"), value))


@pytest.mark.parametrize("language", [code for code, _name in settings.LANGUAGES])
@pytest.mark.parametrize(("template", "name"), SAMPLES)
def test_its_subject_can_be_read_in_a_list(template, name, language):
    context = as_long_as_real_ones(samples(template)[name], language)
    with override(language):
        assert 0 < len(subject(template, context)) <= LONGEST_SUBJECT


def test_it_says_from_whom_and_why_and_how_to_answer(message):
    for written in (message.text, " ".join(Reader(message.html).text.split())):
        assert "Meridian Billing." in written
        assert "You get this message because" in written
        assert f"Questions? Answer this message, or write to {message.reply_to}." in written


def test_it_has_a_line_for_lists_of_mail(message):
    hidden = re.search(r'<div style="display:none[^>]*>(.*?)</div>', message.html, re.DOTALL)

    assert hidden
    assert hidden[1].replace("&nbsp;&zwnj;", "").strip() or "You're on" in message.subject


def test_it_fetches_nothing_and_runs_nothing(message):
    elements = Reader(message.html).elements

    assert not {"script", "img", "link", "iframe", "form", "input", "object", "video"} & {tag for tag, _ in elements}
    assert not re.search(r"@import|url\(|\ssrc=|\sbackground=|\son[a-z]+=|javascript:", message.html)


def test_it_is_whole(message):
    """Every element that is opened is closed again, in order; an outline of one heading."""
    reader = Reader(message.html)

    assert reader.open == []
    assert [tag for tag, _ in reader.elements if tag.startswith("h") and tag[1:].isdigit()] == ["h1"]
    assert message.html.lstrip().startswith("<!doctype html>")
    assert all(values["role"] == "presentation" for tag, values in reader.elements if tag == "table")


@pytest.mark.parametrize(("template", "name"), SAMPLES)
def test_its_samples_have_all_that_it_shows(template, name, monkeypatch):
    monkeypatch.setattr(get_template("emails/base.html").template.engine, "string_if_invalid", "NOT IN THE SAMPLE: %s")
    written = write(template, samples(template)[name])

    assert "NOT IN THE SAMPLE" not in written.text + written.html


@pytest.mark.parametrize(("template", "name"), SAMPLES)
def test_it_shows_what_people_call_themselves_as_they_wrote_it(template, name):
    named = [
        key for key in ("customer", "company", "name", "message", "by", "reason") if key in samples(template)[name]
    ]
    written = write(template, samples(template)[name] | dict.fromkeys(named, HOSTILE))

    assert "<b>" not in written.html
    assert HOSTILE in written.text or not named
    assert HOSTILE in " ".join(Reader(written.html).text.split()) or not named
    assert "&lt;" not in written.text


# --- colours ---------------------------------------------------------------------------------------------------------

BASE = (FOLDER / "base.html").read_text()
# (class of the text, class of what is behind it)
PAIRS = [("text", "sheet"), ("muted", "sheet"), ("link", "sheet"), ("button", "button-cell")]


def colour(html: str, name: str, what: str) -> str:
    """The inline colour of the first element with a class; `what` is color or background-color."""
    element = re.search(rf'class="(?:[\w-]+ )*{name}(?: [\w-]+)*"[^>]*?[ ";]{what}:(#\w{{6}})', html)
    assert element, f"{name} has no {what}"
    return element[1]


def dark(name: str, what: str) -> str:
    rule = re.search(rf"\.{name} {{[^}}]*?(?<![\w-]){what}: (#\w{{6}}) !important", BASE)
    assert rule, f"{name} has no {what} in the dark"
    return rule[1]


@pytest.mark.parametrize("path", FRAMES, ids=lambda path: path.name)
def test_it_keeps_colours_and_styles_in_its_frame(path):
    is_frame = path.name == "base.html" or path.name.startswith("_")

    assert is_frame or not re.search(r"#[0-9a-fA-F]{3,6}\b|style|class=", path.read_text().replace('#what"', ""))


def test_its_colours_are_those_of_the_pages():
    used = {colour for path in FRAMES for colour in re.findall(r"#[0-9a-f]{6}\b", path.read_text())}

    assert used
    assert used <= set(re.findall(r"#[0-9a-f]{6}\b", CSS.lower()))


@pytest.mark.parametrize("pair", PAIRS, ids=" on ".join)
def test_its_colours_can_be_read_in_both_themes(pair):
    front, back = pair
    html = write("invoice_announced", samples("invoice_announced")["usual"]).html
    themes = [
        (colour(html, front, "color"), colour(html, back, "background-color")),
        (dark(front, "color"), dark(back, "background-color")),
    ]
    for one, other in themes:
        low, high = sorted((luminance(one), luminance(other)))
        assert (high + 0.05) / (low + 0.05) >= 4.5


def test_every_inline_colour_turns_in_the_dark():
    html = write("invoice_announced", samples("invoice_announced")["usual"]).html
    turned = set(re.findall(r"\.([\w-]+) {[^}]*#", BASE))

    for tag, values in Reader(html).elements:
        coloured = "#" in values.get("style", "")
        assert not coloured or turned & set(values.get("class", "").split()), f"<{tag}> stays bright"


# --- the pages that show them ----------------------------------------------------------------------------------------


def test_the_style_guide_lists_every_message(client, db):
    page = client.get(reverse("styleguide_emails"))

    assert page.status_code == 200
    assert all(template in page.content.decode() for template in (*templates(), *ACCOUNT))


@pytest.mark.parametrize("name", ACCOUNT)
def test_the_style_guide_shows_mail_about_ones_own_account(client, db, name):
    page = client.get(reverse("styleguide_email", args=[name, 0]))
    html = client.get(reverse("styleguide_email_html", args=[name, 0])).content.decode()

    [address] = ACCOUNT[name].values()
    assert address in page.content.decode()
    assert f'href="{address}"' in html
    assert client.get(reverse("styleguide_email", args=[name, 1])).status_code == 404


def test_the_style_guide_shows_a_message_in_a_frame_that_may_do_nothing(client, db):
    page = client.get(reverse("styleguide_email", args=["invoice_issued", 0]))
    html = client.get(reverse("styleguide_email_html", args=["invoice_issued", 0]))

    assert b'<iframe class="mail" sandbox src=' in page.content
    assert "frame-src 'self'" in page.headers["Content-Security-Policy"]
    assert html.headers["X-Frame-Options"] == "SAMEORIGIN"
    policy = html.headers["Content-Security-Policy"]
    assert sorted(part.strip() for part in policy.split(";")) == [
        "default-src 'none'", "frame-ancestors 'self'", "style-src 'unsafe-inline'",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("template", "number"), [("nothing", 0), ("invoice_issued", 99), ("base", 0), ("_why", 0), *product(["x"], [1])]
)
def test_the_style_guide_knows_no_other_messages(client, db, template, number):
    assert client.get(reverse("styleguide_email", args=[template, number])).status_code == 404


def test_there_is_no_style_guide_where_people_bill_for_real(client, db, settings):
    settings.DEBUG = settings.DEMO = False

    for address in (
        reverse("styleguide_emails"),
        reverse("styleguide_email", args=["invoice_issued", 0]),
        reverse("styleguide_email_html", args=["invoice_issued", 0]),
    ):
        assert client.get(address, secure=True).status_code == 404
