"""What a CI job has of a run: its exit code, its files, its summary."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.acceptance.suites import Evaluate, asked

FLAKY = """
import pathlib
def call_api(prompt, options, context):
    seen = pathlib.Path(__file__).with_name("seen")
    count = len(seen.read_text()) if seen.exists() else 0
    seen.write_text("x" * (count + 1))
    return {"output": "no" if count in (1, 3) else "yes"}
"""
YES = {"assert": [{"type": "equals", "value": "yes"}]}


@pytest.mark.parametrize(
    ("arguments", "environ", "code"),
    [
        ((), {}, 100),
        (("--fail-under", "50"), {}, 0),
        (("--fail-under", "50.5"), {}, 100),
        (("--fail-under", "50"), {"PROMPTFOO_PASS_RATE_THRESHOLD": "90"}, 0),
        (("--fail-under", "90"), {"PROMPTFOO_PASS_RATE_THRESHOLD": "50"}, 100),
        (("--fail-under", "90"), {"PROMPTFOO_FAILED_TEST_EXIT_CODE": "7"}, 7),
    ],
)
def test_fail_under_goes_before_the_environment(
    evaluate: Evaluate, arguments: tuple[str, ...], environ: dict[str, str], code: int
) -> None:
    """One number decides: the command line's, or else the environment's, or else 100."""
    config = asked("yes", "no", providers=["echo"], defaultTest=YES)
    ended = evaluate(config, {}, *arguments, **environ)
    assert ended.code == code
    assert ("Pass rate: 50.0 %" in ended.shown) == bool(arguments)


@pytest.mark.parametrize("percent", ["101", "-1", "most", "nan"])
def test_what_is_no_percentage_is_wrong_usage(evaluate: Evaluate, percent: str) -> None:
    """Nothing is run, and the option is named."""
    ended = evaluate(asked("yes", providers=["echo"]), {}, f"--fail-under={percent}")
    assert ended.code == 2
    assert f"'{percent}' is not a number from 0 to 100" in ended.shown


@pytest.mark.parametrize(("wanted", "code", "failures"), [(3, 0, "0"), (4, 100, "1")])
def test_so_many_of_five_must_pass(evaluate: Evaluate, wanted: int, code: int, failures: str) -> None:
    """Repeats count as one for the exit code, and every output says how many passed and how many were wanted."""
    config = asked("refund", providers=["file://flaky.py"], defaultTest=YES)
    config["tests"][0]["options"] = {"repeat": 5, "minPasses": wanted}
    ended = evaluate(config, {"flaky.py": FLAKY}, "-j", "1", "-o", "out.junit.xml")

    told = f"3 of 5 passed, {wanted} wanted"
    assert ended.code == code, ended.shown
    assert told in ended.shown
    (group,) = json.loads((ended.folder / "out.json").read_text())["sojourn"]["repeats"]
    assert (group["test"], group["passed"], group["judged"], group["wanted"]) == ("refund", 3, 5, wanted)
    junit = ET.parse(ended.folder / "out.junit.xml").getroot()
    assert (junit.get("tests"), junit.get("failures")) == ("1", failures)
    assert told in ET.tostring(junit, encoding="unicode")


def test_minimal_passes_are_no_option_of_a_call(evaluate: Evaluate) -> None:
    """A provider is not told of them."""
    config = asked("x", providers=["file://tells.py"])
    config["tests"][0]["options"] = {"minPasses": 1, "temperature": 0.5}
    tells = "def call_api(prompt, options, context): return {'output': str(context['prompt'].get('config'))}"
    (output,) = evaluate(config, {"tells.py": tells}).outputs
    assert "temperature" in output
    assert "minPasses" not in output


def test_shards_are_the_whole_run(evaluate: Evaluate) -> None:
    """Each trial is run by one of three jobs; each says which part it was."""
    config = asked(*(f"q{number}" for number in range(7)), providers=["echo"])
    runs = [evaluate(config, {}, "--shard", f"{number}/3") for number in (1, 2, 3)]
    assert sorted(output for run in runs for output in run.outputs) == [f"q{number}" for number in range(7)]
    assert [run.code for run in runs] == [0, 0, 0]
    assert "Shard 2 of 3: 2 trials" in runs[1].shown


def test_a_shard_with_nothing_in_it_passes(evaluate: Evaluate) -> None:
    """There may be more jobs than lanes: the last ones have nothing to do, which is no mistake of the suite."""
    ended = evaluate(asked("x", providers=["echo"]), {}, "--shard", "2/2")
    assert (ended.code, ended.rows) == (0, [])
    assert "Shard 2 of 2: 0 trials" in ended.shown


@pytest.mark.parametrize("shard", ["0/3", "4/3", "2", "2/", "a/b", "-1/2"])
def test_a_shard_that_there_is_not_is_wrong_usage(evaluate: Evaluate, shard: str) -> None:
    """Nothing is run."""
    assert evaluate(asked("x", providers=["echo"]), {}, f"--shard={shard}").code == 2


def test_a_github_job_gets_a_summary(evaluate: Evaluate, tmp_path: Path) -> None:
    """Where GITHUB_STEP_SUMMARY names a file, the run is told there, behind what stands in it."""
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    config = asked("yes", "<b>no</b>", providers=["echo"], defaultTest=YES)
    ended = evaluate(config, {}, "-o", "report.md", GITHUB_STEP_SUMMARY=str(summary))

    told = summary.read_text()
    assert told.startswith("before\n")
    assert "1 passed, 1 failed" in told
    assert "<b>no" not in told
    assert "1 passed, 1 failed" in (ended.folder / "report.md").read_text()


def test_a_summary_that_cannot_be_written_changes_nothing(evaluate: Evaluate, tmp_path: Path) -> None:
    """It is warned of, and the run ends as it would."""
    ended = evaluate(asked("yes", providers=["echo"]), {}, GITHUB_STEP_SUMMARY=str(tmp_path))
    assert ended.code == 0
    assert "warning: the summary of the job cannot be written" in ended.shown


def test_results_are_written_as_columns(evaluate: Evaluate) -> None:
    """`-o results.parquet` writes a table that tools for columns read."""
    ended = evaluate(asked("yes", providers=["echo"]), {}, "-o", "results.parquet")
    assert ended.code == 0, ended.shown
    assert pq.read_table(ended.folder / "results.parquet").column("output").to_pylist() == ["yes"]
