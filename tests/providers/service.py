"""A real HTTP service on this machine, whose answers a test writes down beforehand."""

from __future__ import annotations

import contextlib
import http.server
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from typing import Any


class Service:
    """Answers with `answers` one after another (status, headers, body), then with what it was sent; keeps requests."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.seen: list[dict[str, Any]] = []
        self.answers: list[tuple[int, dict[str, str], Any]] = []
        self.change = threading.Condition()
        self.held: str | None = None

    @property
    def bodies(self) -> list[Any]:
        """What was sent, as JSON."""
        return [json.loads(each["body"]) for each in self.seen]

    def wait_for(self, method: str) -> None:
        """Wait until a request with this method has come."""
        with self.change:
            assert self.change.wait_for(lambda: any(each["method"] == method for each in self.seen), timeout=30)

    def will(self, status: int = 200, body: Any = None, **headers: str) -> None:
        """Write the next answer down; a body of None is what was sent."""
        self.answers.append((status, {key.replace("_", "-"): value for key, value in headers.items()}, body))


def _handler(service: Service) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            headers = {key.lower(): value for key, value in self.headers.items()}
            seen = {"method": self.command, "path": self.path, "headers": headers, "body": body}
            with service.change:
                service.seen.append(seen)
                service.change.notify_all()
                service.change.wait_for(lambda: service.held != self.command, timeout=30)
            status, more, answer = service.answers.pop(0) if service.answers else (200, {}, None)
            if status == 0:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            text = (answer if isinstance(answer, str) else json.dumps(seen if answer is None else answer)).encode()
            self.send_response(status)
            for key, value in {"Content-Length": str(len(text)), **more}.items():
                self.send_header(key, value)
            with contextlib.suppress(ConnectionError):  # who asked may have been killed
                self.end_headers()
                self.wfile.write(text)

        do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815  the library's names

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the library's name
            pass

    return Handler


@contextlib.contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[Service]:
    """Serve on a free port, with TLS where its context is given."""
    service = Service("")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(service))
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    service.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
