"""The one base of every refusal: a rule said no. Each room derives its own base class from it."""

from typing import ClassVar


class RuleError(Exception):
    """A rule refuses; nothing was written.

    `description` is for logs and developers, `message` for people; `status` is what a page or API answers with.
    """

    status: ClassVar[int] = 409
    message: str = "This can't be done."

    def __init__(self, description: str = "", *, message: str | None = None) -> None:
        super().__init__(description or self.message)
        self.description = description or self.message
        if message is not None:
            self.message = message
