"""`sojourn cache stats|clear`: the answers of services that are kept between runs."""

from __future__ import annotations

import sys

from sojourn.cache import UNUSABLE, ReplyCache
from sojourn.cli.options import surroundings, wrong_verb
from sojourn.lifecycle.ledger import home

USAGE = """usage: sojourn cache stats|clear

  stats   tell how many answers are kept, and where
  clear   forget them all
"""


def run(argv: list[str]) -> int:
    """Run the command; returns the exit code."""
    if argv in (["-h"], ["--help"]):
        sys.stdout.write(USAGE)
        return 0
    if argv not in (["stats"], ["clear"]):
        return wrong_verb("cache", argv[1:] if argv[:1] in (["stats"], ["clear"]) else argv, ("stats", "clear"))
    _, environ = surroundings()
    cache = ReplyCache.of(environ, home(environ))
    try:
        sys.stdout.write(_cleared(cache) if argv == ["clear"] else _told(cache))
    except UNUSABLE as error:
        sys.stderr.write(f"error: the cache cannot be used: {error} (`sojourn cache clear` forgets it)\n")
        return 1
    finally:
        cache.close()
    return 0


def _cleared(cache: ReplyCache) -> str:
    return f"{cache.clear()} answers forgotten\n"


def _told(cache: ReplyCache) -> str:
    stats = cache.stats()
    old = f", {stats.outdated} of them too old to be used" if stats.outdated else ""
    return f"{stats.file}: {stats.answers} answers{old}, {stats.size / 1024:.0f} KB\n"
