"""Before anything opens: every function that the suite names is loaded, so that a slip costs nothing."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import structs

from sojourn.config.files import shown
from sojourn.config.places import placed
from sojourn.engine.sessions import known_kinds
from sojourn.errors import CodeError, ConfigError, Problem
from sojourn.languages.golang import NO_GO, go_function
from sojourn.languages.runner import CodeRunner
from sojourn.lifecycle.kinship import Family
from sojourn.model.reference import Reference, Role
from sojourn.model.suite import Snippet, Suite
from sojourn.protocols import Tools
from sojourn.registry import nearest, provider_name
from sojourn.template.engine import Renderer

_ABSENT = re.compile(
    r"the provider \S+ cannot be loaded: "
    rf"(ModuleNotFoundError: No module named|Error: Cannot find (package|module) '[^./]|{NO_GO})"
)


async def further_problems(suite: Suite, code: CodeRunner, env: Mapping[str, str]) -> list[Problem]:
    """Return what is wrong with a suite beyond its words: its code, its kinds of sessions, how these live together.

    The suite may be one of which not all could be read.
    """
    found = [placed(each, suite.files) for each in Family(suite.sessions).contradictions()]
    found += await broken_code(suite, code, present=True)
    found += await broken_snippets(suite, code)
    found += await broken_kinds(suite, code, env)
    return found


async def broken_kinds(suite: Suite, code: CodeRunner, env: Mapping[str, str]) -> list[Problem]:
    """Return what is wrong with the kinds of sessions, as far as these are known."""
    known = structs.replace(suite, sessions=tuple(spec for spec in suite.sessions if spec.kind))
    tools = Tools(code=code, render=Renderer(env).render, env=env, base=Path(suite.base), run_id="")
    try:
        await known_kinds(known, tools)
    except ConfigError as error:
        return error.problems
    return []


async def broken_snippets(suite: Suite, code: CodeRunner) -> list[Problem]:
    """Compile the code that stands in the suite itself, and return what is wrong with it: it will break its tests."""
    checks = [_uncompiled(snippet, code) for snippet in suite.snippets]
    return [problem for problem in await asyncio.gather(*checks) if problem]


async def _uncompiled(snippet: Snippet, code: CodeRunner) -> Problem | None:
    try:
        await code.load(snippet.reference)
    except CodeError as error:
        file, line, column = snippet.place()
        what = f"this is no {_TONGUES[snippet.reference.tongue]}: {error.what}"
        return Problem(what=what, file=file, line=line, column=column)
    return None


async def broken_files(suite: Suite, code: CodeRunner) -> tuple[list[Problem], list[Problem]]:
    """Load the code that assertions and transforms name; return what is wrong, and what may be right in a run.

    Only where nothing is run: a file may need what a hook makes before its first test.
    """
    found = [found for found in await asyncio.gather(*(_unloaded(each, code) for each in suite.code)) if found]
    return [problem for problem, sure in found if sure], [problem for problem, sure in found if not sure]


async def _unloaded(named: Snippet, code: CodeRunner) -> tuple[Problem, bool] | None:
    try:
        await code.load(named.reference)
    except CodeError as error:
        return _found_unloadable(named, error)
    return None


def _found_unloadable(named: Snippet, error: CodeError) -> tuple[Problem, bool]:
    """Say what is wrong with a file, and whether it will be so in a run, too."""
    file, line, column = named.place()
    is_no_code = _NO_CODE.match(error.what) is not None
    inside = _place(error.where) if is_no_code else None
    at = f" at {shown(inside[0], os.getcwd())}:{inside[1]}" if inside else ""
    path = named.reference.path
    what = f"{shown(path, os.getcwd())} cannot be loaded: {error.what}{at}"
    problem = Problem(what=what, file=file, line=line, column=column)
    return problem, is_no_code or bool(error.known) or not os.path.isfile(path)


_NO_CODE = re.compile(r"SyntaxError|IndentationError|TabError")
_TONGUES = {"python": "Python", "javascript": "JavaScript"}


async def broken_code(suite: Suite, code: CodeRunner, *, present: bool = False) -> list[Problem]:
    """Load the extensions and the script providers, and return what is wrong with those that cannot be loaded.

    `present`: whoever read the suite has told already which files are not there.
    """
    named = _references(suite, present=present)
    checks = (_problem(reference, text, suite.files, code) for reference, text in named.items())
    return [problem for problem in await asyncio.gather(*checks) if problem]


def lacks_package(problem: Problem) -> bool:
    """Tell whether a provider's code is right as far as it goes, and something that it needs is not installed here."""
    return _ABSENT.match(problem.what) is not None


def lacks_compiler(problem: Problem) -> bool:
    """Tell whether a provider cannot be compiled here at all: its own tests cannot be had, all others can."""
    return NO_GO in problem.what


def _references(suite: Suite, *, present: bool) -> dict[Reference, str]:
    """Return every function that is named, each with how it is written; `present`: only those whose file is there."""
    base = suite.base
    named: list[tuple[str, Role, str]] = [(text, "hook", base) for text in suite.extensions]
    scripts = [spec for spec in suite.providers if provider_name(spec.id) in ("python", "javascript")]
    named += [(spec.id, "provider", spec.base or base) for spec in scripts]
    parsed = ((Reference.parse(text, base=folder, role=role), text) for text, role, folder in named)
    found = {reference: text for reference, text in parsed if reference is not None}
    for spec in suite.providers:
        if provider_name(spec.id) == "golang":
            function = go_function(spec.id, spec.base or base, str(spec.config.get("goExecutable") or ""))
            found |= {function: spec.id} if function else {}
    return {each: text for each, text in found.items() if not present or os.path.isfile(each.path)}


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
