"""The doors: what a plug must look like, and what it is given.

A plug is found by name through the registry; it imports from here and below, never from the engine.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Protocol, Self

import msgspec

from sojourn.model.reference import Reference
from sojourn.model.reply import Reply
from sojourn.model.run_result import RunResult
from sojourn.model.session import SessionSpec
from sojourn.model.suite import Claim, JsonDict, ProviderSpec
from sojourn.model.verdict import Verdict

if TYPE_CHECKING:
    from sojourn.cache import ReplyCache


class Called(msgspec.Struct, frozen=True):
    """What a user's function returned (plain JSON data) and what it printed meanwhile."""

    value: Any
    printed: str = ""


class Code(Protocol):
    """Runs users' functions, in whichever language they are written."""

    async def call(self, reference: Reference, *arguments: Any, deadline_ms: float = 0, mark: str = "") -> Called:
        """Call a function with JSON arguments and wait for its answer; `mark` names a call of the run's last will.

        Raises CodeError when it raises, cannot be found, answers what JSON cannot carry, or is still running after
        `deadline_ms` (0: the language's own limit); CodeDiedError when its process died.
        """

    def alone(self) -> AbstractAsyncContextManager[None]:
        """Let only the current task call: what is in flight ends first, who else wants to call waits."""

    async def load(self, reference: Reference) -> JsonDict:
        """Load a function without calling it, and tell its `abilities`; raises CodeError where it cannot be."""

    async def session(self, reference: Reference, request: JsonDict, *, deadline_ms: float = 0) -> Called:
        """Have a language's process open, fork, close or otherwise treat a session that lives there."""

    def life(self, reference: Reference) -> int:
        """Say in which life the process of a function is: what lived there in an earlier one is gone."""


Render = Callable[[str, Mapping[str, Any]], str]
"""Render a template with variables; raises TemplateError. Values are data: they are never rendered again."""


