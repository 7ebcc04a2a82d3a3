"""What every kind of session promises, as tests to inherit: `class TestMine(KindContract)` in a file of pytest's.

Each test runs a whole suite through the command line, in processes of its own, and then counts what is left outside.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import uuid
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import psutil

PATIENCE = 60.0
_ISOLATIONS = {"reset": "reset", "rollback": "rollback", "fork": "fork"}
_CODE = """
import asyncio, inspect, os
{use}
async def call_api(prompt, options, context):
    if prompt == "stay":
        with open(os.environ["TOLD"], "w") as told:
            told.write("here\\n")
        await asyncio.sleep(600)
    found = use(context["sessions"]["it"], prompt)
    return {{"output": await found if inspect.isawaitable(found) else found}}
"""


class KindContract:
    """What a kind promises: used, checked, made as new, closed, and gone though everything was killed.

    A subclass says which `kind` with which `config`, what it `can` (check, reset, rollback, fork, reclaim), how it is
    used, and what is left outside of it. `use` is the source of a function `use(session, word)`, async if you like,
    that leaves the word in the session and returns the words that it found there, in order, joined by blanks;
    `remembers` says whether it does. `secret` is a text that may stand in no file of the run's and on no screen.
    """

    kind: ClassVar[str]
    use: ClassVar[str]
    can: ClassVar[Collection[str]] = ()
    remembers: ClassVar[bool] = True
    secret: ClassVar[str] = ""

    def config(self) -> Mapping[str, Any]:
        """Return the session's configuration."""
        return {}

    def left(self) -> Collection[Any]:
        """Return what is there, outside, of the kind's sessions: connections, processes, files."""
        raise NotImplementedError

    # --- the promises ------------------------------------------------------------------------------------------

    def test_it_is_opened_used_and_closed(self, tmp_path: Path) -> None:
        """One session serves a run's trials in order, and afterwards nothing is left of it."""
        found = self._finds(tmp_path)

        assert found == (["", "a", "a b"] if self.remembers else ["", "", ""])

    def test_each_trial_may_have_one_of_its_own(self, tmp_path: Path) -> None:
        """With the scope trial no trial finds what another left, and nothing is left of any of them."""
        assert self._finds(tmp_path, scope="trial") == ["", "", ""]

    def test_isolation_is_kept_or_refused(self, tmp_path: Path) -> None:
        """What it can do for isolation it does; what it cannot is refused before anything is opened."""
        for isolation, ability in _ISOLATIONS.items():
            folder = tmp_path / isolation
            folder.mkdir()
            if ability in self.can:
                assert self._finds(folder, isolation=isolation) == ["", "", ""], isolation
            else:
                run = self._run(folder, "abc", isolation=isolation)
                assert run.returncode == 1
                assert "cannot" in run.stdout

    def test_a_pool_may_have_it_checked(self, tmp_path: Path) -> None:
        """Where it can be checked it is before it is lent, and a sound one passes; where it cannot, that is said."""
        run = self._run(tmp_path, "abc", pool={"max": 2, "check": True})

        assert run.returncode == (0 if "check" in self.can else 1), run.stdout
        assert not self.left()

    def test_it_is_closed_when_the_runner_is_killed(self, tmp_path: Path) -> None:
        """A runner that dies by SIGKILL leaves nothing: those who outlive it close what it had opened."""
        with self._staying(tmp_path) as run:
            run.kill_runner()
            run.wait_for_all()

        assert not self.left()

    def test_it_is_reclaimed_when_everything_is_killed(self, tmp_path: Path) -> None:
        """When all processes of the run died by SIGKILL, `sojourn sessions reap` undoes what is left, or says: lost."""
        with self._staying(tmp_path) as run:
            run.kill_all()
        reaped = _sojourn(tmp_path, "sessions", "reap")

        if "reclaim" in self.can:
            assert reaped.returncode == 0, reaped.stdout
            assert not self.left()
        else:
            assert "their kind has no reclaim: it" in reaped.stdout

    # --- how they are tried ------------------------------------------------------------------------------------

    def _finds(self, folder: Path, **entry: Any) -> list[str]:
        """Run three trials in order; return what each found."""
        run = self._run(folder, "abc", **entry)
        assert run.returncode == 0, run.stdout
        assert not self.left()
        rows = json.loads((folder / "out.json").read_text(encoding="utf-8"))["results"]["results"]
        return [row["response"]["output"] for row in sorted(rows, key=lambda row: row["testIdx"])]

    def _run(self, folder: Path, words: Collection[str], **entry: Any) -> subprocess.CompletedProcess[str]:
        self._write(folder, words, entry)
        run = _sojourn(folder, "eval", "-j", "1", "-o", "out.json")
        self._look_for_the_secret(folder, run.stdout)
        return run

    def _write(self, folder: Path, words: Collection[str], entry: Mapping[str, Any]) -> None:
        suite = {
            "prompts": ["{{word}}"],
            "providers": [{"id": "file://user.py", "sessions": ["it"]}],
            "sessions": {"it": {"kind": self.kind, "config": dict(self.config()), **entry}},
            "tests": [{"vars": {"word": word}} for word in words],
        }
        (folder / "user.py").write_text(_CODE.format(use=self.use), encoding="utf-8")
        (folder / "promptfooconfig.json").write_text(json.dumps(suite), encoding="utf-8")

    def _look_for_the_secret(self, folder: Path, shown: str) -> None:
        if self.secret:
            files = [path for path in folder.rglob("*") if path.is_file() and path.name != "promptfooconfig.json"]
            told = {str(path): path.read_text(encoding="utf-8", errors="replace") for path in files}
            assert not [name for name, text in {**told, "screen": shown}.items() if self.secret in text]

    @contextlib.contextmanager
    def _staying(self, folder: Path) -> Iterator[_Run]:
        """Start a run whose only trial has the session and never ends."""
        self._write(folder, ["stay"], {})
        run = _Run(folder)
        try:
            run.wait_until_it_stays()
            assert self.left(), "what is not counted while it is open is not counted when it is left over either"
            self._look_for_the_secret(folder, "")
            yield run
        finally:
            run.kill_all()


