"""Providers as a run has them: found by their ids, with real tools, asked about real services."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sojourn import registry
from sojourn.config.providers import read_provider
from sojourn.languages.runner import CodeRunner
from sojourn.model.reply import Reply
from sojourn.protocols import Belongings, Question, Tools
from sojourn.template.engine import Renderer
from tests.acceptance.conftest import evaluate
from tests.providers.service import Service, serving

__all__ = ["evaluate"]  # a fixture that is used by its name

Ask = Callable[..., list[Reply]]


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("REQUEST_TIMEOUT_MS", "20000")
    for name in [name for name in os.environ if name.startswith(("OPENAI_", "ANTHROPIC_"))]:
        monkeypatch.delenv(name)


@pytest.fixture
def service() -> Iterator[Service]:
    with serving() as started:
        yield started


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """Ask a provider, given as its entry in a suite, one question after another in one conversation."""

    def asked(entry: Any, *prompts: str, is_turn: bool = False, **variables: Any) -> list[Reply]:
        async def answers() -> list[Reply]:
            env = dict(os.environ)
            code = CodeRunner(env, lambda _: None)
            tools = Tools(code=code, render=Renderer(env).render, env=env, base=tmp_path, run_id="run")
            spec = read_provider(entry, str(tmp_path), env)
            plug = registry.find("provider", registry.provider_name(spec.id))(spec, tools)
            context: dict[str, Any] = {"vars": variables, "evaluationId": "eval-1"}
            try:
                async with Belongings() as belongings:
                    questions = [
                        Question(prompt=prompt, context=context, belongings=belongings, is_turn=is_turn)
                        for prompt in prompts
                    ]
                    return [await plug.ask(question) for question in questions]
            finally:
                if hasattr(plug, "close"):
                    await plug.close()
                await code.close()

        return asyncio.run(answers())

    return asked
