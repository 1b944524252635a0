"""python -m processor --port 8010 --journal FILE [--webhook-url URL]: run the sandbox processor until it is stopped."""

import argparse
import logging
import os
import signal
import sys
import threading
from types import FrameType

from processor.app import DEFAULT_SECRET, Processor
from processor.server import Server


def main() -> int:
    options = arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    processor = Processor(
        options.journal,
        webhook_url=options.webhook_url,
        webhook_secret=os.environ.get("SANDBOX_WEBHOOK_SECRET") or DEFAULT_SECRET,
    )
    try:
        server = Server(processor, options.port, options.host)
    except OSError as error:
        sys.stderr.write(f"Port {options.port} is not free ({error.strerror}).\n")
        return 1

    def stop(_number: int, _frame: FrameType | None) -> None:
        threading.Thread(target=server.shutdown).start()  # `shutdown` waits for the loop that runs in this thread

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    promises = threading.Thread(target=processor.keep_promises)
    promises.start()
    logging.getLogger("processor").info("listening on %s", server.url)
    server.serve_forever(poll_interval=0.1)
    processor.stopped.set()
    promises.join()
    server.server_close()
    processor.store.close()
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m processor", description="The sandbox card processor.")
    parser.add_argument("--port", type=int, default=8010)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--journal", default=":memory:", help="file to keep its books in; without one nothing is kept")
    parser.add_argument("--webhook-url", default="", help="where events are sent to")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
