"""`--keep-sessions on-fail`: what a test that did not pass had stays open for somebody to look at."""

import os
import pty
import signal
import subprocess
from pathlib import Path

from tests.acceptance.boxes import begin, player

SUITE = """
prompts: ['{{q}}']
providers: [{id: 'file://s.py', sessions: [box]}]
sessions: {box: {kind: 'file://s.py:Box', scope: trial}}
tests: [{vars: {q: a}}, {vars: {q: fail}}, {vars: {q: b}}]
"""


def prepare(folder: Path) -> None:
    player(folder)
    (folder / "promptfooconfig.yaml").write_text(SUITE, encoding="utf-8")


def test_enter_closes_what_is_kept(tmp_path: Path) -> None:
    """On a terminal the failed test's session is named with its handle and stays until Enter; others are closed."""
    prepare(tmp_path)
    ours, theirs = pty.openpty()
    run = begin(tmp_path, "eval", "-j", "1", "--no-progress-bar", "--keep-sessions", "on-fail", stdin=theirs)
    assert run.stdout is not None
    shown = ""
    while "press Enter to close them" not in shown:
        shown += run.stdout.readline()
        assert run.poll() is None
    story = (tmp_path / "story").read_text().splitlines()
    assert 'kept open for test 2 (trial 2): box (trial 2): {"id": "box-2"}' in shown
    assert "close box-2" not in story
    assert {"close box-1", "close box-3"} <= set(story)
    os.write(ours, b"\n")
    run.communicate(timeout=60)
    assert (tmp_path / "story").read_text().splitlines()[-1] == "close box-2"
    assert run.returncode == 100
    os.close(ours)
    os.close(theirs)


def test_a_signal_closes_what_is_kept(tmp_path: Path) -> None:
    """Whoever does not want to look any longer stops the run, and what had finished is written."""
    prepare(tmp_path)
    run = begin(tmp_path, "eval", "-j", "1", "--keep-sessions", "on-fail", "-o", "out.json", stdin=subprocess.PIPE)
    assert run.stdout is not None
    while "press Enter to close them" not in run.stdout.readline():
        assert run.poll() is None
    assert "close box-2" not in (tmp_path / "story").read_text()
    run.send_signal(signal.SIGTERM)
    run.communicate(timeout=60)
    assert (tmp_path / "story").read_text().splitlines()[-1] == "close box-2"
    assert (run.returncode, (tmp_path / "out.json").exists()) == (143, True)


def test_where_nobody_can_press_enter_nobody_is_waited_for(tmp_path: Path) -> None:
    """In a job without input the run ends by itself."""
    prepare(tmp_path)
    run = begin(tmp_path, "eval", "-j", "1", "--keep-sessions", "on-fail", stdin=subprocess.DEVNULL)
    run.communicate(timeout=60)
    assert (tmp_path / "story").read_text().splitlines()[-1] == "close box-2"
    assert run.returncode == 100


def test_nothing_is_kept_where_all_passes(tmp_path: Path) -> None:
    """The run ends by itself."""
    run = player(tmp_path)(SUITE.replace("fail", "c"), "--keep-sessions", "on-fail")
    assert (run.code, run.count("close")) == (0, 3)
