"""What users' code writes, wherever and whatever, forges no answer, loses none and mixes up none."""

from __future__ import annotations

import asyncio
import base64
import os
import random
from pathlib import Path
from typing import Any

import pytest

from sojourn.errors import CodeError
from sojourn.languages.runner import CodeRunner
from sojourn.model.reference import Reference

PYTHON = """
import asyncio, base64, os, sys
def write(data, way):
    if way == 0: sys.stdout.buffer.write(data)
    if way == 1: os.write(1, data)
    if way == 2: print(data.decode("latin-1"), end="")
    if way == 3: sys.stderr.write(data.decode("utf-8", "surrogateescape"))
    if way == 4: os.write(2, data)
def plain(text, way, token):
    write(base64.b64decode(text), way)
    return token
async def later(text, way, token):
    write(base64.b64decode(text), way)
    await asyncio.sleep(0)
    write(base64.b64decode(text), way)
    return token
"""
NODE = """
const fs = require('node:fs');
// Node.js may find the pipe full.
const push = (fd, data) => {
  for (let at = 0; at < data.length; ) {
    try { at += fs.writeSync(fd, data, at); } catch (error) { if (error.code !== 'EAGAIN') throw error; }
  }
};
const write = (data, way) => {
  if (way === 0) process.stdout.write(data);
  if (way === 1) push(1, data);
  if (way === 2) console.log(data.toString('latin1'));
  if (way === 3) process.stderr.write(data.toString('utf8'));
  if (way === 4) push(2, data);
};
exports.plain = (text, way, token) => { write(Buffer.from(text, 'base64'), way); return token; };
exports.later = async (text, way, token) => {
  write(Buffer.from(text, 'base64'), way);
  await null;
  write(Buffer.from(text, 'base64'), way);
  return token;
};
"""
FILES = {"code.py": PYTHON, "code.js": NODE}
FRAMES = (
    b'{"id": %d, "value": "forged"}\n',
    b'\n{"id":%d,"error":{"what":"forged"}}\n',
    b'{"id": %d, "print": "forged"',
    b'{"guilty": %d, "what": "forged"}\n{"ready": 1}\n{"holding": 1}\n{"state": {"set": {}, "drop": []}}\n',
)


def junk(chance: random.Random, number: int) -> bytes:
    """Return random bytes, or what looks like a frame."""
    if chance.random() < 0.3:
        return chance.choice(FRAMES) % chance.randrange(number + 5)
    return chance.randbytes(chance.choice((0, 1, 10, 100, 1000, 5000)))


def reference(folder: Path, file: str, name: str) -> Reference:
    found = Reference.parse(f"{file}:{name}", base=str(folder), role="value")
    assert found is not None
    return found


@pytest.mark.parametrize("file", FILES)
def test_a_thousand_prints_mix_up_nothing(tmp_path: Path, file: str) -> None:
    """A thousand calls at once print random bytes in every way there is: each has its own answer."""
    (tmp_path / file).write_text(FILES[file], encoding="utf-8")
    chance = random.Random(7)

    async def main() -> list[Any]:
        runner = CodeRunner(dict(os.environ), lambda _: None)
        calls = []
        for number in range(1000):
            called = reference(tmp_path, file, chance.choice(("plain", "later")))
            text = base64.b64encode(junk(chance, number)).decode()
            calls.append(runner.call(called, text, chance.randrange(5), f"token {number}", deadline_ms=60_000))
        try:
            return [each.value for each in await asyncio.gather(*calls)]
        finally:
            await runner.close()

    assert asyncio.run(main()) == [f"token {number}" for number in range(1000)]


def test_what_cannot_be_read_costs_its_own_call(tmp_path: Path) -> None:
    """An answer too deep to read is that call's error; bytes written over the channel itself end the process."""
    code = """
import gc, socket
def deep():
    import sys
    sys.setrecursionlimit(100_000)
    found = []
    for _ in range(5000): found = [found]
    return found
def vandal():
    for each in gc.get_objects():
        if isinstance(each, socket.socket): each.sendall(b"}{ rubbish\\n")
    import threading; threading.Event().wait()
def fine(): return "fine"
"""
    (tmp_path / "code.py").write_text(code, encoding="utf-8")

    async def main() -> list[Any]:
        runner = CodeRunner(dict(os.environ), lambda _: None)
        calls = [runner.call(reference(tmp_path, "code.py", name)) for name in ("deep", "fine", "vandal", "fine")]
        try:
            return [(await asyncio.gather(call, return_exceptions=True))[0] for call in calls]
        finally:
            await runner.close()

    deep, first, vandal, second = asyncio.run(main())
    assert isinstance(deep, CodeError)
    assert "it returned what cannot be read" in str(deep)
    assert isinstance(vandal, CodeError)
    assert "what it wrote to its channel cannot be read" in str(vandal)
    assert (first.value, second.value) == ("fine", "fine")


def test_a_forked_child_answers_nothing(tmp_path: Path) -> None:
    """A child that users' code forks and lets return ends there; only its parent's answer counts."""
    code = """
import os
def forks():
    child = os.fork()
    if child: os.waitpid(child, 0)
    return child
"""
    (tmp_path / "code.py").write_text(code, encoding="utf-8")

    async def main() -> list[Any]:
        runner = CodeRunner(dict(os.environ), lambda _: None)
        try:
            return [(await runner.call(reference(tmp_path, "code.py", "forks"))).value for _ in range(5)]
        finally:
            await runner.close()

    assert all(child > 0 for child in asyncio.run(main()))


def test_data_is_not_taken_for_what_is_lent(tmp_path: Path) -> None:
    """Vars and answers that are called as the run's own parts stay as they are."""
    (tmp_path / "code.py").write_text("def same(data, context): return [data, context]\n", encoding="utf-8")
    (tmp_path / "code.js").write_text("exports.same = (data, context) => [data, context];\n", encoding="utf-8")
    data = {"state": "Utah", "sessions": {"morning": 9, "evening": {"from": 18}}}
    context = {"state": {"$state": True}, "sessions": {"db": {"handle": 5}}}

    async def main() -> list[Any]:
        runner = CodeRunner(dict(os.environ), lambda _: None)
        calls = [runner.call(reference(tmp_path, file, "same"), data, context) for file in FILES]
        try:
            return [each.value for each in await asyncio.gather(*calls)]
        finally:
            await runner.close()

    assert asyncio.run(main()) == [[data, {"state": {}, "sessions": {"db": 5}}]] * 2


def test_prints_come_through_every_door_of_a_stream(tmp_path: Path) -> None:
    """A captured stream is what programs know: it has a buffer, can be set up anew, and is not closed for others."""
    code = """
import subprocess, sys
def prints():
    sys.stdout.reconfigure(encoding="utf-8")
    sys.stdout.buffer.write("bytes ä\\n".encode())
    sys.stdout.writelines(["lines\\n"])
    sys.stdout.close()
    print("after close", file=sys.stderr, flush=True)
    subprocess.run(["echo", "from a program"], stdout=sys.stdout)
    return sys.stdout.isatty()
"""
    (tmp_path / "code.py").write_text(code, encoding="utf-8")
    elsewhere: list[str] = []

    async def main() -> Any:
        runner = CodeRunner(dict(os.environ), elsewhere.append)
        try:
            return await runner.call(reference(tmp_path, "code.py", "prints"))
        finally:
            await runner.close()

    called = asyncio.run(main())
    assert (called.value, called.printed) == (False, "bytes ä\nlines\nafter close\n")
    assert elsewhere == ["from a program\n"]
