"""The private socket to the engine, and what users' code prints on the way to it."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import io
import json
import socket
import threading
from typing import Any

CURRENT: contextvars.ContextVar[int] = contextvars.ContextVar("CURRENT", default=0)


BATCH = 4


def encoded(frame: dict[str, Any]) -> bytes:
    """Return a frame as one line; raises ValueError or TypeError for what JSON cannot carry."""
    return json.dumps(frame, ensure_ascii=False, allow_nan=False).encode() + b"\n"


class Channel:
    """The private socket: frames out from any thread, whole lines in."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._lock = threading.Lock()
        self._gathered: list[bytes] = []
        self.deserted = False

    def desert(self) -> None:
        """Leave the channel to the parent: for a process that users' code has forked."""
        self.deserted = True
        self._lock = threading.Lock()
        self._sock.close()

    def send(self, frame: dict[str, Any]) -> None:
        """Send one frame, and what was gathered before it."""
        self._write(encoded(frame))

    def send_first(self, frame: dict[str, Any]) -> None:
        """Send one frame, and then what was gathered before it."""
        with self._lock:
            self._gathered.insert(0, encoded(frame))
        self._write()

    def gather(self, frame: dict[str, Any], loop: asyncio.AbstractEventLoop) -> None:
        """Send one frame together with others of this turn of the loop; to be called on the loop's thread."""
        data = encoded(frame)
        with self._lock:
            self._gathered.append(data)
            count = len(self._gathered)
        if count == 1:
            loop.call_soon(self._write)
        elif count >= BATCH:
            self._write()

    def _write(self, last: bytes = b"") -> None:
        """Write out; the engine being gone is not our trouble (the reader sees it)."""
        with self._lock, contextlib.suppress(OSError):
            data, self._gathered = b"".join((*self._gathered, last)), []
            self._sock.sendall(data)

    def _receive(self) -> bytes:
        """Return the next bytes, or none when the engine is gone: one that was killed may reset the connection."""
        try:
            return self._sock.recv(1 << 18)
        except OSError:
            return b""

    def lines(self) -> Any:
        """Yield lists of complete lines until the engine closes its end."""
        parts: list[bytes] = []
        while chunk := self._receive():
            parts.append(chunk)
            if b"\n" in chunk:
                whole = b"".join(parts).split(b"\n")
                parts = [whole.pop()]
                yield whole


class Sink(io.RawIOBase):
    """Where bytes go that are printed: to the call that prints them, or to the plain stream outside any call."""

    def __init__(self, channel: Channel, plain: Any) -> None:
        self._channel = channel
        self._plain = plain

    def writable(self) -> bool:
        """Say yes: this is an output stream."""
        return True

    def write(self, data: Any) -> int:
        """Pass the bytes on; a stream that users' code has closed takes them in silence."""
        call = CURRENT.get()
        if call and not self._channel.deserted:
            self._channel.send({"id": call, "print": bytes(data).decode("utf-8", "replace")})
        else:
            with contextlib.suppress(OSError, ValueError):
                self._plain.write(data)
                self._plain.flush()
        return len(data)

    def fileno(self) -> int:
        """Give the real descriptor, for subprocesses that inherit it."""
        return int(self._plain.fileno())


class Capture(io.TextIOWrapper):
    """A standard stream that knows which call is printing."""

    def __init__(self, channel: Channel, plain: Any) -> None:
        sink: Any = Sink(channel, plain.buffer)
        super().__init__(sink, encoding="utf-8", errors="replace", write_through=True)

    def close(self) -> None:
        """Stay open: the stream belongs to all calls."""
