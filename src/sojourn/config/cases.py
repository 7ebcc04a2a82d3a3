"""Tests in promptfoo's words: merged with defaults, multiplied by vars, lent to hooks, read into Cases."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import structs

from sojourn.config import globbing
from sojourn.config.claims import read_claims
from sojourn.config.expect import Mismatch, mapping, number, sequence, text
from sojourn.drawing.plain import one_line
from sojourn.errors import ConfigError
from sojourn.model.counting import counted
from sojourn.model.redaction import redacted_vars
from sojourn.model.reference import Reference
from sojourn.model.suite import Case, JsonDict, Prompt, ProviderSpec, Suite

FILE = "file://"
MOST_OF_VALUE = 30

_HOOKS_SEE = ("redteam", "tracing")
_WHOLE = frozenset({"vars", "options", "metadata", "assert"})
_INHERITED = ("threshold", "prompts", "provider", "providers", "assertScoringFunction", "sessions")


def merged_tests(suite: Suite) -> list[JsonDict]:
    """Return every test that the suite asks for, merged with defaultTest: the plain ones, then the scenarios'."""
    default = suite.default_test
    return [_with_defaults(test, default) for test in itertools.chain(_plain_tests(suite), scenario_tests(suite))]


def _plain_tests(suite: Suite) -> tuple[JsonDict, ...]:
    return suite.tests or (() if suite.scenarios else ({},))


def scenario_tests(suite: Suite) -> Iterator[JsonDict]:
    """Yield a test for each entry of a scenario's `config` with each of its `tests`."""
    numbers = itertools.count()
    for scenario in suite.scenarios:
        for entry in scenario.get("config") or ():
            conversation = f"__scenario_{next(numbers)}__"
            tests: Iterable[JsonDict] | None = scenario.get("tests")
            for test in ({},) if tests is None else tests:
                yield _scenario_test(entry, test, suite.default_test, conversation)


def _scenario_test(entry: JsonDict, test: JsonDict, default: JsonDict, conversation: str) -> JsonDict:
    metadata = _overlaid("metadata", default, entry, test)
    if metadata.get("conversationId") is None:
        metadata["conversationId"] = conversation
    return {
        **{key: value for key, value in default.items() if key != "assert"},
        **entry,
        **test,
        "vars": _overlaid("vars", default, entry, test),
        "options": _overlaid("options", default, entry, test),
        "assert": [*(entry.get("assert") or ()), *(test.get("assert") or ())],
        "metadata": metadata,
    }


def _overlaid(key: str, *layers: Mapping[str, Any]) -> JsonDict:
    merged: JsonDict = {}
    for layer in layers:
        merged |= layer.get(key) or {}
    if key == "options":  # as in promptfoo an empty prefix, such as a CSV file's cell, or null, is none of its own
        for name in ("prefix", "suffix"):
            if name in merged and merged[name] in ("", None):
                merged[name] = next(filter(None, ((each.get(key) or {}).get(name) for each in reversed(layers))), "")
    return merged


def _with_defaults(test: JsonDict, default: JsonDict) -> JsonDict:
    if not default and test.keys() >= _WHOLE and None not in test.values():
        return test
    merged = dict(test)
    for key in ("vars", "options", "metadata"):
        written = test.get(key)
        merged[key] = _overlaid(key, default, test) if default.get(key) or written is None else written
    own = (test.get("options") or {}).get("disableDefaultAsserts") is True
    merged["assert"] = [*(() if own else default.get("assert") or ()), *(test.get("assert") or ())]
    for key in _INHERITED:
        if merged.get(key) is None:
            merged.pop(key, None)
            if default.get(key) is not None:
                merged[key] = default[key]
    return merged


def combinations(variables: JsonDict, disabled: bool, base: str) -> list[JsonDict]:  # noqa: FBT001  settled signature
    """Return one dictionary of single values for each combination of the array vars and `file://` patterns."""
    if disabled or not any(_multiplies(value) for value in variables.values()):
        return [variables]
    choices = [_choices(name, value, base) for name, value in variables.items()]
    return [dict(zip(variables, chosen, strict=True)) for chosen in itertools.product(*choices)]


