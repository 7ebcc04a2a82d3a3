"""`exec: program arguments`: a program of the user's, run once a call without a shell."""

from __future__ import annotations

from sojourn.errors import CodeError
from sojourn.languages.pending import died
from sojourn.languages.program import run_program
from sojourn.languages.protocol import with_handles
from sojourn.model.reply import Reply
from sojourn.model.suite import ProviderSpec
from sojourn.protocols import Question, Tools
from sojourn.template.jsontext import json_text


class Command:
    """Runs the program with three more arguments: the prompt, the options and the context, the latter two as JSON."""

    def __init__(self, spec: ProviderSpec, tools: Tools) -> None:
        self._command = spec.id.removeprefix("exec:").strip()
        self._options = json_text({"id": spec.id, "config": dict(spec.config), "env": dict(spec.env)})
        self._folder = spec.base or str(tools.base)
        self._env = {**tools.env, **spec.env}

    async def ask(self, question: Question) -> Reply:
        """Answer with standard output; a non-zero exit, or only standard error, is the reply's error."""
        arguments = [question.prompt, self._options, json_text(with_handles(question.context))]
        try:
            code, out, err = await run_program(self._command, arguments, self._folder, self._env)
        except CodeError as error:
            return Reply(error=str(error))
        if code != 0:
            said = err.strip() or out.strip() or "it said nothing"
            return Reply(error=f"the program failed ({died(code)}): {said}", printed=err)
        if err.strip() and not out.strip():
            return Reply(error=err.strip())
        return Reply(output=out.strip(), printed=err)
