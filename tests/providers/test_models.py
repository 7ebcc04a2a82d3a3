from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.providers.conftest import Ask
from tests.providers.models import CALL, CHAT, TOOL, USAGE, asked_model, message
from tests.providers.service import Service


@pytest.mark.parametrize(
    ("model", "config", "sent"),
    [
        ("openai:chat:gpt-4o-mini", {}, {"max_tokens": 1024, "temperature": 0}),
        ("openai:gpt-4o-mini", {"temperature": 0.5, "max_tokens": 5}, {"max_tokens": 5, "temperature": 0.5}),
        (
            "openai:chat:gpt-4o",
            {"seed": 1, "stop": ["x"], "top_p": 0.5, "passthrough": {"zz": 1}},
            {"max_tokens": 1024, "temperature": 0, "seed": 1, "stop": ["x"], "top_p": 0.5, "zz": 1},
        ),
        (
            "openai:chat:gpt-4o",
            {"tools": [TOOL], "tool_choice": "{{word}}", "response_format": {"type": "json_object"}},
            {
                "max_tokens": 1024,
                "temperature": 0,
                "tools": [TOOL],
                "tool_choice": "w",
                "response_format": {"type": "json_object"},
            },
        ),
        ("openai:chat:o1", {"reasoning_effort": "low"}, {"reasoning_effort": "low"}),
        (
            "openai:chat:o1",
            {"reasoning": {"effort": "low"}, "prompt_cache_key": "k"},
            {"reasoning_effort": "low", "prompt_cache_key": "k"},
        ),
        ("openai:chat:o1", {"reasoning": "high"}, {}),  # as in promptfoo, only an object is read
        ("openai:gpt-5-mini", {"max_completion_tokens": 9}, {"max_completion_tokens": 9}),
        ("groq:llama-3", {}, {"max_tokens": 1024, "temperature": 0}),
        (
            "minimax:m",
            {"temperature": 0.5, "max_completion_tokens": 9},
            {"temperature": 0.5, "max_completion_tokens": 9},
        ),
        ("openrouter:openai/gpt-5", {}, {}),
        (
            "perplexity:sonar",
            {"search_domain_filter": ["a.b"]},
            {"max_tokens": 1024, "temperature": 0, "search_domain_filter": ["a.b"]},
        ),
        (
            "groq:m",
            {"reasoning_format": "hidden", "route": "x"},
            {"max_tokens": 1024, "temperature": 0, "reasoning_format": "hidden"},
        ),
        (
            "openrouter:m",
            {"provider": {"order": ["a"]}, "route": "fallback"},
            {"max_tokens": 1024, "temperature": 0, "provider": {"order": ["a"]}, "route": "fallback"},
        ),
        ("localai:chat:m", {}, {}),
        ("litellm:m", {"temperature": 1}, {"temperature": 1}),
    ],
)
def test_a_chat_is_asked_with_what_the_configuration_says(
    ask: Ask, service: Service, model: str, config: dict[str, Any], sent: dict[str, Any]
) -> None:
    """The body has the model, the messages, and each setting under its own name."""
    reply = asked_model(ask, service, model, message(), **config)

    name = model.rpartition(":")[2]
    assert service.bodies == [{"model": name, "messages": [{"role": "user", "content": "Hello"}], **sent}]
    assert service.seen[0]["path"] == "/v1/chat/completions"
    assert service.seen[0]["headers"]["authorization"] == "Bearer k"
    assert reply.output == "hello"


@pytest.mark.parametrize("prompt", [CHAT, "- role: system\n  content: S\n- role: user\n  content: U\n"])
def test_a_chat_may_be_written_as_json_or_yaml(ask: Ask, service: Service, prompt: str) -> None:
    """A prompt that is a list of messages is sent as that."""
    asked_model(ask, service, "openai:chat:gpt-4o", message(), prompt)

    assert service.bodies[0]["messages"] == json.loads(CHAT)


