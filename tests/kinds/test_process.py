import asyncio
import sys
import uuid
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from sojourn.kinds.process import Process
from sojourn.testing import KindContract
from tests.acceptance.suites import Evaluate, asked

SERVER = """
import http.server, os, subprocess, sys
words = []
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        found = " ".join(words)
        if self.path != "/":
            words.append(self.path[1:])
        self.send_response(200); self.end_headers(); self.wfile.write(found.encode())
# One child in the group, and one that has left it.
for alone in (False, True):
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", sys.argv[1]], start_new_session=alone)
print("serving", flush=True)
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
USE = """
import urllib.request
def use(server, word):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    return opener.open(f"{server.url}/{word}").read().decode()
"""


def running(mark: str) -> list[int]:
    """Return the processes that have a word in their command line, and are not dead."""
    every = [process.info for process in psutil.process_iter(["pid", "cmdline", "status"])]
    there = [info for info in every if info["status"] != psutil.STATUS_ZOMBIE]
    return [info["pid"] for info in there if mark in (info["cmdline"] or ())]


class TestProcess(KindContract):
    kind = "process"
    use = USE
    can = ("check", "reclaim")

    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path) -> None:
        self.mark = uuid.uuid4().hex
        (tmp_path / "server.py").write_text(SERVER)
        self.server = str(tmp_path / "server.py")

    def config(self) -> Mapping[str, Any]:
        return {"command": [sys.executable, self.server, self.mark], "port": "auto"}

    def left(self) -> Collection[Any]:
        return running(self.mark)


def suite(**config: Any) -> dict[str, Any]:
    """Make a suite of one test that a process serves."""
    config = {"command": f"{sys.executable} server.py mark", **config}
    provider = {"id": "echo", "sessions": ["it"]}
    return asked("hi", providers=[provider], sessions={"it": {"kind": "process", "config": config}})


@pytest.mark.parametrize(
    "ready", [{"log": "^serv"}, {"url": "http://127.0.0.1:{port}/"}, {"url": "http://127.0.0.1:{port}/", "log": "ing"}]
)
def test_it_is_ready_when_it_says_so(evaluate: Evaluate, ready: dict[str, str]) -> None:
    """A line of its log, a URL that answers, or both; its handle says where it is."""
    config = suite(port="auto", ready=ready)
    config["prompts"] = ["{{sessions.it.url}} {{sessions.it.port}}"]
    run = evaluate(config, {"server.py": SERVER})

    assert run.code == 0, run.shown
    url, port = run.outputs[0].split()
    assert url == f"http://127.0.0.1:{port}"


def test_one_that_ends_at_once_says_what_it_wrote(evaluate: Evaluate) -> None:
    """A program that ends before it is ready is the trial's error, with its code and its last words."""
    run = evaluate(suite(ready={"log": "never"}), {"server.py": "import sys; print('no licence'); sys.exit(3)"})

    assert run.code == 1
    assert "it ended with code 3 before it was ready: no licence" in run.rows[0]["error"]


def test_one_that_is_never_ready_is_stopped(evaluate: Evaluate) -> None:
    """An opening that takes too long is an error, and nothing runs on."""
    config = suite(ready={"log": "never"}, port="auto")
    config["sessions"]["it"]["open_timeout"] = "1s"
    mark = uuid.uuid4().hex
    config["sessions"]["it"]["config"]["command"] = [sys.executable, "server.py", mark]
    run = evaluate(config, {"server.py": SERVER})

    assert "not open after 1 s" in run.rows[0]["error"]
    assert not running(mark)


def test_its_log_is_evidence_and_kept(evaluate: Evaluate) -> None:
    """A trial that fails has the end of the log in its metadata; under `keep` the whole log stays."""
    config = suite(port="auto", keep="logs")
    config["tests"][0]["assert"] = [{"type": "equals", "value": "ho"}]
    run = evaluate(config, {"server.py": SERVER})

    assert run.rows[0]["metadata"]["evidence"]["it"]["log"].startswith("serving")
    (log,) = (run.folder / "logs").iterdir()
    assert log.read_text().startswith("serving")


def test_one_that_will_not_stop_is_killed(evaluate: Evaluate) -> None:
    """Deaf to SIGTERM, it has its time and is then killed; its own stop signal is used where it has one."""
    deaf = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('up', flush=True)\n"
    mark = uuid.uuid4().hex
    command = [sys.executable, "server.py", mark]
    run = evaluate(
        suite(command=command, ready={"log": "up"}, stop_timeout=0.1), {"server.py": deaf + "time.sleep(600)\n"}
    )

    assert run.code == 0, run.shown
    assert not running(mark)


