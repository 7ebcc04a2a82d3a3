"""Stands in for a service on the network: GET /capitals/France answers Paris."""

import contextlib
import http.server
import threading

CAPITALS = {"France": "Paris", "Kenya": "Nairobi"}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        city = CAPITALS.get(self.path.rpartition("/")[2])
        body = (city or "unknown").encode()
        self.send_response(200 if city else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def running():
    """Serve in a thread for as long as it is needed; gives host and port."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,)).start()
        yield server.server_address
        server.shutdown()
