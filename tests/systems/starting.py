"""Starts the real systems of the tests: programs that are ready when their port is open."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

PATIENCE = 60.0
HERE = Path(__file__).parent


def free_port() -> int:
    """Return a port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def serving(command: Sequence[str], port: int, *, cwd: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program that serves a port, from the moment that it does; its process group ends with the block."""
    process = subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        wait_for(port, process)
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until a port is open, or the program that should open it has ended."""
    for _ in range(int(PATIENCE / 0.05)):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        assert process.poll() is None, f"{process.args!r} ended with code {process.returncode}"
        select.select([], [], [], 0.05)
    raise TimeoutError(f"{process.args!r} opened no port {port}")
