"""The Python face: load a suite, run it, write what came of it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

from sojourn.config.flags import Flags
from sojourn.config.load import load_suite
from sojourn.engine.planner import make_plan
from sojourn.engine.preflight import check_code
from sojourn.engine.run import Listeners, Run, prepared
from sojourn.engine.sessions import known_kinds
from sojourn.languages.runner import CodeRunner
from sojourn.model.plan import Plan
from sojourn.model.result import RunResult
from sojourn.model.suite import Suite
from sojourn.protocols import Tools
from sojourn.template.engine import Renderer


def silent(_: object) -> None:
    """Hear and say nothing."""


async def load(paths: list[str], flags: Flags, *, cwd: Path, environ: Mapping[str, str]) -> Suite:
    """Read configuration files into a Suite; raises ConfigError with every mistake found."""
    code = CodeRunner(environ, silent)
    try:
        return await load_suite(paths, flags, code, cwd=cwd, environ=environ)
    finally:
        await code.close()


async def plan_of(paths: list[str], flags: Flags, *, cwd: Path, environ: Mapping[str, str]) -> Plan:
    """Plan a suite without running any code of its own; transformVars are left out, so what they share is not seen."""
    suite = await load(paths, flags, cwd=cwd, environ=environ)
    return await make_plan(suite, Renderer({}).names, None)


async def check(paths: list[str], flags: Flags, *, cwd: Path, environ: Mapping[str, str]) -> Plan:
    """Plan a suite, and load every function that it names; raises ConfigError with every mistake found."""
    plan = await plan_of(paths, flags, cwd=cwd, environ=environ)
    code = CodeRunner(environ, silent)
    try:
        await check_code(plan, code)
        renderer = Renderer(environ)
        tools = Tools(code=code, render=renderer.render, env=environ, base=Path(plan.suite.base), run_id="")
        await known_kinds(plan.suite, tools)
    finally:
        await code.close()
    return plan


async def evaluate(config: str | Path, *, listeners: Listeners | None = None) -> RunResult:
    """Load one configuration file and run it. Raises ConfigError where it cannot be run."""
    path = Path(config)
    suite = await load([str(path)], Flags(), cwd=Path.cwd(), environ=os.environ)
    listeners = listeners or Listeners()
    async with prepared(suite, listeners) as setting:
        going = Run(setting, listeners)
        await going.prepare()
        return await going.go()


def run(config: str | Path) -> RunResult:
    """Run a configuration file from code that is not async; see `evaluate`."""
    return asyncio.run(evaluate(config))
