"""From an entry of the suite to the pool that lends its sessions: how each is opened, cared for and closed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from msgspec import structs

from sojourn.lifecycle.host import SessionHost
from sojourn.lifecycle.journal import Journal
from sojourn.lifecycle.pool import Care, Pool
from sojourn.model.session import Isolation, PoolLimits, SessionSpec
from sojourn.protocols import Opening, SessionKind

FORKS = 1_000_000
"""How many forks of one session there may be at once."""


def make_pool(
    name: str, spec: SessionSpec, kind: SessionKind, inside: Callable[[], Mapping[str, Any]], journal: Journal
) -> Pool:
    """Return the pool of one instance; `inside` gives the live parents as they are at the moment."""

    def make() -> SessionHost:
        parents = inside()
        opening = Opening(name=name, tag=journal.new_tag(), parents=parents)

        async def open_() -> Any:
            async with journal.opening(opening, spec, kind) as told:
                live = await kind.open(opening)
                told(live)
            return live

        async def close(live: Any) -> None:
            async with journal.closing(opening.tag):
                await kind.close(live)

        def is_lost(live: Any) -> bool:
            now = inside()
            return kind.is_lost(live) or any(now[name] is not parent for name, parent in parents.items())

        host = SessionHost(
            name, open_, close, open_timeout=spec.open_timeout, close_timeout=spec.close_timeout, lost=is_lost
        )
        host.tag = opening.tag
        return host

    return Pool(name, make, _limits(spec, kind), _care(spec, kind), journal.clock)


def _limits(spec: SessionSpec, kind: SessionKind) -> PoolLimits:
    """A warmed parent is lent to all who fork it; what cannot be made as new is used once."""
    if spec.isolation is Isolation.FORK:
        return structs.replace(spec.limits, capacity=FORKS)
    if spec.pooled and spec.isolation is None and "reset" not in kind.abilities:
        return structs.replace(spec.limits, max_uses=1)
    return spec.limits


def _care(spec: SessionSpec, kind: SessionKind) -> Care:
    def action(name: str) -> Callable[[Any], Awaitable[Any]]:
        async def act(live: Any) -> Any:
            return await kind.act(name, live)

        return act

    renewed = spec.isolation is Isolation.RESET or (spec.pooled and spec.isolation is None)
    return Care(
        check=action("check") if "check" in kind.abilities else None,
        reset=action("reset") if renewed and "reset" in kind.abilities else None,
    )
