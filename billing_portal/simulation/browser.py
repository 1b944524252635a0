"""A browser without a window: pages are asked for, forms are filled in and sent, redirects followed.

What a connection that breaks off did is not known, so the same request is sent again, as a person would.
"""

import http.client
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from html.parser import HTMLParser
from typing import Any, Final
from urllib.parse import urlencode, urljoin, urlsplit

AGAIN: Final = 400  # how often a request is sent that nobody answers: a busy machine starts a web server slowly
PAUSE: Final = 0.25  # seconds before that
REDIRECTS: Final = (301, 302, 303)
MOST_REDIRECTS: Final = 8


@dataclass
class Form:
    """Where it goes and what stands in it: checked, selected and hidden fields, and texts."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


@dataclass
class Page:
    """The last answer, after redirects."""

    url: str
    status: int
    text: str

    @cached_property
    def forms(self) -> list[Form]:
        """Those that are posted."""
        reader = FormReader(self.url)
        reader.feed(self.text)
        return reader.forms

    def form(self, *, has: str = "", to: str = "") -> Form | None:
        """The first with that field that goes to such an address."""
        found = (form for form in self.forms if (not has or has in form.fields) and to in form.action)
        return next(found, None)


class FormReader(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__()
        self.url, self.forms = url, list[Form]()
        self.inside, self.area, self.select = False, "", ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.inside = found.get("method", "").lower() == "post"
            if self.inside:
                self.forms.append(Form(urljoin(self.url, found.get("action", ""))))
        elif self.inside:
            self._field(tag, found)

    def _field(self, tag: str, found: dict[str, str]) -> None:
        name, fields = found.get("name", ""), self.forms[-1].fields
        if tag == "input" and name:
            if found.get("type") not in ("radio", "checkbox") or "checked" in found:
                fields[name] = found.get("value", "on" if found.get("type") == "checkbox" else "")
        elif tag == "textarea":
            self.area = name
            fields[name] = ""
        elif tag == "select":
            self.select = name
        elif tag == "option" and self.select and ("selected" in found or self.select not in fields):
            fields[self.select] = found.get("value", "")

    def handle_data(self, data: str) -> None:
        if self.inside and self.area:
            self.forms[-1].fields[self.area] += data.removeprefix("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.inside = False
        elif tag == "textarea":
            self.area = ""
        elif tag == "select":
            self.select = ""


@dataclass
class Browser:
    """Cookies by host. `counted`: how many requests were sent, answered, and sent again."""

    base: str
    counted: Counter[str]
    cookies: dict[str, dict[str, str]] = field(default_factory=dict)

    def get(self, path: str) -> Page:
        return self.ask("GET", urljoin(self.base, path))

    def send(self, form: Form, **values: str) -> Page:
        """Send it as filled in."""
        return self.ask("POST", form.action, urlencode(form.fields | values))

    def post_json(self, path: str, values: Any, token: str) -> Page:
        """For programs: CloudEvents with a bearer token."""
        url = urljoin(self.base, path)
        own = {"Content-Type": "application/cloudevents-batch+json", "Authorization": f"Bearer {token}"}
        status, _headers, text = self._until_answered("POST", url, json.dumps(values, default=float), own)
        return Page(url, status, text)

    def ask(self, method: str, url: str, body: str = "") -> Page:
        for _ in range(MOST_REDIRECTS):
            status, headers, text = self._until_answered(method, url, body)
            if status not in REDIRECTS:
                return Page(url, status, text)
            method, url, body = "GET", urljoin(url, headers.get("Location", "")), ""
        raise RuntimeError(f"{url} leads round in a circle")

    def _until_answered(
        self, method: str, url: str, body: str, own: dict[str, str] | None = None
    ) -> tuple[int, http.client.HTTPMessage, str]:
        answered = ""
        for _ in range(AGAIN):
            self.counted["requests"] += 1
            try:
                status, headers, text = self._once(method, url, body, own or {})
            except (OSError, http.client.HTTPException):
                self.counted["requests without an answer"] += 1
            else:
                if status < http.client.INTERNAL_SERVER_ERROR:
                    return status, headers, text
                self.counted[f"answers {status}"] += 1
                answered = f"{status} {text[:300]}"
            time.sleep(PAUSE)
        raise RuntimeError(f"{method} {url} is not answered; last {answered}")

    def _once(self, method: str, url: str, body: str, own: dict[str, str]) -> tuple[int, http.client.HTTPMessage, str]:
        parts = urlsplit(url)
        cookies = self.cookies.setdefault(parts.netloc, {})
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
        if body:
            headers |= {
                "Content-Type": "application/x-www-form-urlencoded",
                "X-CSRFToken": cookies.get("csrftoken", ""),
            }
        headers |= own
        connection = http.client.HTTPConnection(parts.netloc, timeout=60)
        try:
            connection.request(method, f"{parts.path or '/'}?{parts.query}", body or None, headers)
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
        finally:
            connection.close()
        for cookie in answer.headers.get_all("Set-Cookie", []):
            name, _, value = cookie.partition(";")[0].partition("=")
            cookies[name] = value
        return answer.status, answer.headers, text
