"""`file://x.rb[:name]`, `ruby:x.rb`: a user's own provider in Ruby, a process for each call."""

from __future__ import annotations

import os

from sojourn.errors import CodeError, ProviderError
from sojourn.languages.ruby import call_ruby, ruby_function
from sojourn.model.reply import Reply
from sojourn.model.suite import ProviderSpec
from sojourn.protocols import Question, Tools
from sojourn.providers.answer import read_answer


class Ruby:
    """Calls `call_api(prompt, options, context)`, whose answer is a hash with `output` or `error`."""

    def __init__(self, spec: ProviderSpec, tools: Tools) -> None:
        base = spec.base or str(tools.base)
        function = ruby_function(spec.id, base, "call_api")
        if function is None:
            raise ProviderError(f"{spec.id!r} names no Ruby file")
        self._function = function
        self._options = {"id": spec.id, "config": {**spec.config, "basePath": base}, "env": dict(spec.env)}
        self._env = {**tools.env, **spec.env}
        self._executable = str(spec.config.get("rubyExecutable") or "")

    @staticmethod
    def check(spec: ProviderSpec) -> None:
        """Raise ProviderError where there is no such file."""
        function = ruby_function(spec.id, spec.base, "call_api")
        if function is None or not os.path.isfile(function.path):
            raise ProviderError(f"no such file: {spec.id}")

    async def ask(self, question: Question) -> Reply:
        """Answer with what the function returned; what it raises is the reply's error."""
        arguments = [question.prompt, self._options, dict(question.context)]
        try:
            called = await call_ruby(self._function, arguments, self._env, executable=self._executable)
        except CodeError as error:
            return Reply(error=str(error))
        return read_answer(called.value, called.printed)
