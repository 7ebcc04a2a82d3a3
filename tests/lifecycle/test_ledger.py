import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from sojourn.errors import SojournError
from sojourn.lifecycle import ledger, reaper
from sojourn.lifecycle.ledger import Remains, RunLedger
from sojourn.model.reference import Reference
from sojourn.model.session import SessionSpec
from sojourn.protocols import Opening

USERS_CODE = """
import os
class Box:
    def open(self, tag):
        open(name(tag), "w").close()
    def reclaim(self, tag, handle):
        if handle == {"stuck": True}: raise RuntimeError("still there")
        if os.path.exists(name(tag)): os.unlink(name(tag))
def name(tag): return os.path.join(os.environ["BOXES"], tag.replace("/", "-"))
def hook(moment, context):
    with open(os.path.join(os.environ["BOXES"], "hooks"), "a") as out: out.write(moment + context["who"])
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "boxes.py").write_text(USERS_CODE)
    monkeypatch.setenv("BOXES", str(tmp_path))
    return tmp_path


def opening(tag: str) -> Opening:
    return Opening(name=f"box {tag}", tag=tag, parents={})


def box(place: Path) -> SessionSpec:
    return SessionSpec(name="box", kind=f"file://{place}/boxes.py:Box", base=str(place))


async def begun(place: Path, *tags: str) -> RunLedger:
    made = RunLedger(place, "eval:1", place / "private")
    for tag in tags:
        await made.begin(opening(tag), box(place), can_reclaim=True)
    return made


def abandon(made: RunLedger) -> None:
    """Leave the ledger as a killed runner does: its lock is free, its file stays."""
    os.close(made.lock)


def due(place: Path) -> dict[str, object]:
    reference = Reference(tongue="python", role="hook", path=f"{place}/boxes.py", name="hook")
    arguments = ["afterAll", {"who": "!"}]
    return {"after_all": "afterAll:0", "needs": "", "reference": structs.asdict(reference), "args": arguments}


def test_a_clean_run_leaves_nothing(place: Path) -> None:
    """When all that was opened is closed, the ledger removes itself; a ledger never made closes quietly."""

    async def main() -> None:
        made = await begun(place, "r/1", "r/2")
        made.opened("r/1", {"id": 1})
        made.closed("r/2")
        made.closed("r/1")
        made.close()
        RunLedger(place, "eval:2", place).close()

    asyncio.run(main())
    assert ledger.runs(place) == []


def test_what_is_left_is_reclaimed_newest_first(place: Path) -> None:
    """A dead run's sessions are reclaimed, its due hooks run once, its private folder and ledger removed."""
    (place / "private").mkdir()
    made = asyncio.run(begun(place, "r/1", "r/2"))
    made.write(due(place))
    (place / "r-1").touch()
    abandon(made)
    (reaped,) = asyncio.run(reaper.reap_all(place, os.environ))
    assert (reaped.closed, len(reaped.hooks), reaped.left) == (["box r/2", "box r/1"], 1, [])
    assert "2 sessions closed, 1 afterAll hook run" in str(reaped)
    assert (place / "hooks").read_text() == "afterAll!"
    assert not (place / "r-1").exists()
    assert not (place / "private").exists()
    assert asyncio.run(reaper.reap_all(place, os.environ)) == []


def test_what_cannot_be_reclaimed_stays_and_is_named(place: Path) -> None:
    """A session that cannot be undone keeps its ledger and is told of; what was undone is not undone again."""
    made = asyncio.run(begun(place, "r/1", "r/2"))
    made.opened("r/1", {"stuck": True})
    made.write({"open": "r/3", "name": "odd", "kind": "gone", "base": str(place)})
    abandon(made)
    (reaped,) = asyncio.run(reaper.reap_all(place, os.environ))
    assert reaped.closed == ["box r/2"]
    assert "still there" in str(reaped)
    assert "its kind gone cannot be reclaimed" in str(reaped)
    assert list(ledger.read(made.path).sessions) == ["r/1", "r/3"]


def test_a_run_that_ended_with_something_open_had_not_died(place: Path) -> None:
    """Its end is written down with what it could not close, and told so."""

    async def main() -> None:
        made = await begun(place, "r/1")
        made.opened("r/1", {"stuck": True})
        made.close()

    asyncio.run(main())
    (reaped,) = asyncio.run(reaper.reap_all(place, os.environ))
    assert str(reaped).startswith("run eval:1 has ended with more to close: 0 sessions closed")


def test_what_dead_runs_left_can_be_given_up(place: Path) -> None:
    """Their ledgers go as they are, and nothing is undone; a run that lives is not touched."""
    made = asyncio.run(begun(place, "r/1"))
    assert reaper.forget_all(place) == []
    abandon(made)
    (place / "r-1").touch()
    (forgotten,) = reaper.forget_all(place)
    assert list(forgotten.sessions) == ["r/1"]
    assert (place / "r-1").exists()
    assert ledger.runs(place) == []


def test_what_has_no_reclaim_is_lost_and_said_once(place: Path) -> None:
    """A session that only its own process could close is named as lost, and then forgotten."""

    async def main() -> None:
        made = RunLedger(place, "eval:1", place / "private")
        await made.begin(opening("r/1"), box(place), can_reclaim=False)
        made.opened("r/1", {"id": 1, "access_token": "hidden"})
        assert "hidden" not in made.file.read_text()
        abandon(made)

    asyncio.run(main())
    (reaped,) = asyncio.run(reaper.reap_all(place, os.environ))
    assert "lost, for their kind has no reclaim: box r/1" in str(reaped)
    assert ledger.runs(place) == []