class Tools(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider may use. `env` is the process environment overlaid with the suite's `env`.

    `cache` is None where every provider is to be asked anew; `find` gives the provider behind an id, label or entry.
    """

    code: Code
    render: Render
    env: Mapping[str, str]
    base: Path
    run_id: str
    cache: ReplyCache | None = None
    find: Callable[[Any], Provider] | None = None


class Belongings:
    """What a provider keeps over the turns of one conversation (cookies, a socket); closed with its lane.

    `kept` is for whatever it likes; what has to be closed goes on the `stack`.
    """

    __slots__ = ("_stack", "kept")

    def __init__(self) -> None:
        self.kept: JsonDict = {}
        self._stack: AsyncExitStack | None = None

    @property
    def stack(self) -> AsyncExitStack:
        """The stack of what has to be closed."""
        if self._stack is None:
            self._stack = AsyncExitStack()
        return self._stack

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._stack is not None:
            await self._stack.aclose()

    @property
    def have_to_be_closed(self) -> bool:
        """Whether anything was ever put on the stack."""
        return self._stack is not None


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider is asked: the rendered prompt, and promptfoo's call context (`vars`, `prompt`, `test`, ...).

    `is_turn`: it is part of a lane or a conversation, or of a session, where sending twice or not at all would differ.
    `target` asks the column's own provider, where another one stands on the test.
    """

    prompt: str
    context: JsonDict
    deadline_ms: float = 0
    belongings: Belongings = msgspec.field(default_factory=Belongings)
    is_turn: bool = False
    target: Callable[[Question], Awaitable[Reply]] | None = None


class Provider(Protocol):
    """Made once a run from its entry in the suite; asked once a trial, many at a time.

    One that has `close` is closed at the end of the run; `check(spec)` of its class may raise ProviderError at once.
    `own_session(spec)` of its class may return a `session` block for an entry that has no session, or None.
    """

    def __init__(self, spec: ProviderSpec, tools: Tools) -> None: ...

    async def ask(self, question: Question) -> Reply:
        """Answer. What goes wrong comes back as `Reply.error`; what cannot be asked at all raises ProviderError."""


GradeKind = Literal["text", "embedding", "classification", "moderation"]


class Graders(Protocol):
    """The models that judge."""

    async def ask(self, kind: GradeKind, claim: Claim, text: str, variables: Mapping[str, Any]) -> Reply:
        """Ask the grader that promptfoo's order of precedence names for this claim.

        The reply's output is a text or parsed JSON for "text", a list of floats for "embedding", a mapping of label
        to score for "classification". A grader that answers with an error gives a reply with `error`; one that
        cannot be found or crashes raises ClaimError.
        """

    async def compare(self, claim: Claim, one: str, other: str) -> Reply | None:
        """Ask the claim's grader of embeddings how near two texts are, 0 to 1; None where it gives vectors only."""


class Lent(Protocol):
    """A session that a trial has."""

    async def look(self, expression: str) -> Any:
        """Return, as plain JSON, what an expression finds in it: of its kind, or else one in its language.

        Raises SessionError where it finds nothing to evaluate.
        """


class ClaimContext(msgspec.Struct, frozen=True, kw_only=True):
    """What an assertion may look at.

    `prompt` is the rendered prompt, `variables` the trial's vars (with `_conversation` where it is used), `test` the
    merged test in promptfoo's words, `provider` its `{id, label, config}`; `base` the folder of the suite;
    `latency_ms` what the trial measured or the provider reported; `script` promptfoo's context for script assertions;
    `sessions` those that the trial has, live, by name.
    """

    prompt: str
    variables: Mapping[str, Any]
    test: Mapping[str, Any]
    provider: Mapping[str, Any]
    latency_ms: float
    base: str
    code: Code
    render: Render
    graders: Graders
    script: JsonDict
    sessions: Mapping[str, Lent] = msgspec.field(default_factory=dict)


class Assertion(Protocol):
    """A plain or async function. `claim.value` is rendered, and loaded where it was a file.

    Answer as if `not-` did not stand there: the engine turns the verdict round, unless it is `final`.
    Raise ClaimError where nothing can be judged. One that has `check` is asked before a run, with each claim that
    holds no template: it raises ClaimError where none ever could be.
    """

    def __call__(self, claim: Claim, reply: Reply, context: ClaimContext) -> Verdict | Awaitable[Verdict]:
        """Judge one reply."""


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """What a session is opened with: its name with its place, a tag that is its own in all runs, its live parents."""

    name: str
    tag: str
    parents: Mapping[str, Any]


class SessionKind(Protocol):
    """Opens sessions of one entry of the suite. `abilities` names what it can do besides open and close.

    check (answers False where a session is unsound), reset, begin and rollback, fingerprint, look (evaluates an
    `expression`) and evidence (what it saw of a `trial` that did not pass) are asked for through `act`; fork gives a
    private child of an open one, which is closed like any other.
    """

    abilities: frozenset[str]

    def __init__(self, spec: SessionSpec, tools: Tools) -> None: ...

    @property
    def is_borrowed(self) -> bool:
        """Whether its sessions are open already, and somebody else's to close."""

    async def prepare(self) -> None:
        """Find out before anything opens whether it can be; raises CodeError or SessionError."""

    async def open(self, opening: Opening) -> Any:
        """Open one and return it live."""

    async def close(self, live: Any) -> None:
        """Close one."""

    async def act(self, ability: str, live: Any, **given: Any) -> Any:
        """Do what the kind is able to; `given` are further parameters by name."""

    async def lend(self, live: Any) -> Any:
        """Return the session as the next trial is to have it; the same, where the kind cannot lend."""

    async def fork(self, live: Any, opening: Opening) -> Any:
        """Return a private child of a warmed session."""

    def is_lost(self, live: Any) -> bool:
        """Tell whether a session went with the process that it lived in, without asking anybody."""

    def handle(self, live: Any) -> Any:
        """Return plain JSON data by which others may use the session, or None."""

    def marker(self, live: Any) -> Any:
        """Return what stands for the session in the context of a call to users' code."""


class Reporter(Protocol):
    """Writes one output format; found by the file's suffix."""

    def __call__(self, result: RunResult, out: BinaryIO) -> None:
        """Write the whole result to `out`."""
