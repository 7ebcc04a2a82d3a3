"""A chat page with a log-in: `python chat.py PORT`; what was said stays in the browser's own storage."""

from __future__ import annotations

import http.server
import sys

LOGIN = """<form method="post" action="/login"><input name="user"><button>Log in</button></form>"""
CHAT = """<h1>Hello Ada</h1><input id="say"><button id="send">Send</button><ul id="said"></ul>
<script>
const said = JSON.parse(localStorage.getItem("said") || "[]");
const show = () => { document.getElementById("said").innerHTML = said.map((word) => `<li>${word}</li>`).join(""); };
document.getElementById("send").onclick = () => {
  said.push(document.getElementById("say").value);
  localStorage.setItem("said", JSON.stringify(said));
  console.log("said " + said.length);
  show();
};
show();
</script>"""


class Chat(http.server.BaseHTTPRequestHandler):
    """Shows the chat to those who have the cookie, and the log-in to all others."""

    logins = 0

    def do_GET(self) -> None:
        """Show a page."""
        if self.path == "/logins":
            self.answer(str(Chat.logins))
        else:
            self.answer(CHAT if "user=ada" in self.headers.get("Cookie", "") else LOGIN)

    def do_POST(self) -> None:
        """Log in."""
        Chat.logins += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(303)
        self.send_header("Set-Cookie", "user=ada; Max-Age=3600")
        self.send_header("Location", "/")
        self.end_headers()

    def answer(self, page: str) -> None:
        """Send a page."""
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(page.encode())

    def log_message(self, *_: object) -> None:
        """Write nothing."""


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Chat).serve_forever()
