import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.model.reply import Reply
from sojourn.providers import openai_answers
from sojourn.providers.exchange import Answer
from sojourn.providers.service import NotAnsweredError, messages_of, reading

KEYS = ("choices", "message", "content", "tool_calls", "usage", "output", "type", "data", "results", "delta", "index")
SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5) | st.just("message")
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
)


@pytest.mark.parametrize("read", ["chat", "completion", "response"])
@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
@given(data=JSON)
def test_whatever_a_service_answers_comes_to_a_reply(read: str, kind: str, data: Any) -> None:
    """No answer is so odd that reading it breaks."""
    text = json.dumps(data)
    text = f"data: {text}\n\n" if "stream" in kind else text
    answer = Answer(status_code=200, reason_phrase="OK", headers={"content-type": kind}, text=text)
    try:
        reply = reading(getattr(openai_answers, read), answer, "gpt-4o", {})
    except NotAnsweredError as error:
        reply = error.reply

    assert isinstance(reply, Reply)


@given(st.text(max_size=60) | st.sampled_from(["- role: x", "[", "- role: [", "- role: *a", "- role: !!python/none"]))
def test_whatever_a_prompt_is_it_comes_to_messages(prompt: str) -> None:
    """Every prompt is a chat of at least one message, each with a role."""
    messages = messages_of(prompt)

    assert messages
    assert all("role" in each for each in messages)