@pytest.mark.parametrize("prompt", ['["a", "b"]', "[not json", "- role: [", "- a list"])
def test_what_is_no_chat_is_what_the_user_says(ask: Ask, service: Service, prompt: str) -> None:
    """A text that merely looks like a chat is one message."""
    asked_model(ask, service, "openai:chat:gpt-4o", message(), prompt)

    assert service.bodies[0]["messages"] == [{"role": "user", "content": prompt}]


@pytest.mark.parametrize(
    ("answer", "config", "output"),
    [
        (message(), {}, "hello"),
        (message(None, tool_calls=[CALL]), {}, [CALL]),
        (message("both", tool_calls=[CALL]), {}, {"role": "assistant", "content": "both", "tool_calls": [CALL]}),
        (message(None, function_call={"name": "f", "arguments": "{}"}), {}, {"name": "f", "arguments": "{}"}),
        (message('{"z": 1}'), {"response_format": {"type": "json_object"}}, '{"z": 1}'),
        (message('{"z": 1}'), {"response_format": {"type": "json_schema", "json_schema": {}}}, {"z": 1}),
        (message("no json"), {"response_format": {"type": "json_schema", "json_schema": {}}}, "no json"),
        (message("ans", reasoning_content="because"), {}, "Thinking: because\n\nans"),
        (message("ans", reasoning_content="because"), {"showThinking": False}, "ans"),
        (message(None, refusal="no way"), {}, "no way"),
    ],
)
def test_a_chats_answer_has_promptfoos_shape(
    ask: Ask, service: Service, answer: Any, config: dict[str, Any], output: Any
) -> None:
    """Text, tool calls, both, JSON by a schema, thoughts, refusals."""
    assert asked_model(ask, service, "openai:chat:gpt-4o", answer, **config).output == output


def called(*names: str) -> Any:
    """An answer in which the model calls functions, each with the same argument."""
    calls = [{**CALL, "function": {"name": name, "arguments": '{"a": 2}'}} for name in names]
    return message(None, tool_calls=calls)


def test_functions_that_a_model_calls_are_called(ask: Ask, service: Service, tmp_path: Path) -> None:
    """What they return, inline or in files, is the output, a line each; who has none called keeps the calls."""
    (tmp_path / "tools.js").write_text("exports.twice = async (args) => ({ twice: JSON.parse(args).a * 2 });\n")
    (tmp_path / "tools.py").write_text("import json\ndef half(args):\n    return json.loads(args)['a'] / 2\n")
    functions = {
        "twice": "file://tools.js:twice",
        "half": "file://tools.py:half",
        "more": "async (args) => JSON.parse(args).a + 1",
        "nothing": "() => undefined",
        "breaks": "() => { throw new Error('no') }",
    }
    asked = partial(asked_model, ask, service, "openai:chat:gpt-4o", functionToolCallbacks=functions)

    assert asked(called("twice", "half", "more", "nothing", "other")).output == '{"twice":4}\n1\n3\n'
    assert asked(message(None, function_call={"name": "more", "arguments": '{"a": 1}'})).output == "2"
    broken = asked(called("more", "breaks"))
    assert [call["function"]["name"] for call in broken.output] == ["more", "breaks"]
    assert "functionToolCallbacks.breaks broke" in broken.printed
    assert asked(called("other")).output == called("other")["choices"][0]["message"]["tool_calls"]
    assert asked(message()).output == "hello"


def test_calls_in_an_answer_of_the_responses_service_give_way_to_their_results(ask: Ask, service: Service) -> None:
    """Texts and calls of other functions stay where they are; so does the call whose function breaks."""
    functions = {
        "more": "async (args) => JSON.parse(args).a + 1",
        "box": "() => ({ x: 1 })",
        "breaks": "() => { throw new Error('no') }",
    }
    names = ["more", "other", "box", "breaks"]
    calls = [{"type": "function_call", "name": name, "call_id": "c", "arguments": '{"a": 1}'} for name in names]
    text = {"type": "message", "content": [{"type": "output_text", "text": "hello"}]}
    answer = {"object": "response", "id": "r", "output": [text, *calls], "usage": {}}
    reply = asked_model(ask, service, "openai:responses:gpt-4.1", answer, functionToolCallbacks=functions)
    kept = [json.dumps(call, separators=(",", ":")) for call in calls]

    assert reply.output == "\n".join(["hello", "2", kept[1], '{"x":1}', kept[3]])
    assert "functionToolCallbacks.breaks broke" in reply.printed
    assert reply.extra["raw"]["output"] == [text, *calls]


