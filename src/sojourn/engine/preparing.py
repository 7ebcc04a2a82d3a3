"""A run's tools, made before it and gone after it."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from sojourn.engine.grading import GraderPool
from sojourn.engine.lanes import Learner
from sojourn.engine.listeners import Listeners
from sojourn.engine.providers import ProviderPool
from sojourn.engine.safekeeping import safekept
from sojourn.engine.session_fields import with_fields_checked
from sojourn.engine.sessions import open_house
from sojourn.engine.setting import Setting
from sojourn.engine.spans import Silence, Spans
from sojourn.languages.runner import CodeRunner
from sojourn.lifecycle.hooks import Hooks, read_extensions
from sojourn.lifecycle.journal import Journal
from sojourn.lifecycle.ledger import home
from sojourn.model.reference import Reference
from sojourn.model.secrecy import Secrets
from sojourn.model.suite import Suite
from sojourn.protocols import Tools
from sojourn.template.engine import Renderer

if TYPE_CHECKING:  # start-up need not wait for it
    from sojourn.cache import ReplyCache
    from sojourn.engine.tracing import Traces
    from sojourn.languages.inline import Inline


def new_run_id() -> str:
    """Return an id like promptfoo's: `eval-abc-2026-01-31T12:00:00`."""
    now = dt.datetime.now(dt.UTC)
    return f"eval-{token_hex(3)}-{now:%Y-%m-%dT%H:%M:%S}"


@contextlib.asynccontextmanager
async def prepared(
    suite: Suite, listeners: Listeners, inline: Inline | None = None, run_id: str = ""
) -> AsyncIterator[Setting]:
    """Give a run its tools; its processes and its private folder are gone afterwards.

    `inline` holds the functions that were handed over as objects; a `run_id` is given where an earlier run goes on.
    """
    part = f"{run_id}.{token_hex(2)}" if run_id else ""  # tags of an earlier part are taken
    run_id = run_id or new_run_id()
    folder = Path(tempfile.gettempdir(), f"sojourn-{token_hex(8)}")
    env = {**os.environ, **suite.env, "TMPDIR": str(folder)}
    secrets = secrets_of(suite, env)
    show = _shower(listeners, secrets)

    with safekept(suite, run_id, folder, secrets) as safe, template_filters(suite, env) as filters:
        code = CodeRunner(env, show, safe.heir, inline)
        renderer = Renderer(env, filters)
        cache = _cache(env, secrets) if suite.options.cache else None
        render = with_fields_checked(renderer.render)
        tools = Tools(code=code, render=render, env=env, base=Path(suite.base), run_id=run_id, cache=cache)
        providers = ProviderPool(suite.providers, tools)
        journal = Journal(part or run_id, time.perf_counter, safe.ledger)
        try:
            os.mkdir(folder, 0o700)
            extensions = read_extensions(suite.extensions, suite.base)
            async with _tracing(suite, env) as traces, _telling(suite, run_id, secrets) as spans:
                yield Setting(
                    suite=suite,
                    run_id=run_id,
                    folder=folder,
                    env=env,
                    code=code,
                    renderer=renderer,
                    hooks=Hooks(extensions, code, show, suite.options.hook_timeout_ms),
                    providers=providers,
                    graders=GraderPool(providers, suite.default_test, suite.grader),
                    learner=Learner(""),
                    house=await open_house(suite, tools, journal),
                    journal=journal,
                    secrets=secrets,
                    safe=safe,
                    clock=time.perf_counter,
                    traces=traces,
                    spans=spans,
                )
        finally:
            try:
                await _put_away(providers, tools, code, show)
            finally:
                shutil.rmtree(folder, ignore_errors=True)


def _shower(listeners: Listeners, secrets: Secrets) -> Callable[[str], None]:
    """Return what passes on prints without the secrets in them."""
    return lambda text: listeners.on_print(secrets.text(text))


