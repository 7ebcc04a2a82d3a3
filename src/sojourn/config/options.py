"""How a suite is run: what a flag says, or else commandLineOptions, or else evaluateOptions, or else the default."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Mapping
from typing import Any

from sojourn.config.flags import CHANCE, Flags
from sojourn.config.keys import wait
from sojourn.errors import ConfigError
from sojourn.model.suite import JsonDict, RunOptions
from sojourn.model.switches import is_on

HOOK_TIMEOUT_MS = 60_000.0
STOP_TIMEOUT_MS = 10_000.0

OPTIONS = {
    "prompt_prefix": "promptPrefix",
    "prompt_suffix": "promptSuffix",
    "var": "var",
    "tag": "tags",
    "max_concurrency": "maxConcurrency",
    "repeat": "repeat",
    "delay": "delay",
    "cache": "cache",
    "filter_first_n": "filterFirstN",
    "filter_pattern": "filterPattern",
    "filter_range": "filterRange",
    "filter_prompts": "filterPrompts",
    "filter_providers": "filterProviders",
    "filter_sample": "filterSample",
    "filter_sample_seed": "filterSampleSeed",
    "filter_failing": "filterFailing",
    "filter_failing_only": "filterFailingOnly",
    "filter_errors_only": "filterErrorsOnly",
    "filter_metadata": "filterMetadata",
    "extension": "extension",
    "description": "description",
    "output": "output",
    "grader": "grader",
}
"""Each field of Flags that commandLineOptions may say, and its name there."""

_WHOLE = ("max_concurrency", "repeat", "filter_first_n", "filter_sample", "filter_sample_seed")


def with_file_options(flags: Flags, said: Mapping[str, Any]) -> Flags:
    """Return the flags, filled from the suite's commandLineOptions where the command line says nothing."""
    changes: JsonDict = {}
    for name, key in OPTIONS.items():
        value = said.get(key, said.get("filterTargets") if name == "filter_providers" else None)
        own = getattr(flags, name)
        if value is None:
            continue
        if isinstance(own, dict):
            changes[name] = {**{str(k): str(v) for k, v in value.items()}, **own}
        elif own is None or own == ():
            changes[name] = _settled(name, own, value)
    return dataclasses.replace(flags, **changes)


def _settled(name: str, own: Any, value: Any) -> Any:
    if own == ():
        return (value,) if isinstance(value, str) else tuple(value)
    return int(float(value)) if name in _WHOLE else float(value) if name == "delay" else value


def run_options(flags: Flags, evaluate: Mapping[str, Any], env: Mapping[str, str]) -> RunOptions:
    """Return how the suite is run; the flags are filled from commandLineOptions already."""
    cache = flags.cache if flags.cache is not None else evaluate.get("cache")
    return RunOptions(
        max_concurrency=int(flags.max_concurrency or _first(evaluate.get("maxConcurrency")) or 4),
        repeat=int(flags.repeat or _first(evaluate.get("repeat")) or 1),
        delay_ms=_first(flags.delay, evaluate.get("delay"), env.get("PROMPTFOO_DELAY_MS")),
        cache=cache is not False and env.get("PROMPTFOO_CACHE_ENABLED", "true").lower() not in ("false", "0", "no"),
        races=flags.races or "warn",
        keep_sessions=flags.keep_sessions == "on-fail",
        shuffle=secrets.randbelow(10**6) if flags.shuffle == CHANCE else flags.shuffle,
        timeout_ms=_first(evaluate.get("timeoutMs"), env.get("PROMPTFOO_EVAL_TIMEOUT_MS")),
        max_eval_time_ms=_first(evaluate.get("maxEvalTimeMs"), env.get("PROMPTFOO_MAX_EVAL_TIME_MS")),
        hook_timeout_ms=_own(env, "SOJOURN_HOOK_TIMEOUT_MS", HOOK_TIMEOUT_MS),
        stop_timeout_ms=_own(env, "SOJOURN_STOP_TIMEOUT_MS", STOP_TIMEOUT_MS),
        pass_rate=_within(env, "PROMPTFOO_PASS_RATE_THRESHOLD", most=100)
        if flags.fail_under is None
        else flags.fail_under,
        failed_code=int(_within(env, "PROMPTFOO_FAILED_TEST_EXIT_CODE", most=255)),
        shard=flags.shard,
        first_failure=is_on(env, "PROMPTFOO_SHORT_CIRCUIT_TEST_FAILURES"),
        stripped=frozenset(part for part, switch in _STRIPPED.items() if is_on(env, switch)),
    )


_STRIPPED = {
    "grading": "PROMPTFOO_STRIP_GRADING_RESULT",
    "metadata": "PROMPTFOO_STRIP_METADATA",
    "output": "PROMPTFOO_STRIP_RESPONSE_OUTPUT",
    "prompt": "PROMPTFOO_STRIP_PROMPT_TEXT",
    "vars": "PROMPTFOO_STRIP_TEST_VARS",
}


def _within(env: Mapping[str, str], name: str, *, most: int) -> float:
    """Return the number that a variable says, or 100; raises ConfigError where it is none, or out of bounds."""
    said = env.get(name)
    try:
        value = float(said) if said else 100.0
    except ValueError:
        value = -1.0
    if not 0 <= value <= most:
        raise ConfigError.of(f"the environment variable {name} must be a number from 0 to {most}, not {said!r}")
    return value


def _own(env: Mapping[str, str], name: str, default: float) -> float:
    """Return what a variable of ours says; raises ConfigError where that is no time."""
    said = env.get(name)
    if not said:
        return default
    if wrong := wait(said):
        raise ConfigError.of(f"the environment variable {name} {wrong}, not {said!r}")
    return float(said)


def _first(*values: Any) -> float:
    """Return the first that is said, as a number; what is no number counts as not said."""
    for value in values:
        if value is not None:
            try:
                return max(float(value), 0)
            except ValueError:
                continue
    return 0