def test_usage_cost_reason_and_logprobs_are_told(ask: Ask, service: Service) -> None:
    """What the answer says besides stands in the reply."""
    answer = message(finish="length")
    answer["choices"][0]["logprobs"] = {"content": [{"token": "h", "logprob": -0.5}]}
    details = {"completion_tokens_details": {"reasoning_tokens": 3}, "prompt_tokens_details": {"cached_tokens": 4}}
    answer["usage"] = {**USAGE, **details}
    reply = asked_model(ask, service, "openai:chat:gpt-4o-mini-2024-07-18", answer)

    assert reply.cost == pytest.approx(0.0004497)
    assert reply.tokens == {
        "total": 1500,
        "prompt": 1000,
        "completion": 500,
        "numRequests": 1,
        "completionDetails": {"reasoning": 3, "cacheReadInputTokens": 4},
    }
    assert (reply.extra["finishReason"], reply.extra["logProbs"]) == ("length", [-0.5])
    assert reply.extra["guardrails"] == {"flagged": False}


@pytest.mark.parametrize(
    ("answer", "output", "finish"),
    [
        (message(None, refusal="no"), "no", "stop"),
        (message("x", "content_filter"), "x", "content_filter"),
        (message("", "content_filter"), "Content filtered by provider", "content_filter"),
    ],
)
def test_refusals_and_filters_are_flagged(ask: Ask, service: Service, answer: Any, output: str, finish: str) -> None:
    """A refusal, or an answer that was filtered, is flagged for `guardrails` and `is-refusal`."""
    reply = asked_model(ask, service, "openai:chat:gpt-4o", answer)

    assert (reply.output, reply.extra["finishReason"]) == (output, finish)
    assert (reply.extra["guardrails"], reply.extra["isRefusal"]) == ({"flagged": True}, True)


@pytest.mark.parametrize(("told", "known"), [("function_call", "tool_calls"), ("end_turn", "stop"), ("eos", "eos")])
def test_why_an_answer_ends_has_one_word(ask: Ask, service: Service, told: str, known: str) -> None:
    """Other services' words for it are OpenAI's; a word that nobody knows stays."""
    reply = asked_model(ask, service, "openai:chat:gpt-4o", message("x", told))

    assert reply.extra["finishReason"] == known


def test_a_content_in_parts_is_its_text(ask: Ask, service: Service) -> None:
    """The thoughts of Mistral's models are parts of their own, and are left out."""
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    texts = [{"type": "text", "text": text} for text in "ab"]
    reply = asked_model(ask, service, "mistral:magistral", message([thought, *texts]))

    assert reply.output == "ab"


def test_beside_calls_that_openrouter_passes_on_there_is_no_text(ask: Ask, service: Service) -> None:
    """The calls alone are the output, so that what assertions find in it does not depend on the model."""
    reply = asked_model(ask, service, "openrouter:x/y", message("Let me see.", tool_calls=[CALL]))

    assert reply.output == [CALL]


@pytest.mark.parametrize(
    ("model", "config", "cost"),
    [("mine", {}, None), ("mine", {"cost": 0.001}, 1.5), ("gpt-4o", {"inputCost": 0, "outputCost": 1}, 500)],
)
def test_a_price_may_be_given(ask: Ask, service: Service, model: str, config: dict[str, Any], cost: Any) -> None:
    """The configuration's price of a token comes first; nobody guesses that of an unknown model."""
    assert asked_model(ask, service, f"openai:chat:{model}", message(), **config).cost == cost


