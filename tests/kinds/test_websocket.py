import asyncio
import json
import select
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from sojourn.kinds.websocket import Websocket
from sojourn.testing import KindContract
from tests.acceptance.suites import Evaluate, asked
from tests.systems.starting import HERE, free_port, serving

USE = "async def use(talk, word): return await talk.ask(word)\n"
CODE = USE + "async def call_api(p, o, context): return {'output': await use(context['sessions']['it'], p)}\n"


class Talk:
    """A running server, and what it has written down."""

    def __init__(self, url: str, file: Path) -> None:
        self.url = url
        self._file = file

    def told(self, what: str) -> list[Any]:
        """Return who is `here`, or with which codes they `left`."""
        found: list[Any] = json.loads(self._file.read_text())[what]
        return found


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    """Run a WebSocket server."""
    port, file = free_port(), tmp_path_factory.mktemp("talk") / "told"
    with serving([sys.executable, str(HERE / "talk.py"), str(port), str(file)], port):
        yield Talk(f"ws://127.0.0.1:{port}", file)


@pytest.fixture(autouse=True)
def _direct(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


class TestWebsocket(KindContract):
    kind = "websocket"
    use = USE
    can = ("check", "reclaim")

    @pytest.fixture(autouse=True)
    def _place(self, talk: Talk) -> None:
        self.talk = talk

    def config(self) -> Mapping[str, Any]:
        return {"url": self.talk.url}

    def left(self) -> Collection[Any]:
        # The server sees a little later than the kernel that a connection has gone.
        for _ in range(100):
            if not self.talk.told("here"):
                break
            select.select([], [], [], 0.02)
        return self.talk.told("here")


def suite(talk: Talk, *words: str, **config: Any) -> dict[str, Any]:
    """Make a suite that says words over one connection."""
    entry = {"kind": "websocket", "config": {"url": talk.url, **config}}
    return asked(*words, providers=[{"id": "file://code.py", "sessions": ["it"]}], sessions={"it": entry})


def test_a_conversation_has_a_connection_and_it_is_closed_in_order(evaluate: Evaluate, talk: Talk) -> None:
    """Each conversation has one connection for all its turns, closed with the code that is configured."""
    config = suite(talk, "a", "b", "c", close_code=4001)
    config["sessions"]["it"]["scope"] = "conversation"
    for test, name in zip(config["tests"], "xxy", strict=True):
        test["metadata"] = {"conversationId": name}
    before = len(talk.told("left"))
    run = evaluate(config, {"code.py": CODE})

    assert run.outputs == ["", "a", ""], run.shown
    assert talk.told("left")[before:] == [4001, 4001]


def test_it_says_hello_and_reads_json(evaluate: Evaluate, talk: Talk) -> None:
    """What is configured as hello is sent first; what is JSON comes as what it is."""
    config = suite(talk, "json", hello=["silence", {"I": "am"}])
    code = CODE.replace("return await talk.ask(word)", "return [await talk.receive(), await talk.ask(word)]")
    run = evaluate(config, {"code.py": code})

    assert run.outputs == [["silence", {"words": ["silence", '{"I": "am"}']}]], run.shown


@pytest.mark.parametrize(("reconnect", "outputs"), [(0, ["", None, None]), (1, ["", None, ""])])
def test_a_lost_connection_is_made_again_if_it_may_be(
    evaluate: Evaluate, talk: Talk, reconnect: int, outputs: list[Any]
) -> None:
    """The turn in which it is lost is an error with the code and reason; the next goes on, on a new connection."""
    run = evaluate(suite(talk, "a", "leave", "c", reconnect=reconnect), {"code.py": CODE})

    assert [row.get("response", {}).get("output") for row in run.rows] == outputs, run.shown
    assert "the connection is lost: 1011 tired" in run.rows[1]["error"]


def test_silence_is_the_trials_error(evaluate: Evaluate, talk: Talk) -> None:
    """A message that does not come in time is an error; what was said until then is evidence."""
    run = evaluate(suite(talk, "a", "silence", timeout=0.3), {"code.py": CODE})

    assert run.outcomes == ["passed", "error"]
    assert "no message within 0.3 s" in run.rows[1]["error"]
    assert run.rows[1]["metadata"]["evidence"]["it"]["messages"] == ["> a", "< ", "> silence"]


@pytest.mark.parametrize("reconnect", [0, 1])
def test_a_late_answer_is_not_taken_for_the_next(talk: Talk, reconnect: int) -> None:
    """A question that was given up takes its connection with it: the next is lost, or asked on another."""

    async def asked() -> Any:
        session = Websocket()
        await session.open({"url": talk.url, "timeout": 5, "reconnect": reconnect}, {})
        try:
            await session.ask("a")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0):
                    await session.ask("b")
            assert session.log[-1] == "> b"
            return await session.ask("c")
        finally:
            await session.close()

    if reconnect:
        assert asyncio.run(asked()) == ""
    else:
        with pytest.raises(ConnectionError, match="the connection is lost"):
            asyncio.run(asked())


def test_a_hello_that_fails_leaves_no_connection(talk: Talk) -> None:
    """What is opened is closed where the hello cannot be said."""

    async def opened() -> Websocket:
        session = Websocket()
        with pytest.raises(TypeError):
            await session.open({"url": talk.url, "hello": [{"no": "JSON", "it": object()}]}, {})
        return session

    session = asyncio.run(opened())
    assert session.connection.close_code == 1000
