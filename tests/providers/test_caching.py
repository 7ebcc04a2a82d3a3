import contextlib
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sojourn.cache import ReplyCache, key_of
from tests.acceptance.suites import Ended, Evaluate, asked
from tests.providers.service import Service

Run = Callable[..., Ended]


@pytest.fixture
def run(evaluate: Evaluate, service: Service) -> Run:
    """Run a suite of questions to the service."""

    def ended(*words: str, arguments: tuple[str, ...] = (), environ: Any = None, **config: Any) -> Ended:
        more = config.pop("more", {})
        entry = {"id": "http", "config": {"url": service.url + "/x", "body": {"q": "{{prompt}}"}, **config}}
        suite = asked(*words, providers=[entry], **more)
        suite["tests"] = [{**test, **more.get("test", {})} for test in suite["tests"]]
        suite.pop("test", None)
        return evaluate(suite, {}, *arguments, NO_PROXY="127.0.0.1", **(environ or {}))

    return ended


def test_what_was_asked_before_is_not_asked_again(run: Run, service: Service) -> None:
    """A second run sends nothing; its rows are the same and say that they were cached."""
    first, second = run("a", "b"), run("a", "b")

    assert len(service.seen) == 2
    assert first.outputs == second.outputs
    assert [[row["response"]["cached"] for row in each.rows] for each in (first, second)] == [[False] * 2, [True] * 2]


@pytest.mark.parametrize(
    "again",
    [
        {"arguments": ("--no-cache",)},
        {"environ": {"PROMPTFOO_CACHE_ENABLED": "false"}},
        {"environ": {"PROMPTFOO_CACHE_TYPE": "memory"}},
        {"environ": {"PROMPTFOO_CACHE_TTL": "0.000001"}},
        {"environ": {"PROMPTFOO_CACHE_PATH": "elsewhere"}},
        {"more": {"evaluateOptions": {"cache": False}}},
        {"headers": {"x": "y"}},
        {"body": {"q": "{{prompt}}", "z": 1}},
        {"transformResponse": "json.body"},
    ],
)
def test_what_differs_is_asked_anew(run: Run, service: Service, again: dict[str, Any]) -> None:
    """Without the cache, past its time, in another place, or with another request or configuration, it is asked."""
    run("a")
    run("a", **again)

    assert len(service.seen) == 2


def test_each_repeat_is_asked(run: Run, service: Service) -> None:
    """Repeats are questions of their own, and each is kept."""
    run("a", arguments=("--repeat", "2"))
    run("a", arguments=("--repeat", "3"))

    assert len(service.seen) == 3


@pytest.mark.parametrize(
    "config",
    [
        {"more": {"test": {"metadata": {"conversationId": "one"}}}},
        {"more": {"test": {"vars": {"q": "continue", "sessionId": "s1"}}}},
        {"sessionParser": "data.body.path"},
        {"stateful": True},
    ],
)
def test_a_turn_is_never_replayed(run: Run, service: Service, config: dict[str, Any]) -> None:
    """The same words twice in a session reach the service twice, and in every run; `replay: true` asks for less."""
    run("continue", "continue", **config)
    run("continue", "continue", **config)
    assert len(service.seen) == 4

    run("continue", "continue", replay=True, **config)
    run("continue", "continue", replay=True, **config)
    assert len(service.seen) == 5


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [(500, "x", {}), (404, "x", {}), (200, {"error": "x"}, {}), (200, "x", {"set_cookie": "a=b"})],
)
def test_failures_and_cookies_are_not_kept(
    run: Run, service: Service, status: int, body: Any, headers: dict[str, str]
) -> None:
    """An answer that is an error, or that begins a session, is asked for again."""
    service.will(status, body, **headers)
    run("a")
    run("a")

    assert len(service.seen) == 2


def test_the_same_question_at_once_is_asked_once(run: Run, service: Service) -> None:
    """Tests that ask the same share one answer."""
    ended = run("a", "a", "a", "a", arguments=("-j", "4"))

    assert len(service.seen) == 1
    assert ended.outcomes == ["passed"] * 4


