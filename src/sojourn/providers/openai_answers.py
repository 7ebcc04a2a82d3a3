"""From what services with OpenAI's protocol answer to a Reply, in promptfoo's shapes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import structs

from sojourn.model.reply import Reply
from sojourn.model.suite import JsonDict
from sojourn.providers.exchange import Answer
from sojourn.providers.openai_items import is_schema, refusals, said, sources
from sojourn.providers.prices import cost_of
from sojourn.providers.service import NotAnsweredError, data_of

FINISH = {
    "end_turn": "stop",
    "function_call": "tool_calls",
    "max_tokens": "length",
    "refusal": "content_filter",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
}
"""What other services, and older ones, call the reasons why an answer ends."""


def chat(answer: Answer, model: str, config: JsonDict) -> Reply:
    """Read a chat completion, streamed or whole."""
    is_stream = "event-stream" in answer.headers.get("content-type", "")
    return chat_of(_assembled(answer) if is_stream else data_of(answer), answer, model, config)


def chat_of(data: JsonDict, answer: Answer, model: str, config: JsonDict) -> Reply:
    """Read what an answer says as a chat completion."""
    choice = _first(data.get("choices"), answer)
    message = choice.get("message") or {}
    finish = FINISH.get(str(choice.get("finish_reason")), choice.get("finish_reason"))
    refusal = message.get("refusal")
    if finish == "content_filter" and not refusal:
        refusal = message.get("content") or "Content filtered by provider"
    extra: JsonDict = {"guardrails": {"flagged": bool(refusal)}, **({"finishReason": finish} if finish else {})}
    if refusal:
        extra["isRefusal"] = True
    logprobs = (choice.get("logprobs") or {}).get("content")
    if isinstance(logprobs, list):
        extra["logProbs"] = [each.get("logprob") for each in logprobs]
    output = refusal or _content(message, config)
    return _reply(output, answer, data, model, config, extra)


def _content(message: JsonDict, config: JsonDict) -> Any:
    """Return text, tool calls, the whole message where it has both, or the JSON that a schema asked for."""
    content = _joined(message.get("content"))
    calls = message.get("tool_calls") or message.get("function_call")
    if calls:
        return message if content else calls
    if isinstance(content, str) and is_schema(config.get("response_format")):
        try:
            return json.loads(content)
        except ValueError:
            return content
    thought = message.get("reasoning_content") or message.get("reasoning")
    if isinstance(thought, str) and thought and config.get("showThinking") is not False:
        return f"Thinking: {thought}\n\n{content or ''}"
    return content


def _joined(content: Any) -> Any:
    """Return the text of a content in parts, without its thoughts; any other content is what it is."""
    if not isinstance(content, list) or not all(isinstance(part, Mapping) for part in content):
        return content
    return "".join(str(part.get("text") or "") for part in content if part.get("type") == "text")


def completion(answer: Answer, model: str, config: JsonDict) -> Reply:
    """Read a completion."""
    data = data_of(answer)
    choice = _first(data.get("choices"), answer)
    finish = choice.get("finish_reason")
    extra = {"finishReason": finish} if finish else {}
    return _reply(choice.get("text"), answer, data, model, config, extra)


def response(answer: Answer, model: str, config: JsonDict) -> Reply:
    """Read an answer of the Responses service: what its items say, one after another."""
    data = data_of(answer)
    _first(data.get("output"), answer)
    items = [item for item in data["output"] if isinstance(item, dict)]
    extra = {"isRefusal": True, "guardrails": {"flagged": True}} if refusals(items) else {}
    told = {"model": data.get("model"), "annotations": sources(items)}
    reply = _reply(said(items, config), answer, data, model, config, extra)
    return structs.replace(reply, metadata={**reply.metadata, **{key: value for key, value in told.items() if value}})


def embedding(answer: Answer) -> Reply:
    """Read an embedding, as graders give it."""
    data = data_of(answer)
    found = _first(data.get("data"), answer).get("embedding")
    return Reply(output={"embedding": found, "tokenUsage": usage(data.get("usage"), cached=answer.cached)})


def moderation(answer: Answer) -> Reply:
    """Read what a text is flagged for, as graders give it."""
    found = _first(data_of(answer).get("results"), answer)
    scores = found.get("category_scores") or {}
    flags = [
        {"code": name, "description": name, "confidence": scores.get(name, 1)}
        for name, is_flagged in (found.get("categories") or {}).items()
        if is_flagged
    ]
    return Reply(output={"flags": flags})


def usage(told: Any, *, cached: bool) -> JsonDict:
    """Return promptfoo's tokenUsage; what comes from the cache was not spent."""
    if not isinstance(told, Mapping):
        return {}
    prompt = told.get("prompt_tokens", told.get("input_tokens")) or 0
    completion = told.get("completion_tokens", told.get("output_tokens")) or 0
    total = told.get("total_tokens") or prompt + completion
    if cached:
        return {"cached": total, "total": total}
    made: JsonDict = {"total": total, "prompt": prompt, "completion": completion, "numRequests": 1}
    spent = told.get("completion_tokens_details") or told.get("output_tokens_details") or {}
    known = told.get("prompt_tokens_details") or told.get("input_tokens_details") or {}
    details = {"reasoning": spent.get("reasoning_tokens"), "cacheReadInputTokens": known.get("cached_tokens")}
    if found := {key: value for key, value in details.items() if value}:
        made["completionDetails"] = found
    return made


