"""The telling of a run through the SDK of OpenTelemetry (`sojourn[otel]`); imported only where it is asked for.

What was asked and answered is not in the spans, except where the reason of a trial that did not pass quotes it.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import entry_points
from typing import Any

import msgspec
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from sojourn._version import __version__
from sojourn.drawing.plain import one_line
from sojourn.engine.spans import Call
from sojourn.model.event import Event
from sojourn.model.plan import Lane, Trial
from sojourn.model.reply import Reply
from sojourn.model.result import Outcome, TrialResult
from sojourn.model.row import explanation
from sojourn.model.run_result import RunResult
from sojourn.model.secrecy import Secrets
from sojourn.model.suite import Suite

MOST = 500


class Provider(msgspec.Struct, frozen=True):
    """Where spans go; `own` is one that we made, and close."""

    tracers: Any
    own: bool


def tracing(env: Mapping[str, str], *, wanted: bool) -> Provider | None:
    """Return where spans go: to the program's own provider, or to the exporter that the environment names."""
    known = trace.get_tracer_provider()
    if isinstance(known, TracerProvider):
        return Provider(known, own=False)
    exporter = _exporter(env) if wanted else None
    if exporter is None:
        return None
    named = "OTEL_SERVICE_NAME" in env or "service.name=" in env.get("OTEL_RESOURCE_ATTRIBUTES", "")
    tracers = TracerProvider(resource=Resource.create({} if named else {"service.name": "sojourn"}))
    tracers.add_span_processor(BatchSpanProcessor(exporter))
    return Provider(tracers, own=True)


def _exporter(env: Mapping[str, str]) -> Any:
    """Return the exporter that the environment names; warns where nobody offers it."""
    name = (env.get("OTEL_TRACES_EXPORTER") or "otlp").split(",")[0].strip()
    if name == "otlp":
        protocol = env.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or env.get("OTEL_EXPORTER_OTLP_PROTOCOL") or "http"
        name = "otlp_proto_grpc" if protocol == "grpc" else "otlp_proto_http"
    found = next(iter(entry_points(group="opentelemetry_traces_exporter", name=name)), None)
    try:
        return found.load()() if found else _warn(f"no installed package offers the exporter {name!r}")
    except (ImportError, ValueError, RuntimeError) as error:
        return _warn(f"the exporter {name!r} cannot be used: {error}")


def _warn(why: str) -> None:
    sys.stderr.write(f"warning: no spans are sent: {why} (OTEL_TRACES_EXPORTER)\n")


