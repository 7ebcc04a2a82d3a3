import contextlib
import http.server
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from sojourn.errors import ConfigError, ProviderError
from tests.acceptance.suites import Evaluate, asked
from tests.providers.conftest import Ask
from tests.systems.browsers import browsers, need_chromium
from tests.systems.starting import free_port, wait_for

PAGE = """<title>Talk</title>
<input id="say"><button id="send">Send</button><ul id="said"></ul><p id="unseen" hidden>unseen</p>
<script>
const say = document.getElementById("say");
const add = () => {
  const line = document.createElement("li");
  line.textContent = say.value;
  document.getElementById("said").append(line);
};
document.getElementById("send").onclick = () => setTimeout(add, 200);
say.onkeydown = (event) => {
  if (event.key === "Enter") add();
  if (event.key === "Escape") document.title = "escaped";
};
</script>"""
ALL = 'return [...document.querySelectorAll("#said li")].map((line) => line.textContent).join(" ")'


class Site(http.server.ThreadingHTTPServer):
    """Serves the page; each visitor without a cookie gets a number in one, and `visits` has those of each."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Visit)
        self.url = f"http://127.0.0.1:{self.server_port}/"
        self.seen = threading.Condition()
        self.cookies: list[str] = []


class Visit(http.server.BaseHTTPRequestHandler):
    """Answers one request."""

    server: Site

    def do_GET(self) -> None:
        """Show the page."""
        cookie = self.headers.get("Cookie", "")
        self.send_response(404 if "favicon" in self.path else 200)
        self.send_header("Content-Type", "text/html")
        if self.path.startswith("/?") or self.path == "/":
            with self.server.seen:
                self.server.cookies.append(cookie)
                number = len(self.server.cookies)
                self.server.seen.notify_all()
            if "visitor=" not in cookie:
                self.send_header("Set-Cookie", f"visitor={number}")
        self.end_headers()
        self.wfile.write(PAGE.encode())

    def log_message(self, *_: object) -> None:
        """Write nothing."""


@contextlib.contextmanager
def waited(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """End a process with the block."""
    try:
        yield
    finally:
        process.kill()
        process.wait()


def gone(folder: Path) -> bool:
    """Wait until no browser of runs in a folder is left; tell whether it came to that."""
    deadline = time.monotonic() + 20
    while browsers(folder) and time.monotonic() < deadline:
        psutil.wait_procs([psutil.Process(pid) for pid in browsers(folder) if psutil.pid_exists(pid)], timeout=1)
    return not browsers(folder)


@pytest.fixture
def site() -> Iterator[Site]:
    need_chromium()
    with Site() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def step(action: str, name: str = "", *, once: bool = False, **args: Any) -> dict[str, Any]:
    """Make a step as it stands in a suite."""
    return {"action": action, "args": args, **({"name": name} if name else {}), **({"runOnce": True} if once else {})}


def entry(site: Site, *steps: dict[str, Any], **config: Any) -> dict[str, Any]:
    """Make an entry under `providers` that goes to the page, and then takes steps."""
    return {"id": "browser", "config": {"steps": [step("navigate", url=site.url), *steps], **config}}


@pytest.mark.parametrize(
    ("steps", "config", "output"),
    [
        ([step("extract", "a", selector="#send")], {"transformResponse": "extracted.a"}, "Send"),
        ([step("extract", "a", selector="#unseen")], {"transformResponse": "extracted.a", "timeoutMs": 100}, "unseen"),
        ([step("extract", "a", script="return {n: 1 + 1}")], {"responseParser": "extracted"}, {"a": {"n": 2}}),
        ([], {"transformResponse": "finalHtml.includes('Talk')"}, True),
        ([], {"transformResponse": "(extracted, html) => ({output: html.length > 9})"}, True),
        (
            [step("type", selector="#say", text="{{prompt}}<Enter>{{name}}<enter>"), step("extract", "a", script=ALL)],
            {"transformResponse": "extracted.a"},
            "hi Ada",
        ),
        (
            [
                step("type", selector="#say", text="x<ENTER>y<escape>"),
                step("extract", "a", script="return document.title"),
            ],
            {"transformResponse": "extracted.a"},
            "escaped",
        ),
        (
            [
                step("type", selector="#say", text="{{prompt}}"),
                step("click", selector="#send"),
                step("waitForNewChildren", parentSelector="#said", delay=0),
                step("extract", "a", selector="#said"),
            ],
            {"transformResponse": "extracted.a"},
            "hi",
        ),
        (
            [step("click", selector="#no", optional=True), step("wait", ms=1), step("extract", "a", selector="title")],
            {"transformResponse": "extracted.a", "timeoutMs": 100},
            "Talk",
        ),
        (
            [step("extract", "a", script="return document.cookie")],
            {"cookies": "mood=good=very; visitor=7", "transformResponse": "extracted.a"},
            "mood=good=very; visitor=7",
        ),
    ],
)
def test_steps_are_taken_in_a_real_browser(
    ask: Ask, site: Site, steps: list[dict[str, Any]], config: dict[str, Any], output: Any
) -> None:
    """Every action does in Chromium what it does in promptfoo; the output is what the expression makes of the page."""
    [reply] = ask(entry(site, *steps, **config), "hi", name="Ada")

    assert (reply.error, reply.output) == ("", output)


def test_without_an_expression_the_output_is_the_page(ask: Ask, site: Site) -> None:
    """The HTML of the page, after all steps."""
    [reply] = ask(entry(site, step("type", selector="#say", text="hi<enter>")), "hi")

    assert "<li>hi</li>" in reply.output


def test_a_page_may_be_a_file(ask: Ask, site: Site, tmp_path: Path) -> None:
    """An address that starts with file:// is one, and not the file's content."""
    (tmp_path / "page.html").write_text(PAGE)
    steps = [step("navigate", url=f"file://{tmp_path}/page.html"), step("extract", "a", selector="#send")]
    [reply] = ask({"id": "browser", "config": {"steps": steps, "transformResponse": "extracted.a"}}, "hi")

    assert (reply.error, reply.output) == ("", "Send")


