import json
from typing import Any

import pytest

from tests.acceptance.suites import Evaluate, asked

AGENT = """
import json
def call_api(prompt, options, context):
    with open("heard.log", "a") as out:
        out.write(json.dumps(prompt) + "\\n")
    if "break" in prompt:
        return {"error": "it broke"}
    return {"output": f"heard {len(prompt)}", "sessionId": "s1", "cost": 1, "tokenUsage": {"total": 2}}
"""
USER = """
import json
def call_api(prompt, options, context):
    chat = json.loads(prompt)
    assert [each["role"] for each in chat[:2]] == ["system", "user"] and "a refund" in chat[0]["content"]
    said = sum(each["role"] == "assistant" for each in chat)
    return {"output": "thanks ###STOP###" if said == 2 else f"message {said + 1}"}
"""
FILES = {"agent.py": AGENT, "user.py": USER}


def heard(run: Any) -> list[Any]:
    """Return what the agent was asked."""
    return [json.loads(line) for line in run.lines("heard.log")]


def suite(provider: Any) -> dict[str, Any]:
    """Make a suite whose test has a provider of its own in front of the agent."""
    made = asked("help", providers=["file://agent.py"])
    made["tests"][0] |= {"provider": provider, "vars": {"q": "help", "instructions": "a refund"}}
    return made


def test_a_sequence_is_sent_one_after_another(evaluate: Evaluate) -> None:
    """The inputs, filled in, are asked in order; the answer is all outputs."""
    run = evaluate(suite({"id": "sequence", "config": {"inputs": ["one {{q}}", "two {{prompt}}!"]}}), FILES)

    assert heard(run) == ["one help", "two help!"], run.shown
    assert run.outputs == ["heard 8\n---\nheard 9"]
    assert (run.rows[0]["cost"], run.rows[0]["metadata"]["sessionId"]) == (2, "s1")


def test_a_sequence_ends_with_its_first_error(evaluate: Evaluate) -> None:
    """What breaks is the error, and the rest is not sent."""
    run = evaluate(suite({"id": "sequence", "config": {"inputs": ["break", "two"], "separator": "|"}}), FILES)

    assert (run.outcomes, heard(run)) == (["error"], ["break"])
    assert "it broke" in run.rows[0]["error"]


def test_a_column_may_name_its_target(evaluate: Evaluate) -> None:
    """As a provider of the suite, it asks the one that `target` names."""
    config = {"inputs": ["one", "two"], "target": "file://agent.py", "separator": "|"}
    run = evaluate(asked("x", providers=[{"id": "sequence", "config": config}]), FILES)

    assert run.outputs == ["heard 3|heard 3"], run.shown


@pytest.mark.parametrize("config", [{"inputs": []}, {"inputs": "one"}, {}])
def test_a_sequence_needs_inputs(evaluate: Evaluate, config: dict[str, Any]) -> None:
    """Without anything to send, the suite is refused."""
    run = evaluate(asked("x", providers=[{"id": "sequence", "config": config}]), FILES)

    assert run.code == 1
    assert "sequence needs inputs" in run.shown


def test_without_a_target_the_error_says_so(evaluate: Evaluate) -> None:
    """A sequence that has nobody to ask says how to name somebody."""
    run = evaluate(asked("x", providers=[{"id": "sequence", "config": {"inputs": ["one"]}}]), FILES)

    assert "write target: under config" in run.rows[0]["error"]


@pytest.mark.parametrize("stateful", [False, True])
def test_a_simulated_user_talks_until_it_has_what_it_wants(evaluate: Evaluate, *, stateful: bool) -> None:
    """The user's model and the agent take turns; one that remembers is sent only what is new."""
    config = {"provider": "file://user.py", "stateful": stateful}
    run = evaluate(suite({"id": "promptfoo:simulated-user", "config": config}), FILES)

    assert run.outcomes == ["passed"], run.shown
    first, second = heard(run)
    system, opening = {"role": "system", "content": "help"}, {"role": "user", "content": "message 1"}
    assert json.loads(first) == [system, opening]
    told = [each["content"] for each in run.rows[0]["metadata"]["messages"]]
    assert told[::2] == ["message 1", "message 2"]
    assert run.outputs == [
        f"User: message 1\n---\nAssistant: {told[1]}\n---\nUser: message 2\n---\nAssistant: {told[3]}"
    ]
    if stateful:
        assert second == "message 2"
    else:
        assert [each["content"] for each in json.loads(second)] == ["help", *told[:3]]


def test_a_simulated_user_begins_where_it_is_told(evaluate: Evaluate) -> None:
    """The first messages are given, and no more than maxTurns are taken."""
    begin = [{"role": "user", "content": "I am {{q}}less"}]
    config = {"provider": "file://user.py", "initialMessages": begin, "maxTurns": 1}
    run = evaluate(suite({"id": "promptfoo:simulated-user", "config": config}), FILES)

    assert run.outputs[0].startswith("User: I am helpless\n---\nAssistant: heard")
    assert len(heard(run)) == 1


@pytest.mark.parametrize("kept", ["inline", "file://began.json"])
def test_a_test_may_say_how_its_talk_began(evaluate: Evaluate, kept: str) -> None:
    """Its var `initialMessages`, a list or a file of one, goes before that of the provider."""
    began = [{"role": "user", "content": "I am {{q}}ful"}, {"role": "assistant", "content": "Good"}]
    config = {"provider": "file://user.py", "initialMessages": [{"role": "user", "content": "no"}], "maxTurns": 1}
    said = suite({"id": "promptfoo:simulated-user", "config": config})
    said["tests"][0]["vars"]["initialMessages"] = began if kept == "inline" else kept
    run = evaluate(said, {**FILES, "began.json": json.dumps(began)})

    assert run.outputs[0].startswith("User: I am helpful\n---\nAssistant: Good\n---\nUser:"), run.shown


def test_a_simulated_user_needs_a_model(evaluate: Evaluate) -> None:
    """Without a model that plays the user, the error says what to do."""
    run = evaluate(suite("promptfoo:simulated-user"), FILES, OPENAI_API_KEY="")

    assert "needs a model that plays the user" in run.rows[0]["error"]
