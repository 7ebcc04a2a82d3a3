"""`kind: process`: a program under test, such as a server or an agent, from its start until nothing of it is left."""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import os
import re
import shlex
import signal
import socket
import sys
import tempfile
import urllib.error
import urllib.request
from typing import Any, ClassVar

from sojourn.kinds.marked import MARK, end_all, is_running

_PLACE = re.compile(r"(?<!\{)\{(\w+)\}(?!\})")
_SLIP = 0.85
"""How alike a name must be to one that can be put in to be taken for a slip: {prt} is one, {part} is not."""
TICK = 0.02
NOTICED = 0.05
"""Seconds after which the end of a program is known, once somebody saw its connections close."""
TAIL = 8000
LINE = 200
SERVER_ERROR = 500


class Process:
    """`pid`, `port`, `url` and `log` of a program that has said that it is ready."""

    tells: ClassVar[tuple[str, ...]] = ("pid", "port", "url", "log")
    keys: ClassVar[dict[str, Any]] = {
        "command": (str, list),
        "cwd": str,
        "env": dict,
        "port": (int, str),
        "ready": {"log": str, "url": str},
        "stop": str,
        "stop_timeout": float,
        "keep": str,
    }
    needs: ClassVar[tuple[str, ...]] = ("command",)

    _process: Any = None

    async def open(self, config: dict[str, Any], tag: str, base: str) -> None:
        """Start it, and wait until it is ready: its port is open, its URL answers, its log says so."""
        self._tag, self._config = tag, config
        self._stop = _signal(config.get("stop") or "SIGTERM")
        self.port = _port(config.get("port"))
        ready = {key: self._filled(value) for key, value in (config.get("ready") or {}).items()}
        self.url = _origin(ready["url"]) if "url" in ready else f"http://127.0.0.1:{self.port}" if self.port else ""
        folder = os.path.join(base, config["keep"]) if config.get("keep") else tempfile.gettempdir()
        os.makedirs(folder, exist_ok=True)
        self.log = os.path.join(folder, tag.replace("/", "-").replace(":", "-") + ".log")
        await self._start(os.path.join(base, config.get("cwd") or ""))
        self.pid = self._process.pid
        self.handle = {"pid": self.pid, "port": self.port, "url": self.url, "log": self.log}
        try:
            await self._wait_until_ready(ready)
        except BaseException:
            await self.close()
            raise

    def _filled(self, text: Any) -> str:
        def put(found: re.Match[str]) -> str:
            value = self._value(found[1])
            return found[0] if value is None else value

        return _PLACE.sub(put, str(text))

    def _value(self, name: str) -> str | None:
        """Return what stands for `{name}`, or None: what is no place of ours is the program's own."""
        own = {"port": str(self.port), "python": sys.executable}
        if name not in own and (close := difflib.get_close_matches(name, own, cutoff=_SLIP)):
            raise ValueError(f"there is no {{{name}}} to put in; did you mean {{{close[0]}}}?")
        return own.get(name)

    async def _start(self, folder: str) -> None:
        command = self._config["command"]
        words = shlex.split(command) if isinstance(command, str) else command
        env = {key: self._filled(value) for key, value in (self._config.get("env") or {}).items()}
        port = {"PORT": str(self.port)} if self.port else {}
        filled = [self._filled(word) for word in words]
        with open(self.log, "wb") as log:  # noqa: ASYNC230  it is a local file, opened in no time
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *filled,
                    cwd=folder,
                    env={**os.environ, **port, **env, MARK: self._tag},
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            except OSError as error:
                os.unlink(self.log)
                raise RuntimeError(f"it cannot be started: {error.strerror}: {error.filename}") from error

    async def _wait_until_ready(self, ready: dict[str, str]) -> None:
        while not await self._is_ready(ready):
            if self._process.returncode is not None:
                raise RuntimeError(f"it ended with code {self._process.returncode} before it was ready: {self._tail()}")
            await asyncio.sleep(TICK)

    async def _is_ready(self, ready: dict[str, str]) -> bool:
        if "log" in ready and not self._has_said(ready["log"]):
            return False
        if "url" in ready:
            return await asyncio.to_thread(_answers, ready["url"])
        return not self.port or await asyncio.to_thread(_listens, self.port)

    def _has_said(self, wanted: str) -> bool:
        """Tell whether its log holds a regular expression, or the same as it is written: a path put in is none."""
        log = self.read_log()
        return wanted in log or re.search(wanted, log) is not None

    def read_log(self) -> str:
        """Return what it has written so far, to standard output and standard error."""
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def _tail(self) -> str:
        return self.read_log()[-TAIL:].strip() or "it wrote nothing"

    def check(self) -> bool:
        """Tell whether it still runs."""
        if self._process is None:
            return is_running(self.pid)
        return self._process.returncode is None

    def look(self, expression: str) -> list[str]:
        """Return the lines of its log that match a regular expression."""
        return [line for line in self.read_log().splitlines() if re.search(expression, line)]

    async def evidence(self) -> dict[str, Any]:
        """Return the end of its log, and how it ended if it has; one that has just ended is known a little later."""
        seen: dict[str, Any] = {"log": self._tail(), "exit": None}
        if self._process is not None:
            with contextlib.suppress(TimeoutError):
                seen["exit"] = await asyncio.wait_for(self._process.wait(), NOTICED)
        if seen["exit"] is not None:
            seen["ended"] = f"the program ended with code {seen['exit']}: {self._tail().splitlines()[-1][-LINE:]}"
        return seen

    def attach(self, handle: dict[str, Any]) -> None:
        """Use a program that another process has started, and ends."""
        self.pid, self.port, self.url, self.log = (handle[name] for name in ("pid", "port", "url", "log"))
        self.handle = handle

    async def close(self) -> None:
        """Ask it to end, then make all that it started end."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, self._stop)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), float(self._config.get("stop_timeout", 5)))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await asyncio.to_thread(end_all, self._tag)
        await self._process.wait()
        if not self._config.get("keep"):
            os.unlink(self.log)

    async def reclaim(self, tag: str) -> None:
        """End what was started by a session whose process is gone."""
        await asyncio.to_thread(end_all, tag)


def _signal(name: str) -> signal.Signals:
    """Return the signal of a name, with or without its SIG."""
    try:
        return signal.Signals["SIG" + name.upper().removeprefix("SIG")]
    except KeyError:
        raise ValueError(f"stop is the name of a signal, such as SIGTERM or INT, not {name!r}") from None


def _port(wanted: Any) -> int:
    """Return the port that is wanted; a free one for `auto`, 0 for none."""
    if wanted != "auto":
        return int(wanted or 0)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _origin(url: str) -> str:
    return "/".join(url.split("/")[:3])


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def _answers(url: str) -> bool:
    """Tell whether a URL answers, and not with an error of the server's own; no proxy stands between."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=5):
            return True
    except urllib.error.HTTPError as error:
        return error.code < SERVER_ERROR
    except OSError:
        return False
