"""`sojourn sessions up NAME` and `down NAME`: a session that stands between runs, held by a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shlex
import signal
import subprocess
import sys

import psutil

from sojourn.api import load
from sojourn.cli.options import Parser, flags_of, surroundings
from sojourn.engine.holding import hold
from sojourn.engine.signals import Interruption, listening
from sojourn.lifecycle import ledger, standing
from sojourn.lifecycle.standing import Standing
from sojourn.model.redaction import redacted

OPEN = "open: "
CLOSE_GRACE = 60.0


def parser(verb: str, description: str) -> Parser:
    """Return the parser of one of the verbs."""
    made = Parser(prog=f"sojourn sessions {verb}", description=description, allow_abbrev=False)
    made.add_argument("name", metavar="NAME", help="a session of the suite, of scope run")
    files = "configuration files (default: promptfooconfig.yaml and the like, here)"
    made.add_argument("-c", "--config", nargs="+", action="extend", default=[], metavar="PATH", help=files)
    return made


def up(argv: list[str]) -> int:
    """Start the process that holds the session, and wait until it is open; returns 0, or 1 where it is not."""
    options = parser("up", "Open a session now; every run that needs it uses it, until it is told to go.").parse_args(
        argv
    )
    command = [sys.executable, "-P", "-m", "sojourn", "sessions", "hold", options.name]
    command += ["-c", *options.config] if options.config else []
    holder = subprocess.Popen(  # noqa: S603  our own module
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        encoding="utf-8",
    )
    assert holder.stdout is not None
    for line in holder.stdout:
        if line.startswith(OPEN):
            for name, handle in json.loads(line.removeprefix(OPEN)):
                sys.stdout.write(f"up: {name}: {json.dumps(redacted(handle), ensure_ascii=False)}\n")
            config = ["-c", *options.config] if options.config else []
            sys.stdout.write(f"`{shlex.join(['sojourn', 'sessions', 'down', options.name, *config])}` closes it\n")
            return 0
        sys.stderr.write(line)
    return holder.wait() or 1


def hold_(argv: list[str]) -> int:
    """Hold a session until SIGTERM: what `up` starts."""
    options = parser("hold", "Hold a session open.").parse_args(argv)
    return asyncio.run(_hold(options))


async def _hold(options: argparse.Namespace) -> int:
    over = asyncio.Event()
    with listening() as interruption:
        _end_on_signal(interruption, over)
        cwd, environ = surroundings()
        suite = await load(options.config, flags_of(options), cwd=cwd, environ=environ)
        left = await hold(suite, options.name, _tell, over)
    return 1 if left else 0


def _end_on_signal(interruption: Interruption, over: asyncio.Event) -> None:
    def stop(_reason: str, _again: bool) -> None:  # noqa: FBT001  what `Interruption.stop` is called with
        over.set()

    interruption.stop = stop


def _tell(opened: list[Standing]) -> None:
    """Tell who waits that all is open; from then on nobody listens."""
    sys.stdout.write(OPEN + json.dumps([(each.name, each.handle) for each in opened]) + "\n")
    sys.stdout.flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def down(argv: list[str]) -> int:
    """Tell the process that holds the session to close it, and wait; returns 0, or 1 where nothing stood."""
    options = parser("down", "Close a session that was opened with `sojourn sessions up`.").parse_args(argv)
    cwd, environ = surroundings()
    suite = asyncio.run(load(options.config, flags_of(options), cwd=cwd, environ=environ))
    found = [standing.find(ledger.home(environ), spec) for spec in suite.sessions if spec.name == options.name]
    if not found or found[0] is None:
        sys.stderr.write(f"error: no session {options.name!r} of this suite is up\n")
        return 1
    return _end(found[0])


def _end(found: Standing) -> int:
    try:
        holder = psutil.Process(found.pid)
        holder.send_signal(signal.SIGTERM)
        holder.wait(CLOSE_GRACE)
    except psutil.NoSuchProcess:
        pass
    except psutil.TimeoutExpired:
        sys.stderr.write(f"error: the process {found.pid} has not closed {found.name!r} within {CLOSE_GRACE:g} s\n")
        return 1
    sys.stdout.write(f"down: {found.name}\n")
    return 0