def _cache(env: Mapping[str, str], secrets: Secrets) -> ReplyCache:
    from sojourn.cache import ReplyCache

    return ReplyCache.of(env, home(os.environ), secrets)


async def _put_away(providers: ProviderPool, tools: Tools, code: CodeRunner, show: Callable[[str], None]) -> None:
    for unclosed in await providers.close():
        show(f"sojourn: the provider {unclosed.name} could not be closed: {unclosed.why}\n")
    if tools.cache is not None:
        tools.cache.close()
    await code.close()


def secrets_of(suite: Suite, env: Mapping[str, str]) -> Secrets:
    """Return the secrets that a run knows: of its environment, its providers, its sessions, its flags."""
    own = [spec.own.config for spec in suite.providers if spec.own is not None]
    configs: list[Any] = [[spec.config for spec in suite.providers], [spec.config for spec in suite.sessions], own]
    configs += [suite.default_test, suite.grader, [_graders(test) for test in suite.tests], list(suite.scenarios)]
    environs = [dict(spec.env) for spec in suite.providers]
    return Secrets.of({**env, **{name: value for each in environs for name, value in each.items()}}, configs)


def _graders(test: Mapping[str, Any]) -> list[Any]:
    """Return the providers that a test names itself, with what they are told."""
    claims = test.get("assert")
    named = [test.get("options"), test.get("provider"), test.get("turns")]
    return [*named, *(claim for claim in claims if "provider" in claim)] if isinstance(claims, list) else named


def _tracing(suite: Suite, env: Mapping[str, str]) -> contextlib.AbstractAsyncContextManager[Traces | None]:
    """Return what receives the spans of a run, where the suite says `tracing.enabled`."""
    asked = suite.config.get("tracing")
    if not isinstance(asked, Mapping) or not asked.get("enabled"):
        return contextlib.nullcontext()
    from sojourn.engine.tracing import traced

    return traced(asked, env)


@contextlib.asynccontextmanager
async def _telling(suite: Suite, run_id: str, secrets: Secrets) -> AsyncIterator[Spans]:
    """Give a run who is told of it; what is left to be sent is sent afterwards."""
    spans = spans_of(suite, run_id, os.environ, secrets)
    try:
        yield spans
    finally:
        if not isinstance(spans, Silence):
            await asyncio.to_thread(spans.close)


@contextlib.contextmanager
def template_filters(suite: Suite, env: Mapping[str, str]) -> Iterator[dict[str, Callable[..., Any]]]:
    """Make the suite's own template filters callable; one that breaks breaks its template."""
    if not suite.filters:
        yield {}
        return
    from sojourn.languages.blocking import BlockingCode

    blocking = BlockingCode(env)
    try:
        named = {name: Reference.parse(text, base=suite.base, role="filter") for name, text in suite.filters.items()}
        yield {name: blocking.function(name, each) for name, each in named.items() if each is not None}
    finally:
        blocking.close()


_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def spans_of(suite: Suite, run_id: str, env: Mapping[str, str], secrets: Secrets) -> Spans:
    """Return who is told of a run; warns where the environment asks for what is not installed.

    The standard variables of OpenTelemetry ask for spans, and so does a program around us with a provider of its own.
    """
    if env.get("OTEL_SDK_DISABLED", "").lower() == "true" or env.get("OTEL_TRACES_EXPORTER") == "none":
        return Silence()
    asked = env.get("OTEL_TRACES_EXPORTER") or any(map(env.get, _ENDPOINTS))
    if not asked and "opentelemetry.sdk.trace" not in sys.modules:
        return Silence()
    try:
        from sojourn.engine.telemetry import Telemetry, tracing
    except ImportError:
        if asked:
            what = "OTEL_* asks for spans, but there is no OpenTelemetry here"
            sys.stderr.write(f"warning: {what}: pip install 'sojourn[otel]', or set OTEL_TRACES_EXPORTER=none\n")
        return Silence()
    provider = tracing(env, wanted=bool(asked))
    return Silence() if provider is None else Telemetry(provider, suite, run_id, secrets)