class _Run:
    """A run in the background, with all processes that belong to it."""

    def __init__(self, folder: Path) -> None:
        os.mkfifo(folder / "told")
        self._told = os.open(folder / "told", os.O_RDWR)
        self._mark = uuid.uuid4().hex
        environ = {**_environ(folder), "TOLD": str(folder / "told"), "SOJOURN_TEST_MARK": self._mark}
        command = [sys.executable, "-m", "sojourn", "eval"]
        with open(folder / "shown", "wb") as shown:
            self._runner = subprocess.Popen(command, cwd=folder, env=environ, stdout=shown, stderr=shown)  # noqa: S603  our own command line
        self._shown = folder / "shown"

    def wait_until_it_stays(self) -> None:
        """Wait until the trial has its session."""
        ready, _, _ = select.select([self._told], [], [], PATIENCE)
        assert ready, self._shown.read_text(encoding="utf-8", errors="replace")

    def kill_runner(self) -> None:
        """Kill the process that runs the suite, and none of the others."""
        self._runner.kill()
        self._runner.wait()

    def wait_for_all(self) -> None:
        """Wait for the end of all that the runner left behind, the watchdog among them."""
        _, alive = psutil.wait_procs(self._processes(), timeout=PATIENCE)
        assert not alive, alive

    def kill_all(self) -> None:
        """Kill everything that is Sojourn's, and give nothing the time to clean up; what it started stays."""
        ours = [process for process in self._processes() if _is_sojourn(process)]
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for process in ours:
                with contextlib.suppress(psutil.Error):
                    process.send_signal(number)
        psutil.wait_procs(ours, timeout=PATIENCE)
        self._runner.wait()

    def _processes(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get("SOJOURN_TEST_MARK") == self._mark:
                    found.append(process)
        return found


def _is_sojourn(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return "sojourn" in " ".join(process.cmdline())
    return False


def _environ(folder: Path) -> dict[str, str]:
    return {**os.environ, "SOJOURN_HOME": str(folder / "home"), "TMPDIR": str(folder)}


def _sojourn(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  our own command line
        [sys.executable, "-m", "sojourn", *arguments],
        cwd=folder,
        env=_environ(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=2 * PATIENCE,
        check=False,
    )