def test_a_picture_is_kept_beside_the_suite(ask: Ask, site: Site, tmp_path: Path) -> None:
    """Its path is a template, and starts at the suite's folder."""
    [reply] = ask(entry(site, step("screenshot", path="seen/{{prompt}}.png", fullPage=True)), "hi")

    assert reply.error == ""
    assert (tmp_path / "seen" / "hi.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ([step("click", selector="#no")], "step 2 (click '#no') on {url}: no such element came within 0.2 s"),
        ([step("type", selector="#no", text="a")], "step 2 (type '#no') on {url}: no such element came within 0.2 s"),
        ([step("extract", "a", selector="#no")], "step 2 (extract '#no') on {url}: no such element came within 0.2 s"),
        (
            [step("extract", "a", script="return nope")],
            "step 2 (extract) on {url}: ReferenceError: nope is not defined",
        ),
        (
            [step("navigate", url="http://127.0.0.1:9/")],
            "step 2 (navigate 'http://127.0.0.1:9/') on {url}: net::ERR_UNSAFE_PORT",
        ),
        (
            [step("waitForNewChildren", parentSelector="#said", delay=0, timeout=50)],
            "step 2 (waitForNewChildren '#said') on {url}: no new element came within 0.05 s",
        ),
    ],
)
def test_a_step_that_cannot_be_taken_is_named(ask: Ask, site: Site, steps: list[dict[str, Any]], told: str) -> None:
    """The error says which step, on which page, what is wrong; the browser is closed as ever."""
    [reply] = ask(entry(site, *steps, timeoutMs=200), "hi")

    assert reply.error.startswith(told.format(url=site.url)), reply.error


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({}, "'browser' has no steps"),
        ({"steps": []}, "'browser' has no steps"),
        ({"steps": [{"action": "clik", "args": {}}]}, r"step 1 of 'browser': there is no action 'clik' \(did you mean"),
        ({"steps": [{"action": "scroll"}]}, r"step 1 of 'browser': there is no action 'scroll'"),
        ({"steps": [step("click")]}, r"step 1 of 'browser': click needs a selector"),
        ({"steps": [step("navigate", url="x"), step("type", selector="a")]}, r"step 2 of 'browser': type needs a text"),
        ({"steps": [step("extract", "a")]}, "extract needs a selector or a script"),
        ({"steps": [step("extract", selector="a")]}, "extract needs a name"),
        ({"steps": ["click"]}, "step 1 of 'browser' is no mapping"),
        ({"steps": [step("wait", ms=1)], "cookies": 3}, "cookies of 'browser' must be"),
        ({"steps": [step("wait", ms=1)], "cookies": [{"value": "a"}]}, "cookies of 'browser' must be"),
        ({"steps": [step("wait", ms=1)], "connectOptions": 9222}, "connectOptions of 'browser' must be a mapping"),
        ({"steps": [step("wait", ms=1)], "timeoutMs": "long"}, "timeoutMs of 'browser' must be a number"),
        ({"steps": [step("wait", ms="long")]}, "step 1 of 'browser': ms must be a number"),
        ({"steps": [{"action": ["click"]}]}, "step 1 of 'browser': there is no action"),
    ],
)
def test_what_can_never_be_taken_is_refused_before_a_run(ask: Ask, config: dict[str, Any], told: str) -> None:
    """Steps that lack something, and actions that nobody knows, are mistakes of the file."""
    with pytest.raises(ConfigError, match=told):
        ask({"id": "browser", "config": config}, "hi")


