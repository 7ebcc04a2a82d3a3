"""Contexts for assertions: a real language runner, a real renderer, and graders that answer from a script."""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from sojourn import registry
from sojourn.errors import ClaimError
from sojourn.languages.runner import CodeRunner
from sojourn.model.reply import Reply
from sojourn.model.suite import Claim
from sojourn.model.verdict import Verdict
from sojourn.protocols import ClaimContext, GradeKind
from sojourn.template.engine import Renderer

Judge = Callable[..., Verdict]


class ScriptedGraders:
    """Answers each kind of question from its list, and remembers what was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[tuple[str, str, Mapping[str, Any]]] = []

    async def ask(self, kind: GradeKind, claim: Claim, text: str, variables: Mapping[str, Any]) -> Reply:
        """Give the next answer: a reply, an output, or what a function makes of the text."""
        self.asked.append((kind, text, variables))
        script = self.answers.get(kind)
        if script is None:
            raise ClaimError(f"{claim.type} needs a grader")
        answer = script(text) if callable(script) else script.pop(0) if isinstance(script, list) else script
        return answer if isinstance(answer, Reply) else Reply(output=answer)

    async def compare(self, _claim: Claim, one: str, other: str) -> Reply | None:
        """Give what is told of two texts, where this grader compares."""
        told = self.answers.get("similarity")
        return told and told(one, other)


@pytest.fixture
def graders() -> ScriptedGraders:
    return ScriptedGraders()


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as loop:
        yield loop


@pytest.fixture
def context_of(
    graders: ScriptedGraders, runner: asyncio.Runner, tmp_path: Path
) -> Iterator[Callable[..., ClaimContext]]:
    """Make what an assertion may look at, with what is different about it."""
    code = CodeRunner(dict(os.environ), lambda _text: None)

    def make(variables: dict[str, Any] | None = None, **changes: Any) -> ClaimContext:
        made = ClaimContext(
            prompt="the prompt",
            variables=variables or {},
            test={},
            provider={"id": "p", "label": "", "config": {}},
            latency_ms=0,
            base=str(tmp_path),
            code=code,
            render=Renderer({}).render,
            graders=graders,
            script={"vars": variables or {}, "prompt": "the prompt", "config": {"limit": 5}},
        )
        return structs.replace(made, **changes)

    yield make
    runner.run(code.close())


@pytest.fixture
def judge(context_of: Callable[..., ClaimContext], runner: asyncio.Runner) -> Judge:
    """Judge an output by one assertion, found by its name as the engine finds it."""

    def run(name: str, output: Any = "", **fields: Any) -> Verdict:
        seen = {
            key: fields.pop(key) for key in ("variables", "test", "provider", "latency_ms", "script") if key in fields
        }
        reply = fields.pop("reply", None) or Reply(output=output)
        claim = Claim(type=name.removeprefix("not-"), negated=name.startswith("not-"), raw={"type": name}, **fields)

        async def answer() -> Verdict:
            found: Any = registry.find("assertion", claim.type)(claim, reply, context_of(**seen))
            verdict: Verdict = await found if inspect.isawaitable(found) else found
            return verdict

        return runner.run(answer())

    return run
