"""From a Suite to a Plan: the trials in promptfoo's order, gathered into the lanes that the file declares.

Order: test, repeat, combination of vars, provider, prompt. What declares sharing: `metadata.conversationId`, a prompt
that uses `_conversation`, `options.storeOutputAs` and whoever reads it, `options.runSerially`, a literal
`vars.sessionId`. A trial that shares nothing has a lane of its own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from sojourn.config import cases
from sojourn.config.columns import allowed, columns
from sojourn.model.plan import Column, Lane, Plan, Trial
from sojourn.model.suite import Case, JsonDict, Suite

SERIAL = "runSerially"


class TransformVars(Protocol):
    """Changes a test's vars before they are multiplied, for each repeat anew."""

    async def __call__(self, test: JsonDict, variables: JsonDict) -> JsonDict:
        """Return the vars to use."""


@dataclasses.dataclass(frozen=True, slots=True)
class Sharing:
    """What the whole suite says about sharing: names given by storeOutputAs, and how to find names in templates."""

    registers: frozenset[str]
    names: Callable[[str], frozenset[str]]


async def make_plan(suite: Suite, names: Callable[[str], frozenset[str]], transform: TransformVars | None) -> Plan:
    """Plan a run. `names` tells which variables a template refers to; `transform` runs users' transformVars.

    Raises ConfigError for a test that can never be run.
    """
    all_columns = columns(suite)
    tests = cases.merged_tests(suite)
    registers = frozenset(name for test in tests if (name := (test.get("options") or {}).get("storeOutputAs")))
    sharing = Sharing(registers, names)
    trials: list[tuple[Trial, str]] = []
    async for trial, why in _trials(suite, tests, all_columns, sharing, transform):
        trials.append((trial, why))
    lanes = list(_lanes(trials))
    first = tuple(lane for lane in lanes if lane.key == SERIAL)
    return Plan(
        suite=suite,
        columns=all_columns,
        lanes=tuple(lane for lane in lanes if lane.key != SERIAL),
        first=first,
        learning=_must_learn(suite),
        jobs=1 if suite.options.delay_ms else suite.options.max_concurrency,
    )


def _must_learn(suite: Suite) -> str:
    return "the suite has hooks, which may share a session between tests" if suite.extensions else ""


async def _trials(
    suite: Suite,
    tests: list[JsonDict],
    all_columns: tuple[Column, ...],
    sharing: Sharing,
    transform: TransformVars | None,
) -> Any:
    index = test_index = 0
    for number, test in enumerate(tests):
        options = test.get("options") or {}
        for repeat in range(int(options.get("repeat") or suite.options.repeat)):
            for case in await _cases(suite, test, transform):
                for column in all_columns:
                    if allowed(case.raw, column):
                        key, why = _lane_of(case, column, repeat, sharing)
                        yield (
                            Trial(
                                index=index,
                                test_index=test_index,
                                test_number=number,
                                repeat=repeat,
                                column=column,
                                case=case,
                                lane=key,
                            ),
                            why,
                        )
                        index += 1
                test_index += 1


async def _cases(suite: Suite, test: JsonDict, transform: TransformVars | None) -> list[Case]:
    options = test.get("options") or {}
    variables = test.get("vars") or {}
    if transform is not None and options.get("transformVars"):
        variables = {**variables, **await transform(test, variables)}
    singles = cases.combinations(variables, bool(options.get("disableVarExpansion")), suite.base)
    return [cases.read_case({**test, "vars": single}, suite.base) for single in singles]


def _lane_of(case: Case, column: Column, repeat: int, sharing: Sharing) -> tuple[str, str]:
    """Return the key of the lane that a trial belongs to and why, or two empty strings where it shares nothing."""
    options, metadata = case.options, case.metadata
    if options.get("runSerially") is True:
        return SERIAL, "options.runSerially"
    if sharing.registers and _touches_registers(case, column, sharing):
        return f"store:{repeat}", f"storeOutputAs {', '.join(sorted(sharing.registers))}"
    session = case.vars.get("sessionId")
    if isinstance(session, str) and session and "{{" not in session:
        return f"session:{session}", f"vars.sessionId {session!r}"
    conversation = metadata.get("conversationId")
    place = f"{column.index}:{repeat}"
    if conversation:
        return f"conversation:{place}:{conversation}", f"metadata.conversationId {conversation!r}"
    if uses_conversation(column, sharing.names):
        return f"conversation:{place}", "the prompt uses _conversation"
    return "", ""


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


def _lanes(trials: list[tuple[Trial, str]]) -> Iterator[Lane]:
    gathered: dict[str, tuple[str, list[Trial]]] = {}
    for trial, why in trials:
        key = trial.lane or f"trial:{trial.index}"
        gathered.setdefault(key, (why, []))[1].append(trial)
    for key, (why, members) in gathered.items():
        yield Lane(key=key, why=why, trials=tuple(members))