def test_stats_and_clear(run: Run, tmp_path: Path, service: Service) -> None:
    """The command tells what is kept, and forgets it."""
    run("a", "b")
    home = {"SOJOURN_HOME": str(tmp_path / "home"), "PATH": ""}

    def told(*verb: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "sojourn", "cache", *verb]
        done = subprocess.run(command, env=home, capture_output=True, encoding="utf-8", timeout=60, check=False)
        return done.returncode, done.stdout + done.stderr

    assert "2 answers, " in told("stats")[1]
    assert told("clear") == (0, "2 answers forgotten\n")
    assert "0 answers" in told("stats")[1]
    assert told()[0] == told("drop")[0] == 2
    run("a")
    assert len(service.seen) == 3


def test_many_write_at_once(tmp_path: Path) -> None:
    """Runs that share a cache lose nothing of each other's."""
    file = tmp_path / "deep" / "answers.sqlite"

    def write(name: int) -> None:
        cache = ReplyCache(file)
        for n in range(20):
            cache.put(f"{name}:{n}", {"n": n})

        cache.close()

    threads = [threading.Thread(target=write, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with contextlib.closing(ReplyCache(file)) as cache:
        assert cache.stats().answers == 80
        assert cache.get("3:19") == {"n": 19}
    assert file.stat().st_mode & 0o077 == 0


def test_a_broken_cache_is_done_without(tmp_path: Path) -> None:
    """A file that is no cache, or a place that cannot be written, costs only the saving."""
    file = tmp_path / "answers.sqlite"
    file.write_text("no database at all" * 100)
    cache = ReplyCache(file)
    cache.put("k", 1)
    assert cache.get("k") is None
    with pytest.raises(sqlite3.Error):
        cache.stats()
    cache.clear()
    cache.put("k", 1)
    assert cache.get("k") == 1
    cache.close()

    nowhere = ReplyCache(file / "below" / "answers.sqlite")
    nowhere.put("k", 1)
    assert nowhere.get("k") is None


def test_keys_tell_everything_apart() -> None:
    """Different data has different keys, in whatever order its names stand."""
    assert key_of({"a": 1, "b": 2}) == key_of({"b": 2, "a": 1})
    assert len({key_of(1), key_of("1"), key_of([1]), key_of(1, 0), key_of("\ud800")}) == 5


HOOK = "def started(hook_name, context):\n    return None\n"


def test_tests_that_may_share_a_session_are_turns(evaluate: Evaluate, service: Service) -> None:
    """In a suite with hooks, whose tests run in order as they may share, none is sent again nor left out."""
    entry = {"id": "http", "config": {"url": service.url + "/x", "body": {"q": "{{prompt}}"}}}
    suite = asked("a", "a", providers=[entry], extensions=["file://hooks.py:started"])
    service.will(503, "busy")
    first = evaluate(suite, {"hooks.py": HOOK}, NO_PROXY="127.0.0.1")
    again = evaluate(suite, {"hooks.py": HOOK}, NO_PROXY="127.0.0.1")

    assert first.outcomes == ["error", "passed"]
    assert again.outcomes == ["passed", "passed"]
    assert len(service.seen) == 4


def test_tests_that_share_nothing_are_no_turns(evaluate: Evaluate, service: Service) -> None:
    """Once each test has reported a session of its own, a test of such a suite is an ordinary one again."""
    answers = [(200, {"id": each}) for each in ("s1", "s2")]
    for status, body in [*answers, (503, "busy"), (200, {"id": "s3"})]:
        service.will(status, body)
    config = {"url": service.url + "/x", "body": {"q": "{{prompt}}"}}
    config["transformResponse"] = "({ output: 'x', sessionId: json.id })"
    suite = asked("a", "b", "c", providers=[{"id": "http", "config": config}], extensions=["file://hooks.py:started"])
    run = evaluate(suite, {"hooks.py": HOOK}, "-j", "1", NO_PROXY="127.0.0.1")

    assert run.outcomes == ["passed"] * 3
    assert len(service.seen) == 4


def test_who_tells_of_sessions_is_asked_once(evaluate: Evaluate, service: Service) -> None:
    """A service whose answers are read for a session's id is not asked again, whatever the suite declares."""
    config = {"url": service.url + "/x", "body": {"q": "{{prompt}}"}, "sessionParser": "data.body.id"}
    service.will(503, "busy")
    run = evaluate(asked("a", providers=[{"id": "http", "config": config}]), {}, NO_PROXY="127.0.0.1")

    assert run.outcomes == ["error"]
    assert len(service.seen) == 1
