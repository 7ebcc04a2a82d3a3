"""A call in flight: what comes of it when it is answered, given up, or its process dies under it."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import msgspec

from sojourn.errors import CodeDiedError, CodeError
from sojourn.model.reference import Reference
from sojourn.model.suite import JsonDict

ACKNOWLEDGED = ("cancelled", "abandoned")
"""What a host answers for a call that it was told to give up."""


class Pending(msgspec.Struct):
    """A call in flight; `given_up` says why nobody waits for its answer any more."""

    future: asyncio.Future[Any]
    reference: Reference
    given_up: str = ""
    printed: list[str] = msgspec.field(default_factory=list)

    def settle(self, frame: JsonDict, *, held_up: bool) -> None:
        """Take the answer. `held_up`: another call holds up the process, so a late answer is not this one's fault."""
        told = frame.get("error") or {}
        if self.future.done():
            return
        if not self.given_up and "value" in frame:
            self.future.set_result(frame["value"])
        elif not self.given_up:
            where = told.get("where") or str(self.reference)
            error = CodeError(told["what"], where=where, trace=told.get("trace", ""))
            error.known = tuple(told.get("known") or ())
            self._fail(error)
        elif held_up and told.get("type") not in ACKNOWLEDGED:
            self._fail(CodeDiedError("another call held up its process", where=str(self.reference)))
        else:
            self._fail(CodeError(self.given_up, where=str(self.reference)), overdue=True)

    def mourn(self, how: str, *, guilty: bool) -> None:
        """Take note that the process died."""
        if self.future.done():
            return
        overdue = guilty and bool(self.given_up)
        what = self.given_up if overdue else f"its process ended: {how}"
        self._fail(CodeDiedError(what, where=str(self.reference), guilty=guilty), overdue=overdue)

    def _fail(self, error: CodeError, *, overdue: bool = False) -> None:
        error.printed = "".join(self.printed)
        error.overdue = overdue
        self.future.set_exception(error)


def died(code: int) -> str:
    """Say how a process ended, from its return code."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
