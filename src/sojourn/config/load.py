"""From files to a Suite: everything is read, everything wrong is gathered, and only then is anything refused."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import structs

from sojourn.config import cases, filters
from sojourn.config.checking import (
    Names,
    check_extensions,
    check_outputs,
    check_passes,
    check_templates,
    check_vars,
    read_template_filters,
)
from sojourn.config.columns import own_id
from sojourn.config.combining import combined
from sojourn.config.documents import Document, env_of_options, find_files, read_document, rendered, usual
from sojourn.config.environment import env_files
from sojourn.config.findings import COMMAND_LINE, Findings, Source
from sojourn.config.flags import Flags
from sojourn.config.options import run_options, with_file_options
from sojourn.config.prompts import check_typed, read_prompts
from sojourn.config.providers import choose, read_providers
from sojourn.config.reading import Reading
from sojourn.config.scenarios import read_default_test, read_scenarios
from sojourn.config.secrets import without_secrets
from sojourn.config.sessions import check_lookers, read_sessions
from sojourn.config.tests import Placed, read_tests
from sojourn.config.unset import check_prompt_names
from sojourn.errors import ConfigError, Problem
from sojourn.model.reference import Reference
from sojourn.model.suite import JsonDict, Place, Prompt, ProviderSpec, RunOptions, Snippet, Suite
from sojourn.model.switches import is_on
from sojourn.protocols import Code

GIVEN = "the configuration"
"""What people are told that a mistake stands in which stands in no file."""


More = Callable[[Suite], Awaitable[list[Problem]]]
"""Finds what else is wrong with a suite, as far as it could be read."""


async def load_suite(
    named: Sequence[str] | JsonDict,
    flags: Flags,
    code: Code,
    *,
    cwd: Path,
    environ: Mapping[str, str],
    more: More | None = None,
) -> Suite:
    """Read configurations and all that they name into a Suite; raises one ConfigError with every mistake.

    `named` are files, or what a file would say. `more` is asked only where something is wrong: what it finds would
    refuse the suite, too, once that is mended.
    """
    if not named and _says_all(flags) and not usual(str(cwd)):
        named = {}
    files = [] if isinstance(named, dict) else find_files(named, str(cwd))
    findings = Findings(strict=flags.strict)
    overlay: dict[str, str] = {}
    with findings.gathering():
        overlay = env_files(flags.env_file, str(cwd), environ)
    reading = Reading(
        cwd=str(cwd),
        base=os.path.dirname(files[0]) if files else str(cwd),
        env={**environ, **overlay},
        code=code,
        findings=findings,
        source=Source(name=""),
    )
    try:
        documents = await _documents(named, files, reading)
        if not flags.env_file:
            for document in documents:
                with findings.gathering():
                    overlay |= env_of_options(document)
            reading = structs.replace(reading, env={**environ, **overlay})
        suite = structs.replace(await _suite(documents, flags, reading, overlay), files=tuple(files))
        if findings.problems and more is not None:
            findings.problems += await more(suite)
        findings.settle([reading.name(path) for path in files])
        return _selected(suite, with_file_options(flags, suite.command_line), reading)
    except RecursionError:
        raise ConfigError.of("nested too deeply", file=reading.name(files[0]) if files else GIVEN) from None


def _says_all(flags: Flags) -> bool:
    """Tell whether the command line alone says what is to be run, so that no file is needed."""
    return bool(flags.model_outputs or (flags.providers and (flags.prompts or flags.tests)))


async def _documents(named: Sequence[str] | JsonDict, files: Sequence[str], reading: Reading) -> list[Document]:
    """Return the configurations; where one cannot be read at all, raise all that is wrong with each."""
    if isinstance(named, dict):
        return [Document(path=os.path.join(reading.cwd, GIVEN), source=Source(name=GIVEN), data=named)]
    documents = []
    for path in files:
        with reading.findings.gathering():
            documents.append(await read_document(path, reading))
    if len(documents) < len(files):
        for document in documents:
            rendered(document, reading)
        reading.findings.settle([reading.name(path) for path in files])
    return documents


async def _suite(documents: Sequence[Document], flags: Flags, reading: Reading, overlay: dict[str, str]) -> Suite:
    ready = [rendered(document, reading) for document in documents]
    for _, block in ready:
        overlay = {**overlay, **block}
    single = len(ready) == 1
    source = ready[0][0].source if single else Source(name=", ".join(one.source.name for one, _ in ready))
    reading = structs.replace(reading, env={**reading.env, **overlay}, source=source)
    config = combined([(one.folder, one.data) for one, _ in ready])
    if config.get("sessions"):
        from sojourn.config.marked import with_marked

        config = {**config, "sessions": await with_marked(config["sessions"], reading)}
    said, flags = flags, with_file_options(flags, config.get("commandLineOptions") or {})
    filters.check_flags(flags, said, reading)
    if flags.assertions or flags.model_outputs:
        from sojourn.config.outputs import with_model_outputs

        config = with_model_outputs(config, flags, reading)
    parts = await _parts(config, flags, reading, "targets" if "targets" in ready[0][0].data else "providers")
    suite = _built(config, flags, reading, parts)
    check_lookers(suite, parts.all_tests, reading)
    return structs.replace(suite, env=overlay)


class _Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What was read of a suite's big lists."""

    prompts: Sequence[Prompt]
    providers: Sequence[ProviderSpec]
    tests: Sequence[Placed]
    scenarios: Sequence[JsonDict]
    all_tests: Sequence[Placed]
    default_test: JsonDict


