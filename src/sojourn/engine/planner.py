"""From a Suite to a Plan: the trials in promptfoo's order, gathered into the lanes that the file declares.

Order: test, repeat, combination of vars, provider, prompt. What declares sharing: `metadata.conversationId`, a prompt
that uses `_conversation`, `options.storeOutputAs` and whoever reads it, `options.runSerially`, a literal
`vars.sessionId`, `turns`, and sessions that one trial at a time may use. A trial that shares nothing has its own lane.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, NamedTuple, Protocol

import msgspec
from msgspec import structs

from sojourn.config import cases
from sojourn.config.columns import allowed, columns
from sojourn.config.turns import written_turns
from sojourn.engine.gathering import SERIAL, check_family, gathered
from sojourn.engine.sharding import sharded
from sojourn.errors import ConfigError
from sojourn.model.plan import Column, Plan, Trial
from sojourn.model.suite import Case, JsonDict, Suite


class TransformVars(Protocol):
    """Changes a test's vars before they are multiplied, for each repeat anew."""

    async def __call__(self, test: JsonDict, variables: JsonDict) -> JsonDict:
        """Return the vars to use."""


class Sharing(msgspec.Struct, frozen=True):
    """What the whole suite says about sharing: names given by storeOutputAs, and how to find names in templates."""

    registers: frozenset[str]
    names: Callable[[str], frozenset[str]]


async def make_plan(suite: Suite, names: Callable[[str], frozenset[str]], transform: TransformVars | None) -> Plan:
    """Plan a run. `names` tells which variables a template refers to; `transform` runs users' transformVars.

    Raises ConfigError for a test that can never be run, and for sessions that cannot be.
    """
    all_columns = columns(suite)
    tests = cases.merged_tests(suite)
    check_family(suite, tests)
    registers = frozenset(name for test in tests if (name := (test.get("options") or {}).get("storeOutputAs")))
    trials: list[tuple[Trial, str]] = []
    planning = _Planning(suite, all_columns, Sharing(registers, names), transform)
    for number, test in enumerate(tests):
        async for trial, why in planning.trials_of(number, test):
            trials.append((trial, why))
    lanes = gathered(trials, suite)
    plan = Plan(
        suite=suite,
        columns=all_columns,
        lanes=tuple(lane for lane in lanes if lane.key != SERIAL),
        first=tuple(lane for lane in lanes if lane.key == SERIAL),
        learning=_must_learn(suite),
        jobs=1 if suite.options.delay_ms else suite.options.max_concurrency,
    )
    return sharded(plan, *suite.options.shard) if suite.options.shard else plan


def _must_learn(suite: Suite) -> str:
    return "the suite has hooks, which may share a session between tests" if suite.extensions else ""


class _Single(NamedTuple):
    """A case of a written test: which of its combinations of vars, by key and in words, and which turn."""

    place: str
    turn: int
    case: Case
    variant: str


class _Planning(msgspec.Struct):
    """Makes trials in promptfoo's order; counts them, and the tests."""

    suite: Suite
    columns: tuple[Column, ...]
    sharing: Sharing
    transform: TransformVars | None
    index: int = 0
    test_index: int = 0

    async def trials_of(self, number: int, test: JsonDict) -> AsyncIterator[tuple[Trial, str]]:
        """Yield a written test's trials, each with the reason for its lane, or an empty one."""
        options = test.get("options") or {}
        count = int(options.get("repeat") or self.suite.options.repeat)
        _check_passes(number, test, count)
        found = await self._cases(number, test)
        for repeat in range(count):
            if repeat and options.get("transformVars"):  # it may not come to the same
                found = await self._cases(number, test)
            for single in found:
                for column in self.columns:
                    if allowed(single.case.raw, column):
                        yield self._trial(single, column, number, repeat)
                self.test_index += 1

    async def _cases(self, number: int, test: JsonDict) -> list[_Single]:
        """Return the cases of a written test: of each combination of its vars, each turn."""
        singles = await self._singles(test)
        return [
            _Single(f"{number}.{which}", turn, cases.read_case(written, self.suite.base), variant)
            for which, (single, variant) in enumerate(singles)
            for turn, written in written_turns(single)
        ]

    async def _singles(self, test: JsonDict) -> list[tuple[JsonDict, str]]:
        """Return the test once for each combination of its vars, and which it is where there are several."""
        options = test.get("options") or {}
        variables = test.get("vars") or {}
        if self.transform is not None and options.get("transformVars"):
            variables = {**variables, **await self.transform(test, variables)}
        singles = cases.combinations(variables, bool(options.get("disableVarExpansion")), self.suite.base)
        if len(singles) == 1:
            [single] = singles
            return [(test if single is test.get("vars") else {**test, "vars": single}, "")]
        return [({**test, "vars": single}, cases.variant(single, variables)) for single in singles]

    def _trial(self, single: _Single, column: Column, number: int, repeat: int) -> tuple[Trial, str]:
        trial = Trial(
            index=self.index,
            test_index=self.test_index,
            test_number=number,
            repeat=repeat,
            column=column,
            case=single.case,
            turn=single.turn,
            test_key=single.place,
            needs=needs(single.case, column, self.suite),
            variant=single.variant,
        )
        self.index += 1
        key, why, conversation = _lane_of(trial, self.sharing)
        if not key and not conversation:
            return trial, why
        return structs.replace(trial, lane=key, conversation=conversation), why


