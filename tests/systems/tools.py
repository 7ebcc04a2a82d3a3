"""A server of the Model Context Protocol: `python tools.py` over stdio, `python tools.py PORT` over HTTP."""

from __future__ import annotations

import os
import sys

from mcp.server import MCPServer
from mcp.server.mcpserver import Context

server = MCPServer("words")
words: list[str] = []


@server.tool()
def add(word: str) -> str:
    """Add a word; returns the words before it."""
    found = " ".join(words)
    words.append(word)
    return found


@server.tool()
def fail() -> str:
    """Fail."""
    raise ValueError("no such luck")


@server.tool()
def die() -> str:
    """End the server's process."""
    os._exit(3)


@server.tool()
def header(name: str, context: Context) -> str:
    """Return a header of the request that this call came with."""
    return (context.headers or {}).get(name, "")


if __name__ == "__main__":
    if len(sys.argv) > 2:
        server.run("streamable-http", port=int(sys.argv[2]))
    else:
        server.run()
