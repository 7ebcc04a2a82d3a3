from __future__ import annotations

import json
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from sojourn.model.suite import Suite

Load = Callable[..., Suite]
Mistakes = Callable[..., list[str]]
HEAD = "prompts: ['{{x}}']\nproviders: [echo]\n"
ROWS = 230


class Service(BaseHTTPRequestHandler):
    """A datasets server with pages of at most 60 rows, and a place for sheets."""

    seen: list[str]

    def do_GET(self) -> None:
        """Note and answer."""
        self.seen.append(f"{self.path} {self.headers.get('Authorization', '')}".strip())
        path, _, query = self.path.partition("?")
        asked = dict(urllib.parse.parse_qsl(query))
        if path == "/rows":
            self.answer(*self.rows(asked))
        elif "secret" in path:
            self.answer(200, "<html>sign in</html>", "text/html")
        else:
            self.answer(200, f"x,__expected\nsheet {asked.get('gid')},contains: a\n", "text/csv")

    def rows(self, asked: dict[str, str]) -> tuple[int, str]:
        """Return status and body of a page."""
        if asked["dataset"] != "me/set":
            return 404, json.dumps({"error": "The dataset does not exist."})
        start, length = int(asked["offset"]), int(asked["length"])
        if length > 60:
            return 422, json.dumps({"error": "too large"})
        rows = [{"row": {"x": number, "many": ["a", "b"]}} for number in range(start, min(start + length, ROWS))]
        return 200, json.dumps({"rows": rows, "num_rows_total": ROWS})

    def answer(self, status: int, body: str, kind: str = "application/json") -> None:
        """Send a body."""
        self.send_response(status)
        self.send_header("content-type", kind)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


@pytest.fixture
def service() -> Iterator[tuple[dict[str, str], list[str]]]:
    """The service on loopback: the environment that leads to it, and what it was asked."""
    seen: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (Service,), {"seen": seen}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    base = f"http://127.0.0.1:{server.server_port}"
    yield {"SOJOURN_DATASETS_URL": base, "SOJOURN_SHEETS_URL": base, "HF_TOKEN": "tok"}, seen
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_dataset_is_read_page_by_page(load: Load, service: tuple[dict[str, str], list[str]]) -> None:
    """Every row is a test whose vars are its columns as they are; pages that are too large are asked for again."""
    environ, seen = service
    suite = load(HEAD + "tests: huggingface://datasets/me/set?split=train&config=c\n", environ=environ)
    assert [test["vars"]["x"] for test in suite.tests] == list(range(ROWS))
    assert suite.tests[0] == {"vars": {"x": 0, "many": ["a", "b"]}, "options": {"disableVarExpansion": True}}
    assert all("split=train&config=c" in each and each.endswith("Bearer tok") for each in seen)


@pytest.mark.parametrize(("limit", "count"), [(7, 7), (130, 130), (0, 0), (999, ROWS)])
def test_a_limit_is_kept(load: Load, service: tuple[dict[str, str], list[str]], limit: int, count: int) -> None:
    """`limit` says how many rows are read."""
    tests = f"[huggingface://datasets/me/set?limit={limit}, {{vars: {{x: own}}}}]"
    assert len(load(f"{HEAD}tests: {tests}\n", environ=service[0]).tests) == count + 1


def test_a_public_sheet_is_read_as_csv(load: Load, service: tuple[dict[str, str], list[str]]) -> None:
    """The sheet's own export is asked for, the tab by its `gid`."""
    address = "https://docs.google.com/spreadsheets/d/abc/edit?gid=5#gid=5"
    suite = load(f"{HEAD}tests: '{address}'\n", environ=service[0])
    assert suite.tests[0]["vars"] == {"x": "sheet 5"}
    assert service[1] == ["/spreadsheets/d/abc/export?format=csv&gid=5"]


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("huggingface://datasets/me/other", "Hugging Face does not give"),
        ("https://docs.google.com/spreadsheets/d/secret/edit", "not public"),
        ("az://account/box/t.csv", "Azure Blob Storage"),
        ("langfuse://traces?limit=10", "Langfuse"),
        ("https://corp.sharepoint.com/t.csv", "SharePoint"),
        ("https://example.com/t.csv", "this address"),
    ],
)
def test_what_cannot_be_had_is_refused_by_name(
    load: Load, service: tuple[dict[str, str], list[str]], address: str, said: str
) -> None:
    """A service that does not give the tests, or is none of ours, is named."""
    from sojourn.errors import ConfigError

    with pytest.raises(ConfigError, match=said):
        load(f"{HEAD}tests: '{address}'\n", environ=service[0])


def test_a_service_out_of_reach_is_named(load: Load) -> None:
    """Without a network, the message says which service could not be reached."""
    from sojourn.errors import ConfigError

    environ = {"SOJOURN_DATASETS_URL": "http://127.0.0.1:9"}
    with pytest.raises(ConfigError, match="Hugging Face datasets cannot be reached"):
        load(HEAD + "tests: huggingface://datasets/me/set\n", environ=environ)
