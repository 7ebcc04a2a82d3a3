"""`sojourn eval --watch`: which files a suite is made of, and waiting until one of them is another."""

from __future__ import annotations

import asyncio
import contextlib
import glob
import os
import re
import stat
from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import structs

from sojourn.config.files import NOTED, resolve
from sojourn.model.suite import Suite

EVERY = 0.25
"""Seconds between two looks; what changes in several steps is waited for until it has been still for as long."""

_NAMED = re.compile(r"(?:(?:file|python|javascript|ruby|golang):(?://)?)(?P<path>[^\n]+)")
_CODE = re.compile(r"(?P<path>[^\n]+?(?P<suffix>\.(?:py|js|cjs|mjs|ts|cts|mts|rb|go)))(?::[^:/\\]+)?$")
_LISTS = ("prompts", "providers", "targets", "tests", "scenarios")
_LONGEST = 4096
"""Characters of a path, at most."""
_OWN = ("sessions", "outputPath")
"""What a run itself may write to: watched, it would never come to rest."""

Stamp = tuple[int, int, int] | None


class Watch:
    """What is to be looked at; `wanted` once a suite has been read, by the command line (`asked`) or by the suite."""

    def __init__(self, *, asked: bool) -> None:
        self.wanted = False
        self._asked = asked
        self._stamps: dict[str, Stamp] = {}
        self._patterns: set[str] = set()
        self._outputs: set[str] = set()

    @contextlib.contextmanager
    def noting(self) -> Iterator[None]:
        """Take note of every file that a configuration reads meanwhile."""
        token = NOTED.set(self._add)
        try:
            yield
        finally:
            NOTED.reset(token)

    def take(self, suite: Suite) -> None:
        """Take note of what a suite names, besides what was read: code, pictures, folders full of tests."""
        self.wanted = self._asked or bool(suite.command_line.get("watch"))
        if not self.wanted:
            return
        self._outputs |= {resolve(path, suite.base) for path in suite.outputs}
        entries = [suite.config.get(key) for key in _LISTS]
        for written in [*_texts(entries, depth=2), *suite.extensions, *(spec.id for spec in suite.providers)]:
            self._name(written, suite.base)
        prompts = [structs.asdict(prompt) for prompt in suite.prompts]
        config = {key: value for key, value in suite.config.items() if key not in _OWN}
        for written in _texts([config, prompts, suite.tests, suite.default_test, suite.scenarios]):
            if _NAMED.match(written):
                self._name(written, suite.base)
        for path in [path for pattern in self._patterns for path in glob.iglob(pattern, recursive=True)]:
            self._add(path)

    def _name(self, written: str, base: str) -> None:
        """Take note of what may name a file, or many; code is watched with its neighbours, which it may import."""
        if len(written) > _LONGEST or "\n" in written:
            return
        named = _NAMED.fullmatch(written)
        path = resolve(named["path"] if named else written, base)
        code = _CODE.fullmatch(path)
        if code:
            self._patterns.add(os.path.join(glob.escape(os.path.dirname(code["path"])), "*" + code["suffix"]))
            self._add(code["path"])
        elif glob.has_magic(path):
            self._patterns.add(path)
        elif os.path.isdir(path) and named:
            self._patterns.add(os.path.join(glob.escape(path), "**", "*"))
        elif named or os.path.isfile(path):
            self._add(path)

    def _add(self, path: str) -> None:
        self._stamps.setdefault(path, _stamp(path))

    def __len__(self) -> int:
        return sum(stamp is not None for stamp in self._stamps.values())

    async def changed(self) -> list[str]:
        """Wait until files have changed, come or gone, and are still again; return which."""
        found: dict[str, Stamp] = {}
        while True:
            now = self._differing()
            if now and now == found:
                self._stamps |= now
                return sorted(now)
            found = now
            await asyncio.sleep(EVERY)

    def _differing(self) -> dict[str, Stamp]:
        paths = set(self._stamps).union(*(glob.iglob(each, recursive=True) for each in self._patterns))
        stamps = {path: _stamp(path) for path in paths - self._outputs}
        return {path: stamp for path, stamp in stamps.items() if self._stamps.get(path) != stamp}


def _stamp(path: str) -> Stamp:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    if stat.S_ISDIR(found.st_mode):  # what is in it is looked at by itself
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _texts(value: Any, depth: int = 100) -> Iterable[str]:
    """Yield all texts in data, as far as a depth."""
    if isinstance(value, str):
        yield value
    elif depth and isinstance(value, dict | list | tuple):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item, depth - 1)
