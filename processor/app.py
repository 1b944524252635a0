"""The processor as one object: a request in, an answer out, whatever brings it."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from typing import TYPE_CHECKING, Final

from processor import api, control, pages, refunds, webhooks
from processor.errors import ApiError, Dropped
from processor.storage import Store
from processor.web import Response

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from processor.web import Request

logger = logging.getLogger("processor")

DEFAULT_SECRET: Final = "whsec_sandbox"  # noqa: S105 - signs what a sandbox says of test cards


class Processor:
    """`clock` gives seconds since 1970. Without `webhook_url` events wait until somebody asks for them."""

    def __init__(
        self,
        journal: Path | str = ":memory:",
        *,
        webhook_url: str = "",
        webhook_secret: str = DEFAULT_SECRET,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.store = Store(journal, clock)
        self.webhook_url = webhook_url
        self.webhook_secret = webhook_secret
        self.stopped = threading.Event()

    def handle(self, request: Request) -> Response:
        """Raises Dropped where the connection is to end without an answer."""
        try:
            if request.path.startswith("/v1/"):
                return api.answer(self.store, request)
            if request.path.startswith("/_sandbox/"):
                return control.answer(self, request)
            return pages.answer(self.store, request)
        except Dropped:
            raise
        except Exception as error:  # noqa: BLE001 - an answer is owed whatever broke
            # Neither the message nor any value: a form may have held a card number.
            lines = "".join(traceback.format_tb(error.__traceback__))
            logger.error("%s in\n%s", type(error).__name__, lines)
            broken = ApiError(500, "api_error", "The sandbox broke; its log says where.")
            return Response.json(broken.body, 500)

    def send_webhooks(self, post: webhooks.Post | None = None, *, due_only: bool = False) -> int:
        """Send the events that wait; how many were taken. `post` stands for the network in tests."""
        if post is None and not self.webhook_url:
            return 0
        before = time.time() if due_only else None
        send = post or webhooks.poster(self.webhook_url)
        return webhooks.deliver(self.store, send, self.webhook_secret, before=before)

    def keep_promises(self) -> None:
        """Until `stopped`: what is due is sent, and refunds that take a while are settled."""
        while not self.stopped.wait(0.2):
            try:
                self.send_webhooks(due_only=True)
                refunds.settle_refunds(self.store)
            except Exception as error:  # noqa: BLE001 - the next round tries again
                logger.error("%s while keeping promises", type(error).__name__)
