"""Standard output and standard error whose reader may leave, as in `sojourn eval | head`."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class Pipe(io.FileIO):
    """A file descriptor into which writing goes on when nobody reads any more: a run does not break for it."""

    def write(self, data: ReadableBuffer, /) -> int:
        """Write, if only into the void."""
        try:
            return super().write(data)
        except BrokenPipeError:
            return memoryview(data).nbytes


def lasting(stream: TextIO) -> TextIO:
    """Return a stream like one of the process's own, which outlives its reader."""
    if not isinstance(stream, io.TextIOWrapper) or stream.isatty():
        return stream
    return io.TextIOWrapper(
        io.BufferedWriter(Pipe(stream.fileno(), "wb", closefd=False)),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
