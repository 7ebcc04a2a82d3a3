"""Serves the viewer on this machine until it is stopped."""

from __future__ import annotations

import errno
import socket
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path

from sojourn.errors import SojournError, UsageError

PORT = 15500
MISSING = "the viewer needs two libraries"


def serve(home: Path, port: int | None, *, is_opened: bool, tell: Callable[[str], None]) -> None:
    """Serve the store below a folder until Ctrl-C; None: the usual port, or a free one where it is taken.

    Raises SojournError where that cannot be done.
    """
    try:
        import uvicorn

        from sojourn.viewer.app import app
    except ImportError as error:
        raise SojournError(f"{MISSING}: {error}", todo="pip install 'sojourn[view]'") from error
    with listening(port) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        tell(f"{address} shows the runs that are stored in {home} (Ctrl-C ends it)")
        if is_opened:
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        config = uvicorn.Config(
            app(home), log_level="warning", access_log=False, ws="none", lifespan="off", server_header=False
        )
        uvicorn.Server(config).run(sockets=[listener])


def listening(port: int | None) -> socket.socket:
    """Return a socket that listens on this machine only."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        try:
            listener.bind(("127.0.0.1", PORT if port is None else port))
        except OSError as error:
            if port is not None or error.errno != errno.EADDRINUSE:
                raise
            listener.bind(("127.0.0.1", 0))
        listener.listen()
    except (OSError, OverflowError) as error:
        listener.close()
        raise UsageError(f"port {port} cannot be used: {error}", todo="--port 0 takes a free one") from error
    return listener
