"""Who is answered: the viewer's own pages, under the names of this machine."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from sojourn.viewer.guard import refusal

OWN = {"host": b"127.0.0.1:15500"}


@pytest.fixture
def client(site: str) -> Iterator[httpx2.Client]:
    """Ask the real server, as who is not a browser does."""
    with httpx2.Client(base_url=site, trust_env=False) as made:
        yield made


@pytest.mark.parametrize("host", ["evil.example", "evil.example:15500", "127.0.0.1.evil.example:80", "", "[::2]:80"])
def test_a_strange_name_that_leads_here_is_not_answered(client: httpx2.Client, host: str) -> None:
    """A site whose name is made to mean this machine (DNS rebinding) reads nothing."""
    answer = client.get("/api/runs", headers={"Host": host})
    assert answer.status_code in (400, 403)
    assert "eval-" not in answer.text


@pytest.mark.parametrize(
    ("path", "headers", "answered"),
    [
        ("/api/runs", {}, True),
        ("/api/runs", {"sec-fetch-site": b"same-origin"}, True),
        ("/api/runs", {"sec-fetch-site": b"cross-site"}, False),
        ("/api/runs", {"sec-fetch-site": b"same-site"}, False),
        ("/api/runs", {"origin": b"https://evil.example"}, False),
        ("/api/runs", {"origin": b"null"}, False),
        ("/api/runs", {"origin": b"http://127.0.0.1:15501"}, False),
        ("/api/runs", {"origin": b"http://127.0.0.1:15500"}, True),
        ("/static/main.js", {"sec-fetch-site": b"cross-site", "sec-fetch-dest": b"script"}, False),
        ("/run", {"sec-fetch-site": b"cross-site", "sec-fetch-dest": b"iframe", "sec-fetch-mode": b"navigate"}, False),
        ("/run", {"sec-fetch-site": b"cross-site", "sec-fetch-dest": b"document", "sec-fetch-mode": b"navigate"}, True),
        (
            "/api/run",
            {"sec-fetch-site": b"cross-site", "sec-fetch-dest": b"document", "sec-fetch-mode": b"navigate"},
            False,
        ),
    ],
)
def test_other_sites_read_nothing(path: str, headers: dict[str, bytes], *, answered: bool) -> None:
    """Another site may link to a page, and neither read, embed nor include anything."""
    assert (refusal("GET", path, {**OWN, **headers}) == "") is answered


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_is_changed(client: httpx2.Client, method: str) -> None:
    """The viewer only shows."""
    assert client.request(method, "/api/runs").status_code == 403


@pytest.mark.parametrize("path", ["/", "/api/runs", "/static/main.js", "/nothing", "/api/run?run=nothing"])
def test_every_answer_forbids_what_it_does_not_need(client: httpx2.Client, path: str) -> None:
    """No foreign script or style, no guessing of types, no frame, no referrer, on pages, data and errors alike."""
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_a_refusal_forbids_the_same(client: httpx2.Client) -> None:
    """What is refused says why, as text."""
    answer = client.get("/", headers={"Host": "evil.example"})
    assert (answer.status_code, answer.headers["x-content-type-options"]) == (403, "nosniff")
    assert "names of this machine" in answer.text


def test_a_port_that_is_taken_is_told_of(site: str, tmp_path: Path) -> None:
    """Who asks for a port that another has hears so, and what to do."""
    port = site.rpartition(":")[2]
    command = [sys.executable, "-m", "sojourn", "view", "--no-open", "--port", port]
    environ = {"SOJOURN_HOME": str(tmp_path)}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert f"port {port} cannot be used" in done.stderr
    assert "--port 0 takes a free one" in done.stderr


def test_missing_libraries_are_named(tmp_path: Path) -> None:
    """Without the extra, one line says what to install."""
    code = "import sys\nsys.modules['uvicorn'] = None\nfrom sojourn.cli.app import run\n"
    code += "sys.exit(run(['view', '--no-open']))"
    environ = {"SOJOURN_HOME": str(tmp_path)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "pip install 'sojourn[view]'" in done.stderr
    assert done.stderr.count("\n") == 1
