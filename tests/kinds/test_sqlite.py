import sqlite3
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pytest

from sojourn.testing import KindContract
from tests.acceptance.suites import Evaluate, asked

USE = """
def use(database, word):
    found = " ".join(row[0] for row in database.execute("SELECT word FROM words ORDER BY rowid"))
    database.execute("INSERT INTO words VALUES (?)", (word,))
    return found
"""


class TestSqlite(KindContract):
    kind = "sqlite"
    use = USE
    can = ("check", "reset", "rollback", "fork", "reclaim")

    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path) -> None:
        self.folder = tmp_path
        with sqlite3.connect(tmp_path / "words.db") as database:
            database.execute("CREATE TABLE words (word TEXT)")
        database.close()

    def config(self) -> Mapping[str, Any]:
        return {"from": str(self.folder / "words.db"), "script": "CREATE TABLE more (word TEXT);"}

    def left(self) -> Collection[Any]:
        ours = {"home/runs.sqlite"}  # where the runs themselves are stored
        return [path for path in self.folder.rglob("*.sqlite") if "/".join(path.parts[-2:]) not in ours]


def test_a_field_that_a_session_does_not_have_is_told(evaluate: Evaluate) -> None:
    """A prompt that puts it in is an error with the fields that are there; one that asks for it first is not."""
    config = asked("hi", providers=[{"id": "echo", "sessions": ["db"]}], sessions={"db": {"kind": "sqlite"}})
    slip = evaluate({**config, "prompts": ["{{ sessions.db.pth }}|{{q}}"]}, {})
    asks = evaluate({**config, "prompts": ["{{ sessions.db.pth or 'none' }}|{{q}}"]}, {})

    assert "the session 'db' has no 'pth'; it has path" in slip.rows[0]["error"]
    assert asks.outputs == ["none|hi"]
