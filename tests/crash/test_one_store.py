"""Many runs at once write into one store."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

RUNS, TESTS = 20, 30


def test_many_runs_at_once_lose_no_row(tmp_path: Path) -> None:
    """Twenty runs that begin together, on a store that is not there yet, all end well; each row of each is there."""
    tests = [{"vars": {"n": n}, "assert": [{"type": "contains", "value": str(n)}]} for n in range(TESTS)]
    suite = {"prompts": ["{{n}}"], "providers": ["echo"], "tests": tests}
    (tmp_path / "promptfooconfig.yaml").write_text(json.dumps(suite), encoding="utf-8")
    command = [sys.executable, "-m", "sojourn", "eval", "--no-table"]
    environ = {**os.environ, "SOJOURN_HOME": str(tmp_path / "home")}
    runs = [
        subprocess.Popen(
            command, cwd=tmp_path, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8"
        )
        for _ in range(RUNS)
    ]
    shown = [run.communicate(timeout=120)[0] for run in runs]
    assert [run.returncode for run in runs] == [0] * RUNS, shown
    assert "locked" not in "".join(shown)
    assert "warning" not in "".join(shown)
    with sqlite3.connect(tmp_path / "home" / "runs.sqlite") as store:
        counts = store.execute("SELECT count(DISTINCT number), count(*) FROM rows GROUP BY run").fetchall()
        states = store.execute("SELECT state, count(*) FROM runs GROUP BY state").fetchall()
        sound = store.execute("PRAGMA integrity_check").fetchall()
    store.close()
    assert counts == [(TESTS, TESTS)] * RUNS
    assert states == [("done", RUNS)]
    assert sound == [("ok",)]
