"""Users' sessions where they live: in the process of their language, through the runner that every run uses."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from sojourn.errors import CodeError
from sojourn.languages.runner import CodeRunner
from tests.languages.household import FILES, LANGUAGES, House, marker

Play = Callable[[str, Callable[[House], Awaitable[None]]], House]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Let something be done in a house of a language, then end its process."""
    assert shutil.which("node"), "the tests of JavaScript need Node.js on the PATH"

    @contextlib.asynccontextmanager
    async def lived_in(language: str) -> AsyncIterator[House]:
        name, text = FILES[language]
        (tmp_path / name).write_text(text, encoding="utf-8")
        printed: list[str] = []
        house = House(CodeRunner(dict(os.environ), printed.append), tmp_path / name, printed)
        try:
            yield house
        finally:
            await house.runner.close()

    async def main(language: str, act: Callable[[House], Awaitable[None]]) -> House:
        async with asyncio.timeout(60), lived_in(language) as house:
            await act(house)
        return house

    return lambda language, act: asyncio.run(main(language, act))


@pytest.mark.parametrize("language", LANGUAGES)
def test_sessions_open_and_close_when_they_are_told_to(play: Play, language: str) -> None:
    """A child is given its live parent and its tag; each is closed when it is its turn, by its own code."""

    async def act(house: House) -> None:
        assert await house.open("account", "run/1", user="ada") == {"id": "acc", "user": "ada"}
        assert await house.open("thread", "run/2", {"account": marker("run/1")}) == "t1"
        assert house.story == ["open account", "open thread in acc, run/2"]
        await house.close("thread", "run/2")
        assert house.story[2:] == ["close thread"]
        await house.close("account", "run/1")

    assert play(language, act).story[3:] == ["close account"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_closing_twice_or_what_never_was_is_nothing(play: Play, language: str) -> None:
    """Whoever closes what is closed already has succeeded."""

    async def act(house: House) -> None:
        await house.open("account")
        await house.close("account")
        await house.close("account")
        await house.close("account", "never opened")

    assert len(play(language, act).story) == 2


def test_an_async_generator_is_closed_by_the_task_that_opened_it(play: Play) -> None:
    """A session may hold a task group and a timeout around its yield."""

    async def act(house: House) -> None:
        await house.open("grouped")
        await house.close("grouped")

    assert play("python", act).story == ["same task: True"]


def test_a_plain_generator_has_a_thread_and_context_of_its_own(play: Play) -> None:
    """What is bound to a thread or to context variables can be closed by whoever opened it, and off the event loop."""

    async def act(house: House) -> None:
        assert await house.open("threaded") is False
        await house.close("threaded")

    assert play("python", act).story == ["same thread: True"]


def test_a_function_that_returns_is_a_session_that_needs_no_closing(play: Play) -> None:
    """Plain functions, coroutines and empty generators open sessions too."""

    async def act(house: House) -> None:
        assert await house.open("plain", x=1) == [{"x": 1}]
        assert await house.open("later", x=1) == {"x": 1}
        assert await house.open("nothing") is None
        for name in ("plain", "later", "nothing"):
            await house.close(name)

    play("python", act)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_class_says_what_it_can_do(play: Play, language: str) -> None:
    """Its methods are its abilities; a generator or a function has none."""

    async def act(house: House) -> None:
        able = ["begin", "check", "fingerprint", "fork", "reclaim", "reset", "rollback"]
        assert await house.abilities("Thing") == able
        assert await house.abilities("Maker") == ["fork"]
        assert await house.abilities("plain") == ["attach"]

    play(language, act)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_live_object_is_lent_to_calls_and_looked_after(play: Play, language: str) -> None:
    """Calls are given the object itself, so what one leaves in it the next finds, until it is reset or rolled back."""

    async def act(house: House) -> None:
        assert await house.open("Thing") == {"number": 1}
        assert await house.use("one", thing=marker("Thing")) == ["one"]
        assert await house.use("two", thing=marker("Thing")) == ["one", "two"]
        assert await house.do("Thing", "fingerprint") == 2
        assert await house.do("Thing", "check") is False
        await house.do("Thing", "reset")
        assert await house.do("Thing", "check") is True
        await house.do("Thing", "begin")
        assert await house.use("three", thing=marker("Thing")) == ["begun", "three"]
        await house.do("Thing", "rollback")
        assert await house.do("Thing", "fingerprint") == 0

    play(language, act)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_session_of_a_class_is_an_instance_of_its_own(play: Play, language: str) -> None:
    """Two sessions of one class share nothing."""

    async def act(house: House) -> None:
        assert await house.open("Thing", "a") == {"number": 1}
        assert await house.open("Thing", "b") == {"number": 2}
        await house.use("one", thing=marker("a"))
        assert await house.use("two", thing=marker("b")) == ["two"]
        await house.close("Thing", "a")
        await house.close("Thing", "b")

    assert play(language, act).story == ["open 1", "open 2", "close 1", "close 2"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_fork_is_a_session_of_its_own(play: Play, language: str) -> None:
    """A child of the same class looks after itself: closing it does not close its parent."""

    async def act(house: House) -> None:
        await house.open("Thing", "warm")
        assert (await house.do("Thing", "fork", "child", of="warm"))["handle"] == {"child": 1}
        await house.use("one", thing=marker("warm"))
        assert await house.use("two", thing=marker("child")) == ["two"]
        await house.close("Thing", "child")
        assert await house.use("three", thing=marker("warm")) == ["one", "three"]
        await house.close("Thing", "warm")

    assert play(language, act).story == ["open 1", "close child of 1", "close 1"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_fork_of_another_type_is_closed_by_its_parents_close(play: Play, language: str) -> None:
    """Where a kind opens values and forks values, its close is handed the one to close."""

    async def act(house: House) -> None:
        await house.open("Maker", "warm")
        await house.do("Maker", "fork", "child", of="warm")
        await house.close("Maker", "child")
        await house.close("Maker", "warm")

    assert play(language, act).story == ["close 2", "close 1"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_session_of_another_process_is_reclaimed_by_tag_and_handle(play: Play, language: str) -> None:
    """Reclaiming opens nothing; a session whose handle was never told is reclaimed by its tag alone."""

    async def act(house: House) -> None:
        await house.do("Thing", "reclaim", "dead/1", handle={"n": 1})
        await house.do("Thing", "reclaim", "dead/2", handle=None)

    told = [line.replace("'", '"').replace("None", "null").replace(" ", "") for line in play(language, act).story]
    assert told == ['reclaimdead/1{"n":1}', "reclaimdead/2null"]


@pytest.mark.parametrize(
    ("language", "name", "handle"),
    [
        ("python", "handled", {"url": "u"}),
        ("python", "unjson", None),
        ("python", "objects", None),
        ("python", "nan", None),
        ("python", "plain", [{}]),
        ("javascript", "handled", {"url": "u"}),
        ("javascript", "objects", None),
        ("javascript", "plain", [1]),
    ],
)
def test_a_handle_is_what_can_be_told(play: Play, language: str, name: str, handle: Any) -> None:
    """It is the session's own `handle`, or the session itself where that is plain data, else nothing."""

    async def act(house: House) -> None:
        assert await house.open(name) == handle

    play(language, act)


@pytest.mark.parametrize("language", LANGUAGES)
def test_elsewhere_a_session_is_its_handle(play: Play, language: str) -> None:
    """A marker of a session that does not live in this process gives the call its handle."""

    async def act(house: House) -> None:
        told = await house.use("one", other=marker("of another process", {"url": "u"}))
        assert json.loads(str(told["other"]).replace("'", '"')) == {"url": "u"}

    play(language, act)


def test_plain_functions_are_lent_sessions_as_coroutines_are(play: Play) -> None:
    """A provider that is no coroutine runs in a thread and finds the same object."""

    async def act(house: House) -> None:
        await house.open("account", user="ada")
        assert await house.call("use_plainly", "x", {"account": marker("account")}) == "{'id': 'acc', 'user': 'ada'}"

    play("python", act)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("stranger", "stranger wants 'account', which is no parent of it; there is: base, config, parents, tag"),
        ("refuses", "ValueError: no room"),
        ("missing", "has no function 'missing'"),
        ("never", "the session's generator yields nothing"),
    ],
)
def test_an_opening_that_fails_says_why(play: Play, name: str, told: str) -> None:
    """A parameter that is no parent is named with what there is; what users' code raised is passed on."""

    async def act(house: House) -> None:
        with pytest.raises(CodeError) as caught:
            await house.open(name)
        assert told in str(caught.value)

    play("python", act)


def test_a_parameter_with_a_default_may_stay_unknown(play: Play) -> None:
    """Only what has no default must be known; the first unknown parameter of a method is the session itself."""

    async def act(house: House) -> None:
        assert await house.open("wants_default") == "earth"
        await house.open("Strange")
        with pytest.raises(
            CodeError, match="close wants 'moon', which is no parent of it; there is: base, config, live, parents, tag"
        ):
            await house.close("Strange")

    play("python", act)


@pytest.mark.parametrize(
    ("language", "name"), [("python", "twice"), ("python", "twice_async"), ("javascript", "twice")]
)
def test_a_generator_that_yields_twice_is_refused(play: Play, language: str, name: str) -> None:
    """A second yield in the place of an end is a mistake that is told at closing."""

    async def act(house: House) -> None:
        await house.open(name)
        with pytest.raises(CodeError, match="yields more than once"):
            await house.close(name)

    play(language, act)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_close_that_breaks_is_told_and_over(play: Play, language: str) -> None:
    """The engine hears what was raised; the session is not closed again at the end of the process."""

    async def act(house: House) -> None:
        await house.open("breaks")
        with pytest.raises(CodeError, match="Error: stuck"):
            await house.close("breaks")
        await house.close("breaks")

    play(language, act)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_left_is_closed_at_the_end_newest_first(play: Play, language: str) -> None:
    """A process that is told to end closes what still lives in it."""

    async def act(house: House) -> None:
        await house.open("Thing", "a")
        await house.open("Thing", "b")
        await house.open("account")

    assert play(language, act).story[-3:] == ["close account", "close 2", "close 1"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_sessions_print_is_passed_on_in_order(play: Play, language: str) -> None:
    """It belongs to no trial, so it is shown at once, at opening and at closing."""

    async def act(house: House) -> None:
        for name in ("chatty", "chatty_thread") if language == "python" else ("chatty",):
            await house.open(name)
            await house.close(name)

    printed = "".join(play(language, act).printed)
    assert printed in ("opening\nclosing\n", "opening\nclosing\n" * 2)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("slow", ["gave up opening"]),
        ("Steady", ["opened all the same", "closed at once"]),
        ("late", ["closed late"]),
    ],
)
def test_what_is_given_up_while_it_opens_is_not_left_open(play: Play, name: str, told: list[str]) -> None:
    """A coroutine is cancelled; what opens all the same, and what a thread opens, is closed as soon as it is open."""

    async def act(house: House) -> None:
        await given_up(house, house.open(name))

    assert play("python", act).story == told


def test_a_fork_that_is_given_up_is_not_left_open(play: Play) -> None:
    """What is forked after its taker has gone is closed, and its parent stays."""

    async def act(house: House) -> None:
        await house.open("Splits")
        await given_up(house, house.do("Splits", "fork", "child", of="Splits"))

    assert play("python", act).story == ["closed 2", "closed the first"]


async def given_up(house: House, opening: Coroutine[Any, Any, Any]) -> None:
    """Wait until an opening has begun, give it up, and let it end if it still wants to."""
    task = asyncio.create_task(opening)
    assert await house.call("is_begun", "", {})
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await house.call("let_go", "", {})


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_session_that_went_with_its_process_is_named_as_gone(play: Play, language: str) -> None:
    """Nobody is handed a stranger in its place, and no key error."""

    async def act(house: House) -> None:
        for request in ({"do": "check"}, {"do": "fork", "of": "lost"}):
            with pytest.raises(CodeError, match="it is gone: the process that it lived in has ended"):
                await house.do("Thing", request.pop("do"), "lost", **request)

    play(language, act)


@pytest.mark.parametrize("language", LANGUAGES)
def test_closing_what_went_with_its_process_reclaims_it(play: Play, language: str) -> None:
    """What a lost session had outside is undone by its tag and handle; one that cannot reclaim is closed as it is."""

    async def act(house: House) -> None:
        await house.do("Thing", "close", "lost", handle={"n": 1})
        await house.do("account", "close", "lost", handle=None)

    assert [line.replace("'", '"').replace(" ", "") for line in play(language, act).story] == ['reclaimlost{"n":1}']
