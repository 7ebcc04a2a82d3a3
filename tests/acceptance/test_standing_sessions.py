"""`sojourn sessions up` and `down`: a session that stands between runs, and is used by each."""

import os
import signal
from pathlib import Path

import psutil
import pytest

from sojourn.lifecycle import ledger
from tests.acceptance.boxes import Played, begin, ended, player

SUITE = """
prompts: ['{{q}} {{sessions.room.id}}']
providers: [{id: 'file://rooms.py', sessions: [room]}]
sessions:
  house: {kind: 'file://rooms.py:house', capacity: 4}
  room: {kind: 'file://rooms.py:Room', parent: house}
  mine: {kind: 'file://rooms.py:Room', parent: house, scope: trial}
  lonely: {kind: 'file://rooms.py:Lonely'}
  bare: {kind: 'file://rooms.py:bare'}
tests: [{vars: {q: a}}, {vars: {q: b}}]
"""
CODE = """
import os, pathlib
HERE = pathlib.Path(__file__).parent
def tell(word):
    with open(HERE / "story", "a") as story: story.write(word + "\\n")
def house():
    tell("open house")
    yield {"id": "house", "pid": os.getpid()}
    tell("close house")
class Room:
    def open(self, house, tag):
        tell("open room")
        self.path = HERE / "room"
        self.path.write_text("")
        self.handle = {"id": "room in " + house["id"], "path": str(self.path)}
    def attach(self, handle):
        self.path, self.handle = pathlib.Path(handle["path"]), handle
    def close(self):
        tell("close room")
        self.path.unlink()
    def reclaim(self): (HERE / "room").unlink(missing_ok=True)
class Lonely:
    pass
def bare(): yield object()
def call_api(prompt, options, context):
    room = context["sessions"]["room"]
    with open(room.path, "a") as out: out.write("x")
    return {"output": f"{prompt}, visit {len(room.path.read_text())}"}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    player(tmp_path)
    (tmp_path / "rooms.py").write_text(CODE, encoding="utf-8")
    (tmp_path / "promptfooconfig.yaml").write_text(SUITE, encoding="utf-8")
    return tmp_path


def said(folder: Path, *arguments: str) -> Played:
    """Run a command to its end."""
    verb, *rest = arguments
    (folder / "out.json").unlink(missing_ok=True)
    return ended(begin(folder, verb, *rest, *(["-o", "out.json"] if verb == "eval" else [])), folder, "out.json")


def test_a_session_that_is_up_is_used_by_every_run(folder: Path) -> None:
    """It is opened once with its parents, found by each run as the last one left it, and closed by `down`."""
    up = said(folder, "sessions", "up", "room")
    assert (up.code, up.story) == (0, ["open house", "open room"])
    assert 'up: room: {"id": "room in house"' in up.shown

    for visits in (("visit 1", "visit 2"), ("visit 3", "visit 4")):
        run = said(folder, "eval")
        assert run.outputs == [f"{q} room in house, {visit}" for q, visit in zip("ab", visits, strict=True)]
        assert "used as they stand, and left so: house, room" in run.shown
        assert run.story == ["open house", "open room"]
    assert "room" in said(folder, "sessions", "list").shown

    down = said(folder, "sessions", "down", "room")
    assert (down.code, down.story[2:]) == (0, ["close room", "close house"])
    assert said(folder, "sessions", "list").shown == "nothing is open\n"
    again = said(folder, "eval")
    assert again.outputs[0].endswith("visit 1")
    assert said(folder, "sessions", "down", "room").code == 1


def test_one_is_put_up_in_what_stands(folder: Path) -> None:
    """A session whose parent is up is opened in it, and closed without it; what is said to close it, closes it."""
    (folder / "promptfooconfig.yaml").rename(folder / "other suite.yaml")
    assert said(folder, "sessions", "up", "house", "-c", "other suite.yaml").code == 0
    up = said(folder, "sessions", "up", "room", "-c", "other suite.yaml")
    assert (up.code, up.story) == (0, ["open house", "open room"])
    assert "`sojourn sessions down room -c 'other suite.yaml'` closes it\n" in up.shown
    assert "up: house" not in up.shown
    down = said(folder, "sessions", "down", "room", "-c", "other suite.yaml")
    assert down.story[2:] == ["close room"]
    assert said(folder, "sessions", "down", "house", "-c", "other suite.yaml").story[3:] == ["close house"]


def test_one_whose_holder_was_killed_does_not_count(folder: Path) -> None:
    """After a kill -9 it is reclaimed as any other, and a run opens its own."""
    said(folder, "sessions", "up", "room")
    (path,) = ledger.runs(folder / "home")
    os.kill(ledger.read(path).pid, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(pid) for pid, _ in ledger.read(path).processes if psutil.pid_exists(pid)], 30)
    said(folder, "sessions", "reap")
    run = said(folder, "eval")
    assert run.outputs[0].endswith("visit 1")
    assert "used as they stand" not in run.shown
    assert not (folder / "room").exists()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("rom", "session 'rom': the suite has none of this name; did you mean 'room'?"),
        ("mine", "session 'mine': only a single session of scope run can be kept up between runs"),
        ("lonely", "session 'lonely': no other process can use it: file:// has no attach(handle)"),
        ("bare", "session 'bare': no other process can use it: it has no handle that is plain data"),
    ],
)
def test_what_cannot_stand_is_refused(folder: Path, name: str, told: str) -> None:
    """It is said why, and nothing stays open."""
    up = said(folder, "sessions", "up", name)
    assert up.code == 1
    assert told in up.shown.replace(str(folder / "rooms.py:Lonely"), "")
    assert said(folder, "sessions", "list").shown == "nothing is open\n"


def test_a_second_up_says_that_it_is_up_already(folder: Path) -> None:
    """The first is left as it is."""
    said(folder, "sessions", "up", "room")
    second = said(folder, "sessions", "up", "room")
    assert (second.code, second.story) == (1, ["open house", "open room"])
    assert "it is up already" in second.shown
    assert said(folder, "sessions", "down", "room").code == 0


def test_a_crash_does_not_end_what_others_hold(folder: Path) -> None:
    """A process that dies in a run takes along how it reached the session, not the session."""
    said(folder, "sessions", "up", "room")
    suite = SUITE.replace("{vars: {q: b}}", "{vars: {q: die}}, {vars: {q: c}}")
    code = CODE.replace(
        '    room = context["sessions"]["room"]\n',
        '    if prompt.startswith("die"): os._exit(3)\n    room = context["sessions"]["room"]\n',
    )
    (folder / "promptfooconfig.yaml").write_text(suite, encoding="utf-8")
    (folder / "rooms.py").write_text(code, encoding="utf-8")
    run = said(folder, "eval", "-j", "1")
    assert run.outcomes == ["passed", "error", "passed"], run.shown
    assert (folder / "room").exists()
    assert "close room" not in run.story
    assert said(folder, "sessions", "down", "room").story[-2:] == ["close room", "close house"]


WORDS = """
prompts: ['{{q}}']
providers: [{id: 'file://words.py', sessions: [db]}]
sessions: {db: {kind: sqlite, config: {script: 'CREATE TABLE words (word)'}}}
tests: [{vars: {q: a}}, {vars: {q: b}}]
"""
SAID = """
def call_api(prompt, options, context):
    db = context["sessions"]["db"]
    db.execute("INSERT INTO words VALUES (?)", (prompt,))
    return {"output": "".join(row["word"] for row in db.look("SELECT word FROM words"))}
"""


def test_a_session_of_a_named_kind_stands(folder: Path) -> None:
    """A database that is kept up has what the last run left in it, and is removed by `down` alone."""
    (folder / "promptfooconfig.yaml").write_text(WORDS, encoding="utf-8")
    (folder / "words.py").write_text(SAID, encoding="utf-8")
    assert said(folder, "sessions", "up", "db").code == 0
    assert said(folder, "eval").outputs == ["a", "ab"]
    assert said(folder, "eval").outputs == ["aba", "abab"]
    assert said(folder, "sessions", "down", "db").code == 0
    assert said(folder, "eval").outputs == ["a", "ab"]
