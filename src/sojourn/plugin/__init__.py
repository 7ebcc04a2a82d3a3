"""The plugin for pytest: `pytest --sojourn promptfooconfig.yaml`. It costs nothing, and does nothing, without that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--sojourn FILE`."""
    what = "run a suite of Sojourn or promptfoo: each trial is a test (several times: several suites)"
    parser.getgroup("sojourn").addoption("--sojourn", action="append", default=[], metavar="FILE", help=what)


def pytest_configure(config: pytest.Config) -> None:
    """Collect what `--sojourn` names; raises UsageError under xdist, whose processes would each run the whole suite."""
    named = config.getoption("--sojourn")
    if not named:
        return
    if getattr(config.option, "numprocesses", None) or hasattr(config, "workerinput"):
        raise pytest.UsageError("--sojourn runs lanes in parallel by itself: leave out -n (or say -n 0)")
    from sojourn.plugin.collecting import Suites

    suites = Suites(config, named)
    config.pluginmanager.register(suites, "sojourn-suites")


@pytest.fixture(scope="session")
def sojourn_session(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Any]]:
    """Give a session of the suite by its name, opened when it is first asked for, and closed behind the last test.

    It has to be of scope run and usable by its handle, which is what is given; the suite's own trials use it, too. One
    that `sojourn sessions up` keeps is used as it stands.
    """
    if not request.config.getoption("--sojourn"):
        pytest.fail("sojourn_session needs a suite: pytest --sojourn promptfooconfig.yaml", pytrace=False)
    from sojourn.errors import SojournError
    from sojourn.plugin.holding import Held, mistake

    held = Held(request.config.getoption("--sojourn"))

    def handle(name: str) -> Any:
        try:
            return held.handle(name)
        except SojournError as error:
            why = mistake(error)
        pytest.fail(why, pytrace=False)

    try:
        yield handle
    finally:
        held.close()
