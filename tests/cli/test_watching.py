"""`sojourn eval --watch`, as a program of its own: what makes it run again, and what ends it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

BOT = "def call_api(prompt, options, context):\n    return {'output': '1 ' + prompt}\n"
HOOK = """
import helper

def note(hook, context):
    helper.note(hook)
"""
HELPER = "def note(hook):\n    with open('noted.txt', 'a') as file:\n        file.write(hook + '\\n')\n"
SUITE: dict[str, Any] = {
    "prompts": ["file://prompt.txt"],
    "providers": ["file://bot.py"],
    "extensions": ["file://hook.py:note"],
    "tests": ["tests/*.json"],
    "commandLineOptions": {"table": False},
}
TEST = [{"vars": {"q": "file://q.txt"}, "assert": [{"type": "javascript", "value": "file://judge.js"}]}]
JUDGE = "module.exports = (output) => output.length > 0;\n"


class Watched:
    """A run that watches; `await_` reads what it says until a text comes."""

    def __init__(self, folder: Path, arguments: tuple[str, ...], environ: dict[str, str]) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sojourn", "eval", "-o", "out.json", *arguments],
            cwd=folder,
            env={**os.environ, "SOJOURN_HOME": str(folder / "home"), **environ},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        self._patience = threading.Timer(120, self.process.kill)
        self._patience.start()

    def await_(self, text: str) -> str:
        """Return the first line that holds a text."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if text in line:
                return line
        raise AssertionError(f"it ended and did not say {text!r}")

    def answers(self) -> list[str]:
        """Return what was answered in the newest run."""
        told = json.loads((self.folder / "out.json").read_text())
        return [row["response"]["output"] for row in told["results"]["results"]]

    def end(self) -> int:
        """Interrupt it, and return how it ended."""
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait()
        self._patience.cancel()
        return code


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Callable[..., Watched]]:
    """Start runs that watch; what the test leaves running is killed."""
    (tmp_path / "tests").mkdir()
    files = {
        "prompt.txt": "{{q}}",
        "bot.py": BOT,
        "hook.py": HOOK,
        "helper.py": HELPER,
        "q.txt": "a",
        "judge.js": JUDGE,
        "w[1]/bot.py": BOT,
    }
    (tmp_path / "w[1]").mkdir()
    for name, text in {**files, "tests/one.json": json.dumps(TEST)}.items():
        (tmp_path / name).write_text(text)
    started: list[Watched] = []

    def start(*arguments: str, environ: dict[str, str] | None = None, **more: Any) -> Watched:
        (tmp_path / "promptfooconfig.yaml").write_text(json.dumps(SUITE | more))
        started.append(Watched(tmp_path, arguments, environ or {}))
        return started[-1]

    yield start
    for each in started:
        each.process.kill()
        each.end()
        each.process.communicate()


CHANGES = [
    ("prompt.txt", "{{q}}!", ["1 a!"]),
    ("bot.py", BOT.replace("1 ", "20 "), ["20 a!"]),
    ("q.txt", "b", ["20 b!"]),
    ("judge.js", JUDGE.replace("> 0", "> 1"), ["20 b!"]),
    ("helper.py", HELPER + "\n", ["20 b!"]),
    ("tests/two.json", json.dumps(TEST * 2), ["20 b!"] * 3),
    ("promptfooconfig.yaml", json.dumps(SUITE | {"prompts": ["c"]}), ["20 c"] * 3),
]


def test_a_change_runs_the_suite_again(watched: Callable[..., Watched]) -> None:
    """All that a suite is made of is watched: prompts, providers, tests, vars, assertions, hooks, what they import."""
    run = watched("-w")
    run.await_("watching ")
    assert run.answers() == ["1 a"]
    for name, text, answers in CHANGES:
        (run.folder / name).write_text(text)
        assert run.await_("changed: ") == f"changed: {name}\n"
        run.await_("watching ")
        assert run.answers() == answers

    assert run.end() == 130
    noted = (run.folder / "noted.txt").read_text().splitlines()
    assert noted.count("afterAll") == noted.count("beforeAll") == 1 + len(CHANGES)


def test_what_cannot_be_loaded_is_told_and_watched_on(watched: Callable[..., Watched]) -> None:
    """A mistake made meanwhile is told with its place; once it is mended, the suite runs. The suite may ask for it."""
    run = watched(commandLineOptions={"table": False, "watch": True})
    run.await_("watching ")
    (run.folder / "prompt.txt").unlink()
    run.await_("error: promptfooconfig.yaml:")
    run.await_("watching ")
    (run.folder / "prompt.txt").write_text("{{q}} again")
    run.await_("watching ")

    assert run.answers() == ["1 a again"]
    assert run.end() == 130


def test_an_interruption_ends_the_run_that_goes_on(watched: Callable[..., Watched]) -> None:
    """In the middle of a run Ctrl-C ends it as any run: after-hooks run, and nothing is watched any more."""
    run = watched("-w", environ={"SOJOURN_STOP_TIMEOUT_MS": "1000"})
    run.await_("watching ")
    (run.folder / "bot.py").write_text("import time\n" + BOT.replace("return", "time.sleep(60)\n    return"))
    run.await_("changed: bot.py")
    noted = run.folder / "noted.txt"
    while len(noted.read_text().splitlines()) < 6:  # beforeAll and beforeEach of the second run
        assert run.process.poll() is None

    assert run.end() == 130
    assert noted.read_text().splitlines()[-1] == "afterAll"


def test_a_first_mistake_ends_it(watched: Callable[..., Watched]) -> None:
    """A suite that cannot be loaded to begin with is told of and not watched, as without the option."""
    run = watched("-w", providers=["nobody"])
    run.await_("unknown provider")

    assert run.process.wait() == 1


def test_outputs_in_a_folder_that_is_watched_do_not_run_it_again(watched: Callable[..., Watched]) -> None:
    """A run that writes its results below the folder of its tests comes to rest, and a further test runs it again."""
    run = watched("-w", "-o", "tests/results/out.csv", tests="file://tests")
    run.await_("watching ")
    (run.folder / "tests" / "two.json").write_text(json.dumps(TEST))
    assert run.await_("changed: ") == "changed: tests/two.json\n"
    run.await_("watching ")
    (run.folder / "prompt.txt").write_text("{{q}}?")
    assert run.await_("changed: ") == "changed: prompt.txt\n"


def test_code_in_a_folder_with_a_name_like_a_pattern_is_watched(watched: Callable[..., Watched]) -> None:
    """Brackets in a folder's name are its name."""
    run = watched("-w", providers=["file://w[1]/bot.py"])
    run.await_("watching ")
    (run.folder / "w[1]" / "neighbour.py").write_text("x = 1")
    assert run.await_("changed: ") == "changed: w[1]/neighbour.py\n"


def test_what_goes_on_with_an_earlier_run_is_not_watched(watched: Callable[..., Watched]) -> None:
    """--watch with --resume or --retry-errors is refused, not left out."""
    assert "--watch does not go with --resume" in watched("-w", "--retry-errors").await_("--watch")
