"""Before anything opens: every function that the suite names is loaded, so that a slip costs nothing."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Sequence

from sojourn.config.files import shown
from sojourn.errors import CodeError, ConfigError, Problem
from sojourn.languages.runner import CodeRunner
from sojourn.model.plan import Plan
from sojourn.model.reference import Reference, Role
from sojourn.model.suite import Suite
from sojourn.registry import nearest, provider_name

_ABSENT = re.compile(
    r"the provider \S+ cannot be loaded: "
    r"(ModuleNotFoundError: No module named|Error: Cannot find (package|module) '[^./])"
)


async def check_code(plan: Plan, code: CodeRunner) -> None:
    """Load the extensions and the script providers; raises one ConfigError with all that cannot be loaded."""
    if broken := await broken_code(plan.suite, code):
        raise ConfigError(broken)


async def broken_code(suite: Suite, code: CodeRunner) -> list[Problem]:
    """Load the extensions and the script providers, and return what is wrong with those that cannot be loaded."""
    named = _references(suite)
    checks = (_problem(reference, text, suite.files, code) for reference, text in named.items())
    return [problem for problem in await asyncio.gather(*checks) if problem]


def lacks_package(problem: Problem) -> bool:
    """Tell whether a provider's code is right as far as it goes, and imports a package that is not installed here."""
    return _ABSENT.match(problem.what) is not None


def _references(suite: Suite) -> dict[Reference, str]:
    """Return every function that is named, each with how it is written."""
    base = suite.base
    named: list[tuple[str, Role, str]] = [(text, "hook", base) for text in suite.extensions]
    scripts = [spec for spec in suite.providers if provider_name(spec.id) in ("python", "javascript")]
    named += [(spec.id, "provider", spec.base or base) for spec in scripts]
    parsed = ((Reference.parse(text, base=folder, role=role), text) for text, role, folder in named)
    return {reference: text for reference, text in parsed if reference is not None}


async def _problem(reference: Reference, text: str, files: Sequence[str], code: CodeRunner) -> Problem | None:
    try:
        await code.load(reference)
    except CodeError as error:
        file, line, column = _place(error.where) or _written(text, files) or (reference.path, 0, 0)
        what = f"{_called(reference)} {text} cannot be loaded: {error.what}"
        todo = _hint(reference, text, error.known)
        return Problem(what=what, file=shown(file, os.getcwd()), line=line, column=column, todo=todo)
    return None


def _hint(reference: Reference, text: str, known: Sequence[str]) -> str:
    """Say what could be meant; whoever named no function is shown how."""
    if not reference.name:
        return f"name a function: {text}:{known[0]}" if known else ""
    close = nearest(reference.name, known)
    return f"did you mean {close!r}?" if close else ""


def _place(where: str) -> tuple[str, int, int] | None:
    """Read `file:line` or `file:line:column`."""
    head, _, last = where.rpartition(":")
    file, _, line = head.rpartition(":")
    if file and line.isdigit() and last.isdigit():
        return file, int(line), int(last)
    return (head, int(last), 0) if head and last.isdigit() else None


def _written(text: str, files: Sequence[str]) -> tuple[str, int, int] | None:
    """Find where a configuration names the function, as it is written there."""
    for path in files:
        with open(path, encoding="utf-8", errors="replace") as file:
            for number, line in enumerate(file, start=1):
                if text in line:
                    return path, number, line.index(text) + 1
    return None


def _called(reference: Reference) -> str:
    return "the extension" if reference.role == "hook" else "the provider"
