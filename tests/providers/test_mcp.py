import asyncio
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sojourn.config.providers import read_provider
from sojourn.errors import ConfigError
from sojourn.languages.runner import CodeRunner
from sojourn.protocols import Belongings, Question, Tools
from sojourn.providers.mcp import Mcp
from sojourn.template.engine import Renderer
from tests.acceptance.suites import Evaluate
from tests.providers.conftest import Ask
from tests.systems.starting import HERE, free_port, serving

SERVER = {"command": sys.executable, "args": [str(HERE / "tools.py")], "name": "words"}


def entry(**config: Any) -> dict[str, Any]:
    return {"id": "mcp", "config": {"enabled": True, **(config or {"server": SERVER})}}


def call(tool: str, **arguments: Any) -> str:
    return json.dumps({"tool": tool, "args": arguments})


def text(said: str) -> str:
    return json.dumps([{"type": "text", "text": said}], separators=(",", ":"))


def test_a_prompt_calls_a_tool(ask: Ask) -> None:
    """What the tool says is the output, as promptfoo writes it; one that fails has said so, and that is no error."""
    first, second, failed = ask(
        entry(), call("add", word="a"), '{"name": "add", "params": {"word": "b"}}', call("fail")
    )

    assert [first.output, second.output] == [text(""), text("a")]
    assert first.metadata["toolName"] == "add"
    assert first.metadata["toolArgs"] == {"word": "a"}
    assert second.metadata["originalPayload"] == {"name": "add", "params": {"word": "b"}}
    assert (failed.output, failed.error, failed.extra["raw"]["isError"]) == (
        text("Error executing tool fail"),
        "",
        True,
    )


@pytest.mark.parametrize(
    ("prompt", "error"),
    [
        ("hello", "the prompt is no call of a tool: not valid JSON"),
        ("[1]", "the prompt names no tool"),
        ('{"args": {}}', "the prompt names no tool (write "),
        (call("nobody"), "no server has a tool 'nobody' (there are: add, die, fail"),
    ],
)
def test_a_prompt_that_calls_nothing_is_an_error(ask: Ask, prompt: str, error: str) -> None:
    """Who wrote it learns what is expected, or which tools there are."""
    (reply,) = ask(entry(), prompt)

    assert reply.output is None
    assert error in reply.error


def test_tools_may_be_left_out_and_arguments_given_beforehand(ask: Ask) -> None:
    """`tools` names those that there are, `exclude_tools` those that there are not; a call's own arguments win."""
    config = {"server": SERVER, "tools": ["add", "fail"], "exclude_tools": ["fail"], "defaultArgs": {"word": "usual"}}
    usual, own, last, left_out = ask(entry(**config), call("add"), call("add", word="own"), call("add"), call("fail"))

    assert [each.output for each in (usual, own, last)] == [text(""), text("usual"), text("usual own")]
    assert left_out.error == "no server has a tool 'fail' (there are: add)"


@pytest.mark.parametrize(
    ("transform", "output", "error"),
    [
        ("result.structuredContent.result.toUpperCase() + content.length + context.toolName", "A28add", ""),
        ("(result) => ({ output: result.isError, metadata: { more: 1 } })", False, ""),
        ("file://parser.js", {"said": "a"}, ""),
        ("({ error: 'no' })", None, "no"),
        ("undefined", None, "transformResponse returned nothing for"),
    ],
)
def test_an_answer_is_transformed(ask: Ask, tmp_path: Path, transform: str, output: Any, error: str) -> None:
    """By the result, its content in JSON, and what was called; what was called stays in the metadata."""
    (tmp_path / "parser.js").write_text("module.exports = (result) => ({ said: result.content[0].text });\n")
    *_, reply = ask(entry(server=SERVER, transformResponse=transform), call("add", word="a"), call("add", word="b"))

    assert reply.output == output
    assert error in reply.error if error else not reply.error
    if output is False:
        assert (reply.metadata["more"], reply.metadata["toolName"]) == (1, "add")


def test_a_conversation_has_a_server_of_its_own(evaluate: Evaluate) -> None:
    """Its turns share one, which no other test sees; what is no turn shares another, in one run."""

    def test(word: str, before: str, **more: Any) -> dict[str, Any]:
        return {"vars": {"word": word}, "assert": [{"type": "equals", "value": text(before)}], **more}

    chat = {"metadata": {"conversationId": "c"}}
    suite = {
        "prompts": ['{"tool": "add", "args": {"word": "{{word}}"}}'],
        "providers": [entry()],
        "evaluateOptions": {"maxConcurrency": 1},
        "tests": [test("a", ""), test("b", "", **chat), test("c", "a"), test("d", "b", **chat)],
    }
    run = evaluate(suite, {})

    assert run.outcomes == ["passed"] * 4, run.shown


