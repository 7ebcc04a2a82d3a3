"""Functions in Ruby: every call is a process of its own, which finds its arguments in a file and answers in another."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import tempfile
from collections.abc import Mapping
from typing import Any, NamedTuple

from sojourn.errors import CodeError
from sojourn.languages.program import run_program
from sojourn.languages.protocol import with_handles
from sojourn.protocols import Called

_HOST = os.path.join(os.path.dirname(__file__), "ruby_host", "call.rb")
_WRITTEN = re.compile(r"(?:ruby:)?(?:file://)?(?P<path>.+\.rb)(?::(?P<name>[^:/\\]+))?")


class RubyFunction(NamedTuple):
    """A function (or `Class.method`) in a file, by the file's whole path."""

    path: str
    name: str

    def __str__(self) -> str:
        return f"file://{self.path}:{self.name}"


def ruby_function(text: str, base: str, usual: str) -> RubyFunction | None:
    """Read `file://x.rb:name` or `ruby:x.rb`, without a name the usual one; None where no file in Ruby is named."""
    found = _WRITTEN.fullmatch(text)
    return found and RubyFunction(os.path.normpath(os.path.join(base, found["path"])), found["name"] or usual)


async def call_ruby(
    function: RubyFunction, arguments: list[Any], env: Mapping[str, str], *, executable: str = ""
) -> Called:
    """Call a function; what it raises, or that there is no Ruby, is a CodeError."""
    ruby = executable or env.get("PROMPTFOO_RUBY") or shutil.which("ruby", path=env.get("PATH"))
    if ruby is None:
        raise CodeError("Ruby is needed and is not on the PATH", where=str(function))
    with tempfile.TemporaryDirectory(prefix="sojourn-ruby-") as folder:
        given, answer = f"{folder}/given.json", f"{folder}/answer.json"
        _write(given, json.dumps([*map(with_handles, arguments)], default=str))
        words = [_HOST, function.path, function.name, given, answer]
        code, out, err = await run_program(shlex.quote(ruby), words, os.getcwd(), env)
        found = _read(answer) if code == 0 else None
        if found is None:
            raise CodeError(err.strip() or f"it ended with exit code {code}", where=str(function))
        return Called(found[0], printed=out + err)


async def run_ruby(source: str, arguments: list[Any], env: Mapping[str, str]) -> Called:
    """Run a piece of Ruby that knows `output` and `context`; its last value, or what it returns, is the answer."""
    with tempfile.TemporaryDirectory(prefix="sojourn-ruby-") as folder:
        file = f"{folder}/inline.rb"
        _write(file, f"def get_assert(output, context)\n{source}\nend\n")
        return await call_ruby(RubyFunction(file, "get_assert"), arguments, env)


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def _read(path: str) -> list[Any] | None:
    """Return the answer, or None where there is none: the function ended its process."""
    try:
        with open(path, encoding="utf-8") as file:
            answer: list[Any] = json.load(file)
    except FileNotFoundError:
        return None
    return answer
