"""The plugin, in a pytest of its own."""

import os
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

Pytest = Callable[..., subprocess.CompletedProcess[str]]

CODE = """
import pathlib, threading
HERE = pathlib.Path(__file__).parent
def tell(word):
    with open(HERE / "story", "a") as story:
        story.write(word + "\\n")
def thread():
    tell("open")
    yield "a thread"
    tell("close")
class Shelf:
    def open(self):
        tell("open")
        self.handle = {"place": "shelf 7"}
    def attach(self, handle): self.handle = handle
    def close(self): tell("close")
def call_api(prompt, options, context):
    tell(prompt)
    print("heard", prompt)
    if prompt == "stay":
        (HERE / "pipe").write_text("here")
        threading.Event().wait(600)
    if prompt == "broken": raise ValueError("the line is dead")
    return {"output": prompt, "sessionId": "thread-1" if context.get("sessions") else None}
def flaky(prompt, options, context):
    tell("asked")
    return {"output": "no" if len((HERE / "story").read_text().split()) == 2 else "yes"}
def slow(prompt, options, context):
    return {"output": "at last", "latencyMs": 5000}
def hook(name, context):
    if name == "afterAll": raise ValueError("the end is bad")
"""
SUITE = """
prompts: ["{{say}}"]
sessions: {thread: {kind: 'file://s.py:thread', scope: conversation}}
providers: [{id: 'file://s.py', sessions: [thread]}]
tests:
  - description: talk
    turns: [{vars: {say: one}}, {vars: {say: two}}]
  - {description: polite, vars: {say: 'no <b>'}, assert: [{type: contains, value: please}]}
  - {description: dead, vars: {say: broken}}
"""


@pytest.fixture
def pytested(tmp_path: Path) -> Pytest:
    """Write a suite and a test of pytest's own, and run pytest on them."""

    def run(suite: str, *arguments: str, own: str = "def test_own(): pass\n") -> subprocess.CompletedProcess[str]:
        (tmp_path / "promptfooconfig.yaml").write_text(suite, encoding="utf-8")
        (tmp_path / "s.py").write_text(CODE, encoding="utf-8")
        (tmp_path / "test_own.py").write_text(own, encoding="utf-8")
        (tmp_path / "story").unlink(missing_ok=True)
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:randomly", "--rootdir=.", *arguments],
            cwd=tmp_path,
            env={**os.environ, "SOJOURN_HOME": str(tmp_path / "home"), "PYTEST_ADDOPTS": "", "NO_COLOR": "1"},
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )

    return run


def story(folder: Path) -> list[str]:
    """Return what the suite's code told."""
    path = folder / "story"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def test_each_trial_is_a_test(pytested: Pytest, tmp_path: Path) -> None:
    """What passes, fails and breaks is told apart, with its reason and without a trace of ours; sessions are closed."""
    ended = pytested(SUITE, "--sojourn", "promptfooconfig.yaml", "-v", "--junitxml=out.xml")
    assert ended.returncode == 1
    assert "1 failed, 4 passed, 1 error" in ended.stdout
    assert "promptfooconfig.yaml::talk, turn 2 PASSED" in ended.stdout
    assert 'Expected output to contain "please"\nanswered: no <b>' in ended.stdout
    assert "ValueError: the line is dead" in ended.stdout
    assert "heard no <b>" in ended.stdout
    assert "collecting.py" not in ended.stdout + ended.stderr
    assert story(tmp_path).count("open") == story(tmp_path).count("close") == 3
    properties = [(each.get("name"), each.get("value")) for each in ET.parse(tmp_path / "out.xml").iter("property")]
    assert ("session", "thread-1") in properties


def test_what_is_not_selected_is_not_run_but_lanes_are_whole(pytested: Pytest, tmp_path: Path) -> None:
    """One turn asks for its conversation from the start, and for nothing else."""
    ended = pytested(SUITE, "--sojourn", "promptfooconfig.yaml", "promptfooconfig.yaml::talk, turn 2")
    assert ended.returncode == 0, ended.stdout
    assert "1 passed" in ended.stdout
    assert story(tmp_path) == ["open", "one", "two", "close"]


