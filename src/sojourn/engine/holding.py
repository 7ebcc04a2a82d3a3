"""`sojourn sessions up NAME`: a session is opened and held until somebody says that it may go."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
from collections.abc import Callable
from typing import Any

from sojourn.engine.listeners import Listeners
from sojourn.engine.preparing import prepared
from sojourn.engine.sessions import House, may_stand
from sojourn.engine.setting import Setting
from sojourn.errors import SessionError
from sojourn.lifecycle import ledger, standing
from sojourn.lifecycle.standing import Standing
from sojourn.model.suite import Suite
from sojourn.registry import nearest


async def hold(suite: Suite, name: str, on_open: Callable[[list[Standing]], None], over: asyncio.Event) -> list[str]:
    """Open a session with its parents, write down that they stand, and close them once it is `over`.

    Parents that stand already are used as they are, and left so.
    Returns what could not be closed. Raises SessionError where it cannot be opened, or could be of no use to others.
    """
    async with prepared(suite, Listeners()) as setting:
        house = setting.house
        _check(suite, name, house)
        root = ledger.home(setting.env)
        try:
            async with house.held(name) as opened:
                for spec, handle in opened:
                    if handle is None:
                        raise SessionError(
                            spec.name, "no other process can use it: it has no handle that is plain data"
                        )
                own = [(spec, handle) for spec, handle in opened if spec.name not in house.borrowed]
                stand = [(spec, _standing(spec.name, handle, setting)) for spec, handle in own]
                try:
                    for spec, each in stand:
                        standing.write(root, spec, each)
                    on_open([each for _, each in stand])
                    await over.wait()
                finally:
                    for spec, _ in stand:
                        standing.remove(root, spec)
        finally:
            await house.keeper.close()
        return [f"{unclosed.name}: {unclosed.why}" for unclosed in house.keeper.unclosed]


def _check(suite: Suite, name: str, house: House) -> None:
    specs = {spec.name: spec for spec in suite.sessions}
    if name not in specs:
        close = nearest(name, specs)
        raise SessionError(name, "the suite has none of this name" + (f"; did you mean {close!r}?" if close else ""))
    if name in house.borrowed:
        raise SessionError(name, f"it is up already; `sojourn sessions down {name}` closes it")
    for spec in house.keeper.lineage(name):
        if not may_stand(spec):
            raise SessionError(spec.name, "only a single session of scope run can be kept up between runs")
        if not house.can_be_reached(spec.name):
            raise SessionError(spec.name, f"no other process can use it: {spec.kind} has no attach(handle)")


def _standing(name: str, handle: Any, setting: Setting) -> Standing:
    since = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    return Standing(name=name, handle=handle, pid=os.getpid(), run=setting.safe.ledger.path.name, since=since)
