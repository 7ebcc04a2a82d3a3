"""A run as spans, through the real SDK: into memory, and to a receiver that speaks OTLP."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from sojourn.engine.otlp import read_spans
from tests.providers.service import serving

SUITE = """
prompts: ["{{say}}"]
sessions: {thread: {kind: 'file://s.py:thread', scope: conversation}}
providers: [{id: 'file://s.py', sessions: [thread]}]
tests:
  - turns:
      - {vars: {say: one}}
      - {vars: {say: two}, assert: [{type: equals, value: two}]}
  - {description: alone, vars: {say: three}, assert: [{type: equals, value: four}]}
"""
CODE = """
def thread():
    yield "a thread"
def call_api(prompt, options, context):
    usage = {"total": 5, "prompt": 2, "completion": 3}
    return {"output": prompt, "metadata": {"parent": context.get("traceparent")}, "tokenUsage": usage}
"""
INSIDE = """
import json, os
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
import sojourn
memory = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(memory))
trace.set_tracer_provider(provider)
async def asked(prompt, options, context):
    with trace.get_tracer("mine").start_as_current_span("inside"):
        return {"output": prompt}
with trace.get_tracer("mine").start_as_current_span("outside"):
    pass
result = sojourn.run({"prompts": ["hi"], "providers": [asked]})
spans = memory.get_finished_spans()
print(json.dumps([[s.name, s.context.span_id, s.parent and s.parent.span_id] for s in spans]))
"""


class Receiver(ThreadingHTTPServer):
    """Takes what an exporter sends."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taking)
        self.taken: list[tuple[str, dict[str, Any]]] = []

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class Taking(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        """Keep the spans of a request."""
        body = self.rfile.read(int(self.headers["content-length"]))
        assert isinstance(self.server, Receiver)
        self.server.taken += read_spans(body, self.headers["content-type"])
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the library's word
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Listen for spans."""
    server = Receiver()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write the suite."""
    (tmp_path / "promptfooconfig.yaml").write_text(SUITE, encoding="utf-8")
    (tmp_path / "s.py").write_text(CODE, encoding="utf-8")
    return tmp_path


def evaluated(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the suite with more in the environment."""
    return subprocess.run(
        [sys.executable, *(arguments or ("-m", "sojourn", "eval", "-o", "out.json"))],
        cwd=folder,
        env={**os.environ, "SOJOURN_HOME": str(folder / "home"), **environ},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def test_a_run_is_told_as_spans(folder: Path, receiver: Receiver) -> None:
    """Run, lane, trials, calls and sessions, each below what it belongs to, with what came of it."""
    ended = evaluated(folder, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url)
    assert ended.returncode == 100, ended.stderr
    spans = {span["spanId"]: span for _, span in receiver.taken}
    above = {key: spans.get(span["parentSpanId"], {"name": ""})["name"] for key, span in spans.items()}
    assert len({trace for trace, _ in receiver.taken}) == 1
    assert sorted((span["name"], above[key]) for key, span in spans.items()) == [
        ("sojourn call", "sojourn trial"),
        ("sojourn call", "sojourn trial"),
        ("sojourn call", "sojourn trial"),
        ("sojourn lane", "sojourn run"),
        ("sojourn run", ""),
        ("sojourn session", "sojourn run"),
        ("sojourn session", "sojourn run"),
        ("sojourn trial", "sojourn lane"),
        ("sojourn trial", "sojourn lane"),
        ("sojourn trial", "sojourn run"),
    ]
    assert all(span["startTime"] <= span["endTime"] for span in spans.values())
    run = next(span for span in spans.values() if span["name"] == "sojourn run")
    assert min(span["startTime"] for span in spans.values()) >= run["startTime"] - 5
    assert max(span["endTime"] for span in spans.values()) <= run["endTime"] + 5
    alone = next(span for span in spans.values() if span["attributes"].get("sojourn.test") == "alone")
    assert (alone["attributes"]["sojourn.outcome"], alone["statusCode"]) == ("failed", 2)
    calls = [span for span in spans.values() if span["name"] == "sojourn call"]
    assert {span["attributes"]["gen_ai.usage.output_tokens"] for span in calls} == {3}


def test_a_secret_is_in_no_span(folder: Path, receiver: Receiver) -> None:
    """Names, reasons and errors in which a key turns up show it blanked."""
    key = "sk-Pl4nt3d-k3y-9876"
    (folder / "promptfooconfig.yaml").write_text(
        f"description: about {key}\nprompts: ['{key}']\nproviders: [{{id: echo, label: 'bot {key}'}}]\n"
        f"tests: [{{description: 'is {key}', assert: [{{type: equals, value: 'not {key}'}}]}}]\n"
    )
    ended = evaluated(folder, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, MY_API_KEY=key)
    assert ended.returncode == 100, ended.stderr
    assert receiver.taken
    assert key not in str(receiver.taken)
    assert "is [REDACTED]" in str(receiver.taken)


def test_a_provider_is_told_the_span_of_its_call(folder: Path, receiver: Receiver) -> None:
    """Its own spans belong to the run's trace: `traceparent` names the call."""
    evaluated(folder, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"{receiver.url}/v1/traces")
    rows = json.loads((folder / "out.json").read_text(encoding="utf-8"))["results"]["results"]
    told = {row["metadata"]["parent"][:52] for row in rows}  # behind it stand the flags of the version
    calls = {f"00-{trace}-{span['spanId']}" for trace, span in receiver.taken if span["name"] == "sojourn call"}
    assert told == calls
    assert len(told) == 3


def test_a_service_is_told_the_span_of_its_call(folder: Path, receiver: Receiver) -> None:
    """A request over HTTP names the call, to which the service can tie spans of its own, and is cached as ever."""
    with serving() as service:
        (folder / "promptfooconfig.yaml").write_text(
            f"prompts: [hi]\nproviders: [{{id: '{service.url}', config: {{method: POST, body: '{{{{prompt}}}}'}}}}]\n"
        )
        for _ in range(2):
            ended = evaluated(folder, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, NO_PROXY="127.0.0.1")
            assert ended.returncode == 0, ended.stderr
        (request,) = service.seen
    calls = {f"00-{trace}-{span['spanId']}" for trace, span in receiver.taken if span["name"] == "sojourn call"}
    assert len(calls) == 2
    assert request["headers"]["traceparent"][:52] in calls


@pytest.mark.parametrize("environ", [{}, {"OTEL_TRACES_EXPORTER": "none"}, {"OTEL_SDK_DISABLED": "true"}])
def test_without_being_asked_nothing_is_told(folder: Path, receiver: Receiver, environ: dict[str, str]) -> None:
    """No span is sent, and nothing of OpenTelemetry imported."""
    if environ:
        environ = {**environ, "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url}
    program = (
        "import sys; from sojourn.cli.app import run; run(['eval']); "
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    assert evaluated(folder, "-c", program, **environ).returncode == 0
    assert receiver.taken == []


def test_a_receiver_that_is_not_there_costs_only_the_spans(folder: Path) -> None:
    """The run ends as it would, and its results are written."""
    ended = evaluated(folder, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9", OTEL_EXPORTER_OTLP_TIMEOUT="1")
    assert ended.returncode == 100
    assert (folder / "out.json").exists()


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "no installed package offers the exporter 'zipkin'"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_TRACES_EXPORTER": "otlp"}, "'otlp_proto_grpc'"),
    ],
)
def test_an_exporter_that_nobody_offers_is_warned_of(folder: Path, environ: dict[str, str], told: str) -> None:
    """And the run goes on."""
    ended = evaluated(folder, **environ)
    assert ended.returncode == 100
    assert told in ended.stderr


def test_without_the_sdk_it_is_said_what_to_install(folder: Path) -> None:
    """The variables may be there for other programs: a warning, no error."""
    program = (
        "import sys; sys.modules['opentelemetry'] = None; from sojourn.cli.app import run; sys.exit(run(['eval']))"
    )
    ended = evaluated(folder, "-c", program, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
    assert ended.returncode == 100
    assert "pip install 'sojourn[otel]'" in ended.stderr


def test_a_programs_own_provider_is_used(folder: Path) -> None:
    """In a program that has set up tracing, spans go there, and what a function traces lies inside its call."""
    ended = evaluated(folder, "-c", INSIDE)
    spans = {span: (name, parent) for name, span, parent in json.loads(ended.stdout)}
    (inside,) = [parent for name, parent in spans.values() if name == "inside"]
    assert spans[inside][0] == "sojourn call"
    assert [name for name, _ in spans.values()] == ["outside", "inside", "sojourn call", "sojourn trial", "sojourn run"]