def test_a_stream_is_put_together(ask: Ask, service: Service) -> None:
    """The pieces of text and of tool calls become one answer with its usage."""
    pieces = [
        {"choices": [{"delta": {"role": "assistant", "content": "hel"}}]},
        {"choices": [{"delta": {"content": "lo"}}]},
        {
            "choices": [
                {"delta": {"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "f", "arguments": '{"a'}}]}}
            ]
        },
        {
            "choices": [
                {"delta": {"tool_calls": [{"index": 0, "function": {"arguments": '":1}'}}]}, "finish_reason": "stop"}
            ]
        },
        {"choices": [], "usage": USAGE},
    ]
    text = "".join(f"data: {json.dumps(each)}\n\n" for each in pieces) + ": a comment\ndata: [DONE]\n\n"
    service.will(200, text, content_type="text/event-stream")
    config = {"apiBaseUrl": service.url, "apiKey": "k", "stream": True}
    [reply] = ask({"id": "openai:chat:gpt-4o", "config": config}, "Hello")

    assert reply.output == {"role": "assistant", "content": "hello", "tool_calls": [CALL]}
    assert (reply.tokens["total"], reply.extra["finishReason"]) == (1500, "stop")
    assert service.bodies[0]["stream"] is True


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (401, {"error": {"message": "bad key"}}, "API error: 401 Unauthorized: bad key"),
        (500, "<html>", "API error: HTTP 500 Internal Server Error: <html>"),
        (200, {"error": {"message": "over"}}, "API error: over"),
        (200, {"choices": []}, "there is nothing in the answer"),
        (200, "no json", "the answer is no JSON object: no json"),
    ],
)
@pytest.mark.parametrize("model", ["openai:chat:m", "openai:completion:m"])
def test_what_went_wrong_is_the_error(
    ask: Ask, service: Service, model: str, status: int, body: Any, told: str
) -> None:
    """The status and the service's own words make the error."""
    service.will(status, body)
    config = {"apiBaseUrl": service.url, "apiKey": "k"}

    assert told in ask({"id": model, "config": config}, "Hello")[0].error


def test_completions(ask: Ask, service: Service) -> None:
    """A completion is asked for the prompt as it is."""
    answer = {"choices": [{"text": "done", "finish_reason": "length"}], "usage": USAGE}
    reply = asked_model(ask, service, "openai:gpt-3.5-turbo-instruct", answer, CHAT, stop=["x"])

    assert service.seen[0]["path"] == "/v1/completions"
    assert (service.bodies[0]["prompt"], service.bodies[0]["stop"]) == (CHAT, ["x"])
    assert reply.cost == pytest.approx(0.0025)
    assert (reply.output, reply.extra["finishReason"]) == ("done", "length")


def test_responses(ask: Ask, service: Service) -> None:
    """Thoughts, calls and texts of a response come one after another."""
    call = {"type": "function_call", "name": "f", "arguments": "{}"}
    text = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hi"}]}
    thought = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}
    usage = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
    answer = {"id": "r", "object": "response", "output": [thought, call, text], "usage": usage}
    schema = {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}
    more = {"instructions": "be nice", "max_output_tokens": 9, "response_format": schema, "verbosity": "low"}
    reply = asked_model(ask, service, "openai:responses:gpt-4o", answer, **more)

    sent = {"model": "gpt-4o", "input": "Hello", "max_output_tokens": 9, "temperature": 0, "instructions": "be nice"}
    form = {"type": "json_schema", "name": "n", "strict": True, "schema": {}}
    assert service.bodies == [{**sent, "text": {"format": form, "verbosity": "low"}}]
    assert reply.output == 'Reasoning: hm\n{"type":"function_call","name":"f","arguments":"{}"}\nhi'
    assert reply.tokens == {"total": 15, "prompt": 10, "completion": 5, "numRequests": 1}


def says(*texts: str, **more: Any) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, **more} for text in texts]
    return {"type": "message", "role": "assistant", "content": content}


def searched(**action: Any) -> dict[str, Any]:
    return {"type": "web_search_call", "status": "completed", "action": action}


