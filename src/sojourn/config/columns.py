"""Which provider meets which prompt, and which tests run there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from sojourn.model.plan import Column
from sojourn.model.suite import Prompt, ProviderSpec, Suite

_HASH = re.compile(r"[0-9a-f]{64}")


def columns(suite: Suite) -> tuple[Column, ...]:
    """Return every provider with each prompt that it allows, providers first, numbered as promptfoo's promptIdx."""
    pairs = [
        (provider, prompt)
        for provider in suite.providers
        for prompt in suite.prompts
        if not provider.prompts or names_prompt(provider.prompts, prompt)
    ]
    return tuple(Column(index=index, provider=pair[0], prompt=pair[1]) for index, pair in enumerate(pairs))


def allowed(test: Mapping[str, Any], column: Column) -> bool:
    """Tell whether a test wants to run in a column: its `prompts` and `providers` name it, or it has none."""
    prompts, providers = test.get("prompts"), test.get("providers")
    if prompts is None and providers is None:
        return True
    return (prompts is None or names_prompt(prompts, column.prompt)) and (
        providers is None or names_provider(providers, column.provider)
    )


def names_prompt(references: Iterable[str], prompt: Prompt) -> bool:
    """Tell whether one of the references is the prompt's label or id, a `prefix*` of it, or its group `name:`."""
    return any(_names(reference, (prompt.label, own_id(prompt))) for reference in references)


def own_id(prompt: Prompt) -> str:
    """Return the id that the author gave a prompt, or an empty text: a hash is nothing that people refer to."""
    return "" if _HASH.fullmatch(prompt.id) else prompt.id


def names_provider(references: Iterable[str], provider: ProviderSpec) -> bool:
    """Tell whether one of the references is the provider's label or id, a `prefix*` of it, or its group `name:`."""
    return any(_names(reference, (provider.label, provider.id)) for reference in references)


def _names(reference: str, names: tuple[str, ...]) -> bool:
    starts = (reference[:-1], reference + ":") if reference.endswith("*") else (reference + ":",)
    return any(name == reference or name.startswith(starts) for name in names if name)
