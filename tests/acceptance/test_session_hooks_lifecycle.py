"""The example that everything stands on, through the real command line, as a newcomer runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

SUITES = {"javascript": "promptfooconfig.yaml", "python": "promptfooconfig-python.yaml"}
SERVICES = {"javascript": "sessionService.js", "python": "session_service.py"}
CLOSING = {
    "javascript": ("  async closeSession(sessionId) {", "    throw new Error('the service is gone');"),
    "python": (
        "    async def close_session(self, session_id: str) -> None:",
        "        raise RuntimeError('the service is gone')",
    ),
}
LANGUAGES = sorted(SUITES)


class Ended(msgspec.Struct, frozen=True):
    """A command that has ended."""

    code: int
    shown: str
    rows: list[dict[str, Any]]

    @property
    def outputs(self) -> list[str]:
        """What the provider answered, in the order of the tests."""
        return [row["response"]["output"] for row in self.rows]


def begin(folder: Path, *arguments: str, **environ: str) -> subprocess.Popen[str]:
    """Start the command line in a folder."""
    command = [sys.executable, "-m", "sojourn", *arguments]
    return subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )


def ended(process: subprocess.Popen[str], results: Path) -> Ended:
    """Wait for a command and read what it wrote."""
    shown, _ = process.communicate(timeout=60)
    rows = json.loads(results.read_text(encoding="utf-8"))["results"]["results"] if results.exists() else []
    return Ended(process.returncode, shown, sorted(rows, key=lambda row: (row["testIdx"], row["promptIdx"])))


def evaluate(folder: Path, language: str, **environ: str) -> Ended:
    """Run the example's suite of one language with default settings."""
    return ended(begin(folder, "eval", "-c", SUITES[language], "-o", "out.json", **environ), folder / "out.json")


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """Copy the example the way a newcomer does."""
    made = ended(begin(tmp_path, "init", "--example", "session-hooks-lifecycle"), tmp_path / "none")
    assert made.code == 0, made.shown
    return tmp_path / "session-hooks-lifecycle"


@pytest.mark.parametrize("language", LANGUAGES)
def test_passes_three_of_three_at_default_settings(example: Path, language: str) -> None:
    """The three tests go through one session in order, and see what was said before them."""
    run = evaluate(example, language)

    assert run.code == 0, run.shown
    assert [row["outcome"] for row in run.rows] == ["passed"] * 3
    assert run.outputs[2] == (
        'Response to: "Thank you, that is all." (Session has 2 prior exchanges, request #3 for user test-user-123)'
    )
    assert len({row["metadata"]["sessionId"] for row in run.rows}) == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_shows_what_the_hooks_print(example: Path, language: str) -> None:
    """The life of the session is told from set-up to clean-up."""
    run = evaluate(example, language)
    session = run.rows[0]["metadata"]["sessionId"]
    story = [
        "=== Session Lifecycle Hook: Setting up ===",
        "SessionService initialized",
        f"Session created for user test-user-123: {session}",
        f"✓ Session created successfully: {session}",
        "✓ User ID: test-user-123",
        "=== Session Lifecycle Hook: Cleaning up ===",
        '✓ Session stats: {"active_sessions":1,"total_requests":3}',
        f"Closing session {session} for user test-user-123",
        "  Total requests: 3",
        "  Duration: ",
        f"✓ Session closed: {session}",
    ]
    places = [run.shown.find(line) for line in story]

    assert -1 not in places, run.shown
    assert places == sorted(places)


@pytest.mark.parametrize("language", LANGUAGES)
def test_two_runs_at_once_never_meet(example: Path, language: str) -> None:
    """Started twice at the same time from the same folder, each run has its own session and passes."""
    names = ("one.json", "two.json")
    processes = [begin(example, "eval", "-c", SUITES[language], "-o", name) for name in names]
    runs = [ended(process, example / name) for process, name in zip(processes, names, strict=True)]

    assert [run.code for run in runs] == [0, 0], runs
    assert len({row["metadata"]["sessionId"] for run in runs for row in run.rows}) == 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_environment_sets_the_user(example: Path, language: str) -> None:
    """TEST_USER_ID reaches hooks and service."""
    run = evaluate(example, language, TEST_USER_ID="ada")

    assert run.code == 0, run.shown
    assert all(output.endswith("for user ada)") for output in run.outputs)
    assert "✓ User ID: ada" in run.shown


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_set_up_that_fails_is_logged_and_no_test_passes(example: Path, language: str) -> None:
    """Without a session every test is an error that says so."""
    run = evaluate(example, language, TEST_USER_ID="")

    assert run.code not in {0, 2}, run.shown
    assert "Failed to create session: a session needs a user ID" in run.shown
    assert [row["outcome"] for row in run.rows] == ["error"] * 3
    assert all("No active session found" in row["error"] for row in run.rows)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_clean_up_that_fails_is_a_warning(example: Path, language: str) -> None:
    """The verdicts stand when the session cannot be closed."""
    service = example / SERVICES[language]
    head, broken = CLOSING[language]
    source = service.read_text(encoding="utf-8")
    assert head in source
    service.write_text(source.replace(head, f"{head}\n{broken}"), encoding="utf-8")

    run = evaluate(example, language)

    assert run.code == 0, run.shown
    assert "Warning: failed to close session: the service is gone" in run.shown


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_second_provider_shares_the_session_in_order(example: Path, language: str) -> None:
    """With two providers on one session, requests are numbered in the order of the file."""
    suite = example / SUITES[language]
    text = suite.read_text(encoding="utf-8")
    start, end = text.index("  - id: file://"), text.index("# Called as")
    entry = text[start:end].rstrip()
    second = entry.replace("label: session provider", "label: second provider")
    suite.write_text(text.replace(entry, f"{entry}\n{second}"), encoding="utf-8")

    run = evaluate(example, language)

    assert [row["metadata"]["requestNumber"] for row in run.rows] == [1, 2, 3, 4, 5, 6]
    assert [row["metadata"]["priorExchanges"] for row in run.rows] == [0, 1, 2, 3, 4, 5]
    assert '"total_requests":6' in run.shown


def test_the_starting_file_passes_as_it_is(tmp_path: Path) -> None:
    """What `sojourn init` writes runs at once, with nothing to set up."""
    assert ended(begin(tmp_path, "init"), tmp_path / "none").code == 0
    run = ended(begin(tmp_path, "eval", "-o", "out.json"), tmp_path / "out.json")

    assert run.code == 0, run.shown
    assert [row["outcome"] for row in run.rows] == ["passed", "passed"]
