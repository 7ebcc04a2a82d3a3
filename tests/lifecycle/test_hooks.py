"""Hooks as functions of this process: when each is called, what it may change, and what comes of one that breaks."""

import asyncio
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from typing import Any

import pytest

from sojourn.errors import CodeDiedError, CodeError, ConfigError, HookError, SkipTrial, StopRun
from sojourn.languages.inline import Inline
from sojourn.languages.runner import CodeRunner
from sojourn.lifecycle.hooks import HURRIED, Hooks, Scope, read_extensions
from sojourn.model.reference import Reference
from sojourn.protocols import Called


class Skip(Exception):  # noqa: N818  the name is what hooks ask by
    """What a user's hook raises to skip its trial."""


class StopSuite(Exception):  # noqa: N818  as Skip
    """What a user's hook raises to stop the run."""


@contextmanager
def hooks_of(*functions: Any, deadline_ms: float = 0, shown: list[str] | None = None) -> Iterator[Hooks]:
    """Give hooks that are functions of the test."""
    inline = Inline()
    try:
        entries = tuple(inline.named(each) for each in functions)
        code = CodeRunner({}, lambda _: None, inline=inline)
        on_print = (lambda _: None) if shown is None else shown.append
        yield Hooks(read_extensions(entries, ""), code, on_print, deadline_ms)
    finally:
        inline.close()


def before(hooks: Hooks, moment: str = "beforeEach", scope: Scope | None = None) -> Any:
    """Run the before-hooks of a test and return its vars as they left them."""
    context = {"test": {"vars": {"n": 0}}}
    told = asyncio.run(hooks.before(moment, context, "test", scope or Scope([])))
    return told["test"]["vars"]


def after(hooks: Hooks, scope: Scope) -> Any:
    """Run the after-hooks of a trial."""
    return asyncio.run(hooks.after("afterEach", {"result": {}}, scope, lambda context, _: context))


def test_each_sees_what_the_one_before_it_changed() -> None:
    """Extensions run in the order of the list; nothing returned changes nothing."""

    def one(name: str, context: Any) -> Any:
        return {"test": {"vars": {"n": context["test"]["vars"]["n"] + 1}}}

    def two(name: str, context: Any) -> None: ...

    async def three(name: str, context: Any) -> Any:
        return {"test": {"vars": {"n": context["test"]["vars"]["n"] * 10}}}

    with hooks_of(one, two, three) as hooks:
        assert before(hooks) == {"n": 10}
        assert hooks
        assert hooks.has("afterAll", "beforeEach")


def test_a_function_named_after_a_moment_is_called_at_that_one() -> None:
    """It is given the context first, and no other moment concerns it."""

    def beforeEach(context: Any, told: Any) -> Any:  # noqa: N802  the name is what this is about
        return {"test": {"vars": {"told": told["hookName"]}}}

    with hooks_of(beforeEach) as hooks:
        assert before(hooks) == {"told": "beforeEach"}
        assert not hooks.has("afterEach")
        assert before(hooks, "beforeAll") == {"n": 0}
        assert after(hooks, Scope([], {0})).broken == []


@pytest.mark.parametrize("answer", [7, "x", [], {"test": None}, {"tests": []}, {"long": "x" * 200}])
def test_an_answer_that_cannot_be_meant_is_refused(answer: Any) -> None:
    """It is shown, cut where it is long, with what should be returned instead."""

    def odd(name: str, context: Any) -> Any:
        return answer

    with hooks_of(odd) as hooks, pytest.raises(HookError, match="it must return the context with its 'test'") as error:
        before(hooks)
    assert len(error.value.cause) < 200


def test_one_that_raises_stops_those_behind_it_and_has_its_after_hook() -> None:
    """Started means finished; what was not started is not finished either."""
    story = []

    def first(name: str, context: Any) -> None:
        story.append(f"first {name}")
        if name == "beforeEach":
            raise ValueError("no")

    def second(name: str, context: Any) -> None:
        story.append(f"second {name}")

    scope = Scope([])
    with hooks_of(first, second) as hooks:
        with pytest.raises(HookError, match=r"beforeEach of .* broke: ValueError: no at "):
            before(hooks, scope=scope)
        assert hooks.last_begun("beforeEach", scope).startswith("beforeEach of file://")
        assert hooks.last_begun("beforeEach", Scope([])) == "beforeEach"
        assert after(hooks, scope).broken == []
    assert story == ["first beforeEach", "first afterEach"]


def test_an_after_hook_that_breaks_keeps_no_other_from_running() -> None:
    """All that broke is told; a wish to skip comes too late, a wish to stop is heard."""
    story = []

    def breaks(name: str, context: Any) -> None:
        raise ValueError("no")

    def skips(name: str, context: Any) -> None:
        raise Skip("late")

    def stops(name: str, context: Any) -> None:
        raise StopSuite("enough")

    def ends(name: str, context: Any) -> None:
        story.append(name)

    with hooks_of(breaks, skips, stops, ends) as hooks:
        broken, stop = after(hooks, Scope([], {0, 1, 2, 3}))
    assert ["ValueError: no" in broken[0].cause, broken[1].cause] == [True, "it asks to skip what has run already"]
    assert (stop, story) == ("enough", ["afterEach"])


