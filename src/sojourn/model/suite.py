"""What a configuration says, defaults folded in.

Tests stay dictionaries in promptfoo's words until the planner reads them: hooks are handed exactly these, and may
change them. `Case` and `Claim` are a merged, single test as the engine sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from sojourn.errors import Problem
from sojourn.model.empty import nothing
from sojourn.model.reference import Reference
from sojourn.model.session import SessionSpec

JsonDict = dict[str, Any]


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """One prompt: a template in `raw`, or a user's function or program that makes it for each trial.

    `function` is a reference (`file://x.py:fn`, absolute) and `command` a program line; at most one is set.
    """

    raw: str
    label: str
    id: str
    config: Mapping[str, Any] | None = None
    function: str = ""
    command: str = ""


class ProviderSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One entry under `providers`: which plug (`id`), its name for people (`label`), and what it is told."""

    id: str
    label: str = ""
    config: Mapping[str, Any] = msgspec.field(default_factory=dict)
    prompts: tuple[str, ...] = ()
    transform: str = ""
    delay_ms: float = 0
    env: Mapping[str, str] = msgspec.field(default_factory=dict)
    base: str = ""
    sessions: tuple[str, ...] = ()
    own: SessionSpec | None = None

    @property
    def name(self) -> str:
        """The label, or else the id."""
        return self.label or self.id


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """One assertion as written: `type` without `not-`, `negated`, and what it compares with.

    `raw` is the entry itself, for rows. An `assert-set` has its members in `members`.
    """

    type: str
    negated: bool = False
    value: Any = None
    threshold: float | None = None
    weight: float = 1.0
    metric: str = ""
    transform: str = ""
    context_transform: str = ""
    provider: Any = None
    rubric_prompt: Any = None
    config: Mapping[str, Any] = msgspec.field(default_factory=nothing)
    members: tuple[Claim, ...] = ()
    raw: Mapping[str, Any] = msgspec.field(default_factory=nothing)


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One merged test with single-valued vars; `raw` is the same in promptfoo's words, for hooks and rows."""

    raw: JsonDict
    vars: JsonDict
    claims: tuple[Claim, ...] = ()
    description: str = ""
    threshold: float | None = None
    metadata: Mapping[str, Any] = msgspec.field(default_factory=nothing)
    options: Mapping[str, Any] = msgspec.field(default_factory=nothing)
    provider: Any = None
    provider_output: Any = None
    scoring_function: str = ""
    sessions: tuple[str, ...] = ()


class RunOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a suite is run. Times are milliseconds, 0 means no limit.

    `keep_sessions`: those of tests that did not pass stay open until somebody has looked at them.
    `races` says whether a session race is a failure ("error"), `shuffle` is the seed of another order of the lanes.
    `hook_timeout_ms` bounds each call of a hook, `stop_timeout_ms` how long a run may still take once it is stopped.
    `pass_rate` is how many per cent must pass, `failed_code` the exit code where fewer do. `shard` is which of how many
    parts of the suite is run, from 1; None is the whole. `first_failure`: a test is judged until it has failed.
    `stripped` is what results are written without.
    """

    max_concurrency: int = 4
    repeat: int = 1
    delay_ms: float = 0
    cache: bool = True
    races: str = "warn"
    keep_sessions: bool = False
    shuffle: int | None = None
    timeout_ms: float = 0
    max_eval_time_ms: float = 0
    hook_timeout_ms: float = 60_000
    stop_timeout_ms: float = 10_000
    pass_rate: float = 100
    failed_code: int = 100
    shard: tuple[int, int] | None = None
    first_failure: bool = False
    stripped: frozenset[str] = frozenset()


Place = tuple[str, int, int]
"""A file as people call it, a line and a column from 1; zeros where nobody can say."""


class Snippet(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of code that stands in the suite itself, or a file that is named; `place` finds where, for a message."""

    reference: Reference
    place: Callable[[], Place]


class Suite(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one configuration says. `base` is the folder that relative paths start from.

    `vain` is what can never be judged as it stands: in a run it breaks the tests that meet it, and no others.
    `code` are the files that assertions and transforms name.
    """

    base: str
    prompts: tuple[Prompt, ...]
    providers: tuple[ProviderSpec, ...]
    tests: tuple[JsonDict, ...]
    scenarios: tuple[JsonDict, ...] = ()
    default_test: JsonDict = msgspec.field(default_factory=dict)
    description: str = ""
    tags: Mapping[str, str] = msgspec.field(default_factory=dict)
    extensions: tuple[str, ...] = ()
    env: Mapping[str, str] = msgspec.field(default_factory=dict)
    options: RunOptions = msgspec.field(default_factory=RunOptions)
    derived_metrics: tuple[JsonDict, ...] = ()
    filters: Mapping[str, str] = msgspec.field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    config: JsonDict = msgspec.field(default_factory=dict)
    files: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    vain: tuple[Problem, ...] = ()
    snippets: tuple[Snippet, ...] = ()
    code: tuple[Snippet, ...] = ()
    grader: Any = None
    command_line: JsonDict = msgspec.field(default_factory=dict)
    sessions: tuple[SessionSpec, ...] = ()
