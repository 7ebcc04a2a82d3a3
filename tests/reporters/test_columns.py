"""Runs as columns: data frames, Parquet, and the table that a notebook shows."""

import builtins
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sojourn
from sojourn.errors import UsageError
from sojourn.model.reply import Reply
from sojourn.model.result import Outcome, TrialResult
from sojourn.model.run_result import RunResult
from sojourn.reporters import parquet
from sojourn.reporters.shown import ShownRun
from tests.reporters.test_files import Page

Make = Callable[..., TrialResult]
Run = Callable[..., RunResult]


def table(result: RunResult) -> list[dict[str, Any]]:
    """Write a run as Parquet, and read it back."""
    out = io.BytesIO()
    parquet.report(result, out)
    rows: list[dict[str, Any]] = pq.read_table(io.BytesIO(out.getvalue())).to_pylist()
    return rows


def test_a_run_is_a_data_frame() -> None:
    """A row a trial, in file order, with a column for each var and each named score."""
    claim = {"type": "contains", "value": "a", "metric": "has an a"}
    tests = [{"vars": {"say": word, "count": 2}, "assert": [claim]} for word in ("banana", "lemon")]
    result = sojourn.run({"prompts": ["{{say}}"], "providers": ["echo"], "tests": tests})
    frame = result.to_frame()

    assert list(frame["outcome"]) == ["passed", "failed"]
    assert list(frame["vars.say"]) == ["banana", "lemon"]
    assert list(frame["vars.count"]) == [2, 2]
    assert frame["scores.has an a"].mean() == 0.5
    assert list(frame["output"]) == ["banana", "lemon"]
    assert (frame["ended"] > frame["started"]).all()
    assert (frame["started"] >= 0).all()


def test_without_pandas_it_is_said_what_to_install(run: Run, trial: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package is an extra, and the message names it."""
    real = builtins.__import__

    def lacking(name: str, *rest: Any, **more: Any) -> Any:
        if name == "pandas":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", lacking)
    with pytest.raises(UsageError, match=r"pip install 'sojourn\[pandas\]'"):
        ShownRun.of(run(trial())).to_frame()


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.text(st.characters(), min_size=1, max_size=8),
    value=st.none() | st.text(st.characters()) | st.integers() | st.floats() | st.lists(st.integers(), max_size=3),
)
def test_parquet_carries_whatever_is_answered(run: Run, trial: Make, name: str, value: Any) -> None:
    """Half characters, mixed types and odd names leave a file that can be read."""
    odd = trial(raw={"vars": {name: value}}, reply=Reply(output=value), reason=name, named_scores={name: 0.5})
    rows = table(run(odd, trial(1)))

    assert [row["trial"] for row in rows] == [0, 1]
    assert rows[1]["vars.x"] == "word 1"
    assert [value for key, value in rows[0].items() if key.startswith("scores.")] == [0.5]


def test_parquet_has_types(run: Run, trial: Make) -> None:
    """Scores and times are numbers, what is not there is null; a run without trials is a table without rows."""
    (row,) = table(run(trial(0, outcome=Outcome.SKIPPED, reply=None, score=0.0)))
    assert (row["score"], row["repeat"], row["latency_ms"]) == (0.0, 1, 12.5)
    assert row["output"] is None
    assert row["started"] is None
    assert table(run()) == []


def test_columns_tell_no_secret(run: Run, trial: Make) -> None:
    """A credential in vars is blanked, in data frames as in files."""
    result = run(trial(raw={"vars": {"api_key": "hush-hush"}}))
    assert [row["vars.api_key"] for row in table(result)] == ["[REDACTED]"]
    assert list(ShownRun.of(result).to_frame()["vars.api_key"]) == ["[REDACTED]"]


def test_a_missing_pyarrow_is_found_before_the_first_call(tmp_path: Path) -> None:
    """Nobody runs for an hour to learn that the result cannot be written."""
    (tmp_path / "promptfooconfig.yaml").write_text("prompts: [hi]\nproviders: ['exec: touch called; echo']\n")
    program = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "from sojourn.cli.app import run\n"
        "sys.exit(run(['eval', '-o', 'x.parquet']))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"SOJOURN_HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert ended.returncode == 1
    assert "pip install 'sojourn[parquet]'" in ended.stderr
    assert not (tmp_path / "called").exists()


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.sampled_from(["<script>alert(1)</script>", '"><img src=x onerror=a>', "</td></tr></table>"]))
def test_a_notebook_shows_answers_as_text(run: Run, trial: Make, words: str) -> None:
    """Nothing that a stranger wrote becomes markup in a notebook, where it would run."""
    bad = trial(raw={"description": words}, reply=Reply(output=words), outcome=Outcome.FAILED, reason=words)
    shown = ShownRun.of(run(bad, *(trial(index) for index in range(1, 60))))._repr_html_()
    tags = Page(shown).tags

    assert set(tags) == {"p", "b", "table", "thead", "tbody", "tr", "th", "td"}
    assert tags.count("tr") == 51
    assert "and 10 more" in shown
    assert shown.index("FAIL") < shown.index("PASS")


def test_a_run_is_told_in_a_line(trial: Callable[..., TrialResult], run: Callable[..., RunResult]) -> None:
    """Who prints a run sees which it is and what came of it, not all that is in it."""
    assert repr(ShownRun.of(run(trial(0)))) == "<run eval-1: 1 passed, 0 failed, 0 errors, 0 skipped>"
