import asyncio
import os
import threading
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

import psycopg
import pytest

from sojourn.kinds.postgres import Postgres
from sojourn.testing import KindContract
from tests.acceptance.suites import Evaluate, asked
from tests.systems.postgres import Server

PASSWORD = "pw-77aa31"
USE = """
async def use(database, word):
    rows = await database.fetch("SELECT word FROM words ORDER BY id")
    await database.execute("INSERT INTO words (word) VALUES (%s)", (word,))
    return " ".join(row["word"] for row in rows)
"""
SCHEMA = "CREATE TABLE words (id serial, word text)"


class TestPostgres(KindContract):
    kind = "postgres"
    use = USE
    can = ("check", "rollback", "fork", "reclaim")
    secret = PASSWORD

    @pytest.fixture(autouse=True)
    def _place(self, database: Server) -> None:
        self.database = database

    def config(self) -> Mapping[str, Any]:
        return {"dsn": self.database.dsn, "password": PASSWORD, "script": SCHEMA}

    def left(self) -> Collection[Any]:
        return self.database.left()


class TestPostgresWithOneDatabaseForAll(KindContract):
    kind = "postgres"
    use = """
async def use(database, word):
    return (await database.fetch("SELECT current_database() || '' AS name"))[0]["name"].replace("postgres", "")
"""
    can = ("check", "rollback", "reclaim", "fork")
    remembers = False

    @pytest.fixture(autouse=True)
    def _place(self, database: Server) -> None:
        self.database = database

    def config(self) -> Mapping[str, Any]:
        return {"dsn": self.database.dsn, "connections": 3}

    def left(self) -> Collection[Any]:
        return self.database.left()

    def test_isolation_is_kept_or_refused(self, tmp_path: Any) -> None:
        """What was begun is rolled back here, too."""
        assert self._finds(tmp_path, isolation="rollback") == ["", "", ""]


def suite(database: Server, *words: str, session: Mapping[str, Any] | None = None, **config: Any) -> dict[str, Any]:
    """Make a suite whose trials use a session."""
    entry = {"kind": "postgres", "config": {"dsn": database.dsn, **config}, **(session or {})}
    return asked(*words, providers=[{"id": "file://code.py", "sessions": ["it"]}], sessions={"it": entry})


def test_a_plain_function_and_an_assertion_ask_it_too(evaluate: Evaluate, database: Server) -> None:
    """What a coroutine awaits, a plain function just gets."""
    code = "def call_api(prompt, options, context):\n"
    code += "    return {'output': context['sessions']['it'].fetch('SELECT 41 + %s AS n', (1,))[0]['n']}\n"
    config = suite(database, "a")
    value = "context['sessions']['it'].fetch('SELECT 1 AS n') == [{'n': 1}] and output == 42"
    config["tests"][0]["assert"] = [{"type": "python", "value": value}]
    run = evaluate(config, {"code.py": code})

    assert run.outcomes == ["passed"], run.shown


def test_a_test_that_commits_is_named(evaluate: Evaluate, database: Server) -> None:
    """A rollback that the test itself has made impossible is said, and the next test gets another session."""
    code = USE + "async def call_api(prompt, options, context):\n"
    code += "    session = context['sessions']['it']\n    found = await use(session, prompt)\n"
    code += "    if prompt == 'a': await session.execute('COMMIT')\n    return {'output': found}\n"
    run = evaluate(suite(database, "a", "b", session={"isolation": "rollback"}, script=SCHEMA), {"code.py": code})

    assert run.code == 1
    assert run.outputs == ["", ""]
    assert "perhaps because the test has committed" in run.shown


def test_a_server_that_is_not_there_is_said(evaluate: Evaluate) -> None:
    """The cause is the driver's own, not that a pool took too long; it is said in the error, not logged besides."""
    provider = {"id": "echo", "sessions": ["it"]}
    entry = {"kind": "postgres", "config": {"dsn": "postgresql://127.0.0.1:9/x", "timeout": 1}}
    run = evaluate(asked("a", providers=[provider], sessions={"it": entry}), {})

    assert run.outcomes == ["error"]
    assert "Connection refused" in run.rows[0]["error"]
    assert "error connecting in" not in run.shown


HUNDRED = """
import asyncio, os
async def call_api(prompt, options, context):
    session = context["sessions"]["it"]
    count = "SELECT count(*) AS n FROM pg_stat_activity WHERE application_name LIKE 'eval-%'"
    most = (await session.fetch(count))[0]["n"]
    if prompt == "w20":
        with open(os.environ["TOLD"], "w") as told: told.write("twenty\\n")
    await session.fetch("SELECT pg_sleep(0.05)")
    return {"output": most}
"""


def test_a_hundred_lanes_share_five_connections_of_a_server_that_restarts(
    evaluate: Evaluate, database: Server, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Never more than five; the trials in flight when the server ends are errors with that cause; the rest pass."""
    told = tmp_path_factory.mktemp("told") / "told"
    os.mkfifo(told)

    def restart() -> None:
        told.read_text()
        database.restart()

    restarting = threading.Thread(target=restart, daemon=True)
    restarting.start()
    config = suite(database, *(f"w{n}" for n in range(100)), session={"pool": {"max": 5, "check": True}})
    run = evaluate(config, {"code.py": HUNDRED}, "-j", "100", TOLD=str(told))
    restarting.join(60)

    outcomes = Counter(run.outcomes)
    errors = [row["error"] for row in run.rows if row["outcome"] == "error"]
    assert outcomes["passed"] >= 90, run.shown
    assert 1 <= outcomes["error"] <= 10
    assert all(isinstance(output, int) and output <= 5 for output in run.outputs if output is not None)
    assert all(
        "terminating connection" in error or "server closed" in error or "shutting down" in error for error in errors
    ), errors
    assert database.left() == []


def test_a_connection_that_was_dropped_costs_one_test(database: Server) -> None:
    """Where the transaction cannot be begun the connection goes back, and the next test gets another one."""

    async def used() -> Any:
        session = Postgres()
        await session.open({"dsn": database.dsn, "timeout": 5}, "eval-dropped/1", {})
        try:
            kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'eval-dropped/1'"
            await session._administer(kill.replace("WHERE", "WHERE pid <> pg_backend_pid() AND"))
            with pytest.raises(psycopg.OperationalError):
                await session.begin()
            await session.begin()
            return await session.fetch("SELECT 1 AS n")
        finally:
            await session.rollback()
            await session.close()

    assert asyncio.run(used()) == [{"n": 1}]


def test_an_attached_one_uses_the_others_database(database: Server) -> None:
    """Another process finds what is there by the handle, and connects only when it asks something."""
    config = {"dsn": database.dsn, "script": SCHEMA}

    async def used() -> Any:
        first, second = Postgres(), Postgres()
        await first.open(config, "eval-1/1", {})
        await first.execute("INSERT INTO words (word) VALUES ('a')")
        await second.attach(first.handle, config, "eval-2/1")
        assert second.pool is None
        found = await second.fetch("SELECT word FROM words")
        await second._disconnect()
        await first.close()
        return found

    assert asyncio.run(used()) == [{"word": "a"}]
    assert database.left() == []
