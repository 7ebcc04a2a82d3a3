from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.assertions.results import lenient_verdict, strict_verdict
from sojourn.errors import ClaimError
from sojourn.model.suite import Claim
from sojourn.model.verdict import Verdict

Judge = Callable[..., Verdict]
WHOLE = {"pass": True, "score": 0.5, "reason": "half"}


@pytest.mark.parametrize(
    ("source", "passed", "score"),
    [
        ("len(output) > 3", True, 1),
        ("output == 'no'", False, 0),
        ("len(output) / 10", True, 0.4),
        ("words = output.split()\nreturn len(words) == 1", True, 1),
        ("{'pass': True, 'score': 0.5, 'reason': 'half'}", True, 0.5),
        ("context['config']['limit'] == 5", True, 1),
        ("1/0", False, 0),
    ],
)
def test_python(judge: Judge, source: str, *, passed: bool, score: float) -> None:
    """Inline Python is an expression or a body that returns; what it raises is a no."""
    verdict = judge("python", "text", value=source)
    assert (verdict.passed, verdict.score, verdict.final) == (passed, score, True)


@pytest.mark.parametrize(
    ("source", "passed", "score"),
    [
        ("output.length > 3", True, 1),
        ("output.length / 10", True, 0.4),
        ("const n = output.length;\nreturn { pass: n > 1, score: 0.5, reason: 'half' };", True, 0.5),
        ("nothing.here", False, 0),
        ('"true"', False, 0),
    ],
)
def test_javascript(judge: Judge, source: str, *, passed: bool, score: float) -> None:
    """Inline JavaScript is an expression or a body that returns; what it throws is a no."""
    verdict = judge("javascript", "text", value=source)
    assert (verdict.passed, verdict.score, verdict.final) == (passed, score, True)


def test_functions_in_files(judge: Judge, tmp_path: Path) -> None:
    """A file's default or named function judges, in whichever language the file is."""
    (tmp_path / "check.py").write_text("def get_assert(output, context): return 0.3\ndef no(o, c): return False\n")
    (tmp_path / "check.js").write_text("module.exports = (output) => output === 'text';\n")
    assert judge("python", "text", value="file://check.py").score == 0.3
    assert not judge("python", "text", value="file://check.py:no").passed
    assert judge("javascript", "text", value="file://check.js").passed
    with pytest.raises(ClaimError):
        judge("python", "text", value="file://check.txt")


@pytest.mark.parametrize(
    ("value", "passed", "score"),
    [
        (True, True, 1),
        ("False", False, 0),
        (0, False, 0),
        ("0.8", True, 0.8),
        ('{"pass": true, "score": 0.3, "reason": "j"}', True, 0.3),
        ({"pass_": True, "score": 0.5, "reason": "r", "named_scores": {"a": 0.5}}, True, 0.5),
        ({"pass": False, "score": 0.9, "reason": "r"}, False, 0.9),
        ({"pass": True, "score": 0.5}, False, 0),
        ({"pass": "yes", "score": 1, "reason": "r"}, False, 0),
        ({"pass": True, "score": float("nan"), "reason": "r"}, False, 0),
        ("{bad", False, 0),
        ("abc", False, 0),
        (None, False, 0),
        ([1], False, 0),
        (float("nan"), False, 0),
        (float("inf"), False, 0),
    ],
)
def test_what_python_may_return(value: Any, *, passed: bool, score: float) -> None:
    """Booleans, numbers, texts that say them, and whole results are read; anything else is a no with a reason."""
    verdict = lenient_verdict(Claim(type="python"), value)
    assert (verdict.passed, verdict.score, verdict.final) == (passed, score, True)
    assert verdict.reason


def test_a_threshold_in_python_also_binds_a_whole_result() -> None:
    """Unlike in JavaScript, a score below the threshold fails though the script says pass."""
    claim = Claim(type="python", threshold=0.6)
    assert not lenient_verdict(claim, WHOLE).passed
    assert strict_verdict(claim, WHOLE).passed
    assert not strict_verdict(claim, 0.5).passed
    assert strict_verdict(claim, 0.6).passed


