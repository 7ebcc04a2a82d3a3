import asyncio
import os
import shutil
from pathlib import Path
from typing import Any, Protocol

import pytest

from sojourn.errors import CodeDiedError, CodeError
from sojourn.languages.runner import CodeRunner
from sojourn.model.reference import Reference, Role

PYTHON = """
import asyncio, ctypes, os, sys, time
count = 0
async def later(x):
    await asyncio.sleep(0)
    return x
def counted(*_):
    global count
    count += 1
    return count
def talks(word): print(word, "{\\"id\\": 1, \\"value\\": 2}"); return word
def raises(*_): raise ValueError("boom")
def exits(*_): os._exit(3)
def quits(*_): sys.exit(4)
def crashes(*_): ctypes.string_at(0)
def hangs(*_): time.sleep(600)
async def holds_up(*_): time.sleep(600)
def nan(*_): return float("nan")
def circular(*_):
    x = []; x.append(x); return x
def raw(*_): return b"bytes"
def big(*_): return "x" * 50_000_000
def half(*_): return "\\ud800"
class Thing:
    def method(self, x): return x + 1
"""

NODE = """
let count = 0;
class Provider { constructor(o) { this.o = o; this.n = 0 } id() { return 'p' }
  async callApi(p) { this.n += 1; console.log('said', p); return { output: p + this.n + this.o.tail } } }
module.exports = Provider;
module.exports.counted = () => ++count;
module.exports.exits = () => process.exit(3);
module.exports.never = () => new Promise(() => {});
module.exports.spins = () => { for (;;); };
module.exports.late = () => new Promise((r) => {
  setTimeout(() => { throw new Error('late') }, 1); setTimeout(() => r(5), 20) });
module.exports.half = () => '\\ud800';
module.exports.circular = () => {
  const timer = { at: 1 };
  timer.next = { list: [timer] };
  return { output: 'x', metadata: { timer, again: timer, n: [2] } } };
module.exports.inPlace = (hookName, context) => { context.test.vars.x = 1 };
"""


class Make(Protocol):
    def __call__(self, name: str, role: Role = ...) -> Reference:
        """Name a function of the test's file."""


@pytest.fixture
def python(tmp_path: Path) -> Make:
    (tmp_path / "users_code.py").write_text(PYTHON)

    def make(name: str, role: Role = "provider") -> Reference:
        return _reference(tmp_path, "users_code.py", name, role)

    return make


@pytest.fixture
def node(tmp_path: Path) -> Make:
    assert shutil.which("node"), "the tests of JavaScript need Node.js on the PATH"
    (tmp_path / "code.js").write_text(NODE)

    def make(name: str, role: Role = "hook") -> Reference:
        return _reference(tmp_path, "code.js", name, role)

    return make


def _reference(folder: Path, file: str, name: str, role: Role) -> Reference:
    found = Reference.parse(f"{file}:{name}" if name else file, base=str(folder), role=role)
    assert found is not None
    return found


def calling(*calls: tuple[Reference, tuple[object, ...]], deadline_ms: float = 0) -> list[Any]:
    """Make calls one after another in one runner; what is raised stands for its answer."""

    async def main() -> list[Any]:
        runner = CodeRunner(dict(os.environ), lambda _: None)
        answers: list[Any] = []
        try:
            for reference, arguments in calls:
                try:
                    answers.append(await runner.call(reference, *arguments, deadline_ms=deadline_ms))
                except CodeError as error:
                    answers.append(error)
        finally:
            await runner.close()
        return answers

    return asyncio.run(main())


def test_files_of_one_name_are_modules_of_their_own(tmp_path: Path) -> None:
    """However alike their paths are: the folders `a/b` and `a_b` are two."""
    found = []
    for folder in ("first", "a/b", "a_b"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "same.py").write_text(f"def where(*_): return {folder!r}")
        found.append((_reference(tmp_path / folder, "same.py", "where", "provider"), ()))

    assert values(calling(*found)) == ["first", "a/b", "a_b"]


def values(answers: list[Any]) -> list[Any]:
    return [getattr(answer, "value", answer) for answer in answers]


def test_calls_share_one_memory(python: Make) -> None:
    """Calls of one file see the module as the calls before them left it."""
    assert values(calling(*[(python("counted"), ())] * 3)) == [1, 2, 3]


def test_coroutines_and_methods_are_called(python: Make) -> None:
    """A coroutine is awaited, and `Class.method` is called on an instance."""
    assert values(calling((python("later"), (7,)), (python("Thing.method"), (1,)))) == [7, 2]


def test_prints_belong_to_their_call_and_forge_nothing(python: Make) -> None:
    """What a call prints comes back with it, even where it looks like a frame."""
    (answer,) = calling((python("talks"), ("hi",)))
    assert (answer.value, answer.printed) == ("hi", 'hi {"id": 1, "value": 2}\n')


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("raises", "ValueError: boom"),
        ("quits", "sys.exit(4)"),
        ("nan", "JSON cannot carry"),
        ("circular", "JSON cannot carry"),
        ("raw", "JSON cannot carry"),
        ("half", "JSON cannot carry"),
        ("missing", "has no function 'missing'"),
    ],
)
def test_what_breaks_costs_one_call(python: Make, name: str, told: str) -> None:
    """A call that breaks says how; the next one in the same process is answered."""
    error, after = calling((python(name), ()), (python("counted"), ()))
    assert isinstance(error, CodeError)
    assert told in str(error)
    assert after.value == 1


