"""HTTP for the processor: a thread per connection, connections kept open, and a log that tells paths only."""

from __future__ import annotations

import logging
import re
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from processor.errors import Dropped
from processor.web import Request, Response, nested

if TYPE_CHECKING:
    from processor.app import Processor

logger = logging.getLogger("processor")

BODY_LIMIT: Final = 64 * 1024
DIGITS: Final = re.compile(r"\d{11,}")


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body leave together
    timeout = 60  # seconds that an idle connection stays
    server_version, sys_version = "sandbox-processor", ""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > BODY_LIMIT or "Transfer-Encoding" in self.headers:
            self.close_connection = True
            self._send(Response(413, b"Too large.", "text/plain"))
            return
        form = self.rfile.read(int(length)).decode("latin-1") if int(length) else ""
        try:
            response = self.server.processor.handle(self._request(form))
        except ValueError:  # more parameters than anybody sends
            response = Response(400, b"Bad request.", "text/plain")
        except Dropped:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            logger.info("%s %s dropped", self.command, shown(self.path))
            return
        self._send(response)

    def _request(self, form: str) -> Request:
        url = urlsplit(self.path)
        return Request(
            method=self.command,
            path=url.path,
            params=nested(url.query) | nested(form),
            headers={name.lower(): value for name, value in self.headers.items()},
            base_url=f"http://{self.headers.get('Host', 'localhost')}",
        )

    def _send(self, response: Response) -> None:
        self.send_response(response.status)
        headers = {"Content-Type": response.content_type, "X-Content-Type-Options": "nosniff"}
        for name, value in (headers | response.headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        self.wfile.write(response.body)
        self.wfile.flush()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        logger.info("%s %s %s", self.command, shown(self.path), code)

    def log_message(self, format: str, *args: Any) -> None:
        """Its own messages quote what was sent; ours don't."""
        logger.info("a request could not be read")


def shown(path: str) -> str:
    """A path for the log: no query, and nothing that could be a card number."""
    return DIGITS.sub("…", urlsplit(path).path)


class Server(ThreadingHTTPServer):
    """Listens from the moment it is made; `serve_forever` answers."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, processor: Processor, port: int = 0, host: str = "127.0.0.1") -> None:
        self.processor = processor
        super().__init__((host, port), Handler)

    def server_bind(self) -> None:
        """Without asking the name server for our name, as HTTPServer does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is nobody's error."""
        logger.info("a connection ended early")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"