def test_collecting_runs_nothing(pytested: Pytest, tmp_path: Path) -> None:
    """`--collect-only` shows the items."""
    ended = pytested(SUITE, "--sojourn", "promptfooconfig.yaml", "--collect-only", "-q")
    assert "promptfooconfig.yaml::dead" in ended.stdout
    assert story(tmp_path) == []


def test_the_first_failure_stops_the_run(pytested: Pytest, tmp_path: Path) -> None:
    """`-x` ends with all sessions closed."""
    ended = pytested(SUITE, "--sojourn", "promptfooconfig.yaml", "-x", "-k", "polite or dead or whole")
    assert ended.returncode == 1
    assert "1 failed" in ended.stdout
    assert story(tmp_path).count("open") == story(tmp_path).count("close") >= 1


@pytest.mark.parametrize(("wanted", "told"), [(3, "2 passed"), (4, "1 failed, 1 passed")])
def test_repeats_that_count_as_one_are_one_test(pytested: Pytest, wanted: int, told: str) -> None:
    """Four repeats of which so many must pass."""
    suite = f"""
prompts: [hi]
providers: ['file://s.py:flaky']
evaluateOptions: {{maxConcurrency: 1}}
tests: [{{assert: [{{type: equals, value: 'yes'}}], options: {{repeat: 4, minPasses: {wanted}}}}}]
"""
    ended = pytested(suite, "--sojourn", "promptfooconfig.yaml", "promptfooconfig.yaml")
    assert told in ended.stdout
    assert f"3 of 4 passed, {wanted} wanted" in ended.stdout


def test_what_breaks_beside_the_trials_is_a_test_too(pytested: Pytest) -> None:
    """An afterAll that breaks fails the item of the whole run."""
    suite = "prompts: [hi]\nproviders: [echo]\nextensions: ['file://s.py:hook']\n"
    ended = pytested(suite, "--sojourn", "promptfooconfig.yaml", "promptfooconfig.yaml")
    assert "1 failed, 1 passed" in ended.stdout
    assert "(the whole run)" in ended.stdout
    assert "the end is bad" in ended.stdout


def test_a_mistake_in_the_suite_is_an_error_of_collection(pytested: Pytest) -> None:
    """With its place, and what to do."""
    ended = pytested("prompts: [hi]\nproviders: [ekko]\n", "--sojourn", "promptfooconfig.yaml")
    assert ended.returncode == 2
    assert "promptfooconfig.yaml:2:13: unknown provider 'ekko' (known: " in ended.stdout
    assert "Traceback" not in ended.stdout


def test_a_session_of_the_suite_is_a_fixture(pytested: Pytest, tmp_path: Path) -> None:
    """Tests of pytest's own share one session with each other and with the suite's trials."""
    suite = """
prompts: [hi]
sessions: {shelf: {kind: 'file://s.py:Shelf'}}
providers: [{id: 'file://s.py', sessions: [shelf]}]
"""
    own = """
import pytest
@pytest.mark.parametrize("number", range(3))
def test_own(sojourn_session, number):
    assert sojourn_session("shelf") == {"place": "shelf 7"}
def test_wrong(sojourn_session):
    with pytest.raises(pytest.fail.Exception, match="did you mean 'shelf'"):
        sojourn_session("shelv")
"""
    ended = pytested(suite, "--sojourn", "promptfooconfig.yaml", "test_own.py", "promptfooconfig.yaml", own=own)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "6 passed" in ended.stdout
    assert story(tmp_path) == ["open", "hi", "close"]


