"""Shards of a run are made one run again by `sojourn join`."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SUITE: dict[str, Any] = {
    "description": "cut",
    "prompts": ["{{q}}", "{{q}}!"],
    "providers": ["echo"],
    "derivedMetrics": [{"name": "double", "value": "2 * exact"}],
    "tests": [
        {
            "description": "flaky",
            "vars": {"q": "one"},
            "options": {"repeat": 3, "minPasses": 2},
            "assert": [{"type": "equals", "value": "one", "metric": "exact"}],
        },
        {"vars": {"q": "two"}, "assert": [{"type": "contains", "value": "tw", "metric": "exact"}]},
        {"description": "talk", "turns": [{"vars": {"q": "a"}}, {"vars": {"q": "b"}}]},
        {"vars": {"q": "six"}, "assert": [{"type": "equals", "value": "six!"}]},
    ],
}


def sojourn(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run a command in a folder; returns the exit code and standard output, without times, or else what went wrong."""
    environ = {**os.environ, "SOJOURN_HOME": str(folder / "home")}
    command = [sys.executable, "-m", "sojourn", *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environ, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", check=False
    )
    return done.returncode, re.sub(r"\d[\d.]* (m?s)\b", r"0 \1", done.stdout or done.stderr)


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a suite was run whole, and in three shards."""
    folder = tmp_path_factory.mktemp("cut")
    (folder / "promptfooconfig.yaml").write_text(json.dumps(SUITE), encoding="utf-8")
    for number in (1, 2, 3):
        assert sojourn(folder, "eval", "--shard", f"{number}/3", "-o", f"{number}.json")[0] in (0, 100)
    return folder


def content(path: Path) -> dict[str, Any]:
    """Return what a run wrote, without what two runs of the same suite differ in."""
    told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    name = told.pop("evalId")
    told.pop("metadata")
    for name_ in ("durationMs", "evaluationDurationMs"):
        told["results"]["stats"].pop(name_)
    told["results"].pop("timestamp")
    for column in told["results"]["prompts"]:
        column["metrics"].pop("totalLatencyMs")
    rows = told["results"]["results"]
    for row in rows:
        assert row.pop("id").startswith(f"{name}-")
        row.pop("latencyMs")
    rows.sort(key=lambda row: (row["testIdx"], row["promptIdx"]))
    return told


def test_shards_come_to_the_same_as_the_whole_run(cut: Path) -> None:
    """Table, summary, exit code and every output are those of a run that was not cut; the run is stored as one."""
    code, shown = sojourn(cut, "eval", "-o", "whole.json", "-o", "whole.junit.xml")
    joined, told = sojourn(cut, "join", "2.json", "3.json", "1.json", "-o", "joined.json", "-o", "page.html")
    assert (joined, told) == (code, shown) == (100, shown)
    assert content(cut / "joined.json") == content(cut / "whole.json")
    assert "<title>" in (cut / "page.html").read_text(encoding="utf-8")
    head, _, _ = sojourn(cut, "list")[1].partition("\n")
    assert "10 passed, 4 failed, 0 errors" in head
    assert sojourn(cut, "export", "-o", "again.json")[0] == 0
    assert content(cut / "again.json") == content(cut / "whole.json")
    code, told = sojourn(cut, "diff", head.split()[0], json.loads((cut / "whole.json").read_text())["evalId"])
    assert code == 0, told


def test_what_must_pass_is_asked_of_the_whole(cut: Path) -> None:
    """`--fail-under` is held against all shards together; joined again, they are stored once."""
    runs = sojourn(cut, "list")[1].count("\n")
    for percent, wanted in (("80", 0), ("81", 100)):
        code, shown = sojourn(cut, "join", "1.json", "2.json", "3.json", "--fail-under", percent, "--no-table")
        assert code == wanted
        assert f"Pass rate: 80.0 %, {percent} % wanted" in shown
    assert sojourn(cut, "list")[1].count("\n") <= runs + 1


def changed(folder: Path, name: str, **changes: Any) -> str:
    """Write a copy of the third shard with changes to its document; returns its name."""
    told = json.loads((folder / "3.json").read_text(encoding="utf-8"))
    told["results"]["results"] = changes.pop("rows", told["results"]["results"])
    (folder / name).write_text(json.dumps({**told, **changes}), encoding="utf-8")
    return name


def test_what_is_not_one_run_is_refused(cut: Path) -> None:
    """A shard that is missing, twice, of another suite or none at all is named; nothing is stored or written."""
    first = json.loads((cut / "1.json").read_text(encoding="utf-8"))
    other = changed(cut, "other.json", config={**SUITE, "description": "else"})
    both = changed(cut, "both.json", rows=first["results"]["results"])
    empty = changed(cut, "empty.json", rows=[])
    fourth = changed(cut, "fourth.json", sojourn={"shard": [3, 4]})
    plain = changed(cut, "plain.json", sojourn={})
    for files, said in (
        (("1.json", "3.json"), "error: of 3 shards 2 is missing (give the files of all)\n"),
        (("1.json", "2.json", "1.json"), "error: 1.json and 1.json are both shard 1 of 3 (give one of them)\n"),
        (("1.json", "2.json", other), "error: 1.json and other.json are not of the same suite ("),
        (("1.json", "2.json", both), "error: trial 1 is in 1.json and in both.json ("),
        (("1.json", "2.json", empty), " is in no shard (give shards of one suite that did not change between them)\n"),
        (("1.json", "2.json", fourth), "error: these are shards of 3 and of 4 (give those of one run)\n"),
        (
            ("1.json", "2.json", plain),
            "error: plain.json is no shard (give what `sojourn eval --shard K/N -o FILE.json`",
        ),
    ):
        runs = sojourn(cut, "list")
        code, shown = sojourn(cut, "join", *files, "-o", "none.json")
        assert code == 1
        assert said in shown
        assert sojourn(cut, "list") == runs
        assert not (cut / "none.json").exists()