def variant(single: JsonDict, written: JsonDict) -> str:
    """Return which combination of vars this is, as names people tell it by: what was chosen for each var."""
    seen = redacted_vars(single)
    chosen = (name for name, value in single.items() if value is not written.get(name))
    return ", ".join(f"{name}={_brief(seen[name])}" for name in chosen)


def _brief(value: Any) -> str:
    told = value.rpartition("/")[2] if isinstance(value, str) and value.startswith(FILE) else str(value)
    return one_line(told, MOST_OF_VALUE)


def _multiplies(value: Any) -> bool:
    if isinstance(value, str):
        return value.startswith(FILE)
    return isinstance(value, list) and bool(value) and isinstance(value[0], str)


def _choices(name: str, value: Any, base: str) -> list[Any]:
    if not _multiplies(value):
        return [value]
    if isinstance(value, list):
        return value
    pattern = value.removeprefix(FILE)
    found = globbing.matches(pattern, base)
    if not found and globbing.has_pattern(pattern):
        raise ConfigError.of(f"no file matches {pattern!r}, the value of the var {name!r}", file=base)
    return [FILE + path for path in found] or [value]


def sessions_of_own(provider: Any, suite: Suite) -> Sequence[str]:
    """Return the sessions of the provider that a test has for itself: an entry, or the name of one of the suite's."""
    if isinstance(provider, Mapping):
        names = provider.get("sessions")
        return [str(name) for name in names] if isinstance(names, list) else ()
    return next((spec.sessions for spec in suite.providers if provider in (spec.label, spec.id)), ())


def passes_mistake(test: JsonDict, count: int) -> Mismatch | None:
    """Say where more repeats of a merged test must pass than the `count` that there are."""
    if not test.get("options") and not test.get("turns"):
        return None
    told = [part.get("options") or {} for part in (test, *(test.get("turns") or ()))]
    wanted = max(int(float(options.get("minPasses") or 0)) for options in told)
    if wanted <= count:
        return None
    what = f"options.minPasses is {wanted}, but the test runs {counted(count, 'time')}"
    return Mismatch(what, todo=f"set options.repeat (or --repeat) to {wanted} or more")


def read_case(test: JsonDict, base: str) -> Case:
    """Read one merged, single-valued test; raises ConfigError for what can never be run or judged."""
    try:
        return Case(
            raw=test,
            vars=_plain(mapping(test.get("vars"), "vars")),
            claims=read_claims(test.get("assert")),
            description=_description(test.get("description")),
            threshold=number(test.get("threshold"), "threshold"),
            metadata=mapping(test.get("metadata"), "metadata"),
            options=mapping(test.get("options"), "options"),
            provider=test.get("provider"),
            provider_output=test.get("providerOutput"),
            sessions=tuple(test.get("sessions") or ()),
            scoring_function=_scoring_function(test.get("assertScoringFunction"), base),
        )
    except Mismatch as mismatch:
        place = ".".join(map(str, mismatch.path))
        what = mismatch.what if mismatch.what.startswith(place) else f"{place}: {mismatch.what}"
        raise ConfigError.of(what, todo=mismatch.todo) from None


def _plain(variables: Mapping[str, Any]) -> JsonDict:
    return variables if type(variables) is dict and variables else dict(variables)


def _description(value: Any) -> str:
    return str(value) if isinstance(value, int | float) else text(value, "description")


def _scoring_function(value: Any, base: str) -> str:
    written = text(value, "assertScoringFunction")
    if not written:
        return ""
    reference = Reference.parse(written, base=base, role="scoring")
    if reference is None:
        what = "assertScoringFunction must name a Python or JavaScript file"
        raise Mismatch(what, path=("assertScoringFunction",), got=value)
    return str(reference)


def suite_for_hooks(suite: Suite) -> JsonDict:
    """Return the `suite` of a hook's context: plain JSON data with promptfoo's thirteen keys."""
    seen: JsonDict = {
        "description": suite.description or None,
        "tags": dict(suite.tags),
        "providers": [_provider_out(provider) for provider in suite.providers],
        "prompts": [_prompt_out(prompt) for prompt in suite.prompts],
        "providerPromptMap": _prompt_map(suite),
        "tests": list(suite.tests),
        "scenarios": list(suite.scenarios),
        "defaultTest": {**suite.default_test, "assert": suite.default_test.get("assert") or []},
        "derivedMetrics": list(suite.derived_metrics),
        "nunjucksFilters": dict(suite.filters),
        "extensions": list(suite.extensions),
    }
    return seen | {key: suite.config.get(key) for key in _HOOKS_SEE}


