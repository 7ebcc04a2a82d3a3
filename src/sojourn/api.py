"""The Python face: load a suite, run it, write what came of it."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import structs

from sojourn.config.findings import in_order
from sojourn.config.flags import Flags
from sojourn.config.load import load_suite
from sojourn.engine.listeners import Listeners
from sojourn.engine.planner import make_plan
from sojourn.engine.preflight import (
    broken_code,
    broken_files,
    broken_kinds,
    broken_snippets,
    further_problems,
    lacks_package,
)
from sojourn.engine.preparing import prepared
from sojourn.engine.run import Run
from sojourn.errors import ConfigError, Problem, UsageError
from sojourn.languages.runner import CodeRunner
from sojourn.model.plan import Plan
from sojourn.model.run_result import RunResult
from sojourn.model.suite import JsonDict, Suite
from sojourn.reporters.shown import ShownRun
from sojourn.template.engine import Renderer

if TYPE_CHECKING:  # the command line hands over no objects
    from sojourn.languages.inline import Inline


def silent(_: object) -> None:
    """Hear and say nothing."""


async def load(
    config: Sequence[str] | JsonDict,
    flags: Flags,
    *,
    cwd: Path,
    environ: Mapping[str, str],
    inline: Inline | None = None,
) -> Suite:
    """Read configuration files, or what one would say, into a Suite; raises ConfigError with every mistake found."""
    code = CodeRunner(environ, silent, inline=inline)

    async def more(suite: Suite) -> list[Problem]:
        return await further_problems(suite, code, environ)

    try:
        return await load_suite(config, flags, code, cwd=cwd, environ=environ, more=more)
    finally:
        await code.close()


async def plan_of(paths: list[str], flags: Flags, *, cwd: Path, environ: Mapping[str, str]) -> Plan:
    """Plan a suite without running any code of its own; transformVars are left out, so what they share is not seen."""
    suite = await load(paths, flags, cwd=cwd, environ=environ)
    return await make_plan(suite, Renderer({}).names, None)


async def check(paths: list[str], flags: Flags, *, cwd: Path, environ: Mapping[str, str]) -> Plan:
    """Plan a suite, and load every function that it names; raises ConfigError with every mistake found.

    A package that a provider imports and that is not installed here is no mistake of the suite: it is warned of.
    """
    suite = await load(paths, flags, cwd=cwd, environ=environ)
    code = CodeRunner(environ, silent)
    found = list(suite.vain)
    plan = None
    try:
        try:
            plan = await make_plan(suite, Renderer({}).names, None)
        except ConfigError as error:
            found += error.problems
        broken = await broken_code(suite, code)
        if flags.strict or not all(map(lacks_package, broken)):
            found += broken
        found += await broken_snippets(suite, code)
        found += await broken_kinds(suite, code, environ)
        wrong, doubtful = await broken_files(suite, code)
        found += wrong + doubtful if flags.strict else wrong
    finally:
        await code.close()
    if found or plan is None:
        raise ConfigError(in_order(found), suite.warnings)
    warnings = (*suite.warnings, *map(str, broken + doubtful))
    return structs.replace(plan, suite=structs.replace(suite, warnings=warnings))


async def evaluate(config: str | Path | Mapping[str, Any], *, listeners: Listeners | None = None) -> ShownRun:
    """Run a configuration: a file, or a mapping of what a file would say. Raises ConfigError where it cannot be run.

    In a mapping functions and classes may stand for themselves wherever a file would be named: providers, prompts,
    sessions (a list of them, or by name), extensions, assertions, transforms, tests. These run here, in the caller's
    process: coroutines on this loop, plain functions in threads. Relative paths start from the working folder. With
    `writeLatestResults: true` the run is stored, as those of the command line are.
    """
    from sojourn.config.objects import without_objects
    from sojourn.languages.inline import Inline

    if not isinstance(config, str | Path | Mapping):
        what = f"a configuration is the path of a file or a mapping, not {type(config).__name__}"
        raise UsageError(what, todo="write: sojourn.run('promptfooconfig.yaml')")
    listeners = listeners or Listeners()
    inline = Inline()
    try:
        named = [str(config)] if isinstance(config, str | Path) else without_objects(config, inline)
        suite = await load(named, Flags(), cwd=Path.cwd(), environ=os.environ, inline=inline)
        if suite.config.get("writeLatestResults"):
            return ShownRun.of(await _kept(suite, listeners, inline, named))
        async with prepared(suite, listeners, inline) as setting:
            going = Run(setting, listeners)
            await going.prepare()
            return ShownRun.of(await going.go())
    finally:
        inline.close()


async def _kept(suite: Suite, listeners: Listeners, inline: Inline, named: Sequence[str] | JsonDict) -> RunResult:
    """Run a suite and write it into the store; only what a file says can be asked for again, to go on with it."""
    from sojourn.engine.keeping import Keeping
    from sojourn.lifecycle import ledger

    keeping = Keeping(ledger.home(os.environ), listeners)
    asked: JsonDict = {"folder": str(Path.cwd()), "config": [], "flags": {}}
    if not isinstance(named, Mapping):
        asked |= {"config": list(named), "flags": dataclasses.asdict(Flags())}
    async with prepared(suite, keeping.listeners, inline) as setting:
        going = Run(setting, keeping.listeners)
        await going.prepare()
        async with keeping.of(going, asked) as ended:
            result = await going.go()
            ended(result)
    return result


def run(config: str | Path | Mapping[str, Any]) -> ShownRun:
    """Run a configuration from code that is not async; see `evaluate`. Raises UsageError where a loop runs already."""
    with contextlib.suppress(RuntimeError):
        asyncio.get_running_loop()
        raise UsageError("sojourn.run is for code that is not async", todo="write: await sojourn.evaluate(...)")
    return asyncio.run(evaluate(config))