async def _parts(config: JsonDict, flags: Flags, reading: Reading, key: str) -> _Parts:
    findings = reading.findings
    sound = len(findings.problems)
    prompts = _prompts(config, flags, reading)
    configured = await read_providers(config["providers"], reading, key) if config.get("providers") else []
    providers = await choose(flags.providers, configured, reading) if flags.providers else configured
    if not (providers or flags.providers or config.get("providers") or findings.lost & {"providers", "targets"}):
        findings.wrong("the suite needs at least one provider", reading.source, todo="for example providers: [echo]")
    names = Names(prompts, [*configured, *providers], reading, whole=len(findings.problems) == sound)
    sound = len(findings.problems)
    default = read_default_test(config.get("defaultTest"), reading)
    scenarios, inner = await read_scenarios(config.get("scenarios"), reading)
    tests = await _tests(config, flags, reading)
    known = len(findings.problems) == sound and not findings.lost & {"tests", "scenarios", "defaultTest"}
    names.check([default, *tests, *inner])
    names.check_choices()
    hooked = bool(flags.extension or config.get("extensions"))
    check_vars([*tests, *inner], reading, hooked=hooked)
    if known and not hooked:  # else a hook, or a test that could not be read, may still set the var
        is_written = bool(flags.prompts or config.get("prompts"))
        check_prompt_names(prompts, [default, *tests, *inner], flags.var, reading, is_written=is_written)
    check_templates([default, *tests, *inner], prompts, config.get("nunjucksFilters") or {}, reading)
    check_passes([*tests, *inner], default.test, _repeats(config, flags), reading)
    if flags.grader:
        names.check_grader(flags.grader)
    return _Parts(
        prompts=prompts,
        providers=providers,
        tests=tests,
        scenarios=scenarios,
        all_tests=[default, *tests, *inner],
        default_test=_default_test(default.test, config, flags, reading.env),
    )


def _repeats(config: JsonDict, flags: Flags) -> int:
    return int(flags.repeat or float((config.get("evaluateOptions") or {}).get("repeat") or 1))


def _prompts(config: JsonDict, flags: Flags, reading: Reading) -> list[Prompt]:
    if flags.prompts:
        typed = structs.replace(reading, base=reading.cwd, source=COMMAND_LINE)
        sound = len(reading.findings.problems)
        check_typed(flags.prompts, typed)
        return read_prompts(list(flags.prompts), typed) if len(reading.findings.problems) == sound else []
    raw = config.get("prompts", [] if "prompts" in reading.findings.lost else "{{prompt}}")
    if not raw and "prompts" in config:
        reading.findings.wrong("the suite needs at least one prompt", reading.source, ("prompts",))
    return read_prompts(raw, reading) if raw else []


async def _tests(config: JsonDict, flags: Flags, reading: Reading) -> list[Placed]:
    if flags.tests:
        said = structs.replace(reading, base=reading.cwd, source=COMMAND_LINE)
        return await read_tests(flags.tests, said, ())
    sound = len(reading.findings.problems)
    tests = await read_tests(config.get("tests"), reading)
    wrong = len(reading.findings.problems) > sound
    if not tests and "tests" in config and not config.get("scenarios") and not wrong:
        what = "there are no tests here: each prompt runs once, and nothing is checked but what defaultTest asserts"
        reading.findings.doubt(what, reading.source, ("tests",))
    return tests


def _default_test(default: JsonDict, config: JsonDict, flags: Flags, env: Mapping[str, str]) -> JsonDict:
    """Return defaultTest with what the top-level metadata, the flags and the environment add to it."""
    whole = is_on(env, "PROMPTFOO_DISABLE_VAR_EXPANSION") or None
    said = {"prefix": flags.prompt_prefix, "suffix": flags.prompt_suffix, "disableVarExpansion": whole}
    options = {**{key: value for key, value in said.items() if value is not None}, **(default.get("options") or {})}
    merged = dict(default)
    if options:
        merged["options"] = options
    if flags.var:
        merged["vars"] = {**(default.get("vars") or {}), **flags.var}
    if config.get("metadata") and not config.get("defaultTest"):
        merged["metadata"] = config["metadata"]
    return merged


