"""A chat page behind a log-in that takes its time."""

import http.server
import sys
import time
import urllib.parse

LOGIN = '<form method="post"><input name="user"><button>Log in</button></form>'
CHAT = """<p id="logins">%s log-in</p><input id="message"><button>Send</button><ul id="said"></ul>
<script>
document.querySelector("button").onclick = () => {
  const line = document.createElement("li");
  line.textContent = "%s: " + document.getElementById("message").value;
  document.getElementById("said").append(line);
};
</script>"""
logins = 0


class Site(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        user = self.headers.get("Cookie", "").partition("user=")[2]
        page = (CHAT % (logins, user) if user else LOGIN).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(page)

    def do_POST(self):
        global logins
        logins += 1
        time.sleep(0.5)
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.send_response(303)
        self.send_header("Set-Cookie", f"user={form['user'][0]}")
        self.send_header("Location", "/")
        self.end_headers()

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Site).serve_forever()