@pytest.mark.parametrize(("asks", "heard", "why"), [(Skip, SkipTrial, "skipped"), (StopSuite, StopRun, "stopped")])
@pytest.mark.parametrize("said", ["reason", ""])
def test_a_hook_asks_by_raising(asks: Any, heard: Any, why: str, said: str) -> None:
    """Skip and StopSuite are known by their names, and need give no reason."""

    def hook(name: str, context: Any) -> None:
        raise asks(said)

    with hooks_of(hook) as hooks, pytest.raises(heard, match=said or f"{why} by a hook"):
        before(hooks)


def test_a_hook_has_its_time() -> None:
    """Past its deadline it is given up, and the message says what allows more."""

    async def hangs(name: str, context: Any) -> None:
        await asyncio.Event().wait()

    with (
        hooks_of(hangs, deadline_ms=20) as hooks,
        pytest.raises(HookError, match="SOJOURN_HOOK_TIMEOUT_MS allows more"),
    ):
        before(hooks)


@pytest.mark.parametrize("when", ["before", "during"])
def test_a_run_that_has_to_end_hurries_its_hooks(when: str) -> None:
    """One that is under way is given up, and one that begins then has no longer; the message says why."""
    started = asyncio.Event()

    async def hangs(name: str, context: Any) -> None:
        started.set()
        await asyncio.Event().wait()

    async def main(hooks: Hooks) -> None:
        loop = asyncio.get_running_loop()
        if when == "before":
            hooks.hurry(loop.time())
        work = asyncio.create_task(hooks.before("beforeEach", {"test": {}}, "test", Scope([])))
        await started.wait()
        if when == "during":
            hooks.hurry(loop.time())
            hooks.hurry(loop.time() + 60)
        with pytest.raises(HookError, match=HURRIED):
            await work

    with hooks_of(hangs) as hooks:
        asyncio.run(main(hooks))


class Dying:
    """A language whose process is brought down so many times by others; `printed` stands for what a hook printed."""

    def __init__(self, deaths: int, printed: str = "") -> None:
        self.deaths = deaths
        self.printed = printed

    async def load(self, reference: Reference) -> dict[str, Any]:
        """Load nothing."""
        return {}

    async def session(self, reference: Reference, request: Any, *, deadline_ms: float = 0) -> Called:
        """Have none."""
        return Called(None)

    def life(self, reference: Reference) -> int:
        """Have one life."""
        return 0

    async def call(self, reference: Reference, *arguments: Any, deadline_ms: float = 0, mark: str = "") -> Called:
        """Die, or answer."""
        self.deaths -= 1
        if self.deaths >= 0:
            raise CodeDiedError("its process ended", guilty=False)
        if self.printed == "late":
            error = CodeError("still running after 1 s, and given up", where=str(reference))
            error.overdue = True
            raise error
        return Called(None, self.printed)

    def alone(self) -> AbstractAsyncContextManager[None]:
        """Be alone anyway."""
        return nullcontext()


def dying(deaths: int, printed: str = "", shown: Any = lambda _: None) -> Hooks:
    """Return a hook that lives there."""
    return Hooks(read_extensions(("file://h.py:hook",), "/"), Dying(deaths, printed), shown)


def test_a_hook_that_others_bring_down_is_called_again_alone() -> None:
    """An after-hook is called a second time, and then it is broken. A before-hook is its trial's to repeat."""
    assert after(dying(1), Scope([], {0})).broken == []
    (broken,) = after(dying(2), Scope([], {0})).broken
    assert "its process ended" in broken.cause
    with pytest.raises(CodeDiedError):
        before(dying(1))


class Gone(Dying):
    """A process that was started anew: the session `old` went with the one before."""

    async def call(self, reference: Reference, *arguments: Any, deadline_ms: float = 0, mark: str = "") -> Called:
        """Refuse whoever would be lent what is gone, and tell what the others are lent."""
        lent = arguments[1]["sessions"]
        if "old" in lent:
            raise CodeDiedError("a session that it was lent went with its process", lost={"old"})
        return Called([*lent], "")


def test_an_after_hook_is_lent_what_is_left() -> None:
    """Sessions that went with their process are left out; the hook is called all the same."""
    hooks = Hooks(read_extensions(("file://h.py:hook",), "/"), Gone(0), lambda _: None)
    context = {"told": [], "sessions": {"old": {"$session": "1"}, "new": {"$session": "2"}}}

    def merge(context: Any, answer: Any) -> Any:
        context["told"].extend(answer)
        return context

    assert asyncio.run(hooks.after("afterEach", context, Scope([], {0}), merge)).broken == []
    assert context["told"] == ["new"]


def test_what_a_hook_prints_is_shown_and_kept() -> None:
    """At once, and beside its trial."""
    shown: list[str] = []
    scope = Scope([])
    before(dying(0, "hello", shown.append), scope=scope)
    assert (shown, scope.printed) == (["hello"], ["hello"])


def test_one_that_its_language_gives_up_while_the_run_ends_says_so() -> None:
    """Not its own limit was too short: the run had to end."""
    hooks = dying(0, "late")

    async def main() -> None:
        hooks.hurry(asyncio.get_running_loop().time() + 60)
        await hooks.before("beforeEach", {"test": {}}, "test", Scope([]))

    with pytest.raises(HookError, match=HURRIED):
        asyncio.run(main())


def test_an_entry_that_names_no_file_is_refused() -> None:
    """It is said how to write one."""
    with pytest.raises(ConfigError, match="names no Python or JavaScript file"):
        read_extensions(("hooks",), "/")