def _provider_out(provider: ProviderSpec) -> JsonDict:
    return {
        "id": provider.id,
        "label": provider.label or None,
        "config": dict(provider.config),
        "env": dict(provider.env),
    }


def _prompt_out(prompt: Prompt) -> JsonDict:
    seen: JsonDict = {"raw": prompt.raw, "label": prompt.label, "id": prompt.id}
    return seen | ({"config": dict(prompt.config)} if prompt.config else {})


def _prompt_map(suite: Suite) -> dict[str, list[str]]:
    labels = [prompt.label for prompt in suite.prompts]
    return {provider.name: list(provider.prompts) or labels for provider in suite.providers}


def suite_from_hooks(suite: Suite, changed: JsonDict) -> Suite:
    """Return the suite with what a beforeAll hook changed; a key that is absent or null stays as it was."""
    try:
        given = {key: value for key, value in mapping(changed, "suite").items() if value is not None}
        return _changed(suite, given)
    except Mismatch as mismatch:
        what = f"the suite returned by beforeAll: {mismatch.what}"
        raise ConfigError.of(what, todo="return the suite that was given, changed") from None


def _changed(suite: Suite, given: JsonDict) -> Suite:
    changes: JsonDict = {}
    for key, field in (("tests", "tests"), ("scenarios", "scenarios"), ("derivedMetrics", "derived_metrics")):
        if key in given:
            changes[field] = tuple(_mappings(given[key], key))
    for key, field in (("defaultTest", "default_test"), ("nunjucksFilters", "filters")):
        if key in given:
            changes[field] = dict(mapping(given[key], key))
    _check_tests(changes)
    if "prompts" in given:
        changes["prompts"] = _prompts_in(suite, sequence(given["prompts"], "prompts"))
    if given.get("providerPromptMap", _prompt_map(suite)) != _prompt_map(suite):
        changes["providers"] = _remapped(suite, mapping(given["providerPromptMap"], "providerPromptMap"))
    return structs.replace(suite, **changes)


def _check_tests(changes: JsonDict) -> None:
    """Raise Mismatch where a test is not made as the merging needs it."""
    scenarios = changes.get("scenarios", ())
    inner = [
        (entry, f"scenarios.{key}")
        for one in scenarios
        for key in ("config", "tests")
        for entry in _mappings(one.get(key), key)
    ]
    tests = [(test, "tests") for test in changes.get("tests", ())]
    for test, where in [*tests, *inner, (changes.get("default_test", {}), "defaultTest")]:
        for key in ("vars", "options", "metadata"):
            mapping(test.get(key), f"{where}: {key}")
        sequence(test.get("assert"), f"{where}: assert")


def _mappings(value: Any, key: str) -> Sequence[JsonDict]:
    entries = sequence(value, key)
    for index, entry in enumerate(entries):
        if not isinstance(entry, Mapping):
            raise Mismatch(f"{key}[{index}] must be a mapping", path=(key, index), got=entry)
    return entries


def _prompts_in(suite: Suite, entries: Sequence[Any]) -> tuple[Prompt, ...]:
    known = {(prompt.label, prompt.raw): prompt for prompt in suite.prompts}
    return tuple(_prompt_in(known, entry) for entry in entries)


def _prompt_in(known: Mapping[tuple[str, str], Prompt], entry: Any) -> Prompt:
    if isinstance(entry, str):
        entry = {"raw": entry}
    if not isinstance(entry, Mapping) or not isinstance(entry.get("raw"), str):
        raise Mismatch("a prompt must be a text, or a mapping with raw and label", path=("prompts",), got=entry)
    label = str(entry.get("label") or entry["raw"])
    old = known.get((label, entry["raw"])) or Prompt(raw=entry["raw"], label=label, id=str(entry.get("id") or label))
    return structs.replace(old, config=entry.get("config") or old.config)


def _remapped(suite: Suite, names: Mapping[str, Any]) -> tuple[ProviderSpec, ...]:
    return tuple(
        structs.replace(provider, prompts=tuple(names[provider.name])) if provider.name in names else provider
        for provider in suite.providers
    )
