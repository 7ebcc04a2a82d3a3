"""Sessions of one entry: they live in their language's process, and are known here by their tags and handles.

A kind that has a name, built in or of an installed package, is a Python class like one of the user's own.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import structs

from sojourn import registry
from sojourn.config.kinds import told_mistakes
from sojourn.engine.inheriting import filled
from sojourn.errors import CodeDiedError, CodeError, SessionError, SessionLostError
from sojourn.lifecycle.standing import Standing
from sojourn.model.reference import Reference
from sojourn.model.session import SessionSpec
from sojourn.protocols import Opening, Tools

CLOSING_TRIES = 3
"""How often a process may end under a closing before that is taken for the closing's own fault."""


class Remote(msgspec.Struct, frozen=True):
    """A live session in a language's process, and in which life of that process it was opened."""

    tag: str
    handle: Any
    home: Reference
    life: int


OURS = str(Path(__file__).parent.parent / "kinds")
"""A place in here helps nobody: what is wrong stands in the entry of the session, or comes of it."""


class Kind:
    """`kind: file://sessions.py:name`, `file://sessions.js:name`, or a name such as `postgres`."""

    def __init__(self, spec: SessionSpec, tools: Tools, standing: Standing | None = None) -> None:
        reference = registry.session_kind(spec.kind, spec.base)
        if reference is None:
            raise SessionError(spec.name, f"{spec.kind!r} names no kind, and no Python or JavaScript file")
        self.abilities: frozenset[str] = frozenset()
        self._reference = reference
        self._spec = spec
        self._code = tools.code
        self._standing = standing

    @property
    def is_borrowed(self) -> bool:
        """Whether its session stands, and is left as it is."""
        return self._standing is not None

    async def prepare(self) -> None:
        """Load the function or class and see what it can do; raises CodeError."""
        told = await self._code.load(self._reference)
        without = {name for name, key in told.get("only_with", {}).items() if not self._spec.config.get(key)}
        self.abilities = frozenset(told.get("abilities", ())) - without
        if self._reference.path:  # of a named kind it was checked with its place
            wrong = told_mistakes(self._spec.kind, self._spec.config, told)
            if said := "; ".join(each.what + (f" ({each.todo})" if each.todo else "") for each in wrong):
                raise SessionError(self._spec.name, said)

    async def open(self, opening: Opening) -> Remote:
        """Open one in the language's process, or reach for the one that stands."""
        parents = {name: self.marker(live) for name, live in opening.parents.items()}
        if self._standing is not None:
            known = {"config": self._config(parents), "base": self._spec.base, "handle": self._standing.handle}
            told = await self._do({"do": "attach", "key": opening.tag, **known})
            return self._remote(opening.tag, told["handle"])
        known = {"config": self._config(parents), "base": self._spec.base, "parents": parents}
        try:
            told = await self._do({"do": "open", "key": opening.tag, **known})
        except SessionLostError as error:
            error.undone = await self._undone(opening.tag)
            raise
        return self._remote(opening.tag, told["handle"])

    def _config(self, parents: Mapping[str, Any]) -> dict[str, Any]:
        """Return the configuration; that of a kind which has a name takes fields from the parents."""
        if self._reference.path:
            return dict(self._spec.config)
        try:
            return dict(filled(self._spec.config, {name: marker["handle"] for name, marker in parents.items()}))
        except LookupError as error:
            raise SessionError(self._spec.name, f"open: {error.args[0]} ({self._spec.place})") from error

    async def _undone(self, tag: str) -> bool:
        """Undo an opening whose process was brought down in the middle of it; return whether that could be done."""
        if "reclaim" not in self.abilities:
            return False
        for _ in range(CLOSING_TRIES):
            try:
                await self._do({"do": "reclaim", "key": tag, "handle": None})
            except SessionLostError:
                continue  # its process was brought down once more
            except SessionError:
                return False
            return True
        return False

    def _remote(self, tag: str, handle: Any) -> Remote:
        return Remote(tag, handle, self._reference, self._code.life(self._reference))

    async def fork(self, live: Remote, opening: Opening) -> Remote:
        """Make a private child of one that is open."""
        told = await self._do({"do": "fork", "key": opening.tag, "of": live.tag})
        return self._remote(opening.tag, told["handle"])

    async def act(self, ability: str, live: Remote, **given: Any) -> Any:
        """Do what the class is able to; `given` are further parameters by name.

        Anyone can look at a session: where its class does not say how, the expression is one of its language.
        """
        if ability == "look" and "look" not in self.abilities:
            return await self._evaluate(live, **given)
        return await self._do({"do": ability, "key": live.tag, "given": given})

    async def _evaluate(self, live: Remote, name: str, expression: str) -> Any:
        """Evaluate an expression in which the session stands under its name."""
        word, place = name.replace("-", "_"), json.dumps(name)
        source = f"(lambda {word}: ({expression}))(context['sessions'][{place}])"
        if live.home.tongue == "javascript":
            source = f"(({word}) => ({expression}))(context.sessions[{place}])"
        reference = Reference.inline(live.home.tongue, source, role="assertion")
        try:
            return (await self._code.call(reference, None, {"sessions": {name: self.marker(live)}})).value
        except CodeDiedError:
            raise
        except CodeError as error:
            raise SessionError(self._spec.name, f"{expression}: {error.what}") from error

    async def lend(self, live: Remote) -> Remote:
        """Return the session with the handle that the next trial is to have."""
        if "lend" not in self.abilities:
            return live
        return structs.replace(live, handle=await self.act("lend", live))

    async def close(self, live: Remote) -> None:
        """Close one; of one whose process is gone, or ends meanwhile, reclaim what it had outside."""
        if self.is_borrowed and self.is_lost(live):
            return  # what it was reached by is gone; itself is somebody else's
        request = {"do": "close", "key": live.tag, "handle": live.handle}
        for _ in range(CLOSING_TRIES):
            with contextlib.suppress(CodeDiedError):
                await self._ask(request)
                return
            if self.is_borrowed:
                return
        await self._do(request)

    async def _ask(self, request: dict[str, Any]) -> Any:
        try:
            return (await self._code.session(self._reference, request, deadline_ms=math.inf)).value
        except CodeError as error:
            if error.where.startswith(OURS):
                error.where = self._spec.place
            raise

    async def _do(self, request: dict[str, Any]) -> Any:
        try:
            return await self._ask(request)
        except CodeError as error:
            place = f" ({error.where})" if error.where else ""
            struck = isinstance(error, CodeDiedError) and not error.guilty
            broke = SessionLostError if struck else SessionError
            raise broke(self._spec.name, f"{request['do']}: {error.what}{place}") from error

    def is_lost(self, live: Remote) -> bool:
        """Tell whether its process is in another life than the one in which the session was opened."""
        return live.life != self._code.life(live.home)

    def handle(self, live: Remote) -> Any:
        """Return what other processes may know of it."""
        return live.handle

    def marker(self, live: Any) -> Any:
        """Return what stands for a session in a call: its process puts the live object in its place.

        Raises SessionLostError where that process has died: nobody is given something else in its place.
        """
        if not isinstance(live, Remote):
            return {"handle": live}
        if self.is_lost(live):
            raise SessionLostError(self._spec.name, "it is gone: the process that it lived in has ended")
        return {"$session": live.tag, "handle": live.handle, "life": live.life, "kind": self._spec.kind}