@pytest.mark.parametrize("stop", ["TERM", "SIGTERM", "int"])
def test_its_stop_signal_is_written_with_or_without_sig(evaluate: Evaluate, stop: str) -> None:
    """Both names of a signal are right, and nothing runs on."""
    config = suite(port="auto", stop=stop)
    mark = uuid.uuid4().hex
    config["sessions"]["it"]["config"]["command"] = [sys.executable, "server.py", mark]
    run = evaluate(config, {"server.py": SERVER})

    assert run.code == 0, run.shown
    assert not running(mark)


def test_a_stop_signal_that_is_none_is_refused_before_it_starts(evaluate: Evaluate) -> None:
    """A wrong name is the trial's error, and nothing was started."""
    config = suite(port="auto", stop="HALT")
    mark = uuid.uuid4().hex
    config["sessions"]["it"]["config"]["command"] = [sys.executable, "server.py", mark]
    run = evaluate(config, {"server.py": SERVER})

    assert "stop is the name of a signal, such as SIGTERM or INT, not 'HALT'" in run.rows[0]["error"]
    assert not running(mark)


def test_an_attached_one_tells_of_the_others_process(tmp_path: Path) -> None:
    """Another process has its port and its log, and sees that it has ended."""

    async def used() -> list[Any]:
        first, second = Process(), Process()
        await first.open({"command": [sys.executable, "-c", SERVER, "x"], "port": "auto"}, "eval-a/1", str(tmp_path))
        second.attach(first.handle)
        seen = [second.url == first.url, second.check(), second.look("serv"), (await second.evidence())["exit"]]
        await first.close()
        return [*seen, second.check()]

    assert asyncio.run(used()) == [True, True, ["serving"], None, False]


KILLS = """
import os
async def call_api(prompt, options, context):
    os.kill(context["sessions"]["it"].pid, 9)
    if prompt == "raise":
        raise ConnectionError("nobody is there")
    return {"error": "no answer"} if prompt == "error" else {"output": "odd"}
"""


@pytest.mark.parametrize(("word", "outcome"), [("raise", "error"), ("error", "error"), ("fail", "failed")])
def test_a_program_that_has_ended_is_named_by_the_trials_that_suffer(
    evaluate: Evaluate, word: str, outcome: str
) -> None:
    """Beside what the provider or the assertion says stands that the program has ended, and its last line."""
    config = suite(port="auto")
    config["providers"] = [{"id": "file://kills.py", "sessions": ["it"]}]
    config["tests"] = [{"vars": {"q": word}, "assert": [{"type": "equals", "value": "even"}]}]
    run = evaluate(config, {"server.py": SERVER, "kills.py": KILLS})

    assert run.outcomes == [outcome]
    assert "(session 'it': the program ended with code -9: serving)" in run.rows[0]["error"]
    assert "the program ended with code -9: serving" in run.shown


def test_fields_of_a_parent_stand_in_command_and_env(evaluate: Evaluate) -> None:
    """A program shares a database with those who look at it: it is told its path by the parent's name."""
    server = "import os, sqlite3, sys\nfilled = sqlite3.connect(sys.argv[1]).execute('INSERT INTO t VALUES (7)')\n"
    server += "filled.connection.commit()\n"
    server += "print('filled', os.environ['DB'] == sys.argv[1], flush=True)\nimport time; time.sleep(600)\n"
    config = suite(command="{python} server.py {db.path}", env={"DB": "{db.path}"}, ready={"log": "filled True"})
    config["sessions"]["it"]["parent"] = "db"
    config["sessions"]["db"] = {"kind": "sqlite", "config": {"script": "CREATE TABLE t (n INTEGER);"}}
    config["tests"][0]["assert"] = [{"type": "session", "session": "db", "value": "SELECT n FROM t", "equals": 7}]
    run = evaluate(config, {"server.py": server})

    assert run.code == 0, run.shown


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("{python} server.py {prt}", "there is no {prt} to put in; did you mean {port}?"),
        ("no-such-program {port}", "it cannot be started: No such file or directory: no-such-program"),
    ],
)
def test_what_cannot_be_started_says_what_to_mend(evaluate: Evaluate, command: str, says: str) -> None:
    """A misspelt place and a missing program are named, and no line of Python's own."""
    config = suite(command=command, port="auto")
    run = evaluate(config, {"server.py": SERVER})

    assert says in run.rows[0]["error"]
    assert "(promptfooconfig.yaml:" in run.rows[0]["error"]


def test_braces_of_its_own_are_left_to_the_program(evaluate: Evaluate) -> None:
    """JSON and format texts go to the program as they are written."""
    told = '{"a": 1} {} {{port}} {name} {x.y} {report} {part}'
    config = suite(command=[sys.executable, "-u", "-c", "import sys, time; print(sys.argv[1]); time.sleep(600)", told])
    config["sessions"]["it"]["config"]["ready"] = {"log": "."}
    config["tests"][0]["assert"] = [{"type": "session", "value": ".+", "equals": ["{% raw %}" + told + "{% endraw %}"]}]
    run = evaluate(config, {})

    assert run.code == 0, run.shown
