"""`file://x.py[:fn]`, `python:x.py`, `file://x.js[:Name]`: a user's own provider, in its language's process."""

from __future__ import annotations

from typing import Any

from sojourn.errors import CodeDiedError, CodeError, ProviderError
from sojourn.model.reference import Reference
from sojourn.model.reply import Reply
from sojourn.model.suite import ProviderSpec
from sojourn.protocols import Question, Tools
from sojourn.providers.answer import read_answer

_METHODS = {"text": "callApi", "embedding": "callEmbeddingApi", "classification": "callClassificationApi"}
_FUNCTIONS = {"text": "", "embedding": "call_embedding_api", "classification": "call_classification_api"}


class Script:
    """Calls `call_api(prompt, options, context)` in Python, or a class's `callApi(prompt, context)` in JavaScript."""

    def __init__(self, spec: ProviderSpec, tools: Tools) -> None:
        reference = Reference.parse(spec.id, base=spec.base or str(tools.base), role="provider")
        if reference is None:
            raise ProviderError(f"{spec.id!r} names no Python or JavaScript file")
        self._reference = reference
        self._tools = tools
        config = {**spec.config, "basePath": spec.base or str(tools.base)}
        self._options = {"id": spec.label or spec.id, "config": config, "env": dict(spec.env)}
        self._deadline_ms = float(spec.config.get("timeout") or 0)

    async def ask(self, question: Question) -> Reply:
        """Answer with what the user's code returned; what it raises is the reply's error."""
        return await self._call("text", question.prompt, question.context, deadline_ms=question.deadline_ms)

    async def grade(self, kind: str, text: str) -> Reply:
        """Ask the same file's embedding or classification function."""
        return await self._call(kind, text)

    async def _call(self, kind: str, text: str, *context: Any, deadline_ms: float = 0) -> Reply:
        deadline = deadline_ms or self._deadline_ms
        reference, code = self._reference, self._tools.code
        try:
            if reference.tongue == "javascript":
                called = await code.call(reference, _METHODS[kind], self._options, text, *context, deadline_ms=deadline)
            else:
                name = reference.name or _FUNCTIONS[kind]
                python = Reference(tongue="python", role="provider", path=reference.path, name=name)
                called = await code.call(python, text, self._options, *context, deadline_ms=deadline)
        except CodeDiedError:
            raise
        except CodeError as error:
            return Reply(error=_told(error), printed=error.printed)
        if kind != "text":
            return Reply(output=called.value, printed=called.printed)
        return read_answer(called.value, called.printed)


def _told(error: CodeError) -> str:
    text = f"{error.what} ({error.where})" if error.where else error.what
    return f"{text}\n{error.trace}" if error.trace else text
