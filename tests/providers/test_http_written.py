"""Requests that a suite writes as they go over the wire, or as a template."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.providers.conftest import Ask
from tests.providers.endpoints import JSON, entry
from tests.providers.service import Service


@pytest.mark.parametrize("prompt", ["hello", 'say "hi"', "two\nlines", '[{"role":  "user"}]', "back\\slash {{x}}"])
@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ('{"p": "{{prompt}}",   "n": [1, 2.0]}', '{"p": %s,   "n": [1, 2.0]}'),
        ('{"p": "{{prompt}}", "n": {{number}}}', '{"p": %s, "n": 7}'),
        ('{"p": {{ prompt | dump }}, "{{word}}": "{{ word | replace("h", "j") }}"}', '{"p": %s, "h": "j"}'),
        ('{% if word %}{"p": {{ prompt | dump }}}{% endif %}', '{"p": %s}'),
    ],
)
def test_a_raw_body_goes_out_as_it_is_written(ask: Ask, service: Service, prompt: str, written: str, sent: str) -> None:
    """In a raw request with JSON a value stays the text into which it was put, and nothing else changes."""
    raw = f"POST /a HTTP/1.1\nHost: {service.url[7:]}\nContent-Type: application/json\n\n{written}"
    ask({"id": "http", "config": {"request": raw}}, prompt, number=7, word="h")

    assert service.seen[0]["body"] == sent % json.dumps(prompt)


@pytest.mark.parametrize("prompt", ["hello", 'say "hi"', "two\nlines"])
def test_a_template_of_the_request_is_filled_in_text_by_text(ask: Ask, service: Service, prompt: str) -> None:
    """What a prompt says stays in the text into which transformRequest puts it."""
    config: dict[str, Any] = {"headers": JSON, "body": {"x": 1}, "transformRequest": '{"text": "<<{{prompt}}>>"}'}
    ask(entry(service, **config), prompt)

    assert service.bodies == [{"x": 1, "text": f"<<{prompt}>>"}]