def _built(config: JsonDict, flags: Flags, reading: Reading, parts: _Parts) -> Suite:
    extensions = (*flags.extension, *(config.get("extensions") or ()))
    check_extensions(extensions, reading)
    outputs = flags.output or _listed(config.get("outputPath"))
    check_outputs(outputs, structs.replace(reading, source=COMMAND_LINE) if flags.output else reading)
    description = flags.description or config.get("description")
    own = [provider.own for provider in parts.providers if provider.own is not None]
    sessions = (*read_sessions(config, parts.tests, reading), *own)
    options = RunOptions()
    with reading.findings.gathering():
        options = run_options(flags, config.get("evaluateOptions") or {}, reading.env)
    return Suite(
        base=reading.base,
        prompts=tuple(parts.prompts),
        providers=tuple(parts.providers),
        tests=tuple(placed.test for placed in parts.tests),
        scenarios=tuple(parts.scenarios),
        default_test=parts.default_test,
        description="" if description is None else str(description),
        tags={str(key): str(value) for key, value in {**(config.get("tags") or {}), **flags.tag}.items()},
        extensions=extensions,
        options=options,
        derived_metrics=tuple(config.get("derivedMetrics") or ()),
        filters=read_template_filters(config.get("nunjucksFilters"), reading),
        outputs=outputs,
        config=without_secrets(config),
        warnings=tuple(reading.findings.warnings),
        vain=tuple(reading.findings.vain),
        snippets=tuple(
            Snippet(reference=reference, place=functools.partial(_place, source, path))
            for reference, (source, path) in reading.findings.snippets.items()
        ),
        code=tuple(
            Snippet(reference=reference, place=functools.partial(_place, source, path))
            for (written, role), (source, path) in reading.findings.code.items()
            if (reference := Reference.parse(written, base=reading.base, role=role))
        ),
        grader=flags.grader,
        command_line=config.get("commandLineOptions") or {},
        sessions=sessions,
    )


def _place(source: Source, path: tuple[str | int, ...]) -> Place:
    return source.name, *source.place(path)


def _listed(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value or ())


def _selected(suite: Suite, flags: Flags, reading: Reading) -> Suite:
    """Return the suite with what the filters leave of it; raises ConfigError where that is nothing."""
    prompts, providers = suite.prompts, suite.providers
    if flags.filter_prompts:
        found = filters.pattern(flags.filter_prompts, "--filter-prompts")
        prompts = tuple(one for one in prompts if found.search(one.label) or found.search(own_id(one)))
    if flags.filter_providers:
        found = filters.pattern(flags.filter_providers, "--filter-providers")
        providers = tuple(one for one in providers if found.search(one.id) or (one.label and found.search(one.label)))
    suite = _with_tests(structs.replace(suite, prompts=prompts, providers=providers), flags, reading.cwd)
    for name, left in (("prompt", prompts), ("provider", providers)):
        if not left:
            raise ConfigError.of(f"the filters leave no {name}, so there is nothing to run", file=reading.source.name)
    return suite


def _single(tests: Sequence[JsonDict], suite: Suite) -> list[JsonDict]:
    """Return a test for each combination of vars: what did not pass before may be one of them only."""
    default = suite.default_test.get("options") or {}
    single: list[JsonDict] = []
    for test in tests:
        whole = bool({**default, **(test.get("options") or {})}.get("disableVarExpansion"))
        found = cases.combinations(test.get("vars") or {}, whole, suite.base)
        single += [{**test, "vars": variables} for variables in found]
    return single


def _with_tests(suite: Suite, flags: Flags, cwd: str) -> Suite:
    if not filters.asked(flags):
        return suite
    ranged = flags.filter_range if suite.scenarios else None
    steps = dataclasses.replace(flags, filter_range=None) if ranged else flags
    default = suite.default_test
    written = suite.tests or (() if suite.scenarios else ({},))
    tests = filters.select(_single(written, suite) if filters.by_results(flags) else written, steps, default, cwd)
    scenarios = tuple(
        {**scenario, "tests": filters.select(scenario.get("tests") or [{}], steps, default, cwd, partial=True)}
        for scenario in suite.scenarios
    )
    suite = structs.replace(suite, tests=tuple(tests), scenarios=scenarios)
    if ranged:
        whole = [*tests, *cases.scenario_tests(suite)]
        chosen = filters.select(whole, Flags(filter_range=ranged), default, cwd)
        suite = structs.replace(suite, tests=tuple(chosen), scenarios=())
    if not suite.tests and not any(True for _ in cases.scenario_tests(suite)):
        todo = f"without them: {len(written)}"
        raise ConfigError.of("the filters leave no test, so there is nothing to run", todo=todo)
    return suite
