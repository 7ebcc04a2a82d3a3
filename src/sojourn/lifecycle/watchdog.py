"""The process that outlives the runner: it waits on a pipe, and when the runner is gone it undoes what is left.

Started as `python -m sojourn.lifecycle.watchdog RUN_FOLDER DESCRIPTOR`. The kernel closes the pipe when the runner
ends, however it ends; a runner that has cleaned up after itself has removed its ledger, and then there is nothing to
do. Until it is needed this process has imported nothing but the standard library.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

WILL_GRACE = 25.0
DEATH_GRACE = 5.0
TICK = 0.05


def start(run_folder: Path) -> int:
    """Start a watchdog for a run; returns the descriptor whose end it waits for."""
    import subprocess

    reading, writing = os.pipe()
    # -P: a file in the user's folder may be named as a module of the standard library is.
    command = [sys.executable, "-P", "-m", "sojourn.lifecycle.watchdog", str(run_folder), str(reading)]
    started = subprocess.Popen(  # noqa: S603  our own module
        command,
        pass_fds=(reading,),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(reading)
    threading.Thread(target=started.wait, daemon=True).start()  # no zombie stays behind in a process with many runs
    return writing


def main() -> None:
    """Wait for the runner's end, then for those who inherited its lock, then reap."""
    run_folder, descriptor = Path(sys.argv[1]), int(sys.argv[2])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.read(descriptor, 1)
    deadline = time.monotonic() + WILL_GRACE
    while run_folder.exists() and not _free(run_folder) and time.monotonic() < deadline:
        time.sleep(TICK)
    if run_folder.exists():
        _reap(run_folder)


def _free(run_folder: Path) -> bool:
    from sojourn.lifecycle.ledger import if_dead

    with if_dead(run_folder) as dead:
        return dead


def _reap(run_folder: Path) -> None:
    """Undo what is left; a language process that outstayed its grace is ended first."""
    import asyncio

    from sojourn.lifecycle import ledger, reaper

    if not _free(run_folder):
        reaper.end_processes(ledger.read(run_folder))
        deadline = time.monotonic() + DEATH_GRACE
        while not _free(run_folder) and time.monotonic() < deadline:
            time.sleep(TICK)
    asyncio.run(reaper.reap(run_folder, os.environ))


if __name__ == "__main__":
    main()
