"""Programs of users' own, in real processes."""

import asyncio
import os
import re
from pathlib import Path

import psutil
import pytest

from sojourn.errors import CodeError
from sojourn.languages.program import Ran, run_program

STUBBORN = """#!/bin/sh
trap "" TERM
sleep 600 &
trap 'echo asked > "$STORY"' TERM
echo $! > "$STORY"
while :; do sleep 0.1; done
"""


def run(command: str, *arguments: str) -> Ran:
    return asyncio.run(run_program(command, list(arguments), "/", {**os.environ, "WORD": "told"}))


def test_a_program_is_run_without_a_shell() -> None:
    """Its words are split as a shell does, further arguments are passed as they are; both streams and the code come."""
    told = run("sh -c 'echo $WORD $0 $PWD; echo oh >&2; exit 3'", "$HOME")

    assert told == Ran(3, "told $HOME /\n", "oh\n")


@pytest.mark.parametrize("command", ["", "no-such-program", "echo 'half"])
def test_what_cannot_be_run_is_an_error(command: str) -> None:
    """A program that is not there, or a command that is none, is named in one line."""
    with pytest.raises(CodeError, match=re.escape(f"the program {command!r} cannot be run: ")):
        run(command)


def test_whoever_gives_up_twice_still_ends_the_whole_group(tmp_path: Path) -> None:
    """A second cancellation ends the grace, and never spares what ignores being asked to end."""
    (tmp_path / "stubborn.sh").write_text(STUBBORN)
    os.mkfifo(tmp_path / "story")

    async def go() -> psutil.Process:
        env = {**os.environ, "STORY": str(tmp_path / "story")}
        work = asyncio.create_task(run_program("sh stubborn.sh", [], str(tmp_path), env))
        child = psutil.Process(int(await asyncio.to_thread((tmp_path / "story").read_text)))
        work.cancel()
        assert await asyncio.to_thread((tmp_path / "story").read_text) == "asked\n"
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        return child

    _, alive = psutil.wait_procs([asyncio.run(go())], timeout=10)
    assert not alive
