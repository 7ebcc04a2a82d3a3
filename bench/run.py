"""Measures Sojourn, and promptfoo beside it where BENCH_PROMPTFOO names its program; see README.md."""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from inputs import conversations, write, write_rows, write_yaml
from measure import Measured, all_passed, measure

from sojourn.lifecycle.journal import Journal, NoLedger
from sojourn.lifecycle.keeper import Keeper, Stay
from sojourn.lifecycle.kinship import Family
from sojourn.model.session import Scope, SessionSpec
from sojourn.protocols import Opening

SOJOURN = str(Path(sys.executable).with_name("sojourn"))
PROMPTFOO = os.environ.get("BENCH_PROMPTFOO", "")
HISTORY = Path(__file__).with_name("history.jsonl")
EXTENSION = {"extensions": ["file://measured.py:own_session"]}

PEAK = """
status = open("/proc/self/status").read()
sys.stderr.write(status.partition("VmHWM:")[2].split()[0])
"""
PEAK_OF_RUN = """
import sys
from sojourn.__main__ import main
sys.argv = ["sojourn", "eval", "--no-table", "--no-progress-bar", "-o", "out.json"]
assert main() == 0
"""
PEAK_OF_READING = """
import sys
from pathlib import Path
from sojourn.config.csv_tests import tests_from_csv
from sojourn.config.findings import Findings
tests = tests_from_csv(Path("tests.csv").read_text(), "tests.csv", {}, Findings())
"""

Figures = dict[str, float]


class Round:
    """One round: every figure once, each in a fresh folder below `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def _run(self, program: str, name: str, count: int, provider: str, jobs: int = 4, **more: Any) -> Measured:
        folder = self._root / f"{Path(program).name}-{name}"
        write(folder, count, provider, **more)
        flags = ["--no-cache", "--no-table", "--no-progress-bar", "-j", str(jobs), "-o", "out.json"]
        measured = measure([program, "eval", "-c", "promptfooconfig.json", *flags], folder)
        all_passed(measured, count)
        return measured

    def figures(self) -> Iterator[tuple[str, float]]:
        """Measure one figure after the other, promptfoo's directly behind ours."""
        yield from self._version()
        yield from self._one_test()
        yield from self._per_test()
        yield from self._rows()
        yield from self._record()
        yield from self._yaml()
        yield from self._memory()
        yield from self._sessions()
        yield from self._sleeps()
        yield from self._conversations()
        yield from self._session()

    def _version(self) -> Iterator[tuple[str, float]]:
        bare = min(measure([sys.executable, "-c", "pass"], self._root).wall for _ in range(9))
        ours = min(measure([SOJOURN, "--version"], self._root).wall for _ in range(9))
        yield "python -c pass, wall ms (best of 9)", bare * 1000
        yield "--version, wall ms (best of 9)", ours * 1000
        yield "--version, times python -c pass", ours / bare

    def _one_test(self) -> Iterator[tuple[str, float]]:
        ours = self._run(SOJOURN, "one", 1, "echo")
        yield "one test, CPU s", ours.cpu
        yield "one test, wall s", ours.wall
        if PROMPTFOO:
            theirs = self._run(PROMPTFOO, "one", 1, "echo")
            yield "one test, promptfoo's CPU over ours", theirs.cpu / ours.cpu
            yield "one test, promptfoo's wall over ours", theirs.wall / ours.wall

    def _per_test(self) -> Iterator[tuple[str, float]]:
        ours = self._net(SOJOURN)
        yield "1,000 no-op tests, CPU ms a test", ours
        if PROMPTFOO:
            theirs = self._net(PROMPTFOO)
            yield "1,000 no-op tests, promptfoo's CPU ms a test", theirs
            yield "1,000 no-op tests, promptfoo's CPU over ours", theirs / ours

    def _net(self, program: str) -> float:
        """Return the CPU milliseconds that each further test costs, start-up taken off."""
        few = self._run(program, "noop-1", 1, "file://measured.py:noop")
        many = self._run(program, "noop-1000", 1000, "file://measured.py:noop")
        return (many.cpu - few.cpu) / 999 * 1000

    def _rows(self) -> Iterator[tuple[str, float]]:
        ours = self._of_rows(SOJOURN, 10_000)
        yield "10,000 CSV rows with 3 assertions, CPU s", ours.cpu
        if PROMPTFOO:
            theirs = self._of_rows(PROMPTFOO, 10_000)
            yield "10,000 CSV rows with 3 assertions, promptfoo's CPU s", theirs.cpu
            yield "10,000 CSV rows with 3 assertions, promptfoo's CPU over ours", theirs.cpu / ours.cpu

    def _record(self) -> Iterator[tuple[str, float]]:
        kept = self._of_rows(SOJOURN, 10_001)
        unkept = self._of_rows(SOJOURN, 10_002, "--no-write")
        yield "10,000 CSV rows, what the store costs: CPU over --no-write", kept.cpu / unkept.cpu

    def _of_rows(self, program: str, count: int, *more: str) -> Measured:
        folder = self._root / f"{Path(program).name}-rows-{count}"
        write_rows(folder, count)
        flags = ["--no-cache", "--no-table", "--no-progress-bar", "-o", "out.json", *more]
        measured = measure([program, "eval", "-c", "promptfooconfig.json", *flags], folder)
        all_passed(measured, count)
        return measured

    def _yaml(self) -> Iterator[tuple[str, float]]:
        folder = self._root / "yaml"
        write_yaml(folder, 10_000)
        ours = measure([SOJOURN, "validate"], folder)
        yield "validate 10,000 tests in YAML, wall s", ours.wall
        if PROMPTFOO:
            theirs = measure([PROMPTFOO, "--version"], folder)
            yield "validate 10,000 tests in YAML, over promptfoo's --version, wall", ours.wall / theirs.wall
            yield "validate 10,000 tests in YAML, over promptfoo's --version, CPU", ours.cpu / theirs.cpu

    def _memory(self) -> Iterator[tuple[str, float]]:
        few, many = self._peak(2_000), self._peak(12_000)
        yield "memory of a further CSV row, results written, KB", (many["run"] - few["run"]) / 10_000
        yield (
            "the same less the row's own test, as it was read, KB",
            (many["run"] - many["read"] - few["run"] + few["read"]) / 10_000,
        )

    def _peak(self, count: int) -> dict[str, int]:
        """Return the most memory in KB of a run of so many rows, and of a process that only reads them."""
        folder = self._root / f"peak-{count}"
        write_rows(folder, count)
        peaks = {}
        for what, code in (("run", PEAK_OF_RUN), ("read", PEAK_OF_READING)):
            told = subprocess.run([sys.executable, "-c", code + PEAK], cwd=folder, capture_output=True, check=True)
            peaks[what] = int(told.stderr.split()[-1])
        return peaks

    def _sessions(self) -> Iterator[tuple[str, float]]:
        one = self._run(SOJOURN, "session-1", 1, "file://measured.py:sleep100", jobs=20, **EXTENSION)
        forty = self._run(SOJOURN, "session-40", 40, "file://measured.py:sleep100", jobs=20, **EXTENSION)
        yield "40 sessions at -j 20, net of start-up, over the ideal 0.2 s", (forty.wall - one.wall + 0.1) / 0.2

    def _sleeps(self) -> Iterator[tuple[str, float]]:
        measured = self._run(SOJOURN, "sleep", 500, "file://measured.py:sleep100", jobs=50)
        yield "500 x 100 ms at -j 50, per cent of the ideal 1.0 s", 100 / measured.makespan()

    def _conversations(self) -> Iterator[tuple[str, float]]:
        measured = self._run(SOJOURN, "turns", 200, "", jobs=20, **conversations(20, 10))
        yield "20 conversations x 10 turns x 20 ms at -j 20, over the ideal 0.2 s", measured.makespan() / 0.2

    def _session(self) -> Iterator[tuple[str, float]]:
        yield "a trivial session opened, lent, closed, CPU us", asyncio.run(session_cost(2000))


