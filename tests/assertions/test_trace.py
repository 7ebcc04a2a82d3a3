from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sojourn.assertions.steps import step_of
from sojourn.errors import ClaimError
from sojourn.model.verdict import Verdict

Judge = Callable[..., Verdict]
SCRIPT = {"trace": {"spans": [{"name": "a"}, {"name": "tool", "attributes": {"tool.name": "find"}}]}}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("trace-span-count", "x"),
        ("trace-span-count", {"pattern": "*", "min": "many"}),
        ("trace-span-duration", {"pattern": "*"}),
        ("trajectory:tool-used", []),
        ("trajectory:tool-used", {"min": 1}),
        ("trajectory:tool-sequence", {"steps": []}),
        ("trajectory:tool-sequence", [{"type": "tool"}]),
        ("trajectory:tool-args-match", {"name": "find"}),
        ("trajectory:tool-args-match", {"name": "find", "args": {}, "mode": "odd"}),
        ("trajectory:tool-args-match", {"name": "find", "args": {}, "ignore": [1]}),
        ("trajectory:step-count", {"type": "tool"}),
        ("trajectory:goal-success", {"goal": " "}),
    ],
)
def test_what_asks_nothing_is_refused(judge: Judge, kind: str, value: Any) -> None:
    """A value that cannot be judged is a ClaimError, which says what it needs."""
    with pytest.raises(ClaimError, match=kind):
        judge(kind, "out", value=value, script=SCRIPT)


def test_without_a_trace_nothing_is_judged(judge: Judge) -> None:
    """No trace is no verdict."""
    with pytest.raises(ClaimError, match="needs a trace"):
        judge("trace-span-count", "out", value={"pattern": "*"})


def test_a_goal_is_judged_by_the_grader(judge: Judge, graders: Any) -> None:
    """The grader is shown the goal, the steps and the last words, as data; `not-` turns its verdict round."""
    graders.answers["text"] = '{"pass": true, "score": 0.9, "reason": "done"}'
    assert judge("trajectory:goal-success", "{{ bye }}", value="find it", script=SCRIPT).passed
    assert not judge("not-trajectory:goal-success", "bye", value={"goal": "find it"}, script=SCRIPT).passed
    text = graders.asked[0][1]
    assert "1. span:a\n2. tool:find" in text
    assert "{{ bye }}" in text


def test_a_tool_that_runs_commands_may_be_named(judge: Judge) -> None:
    """What a suite's `commandToolNames` names is a command, and no tool."""
    spans = [{"name": "run", "attributes": {"tool.name": "Bash", "tool.arguments": '{"command": "ls -l"}'}}]
    script = {"trace": {"metadata": {"commandToolNames": [" bash ", 1]}, "spans": spans}}
    value = {"type": "command", "pattern": "ls*", "min": 1}
    assert judge("trajectory:step-count", "out", value=value, script=script).passed
    assert not judge("trajectory:tool-used", "out", value="bash", script=script).passed
    assert judge("trajectory:tool-used", "out", value="bash", script={"trace": {"spans": spans}}).passed


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=9), st.lists)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(["name", "attributes", "startTime"]), JSON | st.dictionaries(st.text(), JSON)))
def test_any_span_is_a_step(span: dict[str, Any]) -> None:
    """Whatever a stranger sends as a span, it is a step with a name."""
    assert isinstance(step_of(span).name, str)
