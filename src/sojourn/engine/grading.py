"""The models that judge: which grader a claim has, in promptfoo's order of precedence, and how it is asked."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from sojourn.engine.providers import ProviderPool
from sojourn.errors import ClaimError, CodeDiedError, ProviderError
from sojourn.model.reply import Reply
from sojourn.model.suite import Claim, JsonDict
from sojourn.model.usual import usual
from sojourn.protocols import Belongings, GradeKind, Question

_KINDS = ("text", "embedding", "classification", "moderation")
_ANSWERS = {
    "embedding": "embedding",
    "classification": "classification",
    "moderation": "flags",
    "similarity": "similarity",
}


class GraderPool:
    """Implements `protocols.Graders`."""

    def __init__(self, providers: ProviderPool, default_test: Mapping[str, Any], command_line: Any) -> None:
        self._providers = providers
        self._default = default_test
        self._command_line = command_line

    def bound(self, test: Mapping[str, Any], sessions: JsonDict | None = None) -> BoundGraders:
        """Return the graders as one test sees them; they find its sessions as its provider does."""
        return BoundGraders(self, test, sessions or {})

    def choose(self, kind: GradeKind, claim: Claim, test: Mapping[str, Any]) -> Any:
        """Return the first that is given: the claim's, the test's, defaultTest's, the command line's, a usual one."""
        default_options = self._default.get("options") or {}
        candidates = (
            claim.provider,
            (test.get("options") or {}).get("provider"),
            self._default.get("provider"),
            default_options.get("provider"),
            self._command_line,
        )
        for candidate in candidates:
            entry = _of_kind(candidate, kind)
            if entry:
                return entry
        return usual(kind, self._providers.env)

    async def compare(self, entry: Any, one: str, other: str) -> Reply | None:
        """Ask the grader behind an entry how near two texts are; None where it does not compare."""
        with _asking():
            plug: Any = self._providers.of(self._providers.named(entry))
            reply = await plug.compare(one, other) if hasattr(plug, "compare") else None
            return reply and _graded("similarity", reply)

    async def ask(
        self, entry: Any, kind: GradeKind, text: str, variables: Mapping[str, Any], sessions: JsonDict
    ) -> Reply:
        """Ask the grader behind an entry."""
        with _asking():
            plug: Any = self._providers.of(self._providers.named(entry))
            if kind == "text":
                label = {"raw": text, "label": kind}
                lent = {"sessions": dict(sessions)} if sessions else {}
                context: JsonDict = {"vars": dict(variables), "prompt": label, **lent}
                async with Belongings() as belongings:
                    return await _asked(plug, Question(prompt=text, context=context, belongings=belongings))
            if not hasattr(plug, "grade"):
                raise ClaimError(f"the grader {entry!r} cannot do {kind}")
            return _graded(kind, await plug.grade(kind, text))


@contextlib.contextmanager
def _asking() -> Iterator[None]:
    """Tell what is wrong with a grader as what is wrong with the claim."""
    try:
        yield
    except ProviderError as error:
        raise ClaimError(f"the grader cannot be asked: {error}") from error
    except CodeDiedError as error:
        raise ClaimError(f"the grader broke: {error}") from error


class BoundGraders:
    """Graders for the claims of one test."""

    def __init__(self, pool: GraderPool, test: Mapping[str, Any], sessions: JsonDict) -> None:
        self._pool = pool
        self._test = test
        self._sessions = sessions

    async def ask(self, kind: GradeKind, claim: Claim, text: str, variables: Mapping[str, Any]) -> Reply:
        """See `protocols.Graders`."""
        entry = self._pool.choose(kind, claim, self._test)
        if entry is None:
            what = f"{claim.type} needs a grader and none is configured"
            todo = "give the assertion or defaultTest.options a provider, use --grader, or set OPENAI_API_KEY"
            raise ClaimError(what, todo=todo)
        return await self._pool.ask(entry, kind, text, variables, self._sessions)

    async def compare(self, claim: Claim, one: str, other: str) -> Reply | None:
        """See `protocols.Graders`."""
        entry = self._pool.choose("embedding", claim, self._test)
        return entry and await self._pool.compare(entry, one, other)


def _of_kind(candidate: Any, kind: GradeKind) -> Any:
    """A grader may be given as a map of one provider for each kind."""
    if isinstance(candidate, Mapping) and "id" not in candidate and any(key in candidate for key in _KINDS):
        return candidate.get(kind)
    return candidate


async def _asked(plug: Any, question: Question) -> Reply:
    reply: Reply = await plug.ask(question)
    return reply


def _graded(kind: str, reply: Reply) -> Reply:
    """Read what an embedding or classification function returned."""
    value = reply.output
    if reply.error or not isinstance(value, Mapping):
        return reply if reply.error else Reply(error=f"it returned {type(value).__name__}, not a dictionary")
    if value.get("error"):
        return Reply(error=str(value["error"]))
    key = _ANSWERS[kind]
    found = value.get(key)
    return Reply(output=found, extra=dict(value)) if found is not None else Reply(error=f"it returned no {key!r}")
