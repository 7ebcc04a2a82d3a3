"""What every trial of a run works with, and the account that is kept of one trial."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from sojourn.engine.belonging import BelongingsOfLanes
from sojourn.engine.grading import GraderPool
from sojourn.engine.lanes import Learner
from sojourn.engine.providers import ProviderPool
from sojourn.engine.safekeeping import Safekeeping
from sojourn.engine.sessions import House
from sojourn.engine.spans import Silence, Spans
from sojourn.languages.runner import CodeRunner
from sojourn.lifecycle.hooks import Hooks
from sojourn.lifecycle.journal import Journal
from sojourn.model.plan import Trial
from sojourn.model.reply import Reply
from sojourn.model.result import Phase, Trouble
from sojourn.model.secrecy import Secrets
from sojourn.model.suite import Case, JsonDict, Suite
from sojourn.model.verdict import Verdict
from sojourn.template.engine import Renderer

if TYPE_CHECKING:  # start-up need not wait for it
    from sojourn.engine.tracing import Traces


class Setting(msgspec.Struct, kw_only=True):
    """A run's tools and its shared memory.

    `folder` is private to the run and removed at its end; `env` is what the programs and processes of the run get.
    """

    suite: Suite
    run_id: str
    folder: Path
    env: Mapping[str, str]
    code: CodeRunner
    renderer: Renderer
    hooks: Hooks
    providers: ProviderPool
    graders: GraderPool
    learner: Learner
    house: House
    journal: Journal
    secrets: Secrets
    safe: Safekeeping
    clock: Callable[[], float]
    traces: Traces | None = None
    spans: Spans = msgspec.field(default_factory=Silence)
    belongings: BelongingsOfLanes = msgspec.field(default_factory=BelongingsOfLanes)
    turns: dict[str, list[JsonDict]] = msgspec.field(default_factory=dict)
    conversations: dict[str, list[JsonDict]] = msgspec.field(default_factory=dict)
    registers: dict[int, dict[str, Any]] = msgspec.field(default_factory=dict)

    def said(self, trial: Trial) -> list[list[JsonDict]]:
        """Return what was said in a trial's conversation so far, as prompts and as assertions know it."""
        history = self.conversations.setdefault(conversation_key(trial, trial.case), [])
        return [history, self.turns.setdefault(trial.conversation, [])] if trial.conversation else [history]


def conversation_key(trial: Trial, case: Case) -> str:
    """Turns have a conversation of their own; else it is the column's, or the named one in it, as in promptfoo."""
    turns = trial.conversation if trial.turn else ""
    return f"{trial.column.index}:{trial.repeat}:{turns or case.metadata.get('conversationId') or ''}"


class Account(msgspec.Struct):
    """What happened in one trial so far.

    `turns` are those of its conversation so far, its own the last. Its sessions
    stand in `markers` for calls to users' code, in `sessions` for templates.
    `given` is the output as the provider's own transform left it.
    """

    trial: Trial
    case: Case
    variables: JsonDict = msgspec.field(default_factory=dict)
    prompt: str = ""
    reply: Reply | None = None
    verdicts: list[Verdict] = msgspec.field(default_factory=list)
    trouble: Trouble | None = None
    notes: list[Trouble] = msgspec.field(default_factory=list)
    skipped: str = ""
    printed: list[str] = msgspec.field(default_factory=list)
    latency_ms: float = 0
    started: float = 0
    phase: Phase = Phase.BEFORE
    history: list[JsonDict] | None = None
    turns: list[JsonDict] = msgspec.field(default_factory=list)
    prompt_config: JsonDict = msgspec.field(default_factory=dict)
    markers: JsonDict = msgspec.field(default_factory=dict)
    sessions: JsonDict = msgspec.field(default_factory=dict)
    trace: str = ""
    given: Any = None

    def broke(self, what: str, trace: str = "") -> None:
        """Note that the trial broke, in the phase that it is in; the first trouble stands."""
        if self.trouble is None:
            self.trouble = Trouble(phase=self.phase, what=what, trace=trace)
