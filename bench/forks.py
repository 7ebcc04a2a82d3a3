"""Measures what a fork saves: a prepared database and a logged-in browser, forked, against each opened afresh."""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from sojourn.kinds.browser import Browser
from sojourn.kinds.postgres import Postgres
from tests.systems.postgres import postgres
from tests.systems.starting import free_port, serving

TIMES = 15
TABLES = 20
ROWS = 2000
SITE = Path(__file__).parents[1] / "src/sojourn/examples/browser-automation/site.py"
STEPS = [{"fill": {"[name=user]": "Ada"}}, {"click": "button"}, {"wait": "#message"}]


def script() -> str:
    """Make a schema of tables with rows and an index each: what the tests of an application begin with."""
    rows = f"SELECT n, md5(n::text), n % 100 FROM generate_series(1, {ROWS}) AS n"
    return "".join(
        f"CREATE TABLE t{n} (id int PRIMARY KEY, name text, kind int);"
        f"INSERT INTO t{n} {rows}; CREATE INDEX ON t{n} (kind);"
        for n in range(TABLES)
    )


async def timed(make: Callable[[int], Awaitable[Any]]) -> list[float]:
    """Return the seconds that each of several sessions took to make; each is closed before the next."""
    taken = []
    for number in range(TIMES + 1):
        began = time.perf_counter()
        session = await make(number)
        taken.append(time.perf_counter() - began)
        await session.close()
    return taken[1:]


async def compare(what: str, parent: Any, fresh: Callable[[int], Awaitable[Any]], fork: Callable[[int], Any]) -> None:
    """Print how long one takes afresh, and by a fork of the parent."""
    anew, forked = await timed(fresh), await timed(fork)
    await parent.close()
    ratios = statistics.median(anew) / statistics.median(forked)
    for name, taken in (("afresh", anew), ("by fork", forked)):
        low, middle, high = (1000 * each for each in (min(taken), statistics.median(taken), max(taken)))
        print(f"{what}, {name}: {middle:.1f} ms ({low:.1f} to {high:.1f})")
    print(f"{what}: a fork is {ratios:.1f} times cheaper")


async def databases(dsn: str) -> None:
    """Compare databases."""
    config = {"dsn": dsn, "script": script()}

    async def fresh(number: int) -> Postgres:
        made = Postgres()
        await made.open(config, f"bench/fresh{number}", {})
        return made

    parent = await fresh(1000)
    taken = []
    for _ in range(TIMES):
        began = time.perf_counter()
        await parent.begin()
        await parent.rollback()
        taken.append(1000 * (time.perf_counter() - began))
    print(f"PostgreSQL, rolled back: {statistics.median(taken):.1f} ms ({min(taken):.1f} to {max(taken):.1f})")
    await compare("PostgreSQL", parent, fresh, lambda number: parent.fork(f"bench/fork{number}"))


async def browsers(url: str) -> None:
    """Compare browsers; the log-in takes half a second."""
    config = {"url": url, "steps": STEPS}

    async def fresh(number: int) -> Browser:
        made = Browser()
        await made.open(config, f"bench/fresh{number}", "", {})
        return made

    parent = await fresh(1000)
    await compare("browser", parent, fresh, lambda _: parent.fork())


def main() -> None:
    """Start the real systems, and measure."""
    with postgres() as server:
        asyncio.run(databases(server.dsn))
    port = free_port()
    with serving([sys.executable, str(SITE), str(port)], port):
        asyncio.run(browsers(f"http://127.0.0.1:{port}/"))


if __name__ == "__main__":
    main()
