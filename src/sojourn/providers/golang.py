"""`file://x.go[:Name]`, `golang:x.go`: a user's own provider in Go, compiled before the run, one process for all."""

from __future__ import annotations

import os

from sojourn.errors import CodeDiedError, CodeError, ProviderError
from sojourn.languages.golang import go_function
from sojourn.model.reply import Reply
from sojourn.model.suite import ProviderSpec
from sojourn.protocols import Question, Tools
from sojourn.providers.answer import read_answer


class Golang:
    """Calls `CallApi(prompt, options, ctx)`, whose answer is a map with `output` or `error`, or an error."""

    def __init__(self, spec: ProviderSpec, tools: Tools) -> None:
        base = spec.base or str(tools.base)
        function = go_function(spec.id, base, str(spec.config.get("goExecutable") or ""))
        if function is None:
            raise ProviderError(f"{spec.id!r} names no file in Go")
        self._function = function
        self._code = tools.code
        self._options = {"id": spec.id, "config": {**spec.config, "basePath": base}, "env": dict(spec.env)}
        self._deadline_ms = float(spec.config.get("timeout") or 0)

    @staticmethod
    def check(spec: ProviderSpec) -> None:
        """Raise ProviderError where there is no such file."""
        function = go_function(spec.id, spec.base)
        if function is None or not os.path.isfile(function.path):
            raise ProviderError(f"no such file: {spec.id}")

    async def ask(self, question: Question) -> Reply:
        """Answer with what the function returned; an error of its own, or a panic, is the reply's error."""
        context = {key: value for key, value in question.context.items() if key != "state"}
        arguments = (question.prompt, self._options, context)
        deadline_ms = question.deadline_ms or self._deadline_ms
        try:
            called = await self._code.call(self._function, *arguments, deadline_ms=deadline_ms)
        except CodeDiedError:
            raise
        except CodeError as error:
            return Reply(error=f"{error.what} ({error.where})" if error.where else error.what)
        return read_answer(called.value)
