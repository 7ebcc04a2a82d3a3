"""A small HTTP service that keeps a thread of messages, and the session that runs it."""

import http.server
import json
import threading


def threads():
    """Start the service, lend it, stop it.

    What is yielded is plain data, so it is a handle: every language and process can use the service by it.
    """
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.messages = []
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        print(f"the service listens on port {server.server_port}")
        yield {"url": f"http://127.0.0.1:{server.server_port}/messages"}
        server.shutdown()
        print(f"the service is closed after {len(server.messages)} messages")


class Handler(http.server.BaseHTTPRequestHandler):
    """POST /messages adds one; it answers with what was said before, as GET /messages does."""

    def do_GET(self):
        self.answer(self.server.messages)

    def do_POST(self):
        before = list(self.server.messages)
        self.server.messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.answer(before)

    def answer(self, messages):
        body = json.dumps(messages).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def tells_all(output, context):
    """An assertion: the service is there for it too."""
    from client import web

    with web.open(context["sessions"]["threads"]["url"]) as response:
        said = [f"{message['by']}: {message['text']}" for message in json.load(response)]
    return said == ["python: hello", "javascript: good day", "python: any news?", "javascript: any news?", "javascript: bye"]
