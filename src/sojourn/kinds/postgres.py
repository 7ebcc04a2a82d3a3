"""`kind: postgres`: connections to a PostgreSQL database, one that is there or one of the session's own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncIterator
from typing import Any, ClassVar

from sojourn.kinds.parents import told
from sojourn.kinds.waiting import settled

LONGEST_NAME = 63
SAVEPOINT = "sojourn"

# The pool logs each attempt to connect; what is wrong is in the error, once. Who sets up logging still gets these.
logging.getLogger("psycopg.pool").addHandler(logging.NullHandler())


class Postgres:
    """`fetch` and `execute` for statements, `connection()` for a psycopg connection, `pool` for all of them.

    What is in a trial that is to be rolled back goes through one connection, on which a transaction is open.
    """

    keys: ClassVar[dict[str, Any]] = {
        "dsn": str,
        "password": str,
        "connections": int,
        "template": str,
        "script": str,
        "create": bool,
        "timeout": float,
    }
    requires: ClassVar[dict[str, str]] = {"psycopg": "sojourn[postgres]", "psycopg_pool": "sojourn[postgres]"}

    _forked = False

    async def open(self, config: dict[str, Any], tag: str, parents: dict[str, Any]) -> None:
        """Connect; before that, make the session's own database where a template or script asks for one."""
        from psycopg.conninfo import conninfo_to_dict

        self._config = config
        self._way: dict[str, Any] = {
            key: str(value)
            for key, value in conninfo_to_dict(told(config, "dsn", parents)).items()
            if value is not None
        }
        if config.get("password"):
            self._way["password"] = config["password"]
        own = config.get("create", bool(config.get("template") or config.get("script")))
        await self._settle(tag, config.get("template") or "template1" if own else "")

    async def _settle(self, tag: str, template: str) -> None:
        """Have a database of one's own, made from a template, or the one that was given."""
        self._tag, self._loop = tag, asyncio.get_running_loop()
        self._at_work: Any = None
        self.pool: Any = None
        self._connecting = asyncio.Lock()
        self._own = _name(tag) if template else ""
        self._way.setdefault("dbname", self._way.get("user", "postgres"))
        self._place = {**self._way, "dbname": self._own or self._way["dbname"]}
        self.handle = {**self._place, "maintenance": self._way["dbname"], "own": self._own}
        if self._own:
            await self._administer(f'CREATE DATABASE "{self._own}" TEMPLATE "{template}"')
        try:
            await self._connected()
            if self._config.get("script") and not self._forked:
                await self._execute(self._config["script"], ())
        except BaseException:
            await self.close()
            raise

    async def _connected(self) -> Any:
        """Return the pool; one that was a template for forks connects again when it is needed."""
        async with self._connecting:
            if self.pool is None:
                self.pool = await self._connect()
            return self.pool

    async def _connect(self) -> Any:
        from psycopg.rows import dict_row
        from psycopg_pool import AsyncConnectionPool

        many, timeout = int(self._config.get("connections") or 1), float(self._config.get("timeout", 10))
        more = {"autocommit": True, "row_factory": dict_row, "application_name": self._tag}
        known: dict[str, Any] = {**self._place, **more, "connect_timeout": max(2, round(timeout))}
        pool = AsyncConnectionPool(kwargs=known, min_size=1, max_size=many, open=False, timeout=timeout)
        await pool.open()
        try:
            await pool.wait(timeout)
        except BaseException as error:
            await pool.close()
            await self._say_why(error)
            raise
        return pool

    async def _say_why(self, error: BaseException) -> None:
        """Raise the server's own words where the pool only says that it took too long."""
        import psycopg

        if isinstance(error, psycopg.OperationalError):
            await (await psycopg.AsyncConnection.connect(**self._place, connect_timeout=2)).close()

    async def _administer(self, statement: str) -> None:
        """Execute a statement from outside the session's own database."""
        import psycopg

        connection = await psycopg.AsyncConnection.connect(**self._way, autocommit=True, application_name=self._tag)
        async with connection:
            await connection.execute(statement)

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """Borrow a psycopg connection (rows are dictionaries, every statement is committed at once)."""
        if self._at_work is not None:
            yield self._at_work
            return
        async with (await self._connected()).connection() as connection:
            yield connection

    def fetch(self, sql: str, parameters: Any = ()) -> Any:
        """Return the rows of a statement, each a dictionary; awaited in a coroutine, at once in a plain function."""
        return settled(self._fetch(sql, parameters), self._loop)

    def execute(self, sql: str, parameters: Any = ()) -> Any:
        """Execute a statement, and return how many rows it changed; awaited as `fetch` is."""
        return settled(self._execute(sql, parameters), self._loop)

    async def _fetch(self, sql: str, parameters: Any) -> list[dict[str, Any]]:
        async with self.connection() as connection:
            rows: list[dict[str, Any]] = await (await connection.execute(sql, parameters or None)).fetchall()
            return rows

    async def _execute(self, sql: str, parameters: Any) -> int:
        async with self.connection() as connection:
            return int((await connection.execute(sql, parameters or None)).rowcount)

    async def look(self, expression: str) -> list[dict[str, Any]]:
        """Return the rows of a query as plain data."""
        rows = await self._fetch(expression, ())
        return [{name: _plain(value) for name, value in row.items()} for row in rows]

    async def check(self) -> bool:
        """Ask the server something."""
        await self._fetch("SELECT 1", ())
        return True

    async def begin(self) -> None:
        """Open a transaction in which everything happens until it is rolled back."""
        pool = await self._connected()
        connection = await pool.getconn()
        try:
            await connection.execute("BEGIN")
            await connection.execute(f"SAVEPOINT {SAVEPOINT}")
        except BaseException:
            await connection.close()  # the pool makes another instead of it
            await pool.putconn(connection)
            raise
        self._at_work = connection

    async def rollback(self) -> None:
        """Take back what was done; raises where the trial has ended the transaction itself."""
        connection, self._at_work = self._at_work, None
        try:
            await connection.execute(f"ROLLBACK TO SAVEPOINT {SAVEPOINT}")
            await connection.execute("ROLLBACK")
        except Exception as error:
            await connection.close()
            raise RuntimeError(f"it cannot be rolled back, perhaps because the test has committed: {error}") from error
        finally:
            await self.pool.putconn(connection)

    async def fork(self, tag: str) -> Postgres:
        """Make a database from this one as a template. Nobody may be connected to a template meanwhile."""
        child = Postgres()
        child._config, child._way = self._config, dict(self._way)
        child._forked = True
        if not self._own:
            child._way["dbname"] = "template1" if self._way["dbname"] == "postgres" else "postgres"
        await self._disconnect()
        await child._settle(tag, self._place["dbname"])
        return child

    async def attach(self, handle: dict[str, Any], config: dict[str, Any], tag: str) -> None:
        """Use a database that another process drops; connections are made when needed, and end with this one."""
        self._config, self._tag, self._loop = config, tag, asyncio.get_running_loop()
        self._place = {key: value for key, value in handle.items() if key not in ("maintenance", "own")}
        self._way = {**self._place, "dbname": handle["maintenance"]}
        self._own, self.handle = handle["own"], handle
        self._at_work = self.pool = None
        self._connecting = asyncio.Lock()

    async def _disconnect(self) -> None:
        pool, self.pool = self.pool, None
        if pool is not None:
            await pool.close()

    async def close(self) -> None:
        """Close the connections, and drop the session's own database."""
        await self._disconnect()
        if self._own:
            await self._administer(f'DROP DATABASE IF EXISTS "{self._own}" WITH (FORCE)')

    async def reclaim(self, tag: str, handle: Any) -> None:
        """End the connections of a session whose process is gone, and drop its database.

        The ledger has no password: libpq finds it in PGPASSWORD, or in the password file.
        """
        import psycopg

        if not handle:
            return
        way = {key: value for key, value in handle.items() if key not in ("password", "maintenance", "own")}
        way["dbname"] = handle["maintenance"]
        async with await psycopg.AsyncConnection.connect(**way, autocommit=True) as connection:
            ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s"
            await connection.execute(ended, (tag,))
            if handle["own"]:
                await connection.execute(f'DROP DATABASE IF EXISTS "{_name(tag)}" WITH (FORCE)')


def _name(tag: str) -> str:
    return ("sojourn_" + re.sub(r"\W", "_", tag))[:LONGEST_NAME]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)
