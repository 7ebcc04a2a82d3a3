import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sojourn.catalog import PROVIDERS
from sojourn.errors import ConfigError
from sojourn.model.reply import Reply
from sojourn.providers.vendors import VENDORS
from tests.acceptance.suites import Evaluate, asked
from tests.providers.conftest import Ask
from tests.providers.service import Service

USAGE = {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500}
CHAT = '[{"role": "system", "content": "S"}, {"role": "user", "content": "U"}]'
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {}}}


def message(content: Any = "hello", finish: str = "stop", **more: Any) -> dict[str, Any]:
    """Make a chat completion."""
    told = {"role": "assistant", "content": content, **more}
    return {"id": "x", "choices": [{"index": 0, "message": told, "finish_reason": finish}], "usage": USAGE}


def asked_model(ask: Ask, service: Service, model: str, answer: Any, *prompts: str, **config: Any) -> Reply:
    """Ask a model that gives this answer."""
    service.will(body=answer)
    config = {"apiBaseUrl": service.url + "/v1", "apiKey": "k", **config}
    return ask({"id": model, "config": config}, *(prompts or ("Hello",)), word="w")[0]


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


@pytest.mark.parametrize(
    ("model", "environ", "path"),
    [
        ("docker:ai/m", {"DOCKER_MODEL_RUNNER_BASE_URL": ""}, "/engines/v1"),
        ("mlflow-gateway:m", {"MLFLOW_GATEWAY_URL": "", "MLFLOW_GATEWAY_API_KEY": "k"}, "/gateway/mlflow/v1"),
        ("litellm:m", {"LITELLM_API_BASE": "/v2"}, "/v2"),
        ("ai21:jamba", {"AI21_API_BASE_URL": "/studio/v1", "AI21_API_KEY": "k"}, "/studio/v1"),
    ],
)
def test_a_service_is_found_and_paid_by_its_own_variables(
    ask: Ask,
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
    model: str,
    environ: dict[str, str],
    path: str,
) -> None:
    """Its address and its key; where no key is needed, none is sent."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value if name.endswith("KEY") else service.url + value)
    service.will(body=message())

    assert ask(model, "Hello")[0].output == "hello"
    assert service.seen[0]["path"] == f"{path}/chat/completions"
    assert service.seen[0]["headers"].get("authorization") == ("Bearer k" if len(environ) > 1 else None)


def test_a_service_that_needs_a_key_says_which(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent without it."""
    monkeypatch.delenv("NOVITA_API_KEY", raising=False)
    assert "set the environment variable NOVITA_API_KEY" in ask("novita:m", "Hello")[0].error


def test_every_name_of_a_service_has_its_address() -> None:
    """What the catalog names is in the table of services, and no more."""
    assert {name for name, place in PROVIDERS.items() if place.endswith(":OpenAi")} == set(VENDORS)


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
    answer["usage"] = {**USAGE, "completion_tokens_details": {"reasoning_tokens": 3}}
    reply = asked_model(ask, service, "openai:chat:gpt-4o-mini-2024-07-18", answer)

    assert reply.cost == pytest.approx(0.00045)
    assert reply.tokens == {
        "total": 1500,
        "prompt": 1000,
        "completion": 500,
        "numRequests": 1,
        "completionDetails": {"reasoning": 3},
    }
    assert (reply.extra["finishReason"], reply.extra["logProbs"]) == ("length", [-0.5])
    assert reply.extra["guardrails"] == {"flagged": False}


@pytest.mark.parametrize(
    ("answer", "flagged", "refused"),
    [(message(None, refusal="no"), True, True), (message("x", "content_filter"), True, None)],
)
def test_refusals_and_filters_are_flagged(
    ask: Ask, service: Service, answer: Any, *, flagged: bool, refused: Any
) -> None:
    """A refusal, or an answer that was filtered, is flagged for `guardrails` and `is-refusal`."""
    reply = asked_model(ask, service, "openai:chat:gpt-4o", answer)

    assert (reply.extra["guardrails"]["flagged"], reply.extra.get("isRefusal")) == (flagged, refused)


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


