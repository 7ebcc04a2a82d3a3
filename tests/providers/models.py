"""Models of services, asked as a suite asks them."""

from __future__ import annotations

from typing import Any

from sojourn.model.reply import Reply
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