def _check_passes(number: int, test: JsonDict, count: int) -> None:
    """Raise ConfigError where more repeats must pass than there are: a hook may have asked for it."""
    if mismatch := cases.passes_mistake(test, count):
        name = test.get("description") or f"test {number + 1}"
        raise ConfigError.of(f"{name}: {mismatch.what}", todo=mismatch.todo)


def needs(case: Case, column: Column, suite: Suite) -> tuple[str, ...]:
    """Return the sessions that a trial uses: its providers', its test's, and those that its prompt speaks of."""
    if not suite.sessions:
        return ()
    spoken = [name for name in _SPOKEN.findall(column.prompt.raw) if any(name == spec.name for spec in suite.sessions)]
    return tuple(
        dict.fromkeys(
            [*column.provider.sessions, *cases.sessions_of_own(case.provider, suite), *case.sessions, *spoken]
        )
    )


_SPOKEN = re.compile(r"\bsessions\.(\w+)")


def _lane_of(trial: Trial, sharing: Sharing) -> tuple[str, str, str]:
    """Return the key of a trial's lane, why it is in it, and the key of its conversation: empty where there is none."""
    case, column, repeat = trial.case, trial.column, trial.repeat
    place = f"{column.index}:{repeat}"
    named = case.metadata.get("conversationId")
    is_history = uses_conversation(column, sharing.names)
    conversation = f"conversation:{place}:{named}" if named else f"conversation:{place}" if is_history else ""
    if trial.turn:
        conversation = f"turns:{place}:{trial.test_key}"
    if case.options.get("runSerially") is True:
        return SERIAL, "options.runSerially", conversation
    if sharing.registers and _touches_registers(case, column, sharing):
        return f"store:{repeat}", f"storeOutputAs {', '.join(sorted(sharing.registers))}", conversation
    session = case.vars.get("sessionId")
    if isinstance(session, str) and session and "{{" not in session:
        return f"session:{session}", f"vars.sessionId {session!r}", conversation
    if trial.turn:
        return conversation, "turns of one conversation", conversation
    if named:
        return conversation, f"metadata.conversationId {named!r}", conversation
    return conversation, "the prompt uses _conversation" if is_history else "", conversation


def uses_conversation(column: Column, names: Callable[[str], frozenset[str]]) -> bool:
    """Whether a column's prompt refers to the conversation so far."""
    return "_conversation" in _names(column.prompt.raw, names)


def _names(text: str, names: Callable[[str], frozenset[str]]) -> frozenset[str]:
    return names(text) if "{" in text else frozenset()


def _touches_registers(case: Case, column: Column, sharing: Sharing) -> bool:
    if case.options.get("storeOutputAs"):
        return True
    if sharing.registers & (_names(column.prompt.raw, sharing.names) | case.vars.keys()):
        return True
    texts = [*_strings(case.vars), *_strings([claim.raw for claim in case.claims])]
    return any(sharing.registers & _names(text, sharing.names) for text in texts)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
