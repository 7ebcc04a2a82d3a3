"""`echo`: answers with the prompt itself. For trying assertions and hooks without a model."""

from __future__ import annotations

from sojourn.model.reply import Reply
from sojourn.model.suite import ProviderSpec
from sojourn.protocols import Question, Tools

_USAGE = {"total": 0, "prompt": 0, "completion": 0}


class Echo:
    """Costs nothing, knows nothing."""

    def __init__(self, spec: ProviderSpec, tools: Tools) -> None: ...

    async def ask(self, question: Question) -> Reply:
        """Answer with the rendered prompt."""
        return Reply(output=question.prompt, cost=0, extra={"raw": question.prompt, "tokenUsage": _USAGE})
