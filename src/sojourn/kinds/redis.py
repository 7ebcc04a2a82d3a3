"""`kind: redis`: a namespace of keys in a Redis or Valkey server, emptied in the end."""

from __future__ import annotations

import asyncio
import shlex
from typing import Any, ClassVar

from sojourn.kinds.parents import told
from sojourn.kinds.waiting import settled

BATCH = 500
BLANKED = "[REDACTED]"


class Redis:
    """`key(name)` is a name in the namespace; `run` a command on one; `client` is a `redis.asyncio` client."""

    keys: ClassVar[dict[str, Any]] = {"url": str, "password": str, "prefix": str, "timeout": float}
    requires: ClassVar[dict[str, str]] = {"redis": "sojourn[redis]"}

    async def open(self, config: dict[str, Any], tag: str, parents: dict[str, Any]) -> None:
        """Connect, and make sure that the server answers."""
        self._config = {**config, "url": told(config, "url", parents)}
        self._loop = asyncio.get_running_loop()
        self._settle(tag)
        try:
            await self.client.ping()
        except BaseException:
            await self.client.aclose()
            raise

    def _settle(self, tag: str) -> None:
        self.prefix = f"{self._config.get('prefix') or 'sojourn'}:{tag}:"
        self.client = _client(self._config)
        self.handle = {"url": self._config["url"], "prefix": self.prefix}
        self._kept: dict[str, bytes] = {}

    def key(self, name: str) -> str:
        """Return the key of a name."""
        return self.prefix + name

    def run(self, command: str, name: str, *arguments: Any) -> Any:
        """Run a command on a name, such as `run("RPUSH", "list", "a")`; awaited in a coroutine, else at once."""
        return settled(self._run(command, name, *arguments), self._loop)

    async def _run(self, command: str, name: str, *arguments: Any) -> Any:
        return await self.client.execute_command(command, self.key(name), *arguments)

    async def look(self, expression: str) -> Any:
        """Return what a command on a name answers (`LRANGE list 0 -1`), or, for a pattern alone, the names."""
        words = shlex.split(expression)
        if len(words) == 1:
            return sorted(key.removeprefix(self.prefix) for key in await self._keys(words[0]))
        return _plain(await self._run(*words))

    async def _keys(self, pattern: str = "*") -> list[str]:
        return [key async for key in self.client.scan_iter(match=_literal(self.prefix) + pattern, count=BATCH)]

    async def check(self) -> bool:
        """Ask the server for an answer."""
        return bool(await self.client.ping())

    async def reset(self) -> None:
        """Empty the namespace."""
        keys = await self._keys()
        for start in range(0, len(keys), BATCH):
            await self.client.unlink(*keys[start : start + BATCH])

    async def begin(self) -> None:
        """Remember all that is in it, as the server itself writes it down: bytes, which no text can hold."""
        async with _client(self._config, decoded=False) as raw:
            self._kept = {key: await raw.dump(key) for key in await self._keys()}

    async def rollback(self) -> None:
        """Put back what was in it. When keys would expire is not remembered."""
        await self.reset()
        async with _client(self._config, decoded=False) as raw:
            for key, dumped in self._kept.items():
                await raw.restore(key, 0, dumped)

    async def fork(self, tag: str) -> Redis:
        """Copy all keys to a namespace of their own."""
        child = Redis()
        child._config, child._loop = self._config, self._loop
        child._settle(tag)
        for key in await self._keys():
            await self.client.copy(key, child.key(key.removeprefix(self.prefix)))
        return child

    async def attach(self, handle: dict[str, str], config: dict[str, Any], tag: str) -> None:
        """Use a namespace that another process empties; the connection is made when needed, and ends with this one."""
        self._config, self._loop = {**config, "url": handle["url"]}, asyncio.get_running_loop()
        self._settle(tag)
        self.prefix, self.handle = handle["prefix"], handle

    async def close(self) -> None:
        """Empty the namespace, and disconnect."""
        try:
            await self.reset()
        finally:
            await self.client.aclose()

    async def reclaim(self, tag: str, handle: Any) -> None:
        """Empty the namespace of a session whose process is gone; one that was never open has none.

        The ledger has no password: it is read from the variable REDIS_PASSWORD.
        """
        import os

        if not handle:
            return
        left = Redis()
        prefix, url = handle["prefix"].removesuffix(f":{tag}:"), handle["url"].replace(f":{BLANKED}@", "@")
        password = os.environ.get("REDIS_PASSWORD")
        if url != handle["url"] and not password:
            raise LookupError(f"keys {handle['prefix']}* may be left at {url}: set REDIS_PASSWORD to its password")
        left._config = {"url": url, "password": password, "prefix": prefix}
        left._settle(tag)
        await left.close()


def _client(config: dict[str, Any], *, decoded: bool = True) -> Any:
    from redis import asyncio as redis

    timeout = float(config.get("timeout") or 10)
    known: dict[str, Any] = {"decode_responses": decoded, "socket_timeout": timeout, "socket_connect_timeout": timeout}
    if config.get("password"):
        known["password"] = config["password"]
    return redis.from_url(config["url"], **known)


def _literal(text: str) -> str:
    """Return a pattern that matches a text and nothing else."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in text)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)
