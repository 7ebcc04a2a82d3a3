"""`sojourn view`: a local page that shows stored runs."""

from __future__ import annotations

import contextlib
import sys

from sojourn.cli.options import surroundings
from sojourn.cli.stored import command, stored
from sojourn.lifecycle.ledger import home
from sojourn.viewer.serving import PORT, serve

MORE = "The page is served to this machine only, and needs: pip install 'sojourn[view]'"


def run(argv: list[str]) -> int:
    """Run the command; returns the exit code."""
    made = command("view", "[--port N] [--no-open]", "Show stored runs in the browser, live while they go on.")
    made.epilog = MORE
    made.add_argument("-p", "--port", type=int, metavar="N", help=f"serve it there (default {PORT}, or a free one)")
    made.add_argument("-n", "--no-open", action="store_true", help="do not open a browser")
    options = made.parse_args(argv)
    with stored():  # a store that cannot be read is told of here, not on a page
        pass
    with contextlib.suppress(KeyboardInterrupt):
        serve(home(surroundings()[1]), options.port, is_opened=not options.no_open, tell=_tell)
    return 0


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