FORM = {"type": "json_schema", "json_schema": {"name": "f", "strict": True, "schema": "file://schema.yaml"}}
SCHEMA = {"type": "object", "properties": {"a": {"type": "number"}}}


def in_files(folder: Path) -> str:
    """Write the form of an answer to a file, and its schema to another."""
    (folder / "form-w.json").write_text(json.dumps(FORM))
    (folder / "schema.yaml").write_text(json.dumps(SCHEMA))
    return "file://./form-{{word}}.json"


def test_form_from_a_file(ask: Ask, service: Service, tmp_path: Path) -> None:
    """A chat is sent what is in the files; what it answers stays a text."""
    form = in_files(tmp_path)
    reply = asked_model(ask, service, "openai:chat:gpt-4o", message('{"a": 1}'), response_format=form)

    sent = {"type": "json_schema", "json_schema": {"name": "f", "strict": True, "schema": SCHEMA}}
    assert service.bodies[0]["response_format"] == sent
    assert reply.output == '{"a": 1}'


def test_form_of_a_response_from_a_file(ask: Ask, service: Service, tmp_path: Path) -> None:
    """A response is read as JSON there."""
    form = in_files(tmp_path)
    answer = {"output": [{"type": "message", "content": [{"type": "output_text", "text": '{"a": 1}'}]}]}
    reply = asked_model(ask, service, "openai:responses:gpt-4o", answer, response_format=form)

    sent = {"type": "json_schema", "name": "f", "strict": True, "schema": SCHEMA}
    assert service.bodies[0]["text"] == {"format": sent}
    assert reply.output == {"a": 1}


def test_schema_beside_its_type(ask: Ask, service: Service, tmp_path: Path) -> None:
    """A schema need not be wrapped; one that is no form at all is not sent to the Responses service."""
    in_files(tmp_path)
    bare = {"type": "json_schema", "name": "b", "schema": "file://schema.yaml"}
    asked_model(ask, service, "openai:responses:gpt-4o", {"output": []}, response_format=bare)
    asked_model(ask, service, "openai:responses:gpt-4o", {"output": []}, response_format="file://schema.yaml")

    sent = {"type": "json_schema", "name": "b", "strict": True, "schema": SCHEMA}
    assert [body.get("text") for body in service.bodies] == [{"format": sent}, None]


def test_form_and_tools_of_a_test(evaluate: Evaluate, service: Service) -> None:
    """A test names its own files, from the suite's folder."""
    service.will(body=message('{"a": 1}'))
    model = {"id": "openai:chat:m", "config": {"apiBaseUrl": service.url, "apiKey": "k"}}
    options = {"response_format": "file://form-w.json", "tools": "file://tools.json"}
    claim = {"type": "javascript", "value": "output === '{\"a\": 1}'"}
    tests = [{"options": options, "assert": [claim]}]
    files = {"form-w.json": json.dumps(FORM), "schema.yaml": json.dumps(SCHEMA), "tools.json": json.dumps([TOOL])}
    run = evaluate({"providers": [model], "prompts": ["p"], "tests": tests}, files)

    assert [row["success"] for row in run.rows] == [True]
    assert service.bodies[0]["response_format"]["json_schema"]["schema"] == SCHEMA
    assert service.bodies[0]["tools"] == [TOOL]


def test_form_that_is_not_there(evaluate: Evaluate, ask: Ask, service: Service) -> None:
    """A file that is not there is told of at once, or in the row where a test names it."""
    reply = asked_model(ask, service, "openai:chat:m", message(), response_format="file://no-{{word}}.json")
    assert reply.error == "file://no-w.json cannot be read: No such file or directory"
    model = {"id": "openai:chat:m", "config": {"response_format": "file://none.json"}}
    assert "no such file: none.json" in evaluate({"providers": [model], "prompts": ["p"]}, {}).shown