def test_not_turns_pass_and_leaves_numbers() -> None:
    """`not-` turns the verdict of a script round; its score stays what the script said, a broken script stays a no."""
    claim = Claim(type="python", negated=True)
    assert (lenient_verdict(claim, 0.3).passed, lenient_verdict(claim, 0.3).score) == (False, 0.3)
    assert (lenient_verdict(claim, False).passed, lenient_verdict(claim, False).score) == (True, 1)
    assert not lenient_verdict(claim, WHOLE).passed
    assert not lenient_verdict(claim, None).passed


def test_parts_of_a_result_are_kept() -> None:
    """Component results, named scores, tokens and remarks come along, in either spelling."""
    parts = [{"pass_": True, "score": 0.2, "reason": "x", "assertion": {"type": "not-contains", "value": "y"}}, {}]
    told = {**WHOLE, "component_results": parts, "namedScores": {"a": 1, "b": "no"}, "tokens_used": {"total": 5}}
    verdict = lenient_verdict(Claim(type="python"), {**told, "comment": "well"})
    assert [(part.passed, part.score) for part in verdict.parts] == [(True, 0.2), (False, 0.0)]
    first = verdict.parts[0].claim
    assert first is not None
    assert (first.type, first.negated) == ("contains", True)
    assert (verdict.named_scores, verdict.tokens) == ({"a": 1}, {"total": 5})
    assert verdict.metadata == {"comment": "well"}


KEYS = ["pass", "pass_", "score", "reason", "componentResults", "namedScores"]


@given(
    value=st.recursive(
        st.none() | st.booleans() | st.floats() | st.text() | st.just("{"),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(KEYS), inner),
    ),
    negated=st.booleans(),
)
def test_anything_returned_becomes_a_verdict(value: Any, *, negated: bool) -> None:
    """No answer of a script raises, and every no has a reason."""
    for read in (strict_verdict, lenient_verdict):
        verdict = read(Claim(type="python", negated=negated, threshold=0.5), value)
        assert verdict.passed or verdict.reason


class Service(http.server.BaseHTTPRequestHandler):
    """Answers with what the test put into `answer`, and keeps what it was sent."""

    answer: ClassVar[bytes] = b"{}"
    status: ClassVar[int] = 200
    sent: ClassVar[list[Any]] = []

    def do_POST(self) -> None:
        """Keep the question and give the answer."""
        self.sent.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(self.answer)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("name", "status", "answer", "found"),
    [
        ("webhook", 200, {"pass": True}, (True, 1)),
        ("webhook", 200, {"pass": False, "score": 0.4, "reason": "meh"}, (False, 0.4)),
        ("not-webhook", 200, {"pass": False, "score": 0.4}, (True, 0.6)),
        ("webhook", 500, {"pass": True}, (False, 0)),
        ("not-webhook", 200, ["nonsense"], (False, 0)),
    ],
)
def test_webhook(
    judge: Judge,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
    *,
    name: str,
    status: int,
    answer: Any,
    found: tuple[bool, float],
) -> None:
    """The service gets output and context and decides; one that is broken fails either way."""
    monkeypatch.setattr(Service, "answer", json.dumps(answer).encode())
    monkeypatch.setattr(Service, "status", status)
    verdict = judge(name, "text", value=url, variables={"v": 1})
    assert (verdict.passed, verdict.score) == found
    assert Service.sent[-1] == {"output": "text", "context": {"prompt": "the prompt", "vars": {"v": 1}}}


def test_webhook_needs_an_http_address(judge: Judge) -> None:
    """Files and other schemes are not asked."""
    with pytest.raises(ClaimError):
        judge("webhook", "text", value="file:///etc/hostname")


@pytest.mark.parametrize("kind", ["human", "pi"])
def test_what_is_judged_elsewhere_is_refused_by_name(judge: Judge, kind: str) -> None:
    """A verdict that Sojourn cannot give is an error that names the kind and what to do instead."""
    with pytest.raises(ClaimError, match=f"^{kind}: "):
        judge(kind, "out", value="x")
