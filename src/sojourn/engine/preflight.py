"""Before anything opens: every function that the suite names is loaded, so that a slip costs nothing."""

from __future__ import annotations

import asyncio

from sojourn.errors import CodeError, ConfigError, Problem
from sojourn.languages.runner import CodeRunner
from sojourn.model.plan import Plan
from sojourn.model.reference import Reference
from sojourn.registry import provider_name


async def check_code(plan: Plan, code: CodeRunner) -> None:
    """Load the extensions and the script providers; raises one ConfigError with all that cannot be loaded."""
    references = _references(plan)
    broken = [problem for problem in await asyncio.gather(*(_problem(each, code) for each in references)) if problem]
    if broken:
        raise ConfigError(broken)


def _references(plan: Plan) -> list[Reference]:
    base = plan.suite.base
    named = [(text, "hook", base) for text in plan.suite.extensions]
    scripts = [spec for spec in plan.suite.providers if provider_name(spec.id) in ("python", "javascript")]
    named += [(spec.id, "provider", spec.base or base) for spec in scripts]
    found = [Reference.parse(text, base=folder, role=role) for text, role, folder in named]  # type: ignore[arg-type]  # both are Roles
    return list(dict.fromkeys(reference for reference in found if reference is not None))


async def _problem(reference: Reference, code: CodeRunner) -> Problem | None:
    try:
        await code.load(reference)
    except CodeError as error:
        place, _, line = error.where.rpartition(":")
        found = (place, int(line)) if place and line.isdigit() else (error.where, 0)
        return Problem(what=f"{_called(reference)} cannot be loaded: {error.what}", file=found[0], line=found[1])
    return None


def _called(reference: Reference) -> str:
    return "the extension" if reference.role == "hook" else "the provider"