@pytest.mark.parametrize(
    "place",
    [
        ("openai:chat:m", {"OPENAI_API_KEY": "e", "OPENAI_BASE_URL": "{url}/b"}, "/b/chat/completions", "Bearer e"),
        (
            "openai:chat:m",
            {"OPENAI_API_KEY": "e", "OPENAI_API_BASE_URL": "{url}/a/"},
            "/a/chat/completions",
            "Bearer e",
        ),
        ("localai:chat:m", {"LOCALAI_BASE_URL": "{url}/v1"}, "/v1/chat/completions", None),
        ("mistral:m", {"MISTRAL_API_BASE_URL": "{url}", "MISTRAL_API_KEY": "x"}, "/chat/completions", "Bearer x"),
    ],
)
def test_addresses_and_keys_come_from_the_environment(
    ask: Ask, service: Service, monkeypatch: pytest.MonkeyPatch, place: tuple[str, dict[str, str], str, Any]
) -> None:
    """Each service has its own variables; one on this machine needs no key."""
    model, environ, path, key = place
    for name, value in environ.items():
        monkeypatch.setenv(name, value.format(url=service.url))
    service.will(body=message())
    [reply] = ask(model, "Hello")

    assert reply.output == "hello"
    assert (service.seen[0]["path"], service.seen[0]["headers"].get("authorization")) == (path, key)