def test_a_session_that_is_up_is_used_as_it_stands(pytested: Pytest, tmp_path: Path) -> None:
    """What `sojourn sessions up` keeps is given, and left so; one that cannot be had is told in a line."""
    suite = """
prompts: [hi]
sessions:
  shelf: {kind: 'file://s.py:Shelf'}
  each: {kind: 'file://s.py:Shelf', scope: trial}
providers: [{id: 'file://s.py', sessions: [shelf]}]
"""
    pytested(suite, "--collect-only")  # writes the files
    environ = {**os.environ, "SOJOURN_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-m", "sojourn", "sessions"]
    subprocess.run([*command, "up", "shelf"], cwd=tmp_path, env=environ, check=True)
    own = """
def test_own(sojourn_session):
    assert sojourn_session("shelf") == {"place": "shelf 7"}
def test_each(sojourn_session):
    sojourn_session("each")
"""
    ended = pytested(suite, "--sojourn", "promptfooconfig.yaml", "test_own.py", "promptfooconfig.yaml", own=own)
    assert story(tmp_path) == ["hi"], ended.stdout
    subprocess.run([*command, "down", "shelf"], cwd=tmp_path, env=environ, check=True)
    assert story(tmp_path) == ["hi", "close"]
    assert "1 failed, 3 passed" in ended.stdout
    assert "\nsession 'each': only a single session of scope run can be kept up between runs\n" in ended.stdout
    assert "Traceback" not in ended.stdout
    assert "another exception" not in ended.stdout


def test_an_interrupt_closes_the_sessions(pytested: Pytest, tmp_path: Path) -> None:
    """Ctrl-C while a trial is under way: it is cut short, and what was opened is closed before pytest ends."""
    pytested(SUITE, "--collect-only")  # writes the files
    (tmp_path / "promptfooconfig.yaml").write_text(SUITE.replace("say: one", "say: stay"), encoding="utf-8")
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir=.", "--sojourn", "promptfooconfig.yaml"],
        cwd=tmp_path,
        env={**os.environ, "SOJOURN_HOME": str(tmp_path / "home"), "PYTEST_ADDOPTS": ""},
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        (tmp_path / "pipe").read_text(encoding="utf-8")
        process.send_signal(signal.SIGINT)
        shown, _ = process.communicate(timeout=60)
    assert process.returncode == 2, shown
    assert "KeyboardInterrupt" in shown
    assert story(tmp_path).count("open") == story(tmp_path).count("close") >= 1


def test_a_trial_takes_as_long_as_its_answer(pytested: Pytest, tmp_path: Path) -> None:
    """The time in reports is that of the provider, not that which pytest waited for the run."""
    suite = "prompts: [hi]\nproviders: ['file://s.py:slow']\n"
    ended = pytested(suite, "--sojourn", "promptfooconfig.yaml", "promptfooconfig.yaml", "--junitxml=out.xml")
    assert ended.returncode == 0, ended.stdout
    times = [each.get("time") for each in ET.parse(tmp_path / "out.xml").iter("testcase")]
    assert times[0] == "5.000"


def test_xdist_is_refused(pytested: Pytest) -> None:
    """Each of its processes would run the whole suite."""
    ended = pytested(SUITE, "--sojourn", "promptfooconfig.yaml", "-n", "2")
    assert ended.returncode == 4
    assert "leave out -n" in ended.stderr


def test_without_the_option_nothing_is_loaded(pytested: Pytest) -> None:
    """In a project that does not use it, the plugin imports nothing but itself, and takes no file."""
    own = """
import sys
def test_own():
    ours = {name for name in sys.modules if name.partition(".")[0] == "sojourn"}
    assert ours == {"sojourn", "sojourn._version", "sojourn.plugin"}
    assert not {"msgspec", "httpx2", "sqlglot"} & set(sys.modules)
"""
    ended = pytested(SUITE, own=own)
    assert ended.returncode == 0, ended.stdout
    assert "1 passed" in ended.stdout


def test_the_fixture_says_what_it_needs(pytested: Pytest) -> None:
    """Without a suite there are no sessions."""
    ended = pytested(SUITE, own="def test_own(sojourn_session): pass\n")
    assert "sojourn_session needs a suite: pytest --sojourn promptfooconfig.yaml" in ended.stdout
