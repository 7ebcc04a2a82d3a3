"""The verbs: each is one file beside this one, imported when it is called."""

from __future__ import annotations

import gc
import importlib
import io
import sys

from sojourn.cli import absent
from sojourn.errors import SojournError
from sojourn.registry import nearest

COMMANDS = {
    "cache": ("sojourn.cli.cache", "look at or forget the answers that are kept"),
    "delete": ("sojourn.cli.delete", "forget stored runs"),
    "diff": ("sojourn.cli.diff", "show what changed between two stored runs"),
    "eval": ("sojourn.cli.eval", "run a suite"),
    "export": ("sojourn.cli.export", "write a stored run to files"),
    "explain": ("sojourn.cli.explain", "show lanes and sessions without running"),
    "import": ("sojourn.cli.import_", "store a run that was written to a file"),
    "init": ("sojourn.cli.init", "start from an example"),
    "join": ("sojourn.cli.join", "make one run of its shards"),
    "list": ("sojourn.cli.list", "the runs that are stored"),
    "schema": ("sojourn.cli.schema", "the JSON schema of a configuration, for editors"),
    "sessions": ("sojourn.cli.sessions", "what is open, reap what dead runs left, keep one up between runs"),
    "show": ("sojourn.cli.show", "what came of a stored run"),
    "validate": ("sojourn.cli.validate", "find every mistake in a suite without running"),
    "view": ("sojourn.cli.view", "show stored runs in the browser"),
}


_MORE = """

  sojourn init                      write promptfooconfig.yaml to begin with
  sojourn eval                      run it
  sojourn eval -o results.json      run it, and write the results down

`sojourn COMMAND --help` tells more; `sojourn --version` which version this is.
"""


def run(argv: list[str]) -> int:
    """Run one command; returns the exit code."""
    if not argv or argv[0] in ("-h", "--help", "help"):
        sys.stdout.write(usage())
        return 0 if argv else 2
    name, *rest = argv
    if name in absent.COMMANDS:
        sys.stderr.write(f"error: {absent.refusal(name)} (`sojourn --help` shows the commands)\n")
        return 2
    if name not in COMMANDS:
        hint = nearest(name, COMMANDS)
        sys.stderr.write(f"sojourn: unknown command {name!r}" + (f" (did you mean {hint!r}?)" if hint else "") + "\n")
        sys.stderr.write(usage())
        return 2
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # what a model said may not fit the terminal's encoding
    gc.set_threshold(50_000, 20, 100)  # a suite's many objects stay: looking through them often finds nothing
    try:
        code: int = importlib.import_module(COMMANDS[name][0]).run(rest)
    except SojournError as error:
        from sojourn.cli.options import complain

        return complain(error)
    except Exception as error:  # noqa: BLE001  a user is told what broke, and where it can be mended
        sys.stderr.write(f"error: {_mishap(error)}\n")
        return 1
    return code


def _mishap(error: Exception) -> str:
    """Say what is wrong with us: the last line of ours that was run, for whoever mends it."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "sojourn" in frame.filename] or frames
    place = f"{ours[-1].filename}:{ours[-1].lineno}"
    return f"Sojourn itself broke at {place}: {type(error).__name__}: {error} (this is a mistake in Sojourn)"


def usage() -> str:
    """Return the page of commands."""
    lines = [f"  {name:<10} {what}" for name, (_, what) in sorted(COMMANDS.items())]
    return "usage: sojourn COMMAND [options]\n\n" + "\n".join(lines) + _MORE
