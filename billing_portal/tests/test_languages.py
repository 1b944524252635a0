"""Every word of the house has its translation, and every text of a template can be translated."""

import re
from collections import defaultdict
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.mofile import read_mo
from django.conf import settings
from django.template.base import Lexer, TokenType

from accounts.models import Language
from billing_portal.catalogues import LANGUAGES, ROOMS, TEMPLATES, found, is_translated, kept, pairs, po_path
from core.language import FOR_DOCUMENTS

PLACEHOLDER = re.compile(r"%\((\w+)\)s|\{(\w+)\}")
EACH = list(pairs())

# --- catalogues ------------------------------------------------------------------------------------------------------


def test_documents_have_the_languages_of_pages_and_one_of_their_own():
    others = [choice for choice in Language.choices if choice[0] in FOR_DOCUMENTS]
    assert [*settings.LANGUAGES, *others] == [tuple(choice) for choice in Language.choices]
    assert [code for code, _label in others] == list(FOR_DOCUMENTS)


@pytest.mark.parametrize(("room", "language"), EACH)
def test_it_has_every_word_of_the_code_and_no_other(room, language):
    words = {(message.context, message.id) for message in found(room, language) if message.id}
    assert {(message.context, message.id) for message in kept(room, language) if message.id} == words, (
        "./portal manage messages"
    )


@pytest.mark.parametrize(("room", "language"), EACH)
def test_it_has_a_translation_of_every_word(room, language):
    messages = [message for message in kept(room, language) if message.id]
    assert [message.id for message in messages if message.fuzzy or not is_translated(message.string)] == []


@pytest.mark.parametrize(("room", "language"), EACH)
def test_a_translation_names_what_the_original_names(room, language):
    differ = [
        message.id
        for message in kept(room, language)
        if message.id and is_translated(message.string) and not same_names(every(message.id), every(message.string))
    ]
    assert differ == []


def every(words):
    return (words,) if isinstance(words, str) else tuple(words)


def names(text):
    return {"".join(match) for match in PLACEHOLDER.findall(text)}


def same_names(ids, strings):
    """A form for one may say «one» instead of its number."""
    return names(strings[-1]) == names(ids[-1]) and all(names(each) <= names(ids[-1]) for each in strings)


@pytest.mark.parametrize(("room", "language"), EACH)
def test_what_is_compiled_is_what_is_written(room, language):
    path = po_path(room, language)
    written = {(each.context, every(each.id)): every(each.string) for each in kept(room, language) if each.id}
    with path.with_suffix(".mo").open("rb") as file:
        compiled = {(context_of(each), every(each.id)): every(each.string) for each in read_mo(file) if each.id}
    assert compiled == {key: strings for key, strings in written.items() if all(strings)}, "./portal manage messages"


def context_of(message):
    """Babel reads it as bytes."""
    return message.context.decode() if isinstance(message.context, bytes) else message.context


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_words_are_the_same_in_every_room(language):
    """Django puts all catalogues together: of two translations one would be lost."""
    said = defaultdict(set)
    for room in ROOMS:
        for message in kept(room, language):
            if message.id:
                said[message.context, every(message.id)].add(every(message.string))
    assert [words for words, translations in said.items() if len(translations) > 1] == []


# --- templates -------------------------------------------------------------------------------------------------------

# Pages of developers, and what is sent to staff, are English.
ENGLISH_ONLY = ("billing_portal/styleguide", "emails/sales_inquiry", "emails/charge_question", "400.html", "500.html")
READ_ALOUD = {
    "alt",
    "aria-label",
    "aria-description",
    "placeholder",
    "title",
    "label",
    "data-label",
    "data-say",
    "data-once",
}
LETTERS = re.compile(r"[^\W\d_]{2,}")
LITERAL = re.compile(r"""(_\()?(?:"([^"]*)"|'([^']*)')""")
SAID = re.compile(r"[A-Z][a-z’]|^[^/{}]*[a-z] [a-z]")  # has a space, or begins a word with a capital: somebody reads it
WITH_WORDS = re.compile(r"""(?:default(?:_if_none)?|yesno|pluralize|add):|\bwith\b""")
NO_WORDS = {"UTC", "PDF", "XML", "CSV", "API", "ID", "VAT", "JSON", "IBAN", "BIC", "nbsp", "en", "ddd", "to"}

TRANSLATED = [
    path
    for path in sorted(TEMPLATES.rglob("*.*"))
    if path.suffix in {".html", ".txt"} and not str(path.relative_to(TEMPLATES)).startswith(ENGLISH_ONLY)
]


class Words(HTMLParser):
    """The texts of a page that a person sees or hears."""

    def __init__(self):
        super().__init__()
        self.found = []
        self.inside = ""

    def handle_starttag(self, tag, attrs):
        self.inside = tag
        self.found += [
            value for name, value in attrs if name in READ_ALOUD and value and self.is_read(tag, name, attrs)
        ]

    @staticmethod
    def is_read(tag, name, attrs):
        return name != "content" or dict(attrs).get("name") in {"description", "author"}

    def handle_data(self, data):
        if self.inside not in {"script", "style", "pre"} and not data.strip().startswith('class="'):
            self.found.append(data)

    def handle_endtag(self, tag):
        self.inside = ""


def bare_words(path: Path) -> list[str]:
    """Words of a template that stand outside of `translate` and `blocktranslate`."""
    bare, text, skipping = [], [], ""
    for token in Lexer(path.read_text()).tokenize():
        word = token.contents.split()[0] if token.contents.split() else ""
        if skipping:
            skipping = "" if token.token_type == TokenType.BLOCK and word == skipping else skipping
        elif token.token_type == TokenType.BLOCK and word in {"comment", "blocktranslate", "blocktrans"}:
            skipping = f"end{word}"
        elif token.token_type == TokenType.TEXT:
            text.append(token.contents)
        elif word not in {"translate", "trans", "url", "load", "static"} and WITH_WORDS.search(token.contents):
            literals = ["".join(own) for marked, *own in LITERAL.findall(token.contents) if not marked]
            bare += [literal for literal in literals if SAID.search(literal)]
    parts = [*text] if path.suffix == ".txt" else seen("".join(text))
    return bare + [part.strip() for part in parts if set(LETTERS.findall(part)) - NO_WORDS]


def seen(html):
    words = Words()
    words.feed(html)
    words.close()
    return words.found


@pytest.mark.parametrize("path", TRANSLATED, ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_every_word_of_a_template_can_be_translated(path):
    assert bare_words(path) == []


def test_it_finds_words_that_nobody_can_translate(tmp_path):
    page = tmp_path / "page.html"
    page.write_text(
        '{% load i18n %}{% comment %}Not this{% endcomment %}<p class="lead" aria-label="Heard">{% translate "Fine" %}'
        " seen"
        "{% blocktranslate %}fine{% endblocktranslate %}</p>"
        '{{ total|default:"Nothing" }}{{ a|default:_("Fine") }}{% include "a/b.html" with title="Of a panel" id="p" %}'
    )
    assert bare_words(page) == ["Nothing", "Of a panel", "Heard", "seen"]