def test_a_hook_that_breaks_is_told_of_and_not_run_again(place: Path) -> None:
    """Begun is begun: an afterAll hook that fails in the reaper is named, and is due no more."""
    made = asyncio.run(begun(place))
    made.create()
    made.write({**due(place), "args": ["afterAll", {}]})
    abandon(made)
    (reaped,) = asyncio.run(reaper.reap_all(place, os.environ))
    assert "afterAll of" in reaped.left[0]
    assert ledger.read(made.path).due == {}


def test_the_living_are_not_touched(place: Path) -> None:
    """A ledger whose lock is held is left alone, and one without a lock is nobody's."""
    made = asyncio.run(begun(place, "r/1"))
    assert asyncio.run(reaper.reap_all(place, os.environ)) == []
    assert "r/1" in ledger.read(made.path).sessions
    abandon(made)
    (made.path / "lock").unlink()
    assert asyncio.run(reaper.reap(made.path, os.environ)) is None


def test_only_processes_that_are_still_the_same_are_ended(place: Path) -> None:
    """A process is ended by its pid and its birth; another that was given the pid since is not."""
    command = [sys.executable, "-c", "input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as process:
        reaper.end_processes(Remains(processes=[(process.pid, 1.0), (2**22 + 1, 1.0)]))
        assert process.poll() is None
        import psutil

        reaper.end_processes(Remains(processes=[(process.pid, psutil.Process(process.pid).create_time())]))
        assert process.wait() == -9
    assert place.exists()


def test_hooks_are_due_only_if_their_counterpart_began() -> None:
    """An afterAll hook is due when its beforeAll was begun, until it has begun itself."""
    remains = Remains()
    remains.take({"after_all": "afterAll:0", "needs": "beforeAll:0"})
    assert remains.due == {}
    remains.take({"begun": "beforeAll:0"})
    assert list(remains.due) == ["afterAll:0"]
    remains.take({"begun": "afterAll:0"})
    assert remains.due == {}


def test_home_is_where_the_user_says() -> None:
    """SOJOURN_HOME goes before XDG_DATA_HOME, and that before the usual folder."""
    assert ledger.home({"SOJOURN_HOME": "/a", "XDG_DATA_HOME": "/b"}) == Path("/a")
    assert ledger.home({"XDG_DATA_HOME": "/b"}) == Path("/b/sojourn")
    assert ledger.home({}).parts[-3:] == (".local", "share", "sojourn")


@given(st.lists(st.one_of(st.binary(max_size=30), st.just(b'{"open": "t", "name": "n", "kind": "k", "base": ""}'))))
def test_no_ledger_is_too_broken_to_read(lines: list[bytes]) -> None:
    """Whatever stands in a ledger, its whole entries are read and the rest is passed over."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "ledger.jsonl").write_bytes(b"\n".join(lines))
        assert set(ledger.read(Path(folder)).sessions) <= {"t"}
        assert ledger.read(Path(folder) / "none").sessions == {}


def test_runs_are_written_down_in_the_users_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """SOJOURN_HOME says where, or else the platform does."""
    monkeypatch.setenv("HOME", "/home/ada")
    assert str(ledger.home({"SOJOURN_HOME": "/s"})) == "/s"
    assert str(ledger.home({"XDG_DATA_HOME": "/data"})) == "/data/sojourn"
    assert str(ledger.home({})) == "/home/ada/.local/share/sojourn"


@pytest.mark.parametrize("how", ["full", "half"])
def test_what_cannot_be_written_down_is_not_begun(place: Path, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk refuses an opening, with what to do; what was to be added later is done without."""
    written = os.write

    def write(descriptor: int, data: bytes) -> int:
        if how == "full":
            raise OSError(28, "No space left on device")
        return written(descriptor, data[: len(data) // 2 or 1])

    async def main() -> None:
        made = await begun(place, "r/1")
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", write)
            with pytest.raises(SojournError, match="set SOJOURN_HOME to a folder that can be written"):
                await made.begin(opening("r/2"), box(place), can_reclaim=False)
            made.opened("r/1", {"id": 1})
        await made.begin(opening("r/3"), box(place), can_reclaim=False)
        assert list(ledger.read(made.path).sessions) == ["r/1", "r/3"]
        made.close()

    asyncio.run(main())


def test_many_openings_at_once_are_on_the_disk_together(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who begins while a sync is under way waits for the next one, and all who do share it."""
    synced: list[None] = []
    sync = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda descriptor: synced.append(sync(descriptor)))

    async def main() -> None:
        made = await begun(place)
        await asyncio.gather(*(made.begin(opening(f"r/{n}"), box(place), can_reclaim=True) for n in range(40)))
        assert len(ledger.read(made.path).sessions) == 40
        made.close()

    asyncio.run(main())
    assert len(synced) <= 3


def test_a_ledger_that_leaves_something_stays(place: Path) -> None:
    """What could not be closed is still written down when its run has ended."""

    async def main() -> None:
        made = await begun(place, "r/1")
        made.close()

    asyncio.run(main())
    assert len(ledger.runs(place)) == 1


def test_what_is_no_entry_is_passed_over() -> None:
    """A word that nobody knows, or a handle of what was never open, changes nothing."""
    remains = Remains()
    remains.take({"strange": 1})
    remains.take({"opened": "r/9", "handle": 1})
    assert (remains.sessions, remains.processes) == ({}, [])
