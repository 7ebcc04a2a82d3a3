"""The watchdog as a function: what it waits for, and what it does then. As a process it is in the crash tests."""

import asyncio
import contextlib
import fcntl
import itertools
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from sojourn.lifecycle import ledger, watchdog
from tests.lifecycle.test_ledger import abandon, begun, due, place

__all__ = ["place"]


def watch(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be the watchdog of a run whose runner has ended."""
    reading, writing = os.pipe()
    os.close(writing)
    monkeypatch.setattr(sys, "argv", ["watchdog", str(folder), str(reading)])
    watchdog.main()
    os.close(reading)


def test_a_run_that_has_cleaned_up_needs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its ledger is gone, and so is the watchdog."""
    watch(tmp_path / "gone", monkeypatch)


def left(place: Path) -> Path:
    """Leave a run with one open session and one hook that is due."""

    async def main() -> Path:
        made = await begun(place, "r/1")
        (place / "r-1").touch()
        made.write(due(place))
        abandon(made)
        return made.path

    return asyncio.run(main())


def test_what_a_dead_run_left_is_undone(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its sessions are reclaimed and its hooks run, once its lock is free."""
    watch(left(place), monkeypatch)
    assert not (place / "r-1").exists()
    assert (place / "hooks").read_text() == "afterAll!"
    assert ledger.runs(place) == []


HOLDER = """
import fcntl, os, sys
lock = os.open(sys.argv[1], os.O_RDWR)
fcntl.flock(lock, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def holding(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Have a process of the run hold its lock until its standard input is closed."""
    command = [sys.executable, "-c", HOLDER, str(folder / "lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with open(folder / "ledger.jsonl", "a") as out:
            out.write(f'{{"process": {holder.pid}, "born": {psutil.Process(holder.pid).create_time()}}}\n')
        yield holder


def at_look(number: int, monkeypatch: pytest.MonkeyPatch, do: Callable[[], object]) -> None:
    """Do something when the watchdog looks at the lock for the `number`th time."""
    looked = itertools.count(1)
    free = watchdog._free

    def look(path: Path) -> bool:
        if next(looked) == number:
            do()
        return free(path)

    monkeypatch.setattr(watchdog, "_free", look)


def test_who_inherited_the_lock_is_waited_for(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A language process that still does the last will is let finish: it ends by itself, and then the run is reaped."""
    folder = left(place)
    with holding(folder) as holder:
        assert holder.stdin is not None
        at_look(3, monkeypatch, holder.stdin.close)
        watch(folder, monkeypatch)
        assert holder.wait(30) == 0
    assert ledger.runs(place) == []


def test_whom_nobody_can_end_is_waited_for_a_little(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock that is let go of only after all that the run is known to have started was ended is enough."""
    folder = left(place)
    held = os.open(folder / "lock", os.O_RDWR)
    fcntl.flock(held, fcntl.LOCK_EX)
    at_look(4, monkeypatch, lambda: os.close(held))
    monkeypatch.setattr(watchdog, "WILL_GRACE", 0.0)
    watch(folder, monkeypatch)
    assert ledger.runs(place) == []


def test_who_outstays_its_grace_is_ended(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process of the run that does not let go is killed, and then the run is reaped."""
    folder = left(place)
    with holding(folder) as holder:
        threading.Thread(target=holder.wait, daemon=True).start()
        monkeypatch.setattr(watchdog, "WILL_GRACE", 0.0)
        watch(folder, monkeypatch)
        assert holder.wait(30) == -signal.SIGKILL
    assert ledger.runs(place) == []


def test_a_watchdog_is_started_beside_a_run(tmp_path: Path) -> None:
    """It is a process of its own, and ends by itself once the runner's end of the pipe is closed."""
    children = set(psutil.Process().children())
    lifeline = watchdog.start(tmp_path / "run")
    (started,) = set(psutil.Process().children()) - children
    os.close(lifeline)
    gone, _ = psutil.wait_procs([started], 30)
    assert gone == [started]
