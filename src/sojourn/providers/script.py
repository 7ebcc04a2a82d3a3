"""`file://x.py[:fn]`, `python:x.py`, `file://x.js[:Name]`: a user's own provider, in its language's process."""

from __future__ import annotations

from typing import Any

from msgspec import structs

from sojourn.errors import CodeDiedError, CodeError, ProviderError
from sojourn.languages.packages import packaged
from sojourn.model.reference import Reference
from sojourn.model.reply import Reply
from sojourn.model.suite import JsonDict, ProviderSpec
from sojourn.protocols import Question, Tools
from sojourn.providers.answer import read_answer

_METHODS = {
    "text": "callApi",
    "embedding": "callEmbeddingApi",
    "classification": "callClassificationApi",
    "moderation": "callModerationApi",
    "similarity": "callSimilarityApi",
}
_FUNCTIONS = {
    "text": "",
    "embedding": "call_embedding_api",
    "classification": "call_classification_api",
    "moderation": "call_moderation_api",
}


class Script:
    """Calls `call_api(prompt, options, context)` in Python, or a class's `callApi(prompt, context)` in JavaScript."""

    def __init__(self, spec: ProviderSpec, tools: Tools) -> None:
        base = spec.base or str(tools.base)
        reference = packaged(spec.id, base, "provider") or Reference.parse(spec.id, base=base, role="provider")
        if reference is None:
            raise ProviderError(f"{spec.id!r} names no Python or JavaScript file")
        executable = str(spec.config.get("pythonExecutable") or "")
        workers = int(float(spec.config.get("workers") or 0))
        if reference.tongue == "python" and (executable or workers):
            reference = structs.replace(reference, executable=executable, workers=workers or 1)
        self._reference = reference
        self._tools = tools
        config = {**spec.config, "basePath": base}
        self._options = {"id": spec.id, "config": config, "env": dict(spec.env)}
        self._deadline_ms = float(spec.config.get("timeout") or 0)
        self._session = structs.replace(reference, role="session", executable="", workers=0)
        self._is_itself = spec.own is not None and spec.own.kind == str(reference)

    async def ask(self, question: Question) -> Reply:
        """Answer with what the user's code returned; what it raises is the reply's error."""
        return await self._call("text", question.prompt, question.context, deadline_ms=question.deadline_ms)

    async def grade(self, kind: str, text: str) -> Reply:
        """Ask the same file's embedding or classification function."""
        return await self._call(kind, text)

    async def compare(self, one: str, other: str) -> Reply | None:
        """Ask a class in JavaScript how near two texts are; None where it has no method for that."""
        if self._reference.tongue != "javascript":
            return None
        reply = await self._call("similarity", one, other)
        return None if reply.output is None and not reply.error else reply

    def _request(self, own: Any, text: str, *context: Any) -> JsonDict:
        """Ask the session itself: it is an instance of the provider's class that was opened."""
        if self._reference.tongue == "javascript":
            return {"do": "callApi", "key": own["$session"], "args": [text, *context]}
        return {"do": "call_api", "key": own["$session"], "args": [text, self._options, *context]}

    async def _call(self, kind: str, text: str, *context: Any, deadline_ms: float = 0) -> Reply:
        deadline = deadline_ms or self._deadline_ms
        reference, code = self._reference, self._tools.code
        own = (context[0].get("sessions") or {}).get("session") if context and kind == "text" else None
        try:
            if own is not None and self._is_itself:
                called = await code.session(self._session, self._request(own, text, *context), deadline_ms=deadline)
            elif reference.tongue == "javascript":
                called = await code.call(reference, _METHODS[kind], self._options, text, *context, deadline_ms=deadline)
            else:
                name = reference.name or _FUNCTIONS[kind]
                python = structs.replace(reference, name=name)
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
