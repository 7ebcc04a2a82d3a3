"""Prompts that a program makes: its standard output is the prompt, its last argument the context as JSON."""

from __future__ import annotations

import asyncio
import json
import shlex

from sojourn.errors import CodeError
from sojourn.model.suite import JsonDict


async def run_program(command: str, context: JsonDict, folder: str) -> str:
    """Run a prompt's program and return what it printed; raises CodeError where it fails."""
    argv = [*shlex.split(command), json.dumps(context)]
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=folder,
        )
    except OSError as error:
        raise CodeError(f"the prompt's program cannot be run: {error}", where=command) from error
    out, err = await process.communicate()
    if process.returncode:
        told = err.decode("utf-8", "replace").strip()
        raise CodeError(f"the prompt's program ended with exit code {process.returncode}: {told}", where=command)
    return out.decode("utf-8", "replace").strip()