@pytest.mark.parametrize(
    ("item", "told"),
    [
        (says("a", "b"), "ab"),
        ({"type": "reasoning", "summary": [{"text": "a"}, {"text": "b"}]}, "Reasoning: a\nb"),
        (
            {"type": "mcp_list_tools", "server_label": "wiki", "tools": [{"name": "ask"}]},
            'MCP Tools from wiki: [\n  {\n    "name": "ask"\n  }\n]',
        ),
        ({"type": "mcp_call", "name": "ask", "output": "hooks"}, "MCP Tool Result (ask): hooks"),
        ({"type": "mcp_call", "name": "ask", "error": "gone"}, "MCP Tool Error (ask): gone"),
        ({"type": "mcp_call", "name": "ask", "error": {"code": 5}}, 'MCP Tool Error (ask): {"code":5}'),
        (
            {"type": "mcp_approval_request", "server_label": "wiki", "name": "ask", "arguments": '{"q":1}'},
            'MCP Approval Required for wiki.ask: {"q":1}',
        ),
        (searched(type="search", query="news"), 'Web Search: "news"'),
        (searched(type="search", queries=["a", "b"]), 'Web Search: "a, b"'),
        (searched(type="open_page", url="http://x"), "Opening page: http://x"),
        (searched(type="find_in_page", pattern="p"), 'Finding in page: "p"'),
        (searched(type="wait"), "Web action: wait"),
        ({"type": "web_search_call", "status": "failed", "error": "e"}, "Web Search Call (status: failed) (Error: e)"),
        ({"type": "code_interpreter_call", "code": "1 + 1"}, "Code Interpreter: 1 + 1"),
        ({"type": "tool_result", "a": 1}, '{"type":"tool_result","a":1}'),
        ({"type": "image_generation_call", "result": "aGk="}, ""),
    ],
)
def test_what_a_response_did_is_told_in_promptfoos_words(ask: Ask, service: Service, item: Any, told: str) -> None:
    """Searches, code and tools of MCP servers have a line each; what nobody has words for has none."""
    reply = asked_model(ask, service, "openai:responses:gpt-4o", {"output": [item, says("end")]})

    assert reply.output == (f"{told}\nend" if told else "end")


def test_a_response_that_refuses_says_nothing_else(ask: Ask, service: Service) -> None:
    """The refusal is the output, and is marked as one."""
    refusal = {"type": "message", "content": [{"type": "refusal", "refusal": "no"}]}
    reply = asked_model(ask, service, "openai:responses:gpt-4o", {"output": [says("hm"), refusal]})

    assert (reply.output, reply.extra["isRefusal"]) == ("no", True)


def test_a_response_tells_its_model_and_its_sources(ask: Ask, service: Service) -> None:
    """The model that answered and what the text cites stand in the metadata."""
    source = {"type": "url_citation", "url": "http://x"}
    answer = {"model": "gpt-4o-2024", "output": [says("hi", annotations=[source])]}
    reply = asked_model(ask, service, "openai:responses:gpt-4o", answer)

    assert (reply.metadata["model"], reply.metadata["annotations"]) == ("gpt-4o-2024", [source])


def test_a_response_without_items_is_an_error(ask: Ask, service: Service) -> None:
    """An answer in which nothing stands is no empty output."""
    reply = asked_model(ask, service, "openai:responses:gpt-4o", {"output": []})

    assert reply.error.startswith("API error: there is nothing in the answer")


def test_tools_of_chats_do_for_responses(ask: Ask, service: Service) -> None:
    """A function that is wrapped as chats want it is unwrapped, and so is the choice of it."""
    choice = {"type": "function", "function": {"name": "f"}}
    tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}, {"type": "web_search"}]
    asked_model(ask, service, "openai:responses:gpt-4o", {"output": []}, tools=tools, tool_choice=choice)

    assert service.bodies[0]["tools"] == [{"type": "function", "name": "f", "parameters": {}}, {"type": "web_search"}]
    assert service.bodies[0]["tool_choice"] == {"type": "function", "name": "f"}
