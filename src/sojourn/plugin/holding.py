"""Sessions of a suite that are held open for tests of pytest's own, each in a thread."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sojourn.api import load
from sojourn.config.flags import Flags
from sojourn.drawing.plain import plain
from sojourn.engine.holding import hold
from sojourn.errors import ConfigError, SojournError
from sojourn.lifecycle import ledger, standing
from sojourn.lifecycle.standing import Standing
from sojourn.model.secrecy import Secrets
from sojourn.model.session import SessionSpec
from sojourn.model.suite import Suite


class Held:
    """The sessions that were asked for so far."""

    def __init__(self, configs: Sequence[str]) -> None:
        self._configs = configs
        self._known: dict[str, Any] = {}
        self._holders: list[_Holder] = []

    def handle(self, name: str) -> Any:
        """Return the handle of a session: one that stands, or else one that is opened when it is first asked for."""
        if name not in self._known:
            suite = asyncio.run(load(self._configs, Flags(), cwd=Path.cwd(), environ=os.environ))
            stands = next((_standing(spec) for spec in suite.sessions if spec.name == name), None)
            self._known[name] = stands.handle if stands else self._opened(suite, name)
        return self._known[name]

    def _opened(self, suite: Suite, name: str) -> Any:
        self._holders.append(_Holder(suite, name))
        return self._holders[-1].handle()

    def close(self) -> None:
        """Close them, the last that was opened first."""
        for holder in reversed(self._holders):
            holder.close()


def mistake(error: SojournError) -> str:
    """Say in a line or two why there is no session."""
    problems = error.problems if isinstance(error, ConfigError) else [error]
    return plain(Secrets.of(os.environ).text("\n".join(map(str, problems))))


def _standing(spec: SessionSpec) -> Standing | None:
    return standing.find(ledger.home(os.environ), spec)


class _Holder:
    """One session, held by a thread with a loop of its own."""

    def __init__(self, suite: Suite, name: str) -> None:
        self._suite, self._name = suite, name
        self._opened = threading.Event()
        self._stand: list[Standing] = []
        self._error: BaseException | None = None
        self._left: list[str] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name=f"sojourn session {name}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            asyncio.run(self._hold())
        except BaseException as error:  # noqa: BLE001  whatever it is, it is raised where somebody waits
            self._error = error
        self._opened.set()

    async def _hold(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        self._left = await hold(self._suite, self._name, self._open, self._over)

    def _open(self, stand: list[Standing]) -> None:
        self._stand = stand
        self._opened.set()

    def handle(self) -> Any:
        self._opened.wait()
        if self._error is not None:
            raise self._error
        return next(each.handle for each in self._stand if each.name == self._name)

    def close(self) -> None:
        """Close the session; raises RuntimeError where it could not be closed."""
        if self._loop is not None and self._over is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()
        if self._left:
            raise RuntimeError("; ".join(self._left))
