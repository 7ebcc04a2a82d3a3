"""Standard output and standard error that may go away: `sojourn eval | head`, a closed terminal, a full disk."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class Pipe(io.FileIO):
    """A file descriptor into which writing goes on when nothing takes it any more: a run does not break for it."""

    def write(self, data: ReadableBuffer, /) -> int:
        """Write, if only into the void."""
        try:
            return super().write(data)
        except OSError:  # the reader left, the terminal hung up, the disk is full
            return memoryview(data).nbytes


def lasting(stream: TextIO | None) -> TextIO:
    """Return a stream like one of the process's own (None: it was closed from the start), which outlives its reader."""
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8")
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    return io.TextIOWrapper(
        io.BufferedWriter(Pipe(stream.fileno(), "wb", closefd=False)),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
