"""A bank with an OAuth 2 server, which withdraws the first token after its tenth use."""

import base64
import http.server
import json
import secrets
import sys
import threading
import urllib.parse

USES = 10
SECRET = base64.b64encode(b"evaluation:bank-secret").decode()
tokens, logins, lock = {}, 0, threading.Lock()


class Bank(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        here = f"http://{self.headers['Host']}"
        if self.path == "/.well-known/openid-configuration":
            return self.answer({"token_endpoint": f"{here}/token", "revocation_endpoint": f"{here}/revoke"})
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        with lock:
            if tokens.get(token, 0) <= 0:
                return self.answer({"error": "invalid_token"}, 401)
            tokens[token] -= 1
        self.answer({"balance": "1815", "logins": logins})

    def do_POST(self):
        global logins
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        if self.headers.get("Authorization") != f"Basic {SECRET}":
            return self.answer({"error": "invalid_client"}, 401)
        with lock:
            if self.path == "/revoke":
                tokens.pop(form["token"][0], None)
                return self.answer({})
            logins += 1
            token = secrets.token_hex(16)
            tokens[token] = USES if logins == 1 else 1000
        self.answer({"access_token": token, "token_type": "Bearer", "expires_in": 600})

    def answer(self, told, status=200):
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 100


Server(("127.0.0.1", int(sys.argv[1])), Bank).serve_forever()
