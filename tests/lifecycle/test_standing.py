"""What is written down of sessions that stand between runs."""

from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from sojourn.lifecycle import standing
from sojourn.lifecycle.ledger import RunLedger
from sojourn.lifecycle.standing import Standing
from sojourn.model.session import SessionSpec

SPEC = SessionSpec(name="db", kind="sqlite", config={"from": "x.db"})


def stand(root: Path) -> tuple[RunLedger, Standing]:
    """Let a session stand, held by a run that lives."""
    made = RunLedger(root, "up", root / "private")
    made.create()
    found = Standing(name="db", handle={"path": "p"}, pid=1, run=made.path.name, since="now")
    standing.write(root, SPEC, found)
    return made, found


def test_a_session_that_stands_is_found_by_its_entry(tmp_path: Path) -> None:
    """Its handle is for its owner only; what is written away is gone."""
    held, made = stand(tmp_path)
    assert standing.find(tmp_path, SPEC) == made
    (file,) = (tmp_path / "standing").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    standing.remove(tmp_path, SPEC)
    standing.remove(tmp_path, SPEC)
    assert standing.find(tmp_path, SPEC) is None
    held.close()


@pytest.mark.parametrize("change", [{"config": {}}, {"kind": "redis"}, {"name": "other"}, {"base": "/elsewhere"}])
def test_another_entry_is_another_session(tmp_path: Path, change: dict[str, Any]) -> None:
    """Whatever says what it is and is not the same, says that it is not the one."""
    held, _ = stand(tmp_path)
    assert standing.find(tmp_path, structs.replace(SPEC, **change)) is None
    held.close()


def test_one_whose_holder_is_gone_does_not_stand(tmp_path: Path) -> None:
    """Its run has no lock any more, or no ledger."""
    held, _ = stand(tmp_path)
    held.close()
    assert standing.find(tmp_path, SPEC) is None


def test_what_cannot_be_read_does_not_stand(tmp_path: Path) -> None:
    """Whatever a file there holds."""
    held, _ = stand(tmp_path)
    (file,) = (tmp_path / "standing").iterdir()
    for text in ("", "[]", "{}", '{"name": 1}'):
        file.write_text(text)
        assert standing.find(tmp_path, SPEC) is None
    held.close()
