"""Which tests of a suite run: the `--filter-*` flags, which never cut through a conversation.

Tests that share a `metadata.conversationId` are taken whole or left: where one is wanted, all are.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sojourn.config.files import parse_json, read_text, resolve
from sojourn.config.findings import COMMAND_LINE
from sojourn.config.flags import Flags
from sojourn.config.options import OPTIONS
from sojourn.config.reading import Reading
from sojourn.config.references import FILE
from sojourn.errors import ConfigError
from sojourn.model.suite import JsonDict

Tests = Sequence[JsonDict]
Step = Callable[[Tests], Iterable[int]]
"""Chooses tests by their position."""

_SELECTING = (
    "filter_metadata", "filter_failing", "filter_failing_only", "filter_errors_only", "filter_pattern", "filter_range",
    "filter_first_n", "filter_sample",
)  # fmt: skip
_ERROR = 2
_AUTOMATIC = re.compile(r"__scenario_\d+__")
_REDACTED = "[REDACTED]"


def select(tests: Tests, flags: Flags, default: JsonDict, cwd: str, *, partial: bool = False) -> list[JsonDict]:
    """Return the tests that the flags ask for, in file order; raises ConfigError for a flag that asks nonsense.

    `partial`: the tests are a scenario's, whose entries add further vars.
    """
    chosen = list(tests)
    for step in _steps(flags, default, cwd, partial=partial):
        wanted = _whole(set(step(chosen)), chosen, default)
        chosen = [test for index, test in enumerate(chosen) if index in wanted]
    return chosen


def asked(flags: Flags) -> bool:
    """Tell whether a flag asks for some of the tests only."""
    return any(value not in (None, ()) for value in (getattr(flags, name) for name in _SELECTING))


def by_results(flags: Flags) -> bool:
    """Tell whether a flag asks for what did not pass in an earlier output."""
    return bool(flags.filter_failing or flags.filter_failing_only or flags.filter_errors_only)


def pattern(text: str, flag: str) -> re.Pattern[str]:
    """Compile the regular expression of a flag; raises ConfigError where it is none."""
    try:
        return re.compile(re.sub(r"\(\?<(?![=!])", "(?P<", text))
    except re.error as error:
        raise ConfigError.of(f"{flag} {text!r} is no regular expression: {error}", file="command line") from None


def check_flags(flags: Flags, said: Flags, reading: Reading) -> None:
    """Note every filter that asks for nonsense; `said` are those of the command line, the others stand in the file."""
    for name, check in _CHECKS.items():
        value = getattr(flags, name)
        for each in value if isinstance(value, tuple) else [value] if value else []:
            try:
                check(each)
            except ConfigError as error:
                here = getattr(said, name) == value
                source = COMMAND_LINE if here else reading.source
                at = () if here else ("commandLineOptions", OPTIONS[name])
                reading.findings.wrong(error.problems[0].what, source, at)


def _whole(wanted: set[int], tests: Tests, default: Mapping[str, Any]) -> set[int]:
    """Add to the wanted tests those of the same conversations."""
    talks = [_conversation(test, default) for test in tests]
    begun = {talks[index] for index in wanted} - {None}
    return wanted | {index for index, talk in enumerate(talks) if talk in begun} if begun else wanted


def _conversation(test: Mapping[str, Any], default: Mapping[str, Any]) -> str | None:
    for layer in (test, default):
        talk = (layer.get("metadata") or {}).get("conversationId")
        if talk is not None and not _AUTOMATIC.fullmatch(str(talk)):
            return str(talk)
    return None


def _steps(flags: Flags, default: JsonDict, cwd: str, *, partial: bool) -> Iterable[Step]:
    if flags.filter_metadata:
        yield _by_metadata([_pair(text) for text in flags.filter_metadata])
    rows = _earlier(flags, cwd)
    if rows is not None:
        yield lambda tests: (i for i, test in enumerate(tests) if _among(test, rows, default, partial=partial))
    if flags.filter_pattern:
        matching = pattern(flags.filter_pattern, "--filter-pattern")
        yield lambda tests: (
            index for index, test in enumerate(tests) if matching.search(str(test.get("description") or ""))
        )
    if flags.filter_range:
        start, end = _range(flags.filter_range)
        yield lambda tests: range(len(tests))[start:end]
    if flags.filter_first_n is not None:
        count = flags.filter_first_n
        yield lambda tests: range(len(tests))[:count]
    if flags.filter_sample is not None:
        yield _sample(flags.filter_sample, flags.filter_sample_seed)


def _pair(text: str) -> tuple[str, str]:
    key, _, value = text.partition("=")
    if not key or not value:
        what = f"--filter-metadata must be KEY=VALUE, not {text!r}"
        raise ConfigError.of(what, file="command line")
    return key, value


def _by_metadata(pairs: Sequence[tuple[str, str]]) -> Step:
    def step(tests: Tests) -> Iterable[int]:
        for index, test in enumerate(tests):
            metadata = test.get("metadata") or {}
            if all(_holds(metadata.get(key), value) for key, value in pairs):
                yield index

    return step


def _holds(found: Any, wanted: str) -> bool:
    items = found if isinstance(found, list) else [found]
    return any(wanted in _shown(item) for item in items if item is not None)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _range(text: str) -> tuple[int, int | None]:
    found = re.fullmatch(r"\s*(\d*)\s*:\s*(\d*)\s*", text)
    if not found or not (found[1] or found[2]):
        raise ConfigError.of(f"--filter-range must be START:END, counted from 0, not {text!r}", file="command line")
    start, end = int(found[1] or 0), int(found[2]) if found[2] else None
    if end is not None and start > end:
        raise ConfigError.of(f"--filter-range {text} ends before it starts", file="command line")
    return start, end


def _sample(count: int, seed: int | None) -> Step:
    import random

    chance = random.Random(seed)  # noqa: S311  a choice of tests is no secret
    return lambda tests: chance.sample(range(len(tests)), min(count, len(tests)))


def _earlier(flags: Flags, cwd: str) -> list[JsonDict] | None:
    """Return the rows of earlier outputs that are asked for again, or None where no flag asks."""
    wanted: list[tuple[str | None, Callable[[Mapping[str, Any]], bool]]] = [
        (flags.filter_failing, lambda row: not row.get("success")),
        (flags.filter_failing_only, _failed),
        (flags.filter_errors_only, lambda row: row.get("failureReason") == _ERROR),
    ]
    named = [(path, keep) for path, keep in wanted if path]
    return [row for path, keep in named for row in _rows(path, cwd) if keep(row)] if named else None


def _failed(row: Mapping[str, Any]) -> bool:
    return not row.get("success") and row.get("failureReason") != _ERROR


def _rows(path: str, cwd: str) -> list[JsonDict]:
    """Read the rows of an earlier output: a JSON document, or JSON lines."""
    if not os.path.isfile(resolve(path, cwd)):
        todo = "name the JSON file that an earlier run wrote"
        raise ConfigError.of("there is no earlier output of this name", file=path, todo=todo)
    text = read_text(resolve(path, cwd), path)
    if path.endswith(".jsonl"):
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    data = parse_json(text, path)
    while isinstance(data, dict) and "results" in data:
        data = data["results"]
    if not isinstance(data, list):
        raise ConfigError.of("this is no output of an earlier run: it has no results", file=path)
    return [row for row in data if isinstance(row, dict)]


def _among(test: JsonDict, rows: Iterable[JsonDict], default: JsonDict, *, partial: bool) -> bool:
    own = {**(default.get("vars") or {}), **(test.get("vars") or {})}
    turns = test.get("turns")
    written = [{**own, **(turn.get("vars") or {})} for turn in turns] if isinstance(turns, list) else [own]
    told = [layer.get("vars") for row in rows for layer in (row, row.get("testCase") or {})]
    return any(_same(each, variables, partial=partial) for each in written for variables in told)


def _same(written: JsonDict, ran: Any, *, partial: bool) -> bool:
    """Whether a row's vars are one of the combinations that a test's vars stand for."""
    ran = {key: value for key, value in (ran or {}).items() if not _internal(key)}
    written = {key: value for key, value in written.items() if not _internal(key)}
    keys = written.keys() <= ran.keys() if partial else written.keys() == ran.keys()
    return keys and all(_one_of(value, ran[key]) for key, value in written.items())


def _internal(key: str) -> bool:
    return key.startswith("_") or key == "sessionId"


def _one_of(written: Any, ran: Any) -> bool:
    if ran in (written, _REDACTED):
        return True
    if isinstance(written, list):
        return ran in written
    return isinstance(written, str) and written.startswith(FILE) and isinstance(ran, str) and ran.startswith(FILE)


_CHECKS: dict[str, Callable[[str], object]] = {
    "filter_pattern": lambda text: pattern(text, "--filter-pattern"),
    "filter_prompts": lambda text: pattern(text, "--filter-prompts"),
    "filter_providers": lambda text: pattern(text, "--filter-providers"),
    "filter_range": _range,
    "filter_metadata": _pair,
}
