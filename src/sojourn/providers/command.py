"""`exec: program arguments`: a program of the user's, run once a call without a shell."""

from __future__ import annotations

import asyncio
import json
import shlex

from sojourn.model.reply import Reply
from sojourn.model.suite import ProviderSpec
from sojourn.protocols import Question, Tools

_GRACE = 2.0


class Command:
    """Runs the program with three more arguments: the prompt, the options and the context, the latter two as JSON."""

    def __init__(self, spec: ProviderSpec, tools: Tools) -> None:
        self._argv = shlex.split(spec.id.removeprefix("exec:").strip())
        self._options = {"id": spec.id, "config": dict(spec.config), "env": dict(spec.env)}
        self._folder = spec.base or str(tools.base)
        self._env = {**tools.env, **spec.env}

    async def ask(self, question: Question) -> Reply:
        """Answer with standard output; a non-zero exit, or only standard error, is the reply's error."""
        argv = [*self._argv, question.prompt, json.dumps(self._options), json.dumps(question.context, default=str)]
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                cwd=self._folder,
                env=self._env,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            return Reply(error=f"{self._argv[0]} cannot be run: {error}")
        try:
            out, err = await process.communicate()
        except asyncio.CancelledError:
            await _stop(process)
            raise
        return _read(process.returncode or 0, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"))


def _read(code: int, out: str, err: str) -> Reply:
    if code != 0:
        return Reply(error=f"the program ended with exit code {code}: {err.strip() or out.strip()}", printed=err)
    if err.strip() and not out.strip():
        return Reply(error=err.strip())
    return Reply(output=out.strip(), printed=err)


async def _stop(process: asyncio.subprocess.Process) -> None:
    """End the program and all that it started."""
    import contextlib
    import os
    import signal

    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(process.wait()), _GRACE)
