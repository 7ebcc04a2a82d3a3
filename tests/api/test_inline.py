"""Functions that are handed to `sojourn.evaluate` as they are, and sessions that say themselves what they are."""

import asyncio
import os
import threading
from pathlib import Path
from typing import Any

import pytest

import sojourn
from sojourn.errors import ConfigError
from sojourn.model.result import Outcome
from sojourn.model.run_result import RunResult


def outputs(result: RunResult) -> list[Any]:
    """Return what was answered, in the order of the file."""
    ordered = sorted(result.results, key=lambda each: each.trial.index)
    return [each.reply.output if each.reply else None for each in ordered]


def outcomes(result: RunResult) -> list[Outcome]:
    return [each.outcome for each in sorted(result.results, key=lambda each: each.trial.index)]


story: list[str] = []


@sojourn.session(capacity=3)
async def account() -> Any:
    story.append("open account")
    yield {"id": "account", "loop": id(asyncio.get_running_loop())}
    story.append("close account")


@sojourn.session(scope="conversation")
async def thread(account: dict[str, Any]) -> Any:
    story.append(f"open thread in {account['id']}")
    yield []
    story.append("close thread")


async def agent(prompt: str, options: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:
    said: list[str] = context["sessions"]["thread"]
    said.append(prompt)
    context["state"]["calls"] = context["state"].get("calls", 0) + 1
    return {"output": " ".join(said)}


def plain(prompt: str, options: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:
    return {"output": f"{prompt} {os.getpid()} {threading.current_thread() is threading.main_thread()}"}


def test_functions_are_handed_over_as_they_are() -> None:
    """Provider, sessions, hook and assertion are objects; they run in this process, and sessions open and close."""
    seen: list[Any] = []

    def hook(name: str, context: dict[str, Any]) -> None:
        if name == "afterAll":
            seen.append((context["state"]["calls"], len(context["results"])))

    def short(output: str, context: dict[str, Any]) -> bool:
        return len(output) < 20 and isinstance(context["sessions"]["thread"], list)

    story.clear()
    turns = [{"vars": {"q": "one"}}, {"vars": {"q": "two"}, "assert": [{"type": "python", "value": short}]}]
    config = {
        "prompts": ["{{q}}"],
        "providers": [{"id": agent, "sessions": ["thread"]}],
        "sessions": [account, thread],
        "extensions": [hook],
        "tests": [{"turns": turns}, {"turns": turns}],
    }
    result = sojourn.run(config)

    assert outputs(result) == ["one", "one two"] * 2
    assert outcomes(result) == [Outcome.PASSED] * 4
    assert seen == [(4, 4)]
    assert sorted(story) == sorted(
        ["open account", *["open thread in account"] * 2, *["close thread"] * 2, "close account"]
    )
    assert (story[0], story[-1]) == ("open account", "close account")
    assert result.results[0].trial.column.provider.label == "agent"


def test_coroutines_run_on_the_callers_loop() -> None:
    """What belongs to the loop that called works in sessions and providers."""

    async def main() -> None:
        mine = asyncio.Event()

        async def waits(prompt: str, options: Any, context: Any) -> dict[str, Any]:
            if prompt == "first":
                await mine.wait()
            mine.set()
            return {"output": prompt}

        config = {"prompts": ["{{q}}"], "providers": [waits], "tests": [{"vars": {"q": q}} for q in ("first", "then")]}
        assert outputs(await sojourn.evaluate(config)) == ["first", "then"]

    asyncio.run(main())


def test_plain_functions_run_in_threads_of_this_process() -> None:
    """A function that is no coroutine does not hold the loop up."""
    result = sojourn.run({"prompts": ["x"], "providers": [plain]})
    assert outputs(result) == [f"x {os.getpid()} False"]


def test_what_goes_wrong_inline_costs_its_own_trial() -> None:
    """What is raised, takes too long or is no JSON is an error of that test, with the place in the user's code."""

    async def bad(prompt: str, options: Any, context: Any) -> Any:
        if prompt == "raises":
            raise ValueError("no answer")
        if prompt == "hangs":
            await asyncio.Event().wait()
        return {"output": object() if prompt == "odd" else prompt}

    config = {
        "prompts": ["{{q}}"],
        "providers": [bad],
        "evaluateOptions": {"timeoutMs": 300},
        "tests": [{"vars": {"q": q}} for q in ("raises", "hangs", "odd", "fine")],
    }
    result = sojourn.run(config)
    assert outcomes(result) == [Outcome.ERROR] * 3 + [Outcome.PASSED]
    ordered = sorted(result.results, key=lambda each: each.trial.index)
    told = [f"{each.trouble} {each.reply.error if each.reply else ''}" for each in ordered]
    assert "ValueError: no answer" in told[0]
    assert "test_inline.py" in told[0]
    assert "300 ms" in told[1] or "0.3 s" in told[1]
    assert "JSON" in told[2]


def test_arguments_are_copies() -> None:
    """What a function does to its context changes nothing for others: it is as if it ran in another process."""

    def greedy(prompt: str, options: Any, context: Any) -> Any:
        context["vars"]["q"] = "changed"
        context["test"]["vars"].clear()
        return {"output": prompt}

    config = {"prompts": ["{{q}}"], "providers": [greedy, greedy], "tests": [{"vars": {"q": "kept"}}]}
    result = sojourn.run(config)
    assert outputs(result) == ["kept"] * len(result.results)
    assert all(each.case.vars == {"q": "kept"} for each in result.results)


def test_classes_prompts_tests_and_transforms_are_handed_over_too() -> None:
    """Wherever a file would be named, the function itself may stand."""

    class Box:
        def open(self, config: dict[str, Any]) -> None:
            self.items = list(config["items"])

        def reset(self) -> None:
            self.items.clear()

    def prompt(context: dict[str, Any]) -> str:
        return f"say {context['vars']['q']}"

    def tests(config: Any = None) -> list[dict[str, Any]]:
        return [{"vars": {"q": "a"}}, {"vars": {"q": "b"}}]

    def asked(text: str, options: Any, context: Any) -> Any:
        context["sessions"]["box"].items.append(text)
        return {"output": len(context["sessions"]["box"].items)}

    config = {
        "prompts": [prompt],
        "providers": [{"id": asked, "sessions": ["box"]}],
        "sessions": {"box": {"kind": Box, "isolation": "reset", "config": {"items": [1, 2]}}},
        "tests": tests,
        "defaultTest": {"options": {"transform": lambda output, context: f"{output} items"}},
    }
    assert outputs(sojourn.run(config)) == ["3 items", "1 items"]


def test_the_same_verdicts_inline_and_in_a_process(tmp_path: Path) -> None:
    """A suite of objects and the same suite of files come to the same, at any number of jobs."""
    (tmp_path / "code.py").write_text(CODE)
    scope: dict[str, Any] = {}
    exec(compile(CODE, "code", "exec"), scope)  # the same code, once as a file, once as objects
    for jobs in (1, 16, 64):
        found = []
        for part in ("file://" + str(tmp_path / "code.py") + ":{}", None):
            named = {name: part.format(name) if part else scope[name] for name in ("answer", "Counter", "right")}
            found.append(sojourn.run(suite(named, jobs)))
        assert outputs(found[0]) == outputs(found[1])
        assert outcomes(found[0]) == outcomes(found[1])
        assert Outcome.FAILED in outcomes(found[0])


CODE = """
class Counter:
    def open(self): self.count = 0
async def answer(prompt, options, context):
    counter = context["sessions"]["counter"]
    counter.count += 1
    return {"output": f"{prompt} {counter.count}"}
def right(output, context):
    return output.endswith(str(context["vars"]["nth"]))
"""


def suite(named: dict[str, Any], jobs: int) -> dict[str, Any]:
    """Return a suite of 8 conversations of 5 tests each, one of which is wrong."""
    tests = [
        {"vars": {"q": f"c{c}", "nth": 9 if (c, n) == (3, 2) else n + 1}, "metadata": {"conversationId": f"c{c}"}}
        for n in range(5)
        for c in range(8)
    ]
    return {
        "prompts": ["{{q}}"],
        "providers": [{"id": named["answer"], "sessions": ["counter"]}],
        "sessions": {"counter": {"kind": named["Counter"], "scope": "conversation"}},
        "defaultTest": {"assert": [{"type": "python", "value": named["right"]}]},
        "evaluateOptions": {"maxConcurrency": jobs},
        "tests": tests,
    }


SESSIONS = """
import sojourn

@sojourn.session(capacity=2, open_timeout="5s")
def account():
    yield {"id": "a"}

@sojourn.session(scope="test")
class Room:
    def open(self, account, config):
        return {"id": f"room of {account['id']} {config.get('floor', 0)}"}
"""


@pytest.mark.parametrize(
    "sessions",
    [
        "file://s.py",
        {"account": {"kind": "file://s.py:account"}, "Room": {"kind": "file://s.py:Room", "config": {"floor": 0}}},
    ],
)
def test_sessions_say_themselves_what_they_are(tmp_path: Path, monkeypatch: Any, sessions: Any) -> None:
    """A file's decorated sessions are taken as they say; parameters named after others are their parents."""
    (tmp_path / "s.py").write_text(SESSIONS)
    monkeypatch.chdir(tmp_path)
    config = {
        "prompts": ["{{sessions.Room.id}}"],
        "providers": [{"id": "echo", "sessions": ["Room"]}],
        "sessions": sessions,
        "tests": [{"vars": {"q": 1}}, {"vars": {"q": 2}}],
    }
    result = sojourn.run(config)
    assert outputs(result) == ["room of a 0"] * 2
    specs = {spec.name: spec for spec in result.plan.suite.sessions}
    assert (specs["account"].limits.capacity, specs["account"].open_timeout) == (2, 5)
    assert (specs["Room"].scope.value, specs["Room"].parents) == ("test", ("account",))


def test_an_entry_wins_over_what_its_session_says(tmp_path: Path, monkeypatch: Any) -> None:
    """What stands in the configuration counts, what it leaves out is the decoration's."""
    (tmp_path / "s.py").write_text(SESSIONS)
    monkeypatch.chdir(tmp_path)
    entry = {"kind": "file://s.py:account", "capacity": 7}
    config = {"prompts": ["x"], "providers": [{"id": "echo", "sessions": ["a"]}], "sessions": {"a": entry}}
    (spec,) = sojourn.run(config).plan.suite.sessions
    assert (spec.limits.capacity, spec.open_timeout) == (7, 5)


@pytest.mark.parametrize(
    ("sessions", "told"),
    [
        ("file://none.py", "there is no file file://none.py with sessions"),
        ("file://empty.py", "there is no file file://empty.py with sessions"),
        ("s.txt", "'s.txt' names no Python file"),
        ("file://broken.py", "cannot be loaded"),
    ],
)
def test_a_file_without_sessions_is_refused(tmp_path: Path, monkeypatch: Any, sessions: str, told: str) -> None:
    """It is said what is wrong with it, and what it should be."""
    (tmp_path / "empty.py").write_text("x = 1\n")
    (tmp_path / "broken.py").write_text("import sojourn\n1 / 0\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=told):
        sojourn.run({"prompts": ["x"], "providers": ["echo"], "sessions": sessions})


def test_a_slip_in_a_decoration_is_refused_where_it_stands() -> None:
    """`@sojourn.session(scpoe=...)` is a TypeError with the nearest name."""
    with pytest.raises(TypeError, match="no setting 'scpoe'; did you mean 'scope'"):
        sojourn.session(scpoe="run")


def test_plain_functions_that_hang_hold_nobody_up() -> None:
    """However many hang, each costs its own trial, and the run returns when the others are through."""
    never = threading.Event()

    def hangs(prompt: str, options: Any, context: Any) -> Any:
        if prompt == "hang":
            never.wait()
        return {"output": prompt}

    config = {
        "prompts": ["{{q}}"],
        "providers": [hangs],
        "evaluateOptions": {"timeoutMs": 500, "maxConcurrency": 100},
        "tests": [{"vars": {"q": "hang"}} for _ in range(40)] + [{"vars": {"q": "fine"}} for _ in range(4)],
    }
    assert outcomes(sojourn.run(config)) == [Outcome.ERROR] * 40 + [Outcome.PASSED] * 4
    never.set()


def test_two_sessions_of_one_name_are_refused() -> None:
    """In a list they would be one."""

    def make() -> Any:
        def box() -> Any:
            yield 1

        return box

    with pytest.raises(ConfigError, match="two of the sessions are called 'box'"):
        sojourn.run({"prompts": ["x"], "providers": ["echo"], "sessions": [make(), make()]})


def test_what_one_assertion_breaks_ends_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None of them goes on behind a run that is over."""
    ended: list[str] = []

    async def slow(output: str, context: Any) -> bool:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("slow")
        return True

    claims = [{"type": "python", "value": slow}, {"type": "python", "value": "file://die.py"}]
    config = {"prompts": ["x"], "providers": ["echo"], "tests": [{"assert": claims}]}
    monkeypatch.chdir(tmp_path)
    (tmp_path / "die.py").write_text("import os\ndef get_assert(output, context): os._exit(3)\n")
    assert outcomes(sojourn.run(config)) == [Outcome.ERROR]
    assert ended == ["slow"]