class Trivial:
    """A kind of session that costs nothing itself."""

    abilities: frozenset[str] = frozenset()
    is_borrowed = False

    async def open(self, opening: Opening) -> str:
        """Open one."""
        return opening.tag

    async def close(self, live: str) -> None:
        """Close one."""

    def is_lost(self, _: str) -> bool:
        """Stay."""
        return False

    def handle(self, live: str) -> str:
        """Be known by the tag."""
        return live


async def session_cost(count: int) -> float:
    """Return the microseconds that opening, lending and closing a session of a trial's own costs."""
    spec = SessionSpec(name="s", kind="trivial", scope=Scope.TRIAL)
    kind: Any = Trivial()
    keeper = Keeper(Family([spec]), {"s": kind}, Journal("bench", time.perf_counter, NoLedger()))
    stays = [Stay(f"t{n}", f"lane {n}", {Scope.TRIAL: str(n)}, ("s",)) for n in range(count)]
    keeper.expect(stays)
    began = time.process_time()
    for stay in stays:
        async with keeper.visit(stay, []):
            pass
    return (time.process_time() - began) / count * 1e6


def rounds(count: int) -> list[Figures]:
    """Measure everything so many times; the first round, which warms caches, is thrown away."""
    measured = []
    for number in range(count + 1):
        with tempfile.TemporaryDirectory(prefix="bench-") as root:
            measured.append(dict(Round(Path(root)).figures()))
        print(f"round {number} of {count}", file=sys.stderr)
    return measured[1:]


def main() -> None:
    """Print a table of medians and append them to the history."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    measured = rounds(parser.parse_args().rounds)
    medians = {name: statistics.median(each[name] for each in measured) for name in measured[0]}
    for name, value in medians.items():
        spread = [each[name] for each in measured]
        print(f"{name:<62} {value:>9.3f}   ({min(spread):.3f} to {max(spread):.3f})")
    keep(medians, len(measured))


def keep(medians: Figures, count: int) -> None:
    """Append the medians to the history, with what they were measured on."""
    from sojourn import __version__

    line = {
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "version": __version__,
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "rounds": count,
        "medians": {name: round(value, 4) for name, value in medians.items()},
    }
    with HISTORY.open("a", encoding="utf-8") as history:
        history.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