@pytest.mark.parametrize(
    ("model", "config", "told"),
    [
        ("openai:chat:m", {}, "set the environment variable OPENAI_API_KEY"),
        ("openai:chat:m", {"apiKeyEnvar": "MY_KEY"}, "set the environment variable MY_KEY"),
        ("openrouter:a/b:free", {}, "set the environment variable OPENROUTER_API_KEY"),
        ("anthropic:messages:m", {}, "set the environment variable ANTHROPIC_API_KEY"),
    ],
)
def test_a_missing_key_is_named(ask: Ask, model: str, config: dict[str, Any], told: str) -> None:
    """Without a key nothing is sent, and the error says which variable to set."""
    assert told in ask({"id": model, "config": config}, "Hello")[0].error


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("openai:", "names no model"),
        ("openai:chat:", "names no model"),
        ("anthropic:messages:", "names no model"),
        ("openai:realtime:gpt-4o", r"needs OpenAI's realtime, which Sojourn does not run \(ask it with a function of"),
        ("openai:responses-ws:m", "needs OpenAI's responses-ws, which Sojourn does not run"),
        ("anthropic:claude-code", "needs Anthropic's claude-code, which Sojourn does not run"),
        ("bedrock:anthropic.claude", r"needs Amazon Bedrock, which .+ 'any-llm-sdk\[bedrock\]'"),
        ("bedrock:kb:m", "needs Amazon Bedrock, which .+ a function of yours"),
        ("azure:chat:deployment", "needs Azure OpenAI, which .+ any-llm:azureopenai:MODEL"),
        ("vercel:openai/m", "needs Vercel AI Gateway, which .+ openai:chat:MODEL with its address"),
        ("promptfoo:model:m", "needs promptfoo's own services, which Sojourn does not run$"),
        ("promptfoo:redteam:crescendo", "is for red teaming"),
        ("file://bot/main.go:Answer", "no such file: file://bot/main.go:Answer"),
        ("file://bot.rb:answer", "no such file: file://bot.rb:answer"),
        ("adaline:openai:chat:m", "needs Adaline Gateway, which Sojourn does not run"),
        ("openai:codex-app-server", "needs OpenAI's codex-app-server, which Sojourn does not run"),
        ("openai:live:m", "needs OpenAI's live, which Sojourn does not run"),
        ("anthropic:managed-agents", "needs Anthropic's managed-agents, which Sojourn does not run"),
        ("acp", "needs an agent that speaks ACP, which Sojourn does not run"),
        ("pi:openai/m", "needs the Pi coding agent, which Sojourn does not run"),
        ("empiriolabs:m", "needs EmpirioLabs, which .+ openai:chat:MODEL with its address as apiBaseUrl"),
        ("nscale:image:m", "needs Nscale's image, which Sojourn does not run"),
        ("xai:image:m", "needs xAI's image, which Sojourn does not run"),
        ("edenai:openai/m", r"needs Eden AI, which .+ \(ask it as openai:chat:MODEL with its address"),
        ("typesafe:m", "needs TypeSafe, which Sojourn does not run"),
        ("pi:m", "needs the Pi coding agent, which Sojourn does not run"),
        (
            {"id": "openai:completion:m", "config": {"functionToolCallbacks": {"f": "x"}}},
            "functionToolCallbacks is there for chats only",
        ),
        ({"id": "openai:chat:m", "config": {"mcp": {"enabled": True}}}, "tools of MCP servers are not called"),
        ({"id": "anthropic:messages:m", "config": {"mcp": {"enabled": True}}}, "tools of MCP servers are not called"),
        ("opnai:chat:m", "unknown provider 'opnai:chat:m'"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(ask: Ask, entry: Any, told: str) -> None:
    """A provider that Sojourn does not run is told from a slip of the pen, before anything runs."""
    with pytest.raises(ConfigError, match=told):
        ask(entry, "Hello")


@pytest.mark.parametrize(
    ("model", "config", "sampling"),
    [
        ("claude-sonnet-4-6", {}, {"temperature": 0}),
        ("claude-sonnet-4-6", {"top_k": 3}, {"temperature": 0, "top_k": 3}),
        ("claude-sonnet-4-6", {"top_p": 0.5}, {"top_p": 0.5}),
        ("claude-sonnet-4-6", {"top_p": 0.5, "temperature": 0.5}, {"top_p": 0.5}),
        ("claude-sonnet-4-6", {"thinking": {"type": "adaptive"}}, {}),
        ("claude-sonnet-4-6", {"thinking": {"type": "disabled"}}, {"temperature": 0}),
        ("claude-opus-4-7", {"temperature": 0.5, "top_p": 0.5}, {}),
        ("claude-sonnet-5", {}, {}),
    ],
)
def test_anthropics_models_are_told_how_to_sample_where_they_can_be(
    ask: Ask, service: Service, model: str, config: dict[str, Any], sampling: dict[str, Any]
) -> None:
    """Cold by default, not beside top_p or thoughts, and never where the model refuses such a question."""
    answer = {"type": "message", "content": [{"type": "text", "text": "hi"}], "usage": {}}
    asked_model(ask, service, f"anthropic:messages:{model}", answer, "Hi", apiBaseUrl=service.url, **config)

    sent = {key: value for key, value in service.bodies[0].items() if key in ("temperature", "top_k", "top_p")}
    assert sent == sampling


def test_anthropics_models_answer_in_the_shape_that_is_asked_for(ask: Ask, service: Service) -> None:
    """A schema is sent along, and what fits it is parsed; what is no JSON stays a text."""
    schema = {"type": "json_schema", "schema": {"type": "object"}}
    config = {"apiBaseUrl": service.url, "output_format": schema, "effort": "low"}
    for text, output in (('{"a": 1}', {"a": 1}), ("no", "no")):
        answer = {"type": "message", "content": [{"type": "text", "text": text}], "usage": {}}
        assert asked_model(ask, service, "anthropic:messages:m", answer, "Hi", **config).output == output
    assert service.bodies[0]["output_config"] == {"format": schema, "effort": "low"}


@pytest.mark.parametrize(
    ("model", "kind"),
    [("claude-sonnet-4-6", "enabled"), ("claude-opus-4-7", "adaptive"), ("claude-opus-5", "adaptive")],
)
def test_anthropics_models_think_in_the_way_that_they_have(ask: Ask, service: Service, model: str, kind: str) -> None:
    """Models that take no number of tokens for thinking are told to think as they see fit."""
    config = {"apiBaseUrl": service.url, "thinking": {"type": "enabled", "budget_tokens": 1024}}
    asked_model(ask, service, f"anthropic:messages:{model}", {"content": []}, "Hi", **config)

    assert service.bodies[0]["thinking"]["type"] == kind


def test_anthropics_models_are_given_tools_that_are_written_for_openais(ask: Ask, service: Service) -> None:
    """One list of tools does for both; what is written for Anthropic's stays as it is."""
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}, {"name": "g"}]
    config = {"apiBaseUrl": service.url, "tools": tools, "tool_choice": "required"}
    asked_model(ask, service, "anthropic:messages:m", {"content": []}, "Hi", **config)

    assert service.bodies[0]["tools"] == [{"name": "f", "input_schema": {"type": "object"}}, {"name": "g"}]
    assert service.bodies[0]["tool_choice"] == {"type": "any"}


