import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pytest

from sojourn.kinds.workspace import Workspace
from sojourn.testing import KindContract
from tests.acceptance.suites import Evaluate, asked

USE = """
def use(workspace, word):
    with open(workspace / "words.txt", "r+") as words:
        found = " ".join(words.read().split())
        words.write(word + "\\n")
    return found
"""


class TestWorkspace(KindContract):
    kind = "workspace"
    use = USE
    can = ("check", "reset", "rollback", "fork", "reclaim")

    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path) -> None:
        self.folder = tmp_path
        (tmp_path / "fixtures").mkdir()
        (tmp_path / "fixtures" / "words.txt").touch()

    def config(self) -> Mapping[str, Any]:
        return {"from": str(self.folder / "fixtures")}

    def left(self) -> Collection[Any]:
        return list(self.folder.rglob("workspace-*"))


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Open a workspace with some files."""
    (tmp_path / "fixtures" / "src").mkdir(parents=True)
    for name, text in {"src/a.py": "one\ntwo\n", "b.txt": "old\n", "gone.txt": "bye", "image": "\0"}.items():
        (tmp_path / "fixtures" / name).write_text(text)
    os.symlink("b.txt", tmp_path / "fixtures" / "link")
    (tmp_path / "run").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "run"))
    made = Workspace()
    made.open({"from": "fixtures"}, "eval-1/1", str(tmp_path))
    return made


def change(workspace: Workspace) -> None:
    """Change, add and remove files."""
    Path(workspace / "src/a.py").write_text("one\nthree")
    Path(workspace / "new.txt").write_text("hello\n")
    Path(workspace / "image").write_bytes(b"\xff\0")
    Path(workspace / "empty").touch()
    os.unlink(workspace / "gone.txt")


def test_a_diff_tells_what_was_changed(workspace: Workspace) -> None:
    """Changed, added, removed, empty and binary files stand in it, and nothing else does."""
    assert workspace.diff() == ""
    change(workspace)

    diff = workspace.diff()
    assert "--- a/src/a.py\n+++ b/src/a.py\n@@ -1,2 +1,2 @@\n one\n-two\n+three\n" in diff
    assert "--- /dev/null\n+++ b/new.txt\n@@ -0,0 +1 @@\n+hello\n" in diff
    assert "--- a/gone.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-bye\n" in diff
    assert "Binary file image changed\n" in diff
    assert "Empty file empty added\n" in diff
    assert "link" not in diff
    assert "b.txt\n" not in diff


def test_reset_and_rollback_put_everything_back(workspace: Workspace) -> None:
    """What was changed, added and removed is as it was, and links are still links."""
    workspace.begin()
    for put_back in (workspace.reset, workspace.rollback):
        change(workspace)
        put_back()
        assert workspace.diff() == ""
        assert os.readlink(workspace / "link") == "b.txt"


def test_a_look_reads_a_file_or_lists_names(workspace: Workspace) -> None:
    """The name of a file gives its text, a pattern the names that match."""
    assert workspace.look("b.txt") == "old\n"
    assert workspace.look("src/*") == ["src/a.py"]
    assert workspace.look("*") == ["b.txt", "gone.txt", "image", "link", "src/a.py"]


def test_a_fork_is_apart_from_what_it_was_forked_from(workspace: Workspace) -> None:
    """What is changed in a fork is in it alone, and its diff is against the moment of forking."""
    Path(workspace / "b.txt").write_text("changed before\n")
    child = workspace.fork("eval-1/2")
    Path(child / "b.txt").write_text("changed in the fork\n")

    assert Path(workspace / "b.txt").read_text() == "changed before\n"
    assert "-changed before\n+changed in the fork\n" in child.diff()
    child.close()
    assert not os.path.exists(child.path)


def test_the_diff_of_a_failed_trial_is_kept(evaluate: Evaluate) -> None:
    """A trial that fails has the diff in its metadata, and in a file where `keep` says."""
    session = {"kind": "workspace", "config": {"keep": "diffs"}}
    config = asked("hi", providers=[{"id": "file://agent.py", "sessions": ["it"]}], sessions={"it": session})
    config["tests"][0]["assert"] = [{"type": "equals", "value": "ho"}]
    code = "def call_api(prompt, options, context):\n"
    code += "    open(context['sessions']['it'] / 'said.txt', 'w').write(prompt)\n    return {'output': prompt}\n"
    run = evaluate(config, {"agent.py": code})

    evidence = run.rows[0]["metadata"]["evidence"]["it"]
    assert "+++ b/said.txt\n@@ -0,0 +1 @@\n+hi\n" in evidence["diff"]
    (kept,) = (run.folder / "diffs").rglob("trial-1.diff")
    assert str(kept) == evidence["file"]
    assert kept.read_text() == evidence["diff"]


def test_a_pipe_blocks_nothing(workspace: Workspace) -> None:
    """What an agent leaves that is no file is named in the diff, is not copied, and goes with the folder."""
    os.mkfifo(workspace / "pipe")

    assert "+++ b/pipe\n@@ -0,0 +1 @@\n+pipe\n" in workspace.diff()
    child = workspace.fork("eval-1/2")
    assert not os.path.lexists(child / "pipe")
    for each in (child, workspace):
        each.close()
        assert not os.path.exists(each.path)


def test_each_session_has_evidence_of_its_own(workspace: Workspace, tmp_path: Path) -> None:
    """Two sessions of one trial overwrite nothing of each other's."""
    other = Workspace()
    other.open({"from": "fixtures", "keep": "kept"}, "eval-1/other-1", str(tmp_path))
    workspace._keep = other._keep

    assert other.evidence("trial-1")["file"] != workspace.evidence("trial-1")["file"]