def test_a_conversation_has_a_page_of_its_own(evaluate: Evaluate, site: Site, tmp_path: Path) -> None:
    """Turns find page and cookies as the turn before left them; another conversation finds nothing of it."""
    steps = [step("type", selector="#say", text="{{prompt}}<enter>"), step("extract", "all", script=ALL)]
    provider = entry(site, *steps, transformResponse="extracted.all")
    provider["config"]["steps"][0]["runOnce"] = True
    suite = asked("a", "b", "c", "d", "e", providers=[provider])
    for test, name in zip(suite["tests"], "xxyx", strict=False):
        test["metadata"] = {"conversationId": name}
    run = evaluate(suite, {}, "-j", "4")

    assert run.outputs == ["a", "a b", "c", "a b d", "e"], run.shown
    assert site.cookies == ["", "", ""]
    assert browsers(tmp_path) == []


def test_cookies_stay_within_a_lane(evaluate: Evaluate, site: Site) -> None:
    """What a site sets comes back with the next turn, and with no turn of anybody else's."""
    suite = asked("a", "b", "c", providers=[entry(site)])
    for test, name in zip(suite["tests"], "xxy", strict=True):
        test["metadata"] = {"conversationId": name}
    evaluate(suite, {}, "-j", "1")

    assert sorted(site.cookies) == ["", "", "visitor=1"]


def test_one_browser_serves_all_tests(evaluate: Evaluate, site: Site) -> None:
    """Tests side by side have one browser, each a page of its own in it."""
    code = (
        "import os, psutil\n"
        "def get_assert(output, context):\n"
        "    marks = {p.environ().get('SOJOURN_SESSION') for p in psutil.process_iter() if mine(p)}\n"
        "    return len(marks - {None}) == 1\n"
        "def mine(process):\n"
        "    try:\n"
        "        return process.environ().get('SOJOURN_HOME') == os.environ['SOJOURN_HOME']\n"
        "    except psutil.Error:\n"
        "        return False\n"
    )
    suite = asked(*"abcdef", providers=[entry(site)])
    suite["defaultTest"] = {"assert": [{"type": "python", "value": "file://look.py"}]}
    run = evaluate(suite, {"look.py": code}, "-j", "3")

    assert run.outcomes == ["passed"] * 6, run.shown


def test_a_page_that_persists_is_one_for_all_tests(evaluate: Evaluate, site: Site, tmp_path: Path) -> None:
    """With `persistSession` all tests use one page, one after another in the order of the file."""
    steps = [step("type", selector="#say", text="{{prompt}}<enter>"), step("extract", "all", script=ALL)]
    provider = entry(site, *steps, transformResponse="extracted.all", persistSession=True)
    provider["config"]["steps"][0]["runOnce"] = True
    run = evaluate(asked("a", "b", "c", providers=[provider]), {}, "-j", "4")

    assert run.outputs == ["a", "a b", "a b c"], run.shown
    assert browsers(tmp_path) == []