def test_anthropic(ask: Ask, service: Service) -> None:
    """System messages go apart; thoughts, texts and tool calls come one after another, with usage and cost."""
    blocks = [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "text", "text": "hi"},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
    ]
    usage = {"input_tokens": 1000, "output_tokens": 500, "cache_read_input_tokens": 7}
    answer = {"type": "message", "content": blocks, "stop_reason": "tool_use", "usage": usage}
    thinking = {"type": "enabled", "budget_tokens": 1024}
    more = {"apiBaseUrl": service.url, "thinking": thinking, "tools": [{"name": "f", "input_schema": {}}]}
    reply = asked_model(ask, service, "anthropic:messages:claude-3-5-sonnet-20241022", answer, CHAT, **more)

    assert service.bodies == [
        {
            "model": "claude-3-5-sonnet-20241022",
            "messages": [{"role": "user", "content": [{"type": "text", "text": "U"}]}],
            "max_tokens": 2048,
            "system": [{"type": "text", "text": "S"}],
            "thinking": thinking,
            "tools": [{"name": "f", "input_schema": {}}],
        }
    ]
    headers = service.seen[0]["headers"]
    assert (service.seen[0]["path"], headers["x-api-key"], headers["anthropic-version"]) == (
        "/v1/messages",
        "k",
        "2023-06-01",
    )
    call = '{"type":"tool_use","id":"t","name":"f","input":{"a":1}}'
    assert reply.output == f"Thinking: hm\nSignature: s\n\nhi\n\n{call}"
    assert (reply.tokens["prompt"], reply.tokens["total"]) == (1007, 1507)
    assert reply.cost == pytest.approx(0.0105, rel=0.01)
    assert reply.extra["finishReason"] == "tool_calls"


def test_the_usual_grader_is_openais(evaluate: Evaluate, service: Service) -> None:
    """Without a grader, a rubric is judged by OpenAI's model where there is a key, similarity by its embeddings."""
    service.will(body=message('{"pass": true, "score": 1, "reason": "fine"}'))
    service.will(body={"data": [{"embedding": [1, 0]}]})
    service.will(body={"data": [{"embedding": [1, 0]}]})
    service.will(body={"results": [{"flagged": True, "categories": {"hate": True, "violence": False}}]})
    suite = asked("Hello", "Hi", "Hey", providers=["echo"])
    rubric, alike = {"type": "llm-rubric", "value": "is polite"}, {"type": "similar", "value": "Hallo"}
    for test, claim in zip(suite["tests"], (rubric, alike, {"type": "moderation"}), strict=True):
        test["assert"] = [claim]
    environ = {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": service.url, "NO_PROXY": "127.0.0.1"}
    run = evaluate(suite, {}, "-j", "1", **environ)

    assert run.outcomes == ["passed", "passed", "failed"], run.shown
    assert run.rows[2]["error"] == "The output was flagged: hate"
    assert [each["path"] for each in service.seen] == [
        "/chat/completions",
        "/embeddings",
        "/embeddings",
        "/moderations",
    ]


def test_without_a_grader_the_error_says_what_to_do(evaluate: Evaluate) -> None:
    """An assertion that needs a model, where there is no key, says what can be done."""
    suite = asked("Hello", providers=["echo"])
    suite["tests"][0]["assert"] = [{"type": "llm-rubric", "value": "is polite"}]
    run = evaluate(suite, {})

    assert "or set OPENAI_API_KEY" in run.rows[0]["error"]


def test_a_session_says_where_the_model_is(ask: Ask, service: Service) -> None:
    """Address, key and headers are filled in with what a trial has: a server that was started, a token for it."""
    service.will(body=message())
    config = {"apiBaseUrl": "{{place}}/v1", "apiKey": "{{token}}", "headers": {"X-Session": "{{token}}"}}
    ask({"id": "openai:chat:m", "config": config}, "Hello", place=service.url, token="t1")

    assert service.seen[0]["headers"]["authorization"] == "Bearer t1"
    assert service.seen[0]["headers"]["x-session"] == "t1"
