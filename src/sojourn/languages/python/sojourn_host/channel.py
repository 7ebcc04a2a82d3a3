"""The private socket to the engine, and what users' code prints on the way to it."""

from __future__ import annotations

import contextlib
import contextvars
import io
import json
import socket
import threading
from typing import Any

CURRENT: contextvars.ContextVar[int] = contextvars.ContextVar("CURRENT", default=0)


class Channel:
    """The private socket: frames out from any thread, whole lines in."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._lock = threading.Lock()

    def send(self, frame: dict[str, Any]) -> None:
        """Send one frame; the engine being gone is not our trouble (the reader sees it)."""
        data = json.dumps(frame, ensure_ascii=False, allow_nan=False).encode() + b"\n"
        with self._lock, contextlib.suppress(OSError):
            self._sock.sendall(data)

    def lines(self) -> Any:
        """Yield lists of complete lines until the engine closes its end."""
        parts: list[bytes] = []
        while chunk := self._sock.recv(1 << 18):
            parts.append(chunk)
            if b"\n" in chunk:
                whole = b"".join(parts).split(b"\n")
                parts = [whole.pop()]
                yield whole


class Capture(io.TextIOBase):
    """A standard stream that knows which call is printing."""

    def __init__(self, channel: Channel, plain: Any) -> None:
        self._channel = channel
        self._plain = plain

    def write(self, text: str) -> int:
        """Send the text to the call that prints it, or to the plain stream outside any call."""
        call = CURRENT.get()
        if call:
            safe = text.encode("utf-8", "replace").decode()
            self._channel.send({"id": call, "print": safe})
        else:
            self._plain.write(text)
            self._plain.flush()
        return len(text)

    def writable(self) -> bool:
        """Say yes: this is an output stream."""
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]  # TextIOBase types it as a plain attribute
        """Text is sent as UTF-8."""
        return "utf-8"

    def fileno(self) -> int:
        """Give the real descriptor, for subprocesses that inherit it."""
        return int(self._plain.fileno())