def test_the_suites_own_session_is_used(evaluate: Evaluate, site: Site, tmp_path: Path) -> None:
    """Where the provider names a browser session its steps are taken on that page, by that session's isolation."""
    steps = [step("type", selector="#say", text="{{prompt}}<enter>"), step("extract", "all", script=ALL)]
    provider: dict[str, Any] = {"id": "browser", "sessions": ["it"]}
    provider["config"] = {"steps": steps, "transformResponse": "extracted.all", "timeoutMs": 2000}
    suite = asked("a", "b", providers=[provider])
    suite["sessions"] = {"it": {"kind": "browser", "config": {"url": site.url}}}
    suite["tests"][1]["assert"] = [{"type": "session", "value": "#said li", "equals": ["a", "b"]}]
    run = evaluate(suite, {})

    assert run.outputs == ["a", "a b"], run.shown
    assert run.outcomes == ["passed"] * 2
    suite["providers"][0]["config"]["steps"] = [step("click", selector="#no")]
    suite["providers"][0]["config"]["timeoutMs"] = 100
    assert f"step 1 (click '#no') on {site.url}: no such element" in evaluate(suite, {}).rows[0]["error"]
    assert browsers(tmp_path) == []


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_ended_leaves_no_browser(site: Site, tmp_path: Path, sign: signal.Signals) -> None:
    """Killed or stopped in the middle of a step, the run's browser ends with it."""
    (tmp_path / "suite").mkdir()
    config = asked("a", providers=[entry(site, step("wait", ms=60_000))])
    (tmp_path / "suite" / "promptfooconfig.yaml").write_text(json.dumps(config))
    environ = {**os.environ, "SOJOURN_HOME": str(tmp_path / "home"), "SOJOURN_STOP_TIMEOUT_MS": "2000"}
    run = subprocess.Popen(
        [sys.executable, "-m", "sojourn", "eval"],
        cwd=tmp_path / "suite",
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    with waited(run):
        with site.seen:
            assert site.seen.wait_for(lambda: site.cookies, timeout=60)
        assert browsers(tmp_path)
        if sign is signal.SIGINT:
            os.killpg(run.pid, sign)
            run.wait(60)
        else:
            os.kill(run.pid, sign)
        assert gone(tmp_path)


def test_a_browser_that_runs_is_reached_and_goes_on(ask: Ask, site: Site, tmp_path: Path) -> None:
    """What somebody has logged in to by hand is there, in a context of the conversation's own; the browser stays."""
    port = free_port()
    program = shutil.which("chromium") or shutil.which("google-chrome") or ""
    options = ["--headless", "--no-sandbox", f"--remote-debugging-port={port}", f"--user-data-dir={tmp_path / 'own'}"]
    chromium = subprocess.Popen([program, *options, site.url], stderr=subprocess.DEVNULL)
    with waited(chromium):
        wait_for(port, chromium)
        with site.seen:
            assert site.seen.wait_for(lambda: site.cookies, timeout=60)
        config = {"connectOptions": {"debuggingPort": port}, "transformResponse": "extracted.a"}
        script = "const had = document.cookie; document.cookie = 'mine=1'; return had"
        for _ in range(2):
            [reply] = ask(entry(site, step("extract", "a", script=script), **config), "hi")
            assert (reply.error, reply.output) == ("", "visitor=1")
        assert chromium.poll() is None


def test_a_browser_that_is_not_there_is_named(ask: Ask, site: Site) -> None:
    """The error says where it was looked for, and how to start one."""
    port = free_port()
    [reply] = ask(entry(site, connectOptions={"debuggingPort": port}), "hi")

    assert reply.error.startswith(f"no browser can be reached at http://127.0.0.1:{port}: ")
    assert "start one with chromium --remote-debugging-port" in reply.error


def test_a_missing_library_is_named(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Playwright the error says what to install."""
    monkeypatch.setitem(sys.modules, "playwright.async_api", None)
    with pytest.raises(ProviderError, match=r"a browser needs a library \(pip install 'sojourn\[browser\]'\)"):
        ask({"id": "browser", "config": {"steps": [step("wait", ms=1)]}}, "hi")


def test_a_missing_browser_is_named(ask: Ask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without Chromium the error says how to get one."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    [reply] = ask({"id": "browser", "config": {"steps": [step("wait", ms=1)]}}, "hi")

    assert reply.error.startswith("no browser can be started: "), reply.error
    assert reply.error.endswith("; apt install chromium, or playwright install chromium")
