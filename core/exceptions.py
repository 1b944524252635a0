"""The one base of every refusal: a rule said no. Each room derives its own base class from it."""

from typing import ClassVar

from core.language import gettext, gettext_noop


class RuleError(Exception):
    """A rule refuses; nothing was written.

    `description` is for logs and developers, `message` for people; `status` is what a page or API answers with. A class
    has its message in English, marked by `gettext_noop`; one that is raised has it in the language of whoever asked.
    """

    status: ClassVar[int] = 409
    message: str = gettext_noop("This can't be done.")

    def __init__(self, description: str = "", *, message: str | None = None) -> None:
        super().__init__(description or self.message)
        self.description = description or self.message
        self.message = gettext(self.message) if message is None else message
