"""Which model is asked where none is named: one whose key is in the environment."""

from __future__ import annotations

from collections.abc import Mapping

USUAL: dict[str, dict[str, str]] = {
    "OPENAI_API_KEY": {
        "text": "openai:chat:gpt-4.1",
        "embedding": "openai:embedding:text-embedding-3-large",
        "moderation": "openai:moderation:omni-moderation-latest",
    },
    "ANTHROPIC_API_KEY": {"text": "anthropic:messages:claude-sonnet-4-5"},
    "MISTRAL_API_KEY": {"text": "mistral:mistral-large-latest", "embedding": "mistral:embedding:mistral-embed"},
}


def usual(kind: str, env: Mapping[str, str]) -> str | None:
    """Return the id of the model for a kind of question, or None where there is no key for any."""
    return next((ids[kind] for key, ids in USUAL.items() if env.get(key) and kind in ids), None)
