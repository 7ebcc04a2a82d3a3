"""A request and its answer, from the service or from the cache.

The answer to a turn of a conversation, lane or session is never replayed: the service would not have heard it. Its
provider's `config.replay: true` says that it may be.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import structs

from sojourn.model.suite import ProviderSpec
from sojourn.protocols import Question, Tools
from sojourn.providers.sending import Manner, Outgoing, Sender


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a service answered; `cached`: in an earlier run, or to the same question of this one.

    `note` says how often it was asked, where that matters.
    """

    status_code: int
    reason_phrase: str
    headers: Mapping[str, str]
    text: str
    cached: bool = False
    note: str = ""

    @property
    def is_error(self) -> bool:
        """Whether the status is 400 or more."""
        return self.status_code >= 400

    def json(self) -> Any:
        """Return what it says as data; raises ValueError where it is no JSON."""
        return json.loads(self.text)

    def http(self) -> dict[str, Any]:
        """Return `metadata.http` of promptfoo's replies."""
        return {"status": self.status_code, "statusText": self.reason_phrase, "headers": dict(self.headers)}


class Exchange:
    """Sends a provider's requests, and keeps the answers."""

    def __init__(self, spec: ProviderSpec, tools: Tools, manner: Manner, *, is_live: bool = False) -> None:
        self.sender = Sender(manner)
        self._who = [spec.id, dict(spec.config)]
        self._is_live = is_live
        self._may_replay = spec.config.get("replay") is True
        self._cache = None if is_live and not self._may_replay else tools.cache
        self._under_way: dict[str, asyncio.Lock] = {}

    async def send(self, outgoing: Outgoing, question: Question) -> Answer:
        """Return the answer; raises SendingError where there is none."""
        if self._cache is None or (question.is_turn and not self._may_replay):
            return await self._asked(outgoing, question)
        from sojourn.cache import key_of

        repeat = question.context.get("repeatIndex") or 0
        key = key_of(self._who, outgoing.fields(), repeat)
        async with self._under_way.setdefault(key, asyncio.Lock()):
            found = self._cache.get(key)
            if found is not None:
                return Answer(**found, cached=True)
            answer = await self._asked(outgoing, question)
            if _is_lasting(answer):
                self._cache.put(key, {name: getattr(answer, name) for name in _KEPT})
            return answer

    async def _asked(self, outgoing: Outgoing, question: Question) -> Answer:
        told = structs.replace(question, is_turn=question.is_turn or self._is_live)
        got = await self.sender.send(_traced(outgoing, question), told)
        return Answer(
            status_code=got.status_code,
            reason_phrase=got.reason_phrase,
            headers=dict(got.headers),
            text=got.text,
            note=got.extensions.get("note", ""),
        )

    async def close(self) -> None:
        """Close all connections."""
        await self.sender.close()


def _traced(outgoing: Outgoing, question: Question) -> Outgoing:
    """Tell the service which span its own belong to, unless the request says so; the cache knows nothing of it."""
    parent = question.context.get("traceparent")
    if not parent or any(name.lower() == "traceparent" for name in outgoing.headers):
        return outgoing
    return structs.replace(outgoing, headers={**outgoing.headers, "traceparent": parent})


_KEPT = ("status_code", "reason_phrase", "headers", "text")


def _is_lasting(answer: Answer) -> bool:
    """Whether an answer may be given again: a success, that sets no cookie and is no error in disguise."""
    if not 200 <= answer.status_code < 300 or "set-cookie" in answer.headers:
        return False
    try:
        told = answer.json()
    except ValueError:
        return True
    return not (isinstance(told, dict) and told.get("error"))