class Telemetry:
    """Tells of a run as it goes; spans of sessions come when it is over."""

    def __init__(self, provider: Provider, suite: Suite, run_id: str, secrets: Secrets) -> None:
        self._secrets = secrets
        self._provider = provider
        self._tracer = provider.tracers.get_tracer("sojourn", __version__)
        self._offset = time.time_ns() - time.perf_counter_ns()
        about = {"sojourn.run.id": run_id, "sojourn.suite": self._text(suite.description)}
        self._run = self._tracer.start_span("sojourn run", attributes=about)
        self._lanes: dict[int, Span] = {}
        self._trials: dict[int, Span] = {}

    @contextlib.contextmanager
    def lane(self, lane: Lane) -> Iterator[None]:
        """Bracket a lane; one of a single trial has no span of its own."""
        if len(lane.trials) == 1:
            yield
            return
        about = {"sojourn.lane": self._text(lane.key), "sojourn.lane.why": self._text(lane.why)}
        span = self._started("lane", self._run, about)
        self._lanes |= {trial.index: span for trial in lane.trials}
        try:
            yield
        finally:
            for trial in lane.trials:
                self._lanes.pop(trial.index, None)
            span.end()

    @contextlib.contextmanager
    def trial(self, trial: Trial) -> Iterator[Callable[[TrialResult], None]]:
        """Bracket a trial."""
        span = self._started("trial", self._lanes.get(trial.index, self._run), self._about(trial))
        self._trials[trial.index] = span
        try:
            yield lambda result: self._come(span, result)
        finally:
            self._trials.pop(trial.index, None)
            span.end()

    @contextlib.contextmanager
    def call(self, trial: Trial, provider: str) -> Iterator[Call]:
        """Bracket a call of a provider: what it does in this process belongs to the span by itself."""
        about = {"sojourn.provider": self._text(provider)}
        span = self._started("call", self._trials.get(trial.index, self._run), about, SpanKind.CLIENT)
        told = span.get_span_context()
        parent = f"00-{told.trace_id:032x}-{told.span_id:016x}-{int(told.trace_flags):02x}"
        # The SDK would write the whole exception down, with whatever stands in it.
        with trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            try:
                yield Call(parent, lambda reply: self._answered(span, reply))
            except BaseException as error:
                span.set_status(Status(StatusCode.ERROR, self._text(f"{type(error).__name__}: {error}")))
                raise

    def _started(self, name: str, parent: Span, about: Mapping[str, Any], kind: SpanKind = SpanKind.INTERNAL) -> Span:
        context = trace.set_span_in_context(parent)
        span: Span = self._tracer.start_span(f"sojourn {name}", context, kind, attributes=about)
        return span

    def over(self, result: RunResult) -> None:
        """Tell of the sessions, and end the run."""
        lives: dict[str, list[Event]] = {}
        for event in result.events:
            if event.tag:
                lives.setdefault(event.tag, []).append(event)
        for events in lives.values():
            self._session(events)
        for outcome in Outcome:
            self._run.set_attribute(f"sojourn.trials.{outcome.value}", result.count(outcome))
        for trouble in result.troubles:
            self._run.set_status(Status(StatusCode.ERROR, self._text(str(trouble))))
        self._run.end()

    def _session(self, events: list[Event]) -> None:
        about = {"sojourn.session": self._text(events[0].session), "sojourn.session.tag": events[0].tag}
        context = trace.set_span_in_context(self._run)
        span = self._tracer.start_span(
            "sojourn session", context, attributes=about, start_time=self._moment(events[0].at)
        )
        for event in events:
            told = {} if event.trial is None else {"sojourn.trial": event.trial}
            span.add_event(event.what, told, self._moment(event.at))
        if events[-1].what != "closed":
            span.set_status(Status(StatusCode.ERROR, f"the last that was seen of it: {events[-1].what}"))
        span.end(self._moment(events[-1].at))

    def _moment(self, at: float) -> int:
        """Return a moment of the run's clock as nanoseconds of the wall clock."""
        return int(at * 1e9) + self._offset

    def _text(self, words: str) -> str:
        """Return words as anybody may read them, short."""
        return one_line(self._secrets.text(words), MOST)

    def close(self) -> None:
        """Send what is not sent yet."""
        if self._run.is_recording():
            self._run.end()
        if self._provider.own:
            self._provider.tracers.shutdown()

    def _about(self, trial: Trial) -> dict[str, Any]:
        return {
            "sojourn.test": self._text(trial.name),
            "sojourn.trial": trial.index,
            "sojourn.provider": self._text(trial.column.provider.name),
            "sojourn.prompt": self._text(trial.column.prompt.label),
            "sojourn.repeat": trial.repeat,
            "sojourn.turn": trial.turn,
        }

    def _come(self, span: Span, result: TrialResult) -> None:
        span.set_attribute("sojourn.outcome", result.outcome.value)
        span.set_attribute("sojourn.score", float(result.score))
        if result.session_id:
            span.set_attribute("session.id", self._text(result.session_id))
        if result.outcome in (Outcome.FAILED, Outcome.ERROR):
            span.set_status(Status(StatusCode.ERROR, self._text(explanation(result))))

    def _answered(self, span: Span, reply: Reply) -> None:
        for name, key in (("input", "prompt"), ("output", "completion")):
            count = reply.tokens.get(key)
            if isinstance(count, int):
                span.set_attribute(f"gen_ai.usage.{name}_tokens", count)
        span.set_attribute("sojourn.cached", reply.cached)
        if reply.error:
            span.set_status(Status(StatusCode.ERROR, self._text(reply.error)))
