"""What is done around one trial with one session that is open: forked, rolled back, watched for leaks."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Mapping
from typing import Any

import msgspec

from sojourn.errors import SessionError
from sojourn.lifecycle.closing import Closer, Unclosed, close_all
from sojourn.lifecycle.journal import Journal
from sojourn.lifecycle.kinship import Key
from sojourn.model.session import Isolation, SessionSpec
from sojourn.protocols import Opening, SessionKind


class Loan(msgspec.Struct):
    """What a trial has in its hands of one session, to be taken from it in reverse order.

    `tag` is set for a fork; `used` is the tag of what is used, fork or not, `trial` the trial's index.
    """

    spec: SessionSpec
    key: Key
    live: Any
    tag: str = ""
    used: str = ""
    trial: int | None = None
    fingerprint: Any = None
    begun: bool = False


class Lender:
    """Makes loans and ends them; `leaks` and `unclosed` are what that has shown."""

    def __init__(self, kinds: Mapping[str, SessionKind], journal: Journal) -> None:
        self._kinds = kinds
        self._journal = journal
        self.unclosed: list[Unclosed] = []
        self.leaks: list[str] = []

    async def lend(self, spec: SessionSpec, key: Key, live: Any, forking: asyncio.Lock) -> Loan:
        """Lend a session as its isolation asks; raises SessionError. One is forked once at a time."""
        loan = Loan(spec, key, live)
        if spec.isolation is Isolation.FORK:
            async with forking:
                loan.live, loan.tag = await in_time(spec, self._forked(loan))
        elif spec.isolation is Isolation.ROLLBACK:
            await in_time(spec, self._kinds[spec.name].act("begin", live))
            loan.begun = True
        elif self._is_watched(spec):
            loan.fingerprint = await in_time(spec, self._kinds[spec.name].act("fingerprint", live))
        return loan

    async def _forked(self, loan: Loan) -> tuple[Any, str]:
        kind = self._kinds[loan.spec.name]
        opening = Opening(name=f"fork of {loan.key}", tag=self._journal.new_tag(), parents={})
        async with self._journal.opening(opening, loan.spec, kind) as told:
            child = await kind.fork(loan.live, opening)
            told(child)
        return child, opening.tag

    def _is_watched(self, spec: SessionSpec) -> bool:
        """Whether a trial can be told from others as the one that changed a shared session."""
        shared = spec.isolation in (None, Isolation.SHARED) and spec.limits.capacity == 1
        return shared and "fingerprint" in self._kinds[spec.name].abilities

    async def end(self, loan: Loan, borrower: str, notes: list[str]) -> bool:
        """Take a session back: close a fork, roll back, look for a leak; return whether it may be lent again."""
        await self._look_for_leak(loan, borrower)
        kind = self._kinds[loan.spec.name]

        async def close_fork() -> None:
            async with self._journal.closing(loan.tag):
                await kind.close(loan.live)

        async def roll_back() -> None:
            await kind.act("rollback", loan.live)

        if not loan.tag and (not loan.begun or kind.is_lost(loan.live)):
            return True
        name = f"fork of {loan.key}" if loan.tag else f"rollback of {loan.key}"
        closer = Closer(name, close_fork if loan.tag else roll_back, loan.spec.close_timeout)
        left = await close_all([closer])
        notes += [f"{unclosed.name}: {unclosed.why}" for unclosed in left]
        if loan.tag:
            self.unclosed += left
        return not left or bool(loan.tag)

    async def _look_for_leak(self, loan: Loan, borrower: str) -> None:
        """Name the trial that leaves a shared session otherwise than it found it."""
        if loan.fingerprint is not None:
            with contextlib.suppress(SessionError):
                now = await in_time(loan.spec, self._kinds[loan.spec.name].act("fingerprint", loan.live))
                if now != loan.fingerprint:
                    self._journal.note("leaked", loan.used, loan.trial)
                    self.leaks.append(f"{borrower} changed the shared session {loan.key}")


async def in_time(spec: SessionSpec, work: Awaitable[Any]) -> Any:
    """Await what makes a session ready, for as long as it may take to open; whatever breaks is a SessionError."""
    try:
        async with asyncio.timeout(spec.open_timeout):
            return await work
    except TimeoutError:
        raise SessionError(spec.name, f"it was not ready after {spec.open_timeout:g} s") from None
    except SessionError:
        raise
    except Exception as error:
        raise SessionError(spec.name, str(error) or type(error).__name__) from error
