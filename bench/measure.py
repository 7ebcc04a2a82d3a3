"""Runs one command and accounts for it: CPU of it and of all its children, and wall time."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import time
from pathlib import Path

KEPT = ("PATH", "HOME", "LANG", "TMPDIR")


@dataclasses.dataclass(frozen=True, slots=True)
class Measured:
    """Seconds of CPU (user and system, children included) and of wall time, and where it ran."""

    cpu: float
    wall: float
    folder: Path

    def makespan(self) -> float:
        """Return the seconds from the first call's beginning to the last one's end, as the provider stamped them."""
        document = json.loads((self.folder / "out.json").read_text())
        stamps = [re.search(r"@([\d.]+)-([\d.]+)", row["response"]["output"]) for row in document["results"]["results"]]
        times = [(float(stamp[1]), float(stamp[2])) for stamp in stamps if stamp]
        return max(end for _, end in times) - min(start for start, _ in times)


def measure(command: list[str], folder: Path) -> Measured:
    """Run a command that must succeed, in a small environment of its own."""
    environ = {name: os.environ[name] for name in KEPT if name in os.environ}
    environ |= {"PROMPTFOO_DISABLE_TELEMETRY": "1", "PROMPTFOO_DISABLE_UPDATE": "1"}
    environ |= {"PROMPTFOO_CONFIG_DIR": str(folder.parent / "promptfoo"), "NO_COLOR": "1"}
    environ["SOJOURN_HOME"] = str(folder.parent / "sojourn")
    log = folder / "log.txt"
    redirect = [
        (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    before = Path.cwd()
    os.chdir(folder)
    begun = time.perf_counter()
    try:
        pid = os.posix_spawnp(command[0], command, environ, file_actions=redirect)
        _, status, usage = os.wait4(pid, 0)
    finally:
        os.chdir(before)
    wall = time.perf_counter() - begun
    if status:
        raise SystemExit(f"{' '.join(command)} failed in {folder}:\n{log.read_text()[-2000:]}")
    return Measured(usage.ru_utime + usage.ru_stime, wall, folder)


def all_passed(measured: Measured, tests: int) -> None:
    """Make sure that every test was run and passed: a figure of a run that went wrong means nothing."""
    stats = json.loads((measured.folder / "out.json").read_text())["results"]["stats"]
    if stats["successes"] != tests:
        raise SystemExit(f"{measured.folder}: {stats['successes']} of {tests} passed")