def test_a_server_that_dies_costs_the_calls_that_it_cannot_answer(ask: Ask) -> None:
    """What is no turn is asked of a new one; a conversation with it is over."""
    prompts = (call("add", word="a"), call("die"), call("add", word="b"))

    _, died, after = ask(entry(), *prompts)
    assert died.error.startswith("the tool die does not answer")
    assert after.output == text("")
    _, died, after = ask(entry(), *prompts, is_turn=True)
    assert died.error.startswith("the tool die does not answer")
    assert after.error == "the server of this conversation ended before this turn"


def test_a_program_that_is_no_server_says_what_it_wrote(ask: Ask) -> None:
    """Its own words are the cause, with the name of the server."""
    server = {"command": sys.executable, "args": ["-c", "raise SystemExit('no server today')"], "name": "mine"}
    (reply,) = ask(entry(server=server), call("add"))

    assert "no session with the server mine: " in reply.error
    assert "no server today" in reply.error


def test_a_server_that_does_not_come_up_is_started_once(ask: Ask, tmp_path: Path) -> None:
    """Its failure is the cause for all who share it; they do not wait for another one each."""
    starts = tmp_path / "starts"
    program = f"open({str(starts)!r}, 'a').write('x'); raise SystemExit('no server today')"
    server = {"command": sys.executable, "args": ["-c", program], "name": "mine"}
    replies = ask(entry(server=server), call("add"), call("add"), call("add"))

    assert ["no server today" in reply.error for reply in replies] == [True] * 3
    assert starts.read_text() == "x"


def test_an_opening_that_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    """Who cancels it gets control back when the task that held the server has ended."""
    env = dict(os.environ)
    silent = {"command": sys.executable, "args": ["-c", "import sys; sys.stdin.read()"]}
    code = CodeRunner(env, lambda _: None)
    tools = Tools(code=code, render=Renderer(env).render, env=env, base=tmp_path, run_id="run")
    plug = Mcp(read_provider(entry(server=silent), str(tmp_path), env), tools)

    async def given_up() -> None:
        async with Belongings() as belongings:
            question = Question(prompt=call("add"), context={}, belongings=belongings, is_turn=False)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(plug.ask(question), 0.5)
            assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(given_up())


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Serve the same tools over HTTP."""
    port = free_port()
    with serving([sys.executable, str(HERE / "tools.py"), "http", str(port)], port):
        yield f"http://127.0.0.1:{port}/mcp"


def test_a_server_is_reached_by_its_url(ask: Ask, url: str) -> None:
    """Several may be named, and the first that has a tool is called; what proves who asks goes along."""
    remote = {"url": url, "auth": {"type": "bearer", "token": "t"}, "headers": {"x-more": "m"}}
    names = ("authorization", "x-more")
    replies = ask(entry(servers=[remote, SERVER]), *(call("header", name=name) for name in names))

    assert [reply.output for reply in replies] == [text("Bearer t"), text("m")]


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"enabled": True}, "'mcp' names no server"),
        ({"server": SERVER, "enabled": False}, "'mcp' is not enabled"),
        ({"server": SERVER, "timeout": "soon"}, "timeout of 'mcp' must be a number above 0, not 'soon'"),
        ({"server": SERVER, "timeout": -1}, "timeout of 'mcp' must be a number above 0, not -1"),
        ({"server": SERVER, "timeout": True}, "timeout of 'mcp' must be a number above 0, not True"),
        ({"server": SERVER, "timeout": [1]}, "timeout of 'mcp' must be a number above 0"),
        ({"server": {"name": "x"}}, "needs a command, a path or a url"),
        ({"server": {"url": "http://x", "auth": {"type": "oauth"}}}, "auth of type oauth is not there"),
    ],
)
def test_what_reaches_no_server_is_refused(ask: Ask, config: dict[str, Any], told: str) -> None:
    """Before anything runs, with what to write."""
    with pytest.raises(ConfigError, match=told):
        ask({"id": "mcp", "config": config}, call("add"))


def test_a_time_of_the_environment_is_checked_as_well(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything runs, by the name of the variable."""
    monkeypatch.setenv("MCP_REQUEST_TIMEOUT_MS", "soon")
    with pytest.raises(ConfigError, match="MCP_REQUEST_TIMEOUT_MS of 'mcp' must be a number above 0, not 'soon'"):
        ask(entry(), call("add"))