def _reply(output: Any, answer: Answer, data: JsonDict, model: str, config: JsonDict, extra: JsonDict) -> Reply:
    tokens = usage(data.get("usage"), cached=answer.cached)
    spent = cost_of(model, config, tokens) if tokens else None
    return Reply(
        output=output,
        cost=spent,
        cached=answer.cached,
        metadata={"http": answer.http(), **({"responseId": data["id"]} if data.get("object") == "response" else {})},
        extra={"raw": data, **({"tokenUsage": tokens} if tokens else {}), **extra},
    )


def _first(found: Any, answer: Answer) -> JsonDict:
    if isinstance(found, list) and found and isinstance(found[0], dict):
        return found[0]
    raise NotAnsweredError(Reply(error=f"API error: there is nothing in the answer: {answer.text[:200]}"))


def _assembled(answer: Answer) -> JsonDict:
    """Put the pieces of a stream together; raises NotAnsweredError where one tells of an error."""
    message: JsonDict = {"role": "assistant", "content": ""}
    calls: dict[int, JsonDict] = {}
    whole: JsonDict = {}
    finish = None
    for event in _events(answer.text):
        if event.get("error"):
            raise NotAnsweredError(Reply(error=f"API error: {event['error']}", metadata={"http": answer.http()}))
        whole = {**whole, **{key: event[key] for key in ("id", "model", "usage") if event.get(key)}}
        for choice in event.get("choices") or []:
            _add(message, calls, choice.get("delta") or {})
            finish = choice.get("finish_reason") or finish
    if calls:
        message["tool_calls"] = [calls[index] for index in sorted(calls)]
    return {**whole, "choices": [{"message": message, "finish_reason": finish}]}


def _add(message: JsonDict, calls: dict[int, JsonDict], delta: JsonDict) -> None:
    for key in ("content", "reasoning_content", "refusal"):
        if delta.get(key):
            message[key] = (message.get(key) or "") + delta[key]
    for piece in delta.get("tool_calls") or []:
        blank = {"id": "", "type": "function", "function": {"name": "", "arguments": ""}}
        call = calls.setdefault(piece.get("index", 0), blank)
        call["id"] = piece.get("id") or call["id"]
        for key in ("name", "arguments"):
            call["function"][key] += (piece.get("function") or {}).get(key) or ""


def _events(text: str) -> Iterator[JsonDict]:
    for line in text.splitlines():
        told = line.removeprefix("data:").strip() if line.startswith("data:") else ""
        if told and told != "[DONE]":
            try:
                event = json.loads(told)
            except ValueError:
                continue
            if isinstance(event, dict):
                yield event
