import asyncio
import os
import sys
import uuid
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import pytest

from sojourn.kinds.mcp import Mcp
from sojourn.testing import KindContract
from tests.acceptance.suites import Evaluate, asked
from tests.kinds.test_process import running
from tests.systems.starting import HERE, free_port, serving

SERVER = str(HERE / "tools.py")
USE = "async def use(server, word): return await server.call('add', word=word)\n"


class TestMcp(KindContract):
    kind = "mcp"
    use = USE
    can = ("check", "reclaim")

    @pytest.fixture(autouse=True)
    def _place(self) -> None:
        self.mark = uuid.uuid4().hex

    def config(self) -> Mapping[str, Any]:
        return {"command": [sys.executable, SERVER, self.mark]}

    def left(self) -> Collection[Any]:
        return running(self.mark)


def suite(word: str, value: str, **config: Any) -> dict[str, Any]:
    """Make a suite of one test with an assertion in Python."""
    entry = {"kind": "mcp", "config": config}
    made = asked(word, providers=[{"id": "file://code.py", "sessions": ["it"]}], sessions={"it": entry})
    made["tests"][0]["assert"] = [{"type": "python", "value": value}]
    return made


CODE = USE + "async def call_api(p, o, context): return {'output': await use(context['sessions']['it'], p)}\n"
FAILS = "async def call_api(p, o, context): return {'output': await context['sessions']['it'].call('fail')}\n"


def test_an_assertion_calls_a_tool(evaluate: Evaluate) -> None:
    """What a provider awaits, an assertion just gets, from the same server."""
    value = "context['sessions']['it'].call('add', word='b') == 'a'"
    run = evaluate(suite("a", value, command=[sys.executable, SERVER]), {"code.py": CODE})

    assert run.outcomes == ["passed"], run.shown


def test_a_tool_that_fails_is_the_trials_error(evaluate: Evaluate) -> None:
    """The server's own words are the cause, and what it wrote to standard error is evidence."""
    run = evaluate(suite("a", "True", command=[sys.executable, SERVER]), {"code.py": FAILS})

    assert run.outcomes == ["error"]
    assert "the tool fail answers: Error executing tool fail" in run.rows[0]["error"]
    assert "UnexpectedToolError" in run.rows[0]["metadata"]["evidence"]["it"]["log"]


def test_a_command_that_is_no_server_says_what_it_wrote(evaluate: Evaluate) -> None:
    """A program that ends at once is an error with what it wrote."""
    run = evaluate(
        suite("a", "True", command=[sys.executable, "-c", "raise SystemExit('no server today')"]), {"code.py": CODE}
    )

    assert run.outcomes == ["error"]
    assert "no server today" in run.rows[0]["error"]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Serve the same tools over HTTP."""
    port = free_port()
    with serving([sys.executable, SERVER, "http", str(port)], port):
        yield f"http://127.0.0.1:{port}/mcp"


def test_a_server_is_reached_by_its_url(evaluate: Evaluate, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over streamable HTTP it is the same."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    run = evaluate(suite("a", "context['sessions']['it'].tools()[:2] == ['add', 'fail']", url=url), {"code.py": CODE})

    assert run.outcomes == ["passed"], run.shown


TOOLLESS = """
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    if asked.get("method") == "initialize":
        told = {"protocolVersion": asked["params"]["protocolVersion"], "capabilities": {"tools": {}}}
        answer = {"result": {**told, "serverInfo": {"name": "none", "version": "1"}}}
    else:
        answer = {"error": {"code": -32601, "message": "nothing here"}}
    if "id" in asked:
        print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], **answer}), flush=True)
"""


def test_a_server_that_does_not_tell_its_tools_is_ended() -> None:
    """An opening that fails after the session has begun ends the server, too, and says why."""
    mark = uuid.uuid4().hex
    with pytest.raises(ConnectionError, match="nothing here"):
        asyncio.run(Mcp().open({"command": [sys.executable, "-c", TOOLLESS, mark]}, f"eval-{mark}/1", os.getcwd()))

    assert not running(mark)


def test_an_error_without_words_is_told_by_its_name() -> None:
    """A server that does not answer in time says at least so."""
    command = [sys.executable, "-c", "import sys; sys.stdin.read()"]

    async def limited() -> None:
        async with asyncio.timeout(0.2):
            await Mcp().open({"command": command}, f"eval-{uuid.uuid4().hex}/1", os.getcwd())

    with pytest.raises(ConnectionError, match="no session with the server: CancelledError"):
        asyncio.run(limited())
