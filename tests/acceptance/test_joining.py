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


def test_what_was_edited_is_refused_by_the_name_of_its_file(cut: Path) -> None:
    """A row without its number, a shard or metrics that are none: the file is named, and nothing breaks."""
    rows = json.loads((cut / "3.json").read_text(encoding="utf-8"))["results"]["results"]
    nameless = [{name: value for name, value in row.items() if name != "id"} for row in rows]
    for changes, said in (
        ({"rows": nameless}, "a row of edited.json has no id that ends in its number ("),
        ({"sojourn": {"shard": "x"}}, "edited.json says that it is shard 'x' ("),
        ({"sojourn": {"shard": [0, 3]}}, "edited.json says that it is shard [0, 3] ("),
        ({"sojourn": "oops"}, "edited.json is no shard ("),
    ):
        edited = changed(cut, "edited.json", **changes)
        code, shown = sojourn(cut, "join", "1.json", "2.json", edited)
        assert (code, shown[:7]) == (1, "error: ")
        assert said in shown
    for config in ({"derivedMetrics": "oops"}, {"derivedMetrics": [1]}, ["oops"]):
        edited = changed(cut, "edited.json", config=config, sojourn={"shard": [1, 1]})
        code, shown = sojourn(cut, "join", edited)
        assert code == 1
        assert "error: edited.json has a config or derivedMetrics that are none (" in shown


def test_no_code_that_a_file_names_is_run(cut: Path) -> None:
    """Metrics from files, and those that name them, are left out with a warning; arithmetic is worked out."""
    (cut / "evil.py").write_text("open('ran', 'w').close()\n\n\ndef get(*_):\n    return 1\n", encoding="utf-8")
    metrics = [
        {"name": "own", "value": f"file://{cut / 'evil.py'}:get"},
        {"name": "more", "value": "own + 1"},
        {"name": "double", "value": "2 * exact"},
    ]
    files = []
    for number in "123":
        told = json.loads((cut / f"{number}.json").read_text(encoding="utf-8"))
        told["config"]["derivedMetrics"] = metrics
        files.append(f"named{number}.json")
        (cut / files[-1]).write_text(json.dumps(told), encoding="utf-8")
    environ = {**os.environ, "SOJOURN_HOME": str(cut / "elsewhere")}
    command = [sys.executable, "-m", "sojourn", "join", *files, "-o", "named.json"]
    done = subprocess.run(command, cwd=cut, env=environ, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 100, done.stderr
    assert "warning: derivedMetrics from files are left out: own, more (join runs no code; " in done.stderr
    assert not (cut / "ran").exists()
    for column in json.loads((cut / "named.json").read_text(encoding="utf-8"))["results"]["prompts"]:
        scores = column["metrics"]["namedScores"]
        assert scores["double"] == 2 * scores["exact"]
        assert not {"own", "more"} & scores.keys()
