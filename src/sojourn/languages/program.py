"""A program of the user's, run without a shell: a process group of its own, which ends with whoever waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
from collections.abc import Mapping
from typing import NamedTuple

from sojourn.errors import CodeError

GRACE = 2.0
"""Seconds that a program has to end when it is asked to."""


class Ran(NamedTuple):
    """How a program ended, and what it wrote to standard output and standard error."""

    code: int
    out: str
    err: str


async def run_program(command: str, arguments: list[str], folder: str, env: Mapping[str, str]) -> Ran:
    """Run a command with further arguments in a folder; given up, it is ended with all that it started.

    Raises CodeError where it cannot be run.
    """
    starting = asyncio.ensure_future(_start(command, arguments, folder, env))
    try:
        process = await asyncio.shield(starting)
        out, err = await process.communicate()
    except asyncio.CancelledError:
        await _end(await starting)
        raise
    return Ran(process.returncode or 0, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"))


async def _start(command: str, arguments: list[str], folder: str, env: Mapping[str, str]) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *(shlex.split(command) or [""]),
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=folder,
            env=env,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise CodeError(f"the program {command!r} cannot be run: {why}") from error


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a program's whole group: it is asked, and after a grace, or when nobody has time for one, made to."""
    try:
        _signal(process, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), GRACE)
    finally:
        _signal(process, signal.SIGKILL)
        await process.communicate()


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
