"""Answers over WebSocket: `python talk.py PORT FILE`; FILE tells who is connected, and with which codes others left."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request

HERE: set[str] = set()
LEFT: list[int] = []


def note() -> None:
    """Write down who is connected and with which codes the others left."""
    with open(f"{sys.argv[2]}.new", "w", encoding="utf-8") as out:
        json.dump({"here": sorted(HERE), "left": LEFT}, out)
    os.replace(out.name, sys.argv[2])


def arrive(connection: ServerConnection, _request: Request) -> None:
    """Write down who comes before they are told that they are connected."""
    HERE.add(str(connection.id))
    note()


async def talk(connection: ServerConnection) -> None:
    """Answer each word with the words before it; leave at once when told to."""
    words: list[str] = []
    with contextlib.suppress(ConnectionClosed):
        async for message in connection:
            word = str(message)
            if word == "leave":
                await connection.close(1011, "tired")
            elif word == "json":
                await connection.send(json.dumps({"words": words}))
            elif word != "silence":
                await connection.send(" ".join(words))
            words.append(word)
    HERE.discard(str(connection.id))
    LEFT.append(connection.close_code or 0)
    note()


async def main() -> None:
    """Serve for ever."""
    note()
    async with serve(talk, "127.0.0.1", int(sys.argv[1]), process_request=arrive) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
