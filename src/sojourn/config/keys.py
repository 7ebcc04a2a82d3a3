"""The keys of a configuration, by place, and what each may hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

Check = Callable[[Any], str]
"""Says what was expected of a value, or nothing where it is right."""


class Kind(msgspec.Struct, frozen=True):
    """The check for one of several types; `expected` is what it says where a value is of none."""

    types: tuple[type, ...]
    expected: str

    def __call__(self, value: Any) -> str:
        """Say what was expected, unless the value is of one of the types."""
        right = isinstance(value, self.types) and (bool in self.types or not isinstance(value, bool))
        return "" if right else self.expected


def _is(*types: type, expected: str) -> Check:
    return Kind(types, expected)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if number == number else None  # noqa: PLR0124  NaN is no number


def count(value: Any) -> str:
    """Expect a whole number of 1 or more."""
    number = _number(value)
    return "" if number is not None and number >= 1 and number == int(number) else "must be a whole number of 1 or more"


def wait(value: Any) -> str:
    """Expect a number of milliseconds, 0 or more."""
    number = _number(value)
    return "" if number is not None and number >= 0 else "must be a number of milliseconds, 0 or more"


def numeric(value: Any) -> str:
    """Expect a number, or a text that is one."""
    return "" if _number(value) is not None else "must be a number"


def texts(value: Any) -> str:
    """Expect a list of texts."""
    right = isinstance(value, list) and all(isinstance(item, str) for item in value)
    return "" if right else "must be a list of texts"


def text_or_texts(value: Any) -> str:
    """Expect a text or a list of texts."""
    return "" if isinstance(value, str) or not texts(value) else "must be a text or a list of texts"


def scalars(value: Any) -> str:
    """Expect a mapping of names to texts or numbers."""
    right = isinstance(value, dict) and all(isinstance(item, str | int | float) for item in value.values())
    return "" if right else "must be a mapping of names to texts"


def anything(_value: Any) -> str:
    """Expect nothing in particular."""
    return ""


TEXT = _is(str, expected="must be a text")
SCALAR = _is(str, int, float, expected="must be a text")
BOOL = _is(bool, expected="must be true or false")
MAP = _is(dict, expected="must be a mapping")
LIST = _is(list, expected="must be a list")
TEXT_OR_LIST = _is(str, list, expected="must be a text or a list")
TEXT_OR_MAP = _is(str, dict, expected="must be a text or a mapping")

Table = Mapping[str, Check]

SUITE: Table = {
    "$schema": anything,
    "description": SCALAR,
    "tags": scalars,
    "providers": TEXT_OR_LIST,
    "targets": TEXT_OR_LIST,
    "prompts": _is(str, list, dict, expected="must be a text, a list or a mapping"),
    "tests": _is(str, list, dict, expected="must be a list of tests, a file, or a mapping with a path"),
    "scenarios": TEXT_OR_LIST,
    "defaultTest": TEXT_OR_MAP,
    "extensions": texts,
    "sessions": TEXT_OR_MAP,
    "outputPath": text_or_texts,
    "env": scalars,
    "evaluateOptions": MAP,
    "commandLineOptions": MAP,
    "derivedMetrics": LIST,
    "nunjucksFilters": scalars,
    "sharing": _is(bool, dict, expected="must be true, false or a mapping"),
    "writeLatestResults": BOOL,
    "metadata": MAP,
    "tracing": MAP,
    "redteam": anything,
    "plugins": anything,
    "strategies": anything,
    "assertionTemplates": anything,
}
TEST: Table = {
    "description": SCALAR,
    "vars": _is(dict, str, list, expected="must be a mapping, or a file that holds one"),
    "provider": TEXT_OR_MAP,
    "providers": texts,
    "prompts": texts,
    "providerOutput": anything,
    "assert": LIST,
    "assertScoringFunction": TEXT,
    "threshold": numeric,
    "metadata": MAP,
    "options": MAP,
    "sessions": texts,
    "turns": LIST,
}
TURN: Table = {key: TEST[key] for key in ("description", "vars", "assert", "threshold", "options", "metadata")}
SESSION: Table = {
    "kind": TEXT,
    "scope": TEXT,
    "capacity": count,
    "pool": MAP,
    "parent": TEXT_OR_LIST,
    "isolation": TEXT,
    "open_timeout": SCALAR,
    "close_timeout": SCALAR,
    "config": MAP,
}
POOL: Table = {
    "max": count,
    "min": wait,
    "max_lifetime": SCALAR,
    "max_uses": count,
    "check": BOOL,
    "timeout": SCALAR,
}
OPTIONS: Table = {
    "prefix": SCALAR,
    "suffix": SCALAR,
    "transform": TEXT,
    "postprocess": TEXT,
    "transformVars": TEXT,
    "storeOutputAs": TEXT,
    "disableVarExpansion": BOOL,
    "disableConversationVar": BOOL,
    "disableDefaultAsserts": BOOL,
    "runSerially": BOOL,
    "repeat": count,
    "minPasses": count,
    "provider": anything,
    "rubricPrompt": anything,
    "factuality": MAP,
}
ASSERTION: Table = {
    "type": TEXT,
    "value": anything,
    "threshold": numeric,
    "weight": numeric,
    "metric": SCALAR,
    "provider": TEXT_OR_MAP,
    "rubricPrompt": anything,
    "config": MAP,
    "transform": TEXT,
    "contextTransform": TEXT,
    "assert": LIST,
    "session": TEXT,
    "equals": anything,
}
PROVIDER: Table = {
    "id": TEXT,
    "label": SCALAR,
    "config": anything,
    "prompts": texts,
    "transform": TEXT,
    "delay": wait,
    "env": scalars,
    "inputs": anything,
    "sessions": texts,
    "session": MAP,
}
PROMPT: Table = {
    "id": TEXT,
    "label": SCALAR,
    "raw": TEXT,
    "config": MAP,
    "display": SCALAR,
    "template": TEXT,
}
SCENARIO: Table = {"description": SCALAR, "config": TEXT_OR_LIST, "tests": TEXT_OR_LIST}
GENERATOR: Table = {"path": TEXT, "config": anything}
METRIC: Table = {"name": TEXT, "value": SCALAR}
EVALUATE: Table = {
    "maxConcurrency": count,
    "repeat": count,
    "delay": wait,
    "cache": BOOL,
    "timeoutMs": wait,
    "maxEvalTimeMs": wait,
    "showProgressBar": BOOL,
    "generateSuggestions": BOOL,
    "suggestionsCount": count,
    "interactiveProviders": BOOL,
    "silent": BOOL,
    "filterRange": TEXT,
}
COMMAND_LINE: Table = {
    "description": TEXT,
    "vars": TEXT,
    "tests": TEXT,
    "assertions": TEXT,
    "modelOutputs": TEXT,
    "grader": TEXT,
    "filterErrorsOnly": TEXT,
    "filterFailing": TEXT,
    "filterFailingOnly": TEXT,
    "filterPattern": TEXT,
    "filterPrompts": TEXT,
    "filterProviders": TEXT,
    "filterTargets": TEXT,
    "filterRange": TEXT,
    "promptPrefix": TEXT,
    "promptSuffix": TEXT,
    "prompts": texts,
    "providers": texts,
    "output": texts,
    "config": texts,
    "extension": texts,
    "maxConcurrency": count,
    "repeat": count,
    "tableCellMaxLength": count,
    "filterFirstN": count,
    "filterSample": count,
    "suggestionsCount": count,
    "verbose": BOOL,
    "write": BOOL,
    "cache": BOOL,
    "table": BOOL,
    "share": BOOL,
    "noShare": BOOL,
    "progressBar": BOOL,
    "watch": BOOL,
    "generateSuggestions": BOOL,
    "retryErrors": BOOL,
    "delay": wait,
    "filterMetadata": text_or_texts,
    "envPath": text_or_texts,
    "filterSampleSeed": numeric,
    "var": scalars,
    "tags": scalars,
}