@pytest.mark.parametrize(("name", "told"), [("exits", "os._exit(3)"), ("crashes", "killed by SIGSEGV")])
def test_a_death_costs_one_call_and_says_how(python: Make, name: str, told: str) -> None:
    """A call that ends its process is guilty of it, and the process is started again."""
    error, after = calling((python(name), ()), (python("counted"), ()))
    assert isinstance(error, CodeDiedError)
    assert error.guilty
    assert told in str(error)
    assert after.value == 1


@pytest.mark.parametrize("name", ["hangs", "holds_up"])
def test_a_hang_costs_one_call(python: Make, name: str) -> None:
    """A call past its deadline is given up, and the next one is answered, even where the loop was held up."""
    error, after = calling((python(name), ()), (python("counted"), ()), deadline_ms=300)
    assert "still running after 0.3 s" in str(error)
    assert after.value == 1


def test_a_large_answer_is_carried(python: Make) -> None:
    """An answer of 50 MB arrives whole."""
    (answer,) = calling((python("big"), ()))
    assert len(answer.value) == 50_000_000


def test_a_class_is_made_once_for_its_options(node: Make) -> None:
    """A JavaScript provider's instance lives from call to call, one for each set of options."""
    one, two = {"tail": "!"}, {"tail": "?"}
    asked: list[tuple[Reference, tuple[object, ...]]]
    asked = [(node("", "provider"), ("callApi", options, "a", {})) for options in (one, one, two)]
    assert values(calling(*asked)) == [{"output": "a1!"}, {"output": "a2!"}, {"output": "a1?"}]


def test_javascript_cannot_stop_the_runner(node: Make) -> None:
    """process.exit, a promise that never settles, an endless loop and a late throw each cost at most their call."""
    names = ("exits", "never", "spins", "late", "counted")
    exits, never, spins, late, counted = calling(*[(node(name), ()) for name in names], deadline_ms=300)
    assert "process.exit(3)" in str(exits)
    assert "still running" in str(never)
    assert "still running" in str(spins)
    assert (late.value, "late" in late.printed) == (5, True)
    assert counted.value == 1


def test_half_a_character_arrives_mended(node: Make) -> None:
    """A lone surrogate from JavaScript arrives as the replacement character."""
    assert values(calling((node("half"), ()))) == ["\ufffd"]


def test_a_circle_is_left_out(node: Make) -> None:
    """What leads back to itself, as timers and sockets do, is carried once; the rest arrives whole."""
    metadata = {"timer": {"at": 1, "next": {"list": [None]}}, "n": [2]}
    assert values(calling((node("circular", "transform"), ()))) == [{"output": "x", "metadata": metadata}]


def test_a_hook_may_change_what_it_was_lent(node: Make) -> None:
    """A JavaScript hook that returns nothing but changes its context in place has changed it."""
    context: dict[str, Any] = {"test": {"vars": {}}}
    assert values(calling((node("inPlace"), ("beforeEach", context)))) == [{"test": {"vars": {"x": 1}}}]


@pytest.mark.parametrize("tongue", ["python", "javascript"])
def test_inline_code_is_expression_or_body(tongue: str) -> None:
    """One line is an expression; several lines are a body that returns."""
    expression = Reference.inline(tongue, "output + 1", role="assertion")  # type: ignore[arg-type]
    body = Reference.inline(tongue, "x = output\nreturn x + 2", role="assertion")  # type: ignore[arg-type]
    assert values(calling((expression, (1, {})), (body, (1, {})))) == [2, 3]


@pytest.mark.parametrize("role", ["assertion", "transform", "response"])
def test_inline_javascript_reaches_modules_through_process(role: Role) -> None:
    """Code in a configuration is given `process`, whose `mainModule.require` finds modules; it has no `require`."""
    code = "[typeof process.env, typeof require, process.mainModule.require('node:path').join('a', 'b')]"
    (found,) = values(calling((Reference.inline("javascript", code, role=role), ("x", {}))))
    assert found == ["object", "undefined", "a/b"]


def test_alone_means_alone(python: Make) -> None:
    """While a task is alone with the languages, calls of others wait; those of tasks that it begins do not."""

    async def main() -> list[str]:
        runner = CodeRunner(dict(os.environ), lambda _: None)
        order: list[str] = []
        begun = asyncio.Event()

        async def call(name: str) -> None:
            await begun.wait()
            await runner.call(python("counted"))
            order.append(name)

        other = asyncio.create_task(call("other"))
        async with runner.alone():
            begun.set()
            for _ in range(3):
                await asyncio.create_task(call("mine"))
        await other
        await runner.close()
        return order

    assert asyncio.run(main()) == ["mine", "mine", "mine", "other"]
