import asyncio
import sys
import urllib.request
import zipfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from sojourn.kinds.browser import Browser
from sojourn.testing import KindContract
from tests.acceptance.suites import Evaluate, asked
from tests.systems.browsers import browsers, need_chromium
from tests.systems.starting import HERE, free_port, serving

USE = """
async def use(browser, word):
    found = " ".join(await browser.texts("#said li"))
    await browser.take([{"fill": {"#say": word}}, {"click": "#send"}])
    return found
"""
CODE = USE + "async def call_api(p, o, context): return {'output': await use(context['sessions']['it'], p)}\n"
LOGIN = [{"fill": {"[name=user]": "ada"}}, {"click": "button"}, {"wait": "#say"}]


@pytest.fixture(scope="module")
def chat() -> Iterator[str]:
    """Serve the chat page."""
    need_chromium()
    port = free_port()
    with serving([sys.executable, str(HERE / "chat.py"), str(port)], port):
        yield f"http://127.0.0.1:{port}/"


class TestBrowser(KindContract):
    kind = "browser"
    use = USE
    can = ("check", "reset", "fork", "reclaim")

    @pytest.fixture(autouse=True)
    def _place(self, chat: str, tmp_path: Path) -> None:
        self.chat = chat
        self.folder = tmp_path

    def config(self) -> Mapping[str, Any]:
        return {"url": self.chat, "steps": LOGIN}

    def left(self) -> Collection[Any]:
        return browsers(self.folder)


def logins(chat: str) -> int:
    """Return how often somebody has logged in."""
    return int(urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"{chat}logins").read())


def suite(chat: str, *words: str, session: Mapping[str, Any] | None = None, **config: Any) -> dict[str, Any]:
    """Make a suite that says words in the chat."""
    entry = {"kind": "browser", "config": {"url": chat, "steps": LOGIN, **config}, **(session or {})}
    return asked(*words, providers=[{"id": "file://code.py", "sessions": ["it"]}], sessions={"it": entry})


def test_forks_are_logged_in_by_one_log_in(evaluate: Evaluate, chat: str) -> None:
    """A fork has the cookies and the storage of the one that logged in, and nothing of another fork's."""
    before = logins(chat)
    config = suite(chat, "a", "b", "c", "d", session={"isolation": "fork"})
    config["sessions"]["it"]["config"]["steps"] = [*LOGIN, {"fill": {"#say": "first"}}, {"click": "#send"}]
    run = evaluate(config, {"code.py": CODE}, "-j", "4")

    assert run.outputs == ["first"] * 4, run.shown
    assert logins(chat) - before == 1


def test_a_failed_trial_has_a_picture_a_trace_and_the_console(evaluate: Evaluate, chat: str) -> None:
    """What the console said is in the metadata, and the picture and the trace where `keep` says."""
    config = suite(chat, "a", keep="kept")
    config["tests"][0]["assert"] = [{"type": "equals", "value": "b"}]
    run = evaluate(config, {"code.py": CODE})

    evidence = run.rows[0]["metadata"]["evidence"]["it"]
    assert evidence["console"] == ["log: said 1"]
    assert Path(evidence["screenshot"]).read_bytes().startswith(b"\x89PNG")
    assert "trace.trace" in zipfile.ZipFile(evidence["trace"]).namelist()
    assert Path(evidence["trace"]).is_relative_to(run.folder / "kept")


def test_its_folder_is_short_and_removed(evaluate: Evaluate, chat: str) -> None:
    """The browser's sockets have short paths, however long that of the run's temporary folder is; nothing stays."""
    code = "import os, psutil\nfrom sojourn.kinds.browser import _place\n"
    code += "async def call_api(p, o, context):\n    place = _place(context['sessions']['it']._tag)\n"
    code += "    return {'output': [place, os.path.isdir(place)]}\n"
    run = evaluate(suite(chat, "a"), {"code.py": code})

    place, was_there = run.outputs[0]
    assert was_there
    assert len(place) < 30
    assert not Path(place).exists()


def test_a_step_that_cannot_be_taken_is_the_trials_error(evaluate: Evaluate, chat: str, tmp_path: Path) -> None:
    """A step that nobody knows, or an element that does not come, is the cause."""
    for steps, told in (([{"jump": "#a"}], "a step is one of goto"), ([{"wait": "#never"}], "Timeout 500ms exceeded")):
        run = evaluate(suite(chat, "a", steps=steps, timeout=0.5), {"code.py": CODE})
        assert run.outcomes == ["error"]
        assert told in run.rows[0]["error"]
    assert browsers(tmp_path) == []


def test_a_fork_that_fails_leaves_no_context(chat: str, tmp_path: Path) -> None:
    """Where the page of a fork cannot be reached its context is closed."""

    async def forked() -> int:
        session = Browser()
        await session.open({"url": chat}, "eval-forked/1", str(tmp_path), {})
        try:
            session._config = {"url": "http://127.0.0.1:9/"}
            with pytest.raises(Exception, match=r"127\.0\.0\.1:9"):
                await session.fork()
            return len(session._browser.contexts)
        finally:
            await session.close()

    assert asyncio.run(forked()) == 1
