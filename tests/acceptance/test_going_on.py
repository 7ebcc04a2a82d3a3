"""Runs that are gone on with: what runs again, what stands, and what is refused."""

from __future__ import annotations

import json

import pytest

from tests.acceptance.stored import BOT, FILES, SUITE, Ask, read_document
from tests.acceptance.suites import Evaluate


def test_only_what_was_an_error_runs_again(evaluate: Evaluate, ask: Ask) -> None:
    """`--retry-errors` runs the lanes in which something broke, and writes one whole result."""
    ended = evaluate(SUITE, FILES, BREAKS="two")
    assert ended.outcomes == ["passed", "error", "passed"]
    (ended.folder / "calls").unlink()
    code, shown = ask("eval", "--retry-errors")
    assert code == 0, shown
    assert "3 passed, 0 failed, 0 errors" in shown
    assert ended.lines("calls") == ["two"]
    assert [row["outcome"] for row in read_document(ended.folder / "out.json")["results"]["results"]] == ["passed"] * 3
    code, shown = ask("eval", "--retry-errors")
    assert code == 1
    assert "has no errors" in shown


def test_what_did_not_pass_in_a_stored_run_is_chosen(evaluate: Evaluate, ask: Ask) -> None:
    """`--filter-failing` and the like take a run for a file that is not there; one that is neither is said to be so."""
    ended = evaluate({**SUITE, "tests": [*SUITE["tests"], {"turns": SUITE["tests"]}]}, FILES, BREAKS="two")
    (ended.folder / "calls").unlink()
    assert ask("eval", "--filter-errors-only", "latest")[0] == 0
    assert sorted(ended.lines("calls")) == ["one", "six", "two", "two"]
    code, shown = ask("eval", "--filter-failing", "eval-nothing")
    assert code == 1
    assert shown == (
        "error: eval-nothing is no file, and no run 'eval-nothing' is stored"
        " (name a JSON file that an earlier run wrote, or a run that `sojourn list` shows)\n"
    )


def test_a_test_that_was_changed_runs_again(evaluate: Evaluate, ask: Ask) -> None:
    """A test that is not what it was when it ran does not stand, and neither do answers of another prompt."""
    ended = evaluate(SUITE, FILES, BREAKS="two")
    changed = json.loads(json.dumps(SUITE))
    changed["tests"][0]["assert"][0]["value"] = "other"
    (ended.folder / "promptfooconfig.yaml").write_text(json.dumps(changed), encoding="utf-8")
    (ended.folder / "calls").unlink()
    code, shown = ask("eval", "--retry-errors")
    assert code == 100
    assert "2 passed, 1 failed, 0 errors" in shown
    assert sorted(ended.lines("calls")) == ["one", "two"]


def test_tests_that_may_share_stand_together_or_not_at_all(evaluate: Evaluate, ask: Ask) -> None:
    """Where hooks may have opened what all tests share, and nothing shows the contrary, all of them run again."""
    hooks = {**FILES, "hooks.py": "def around(hook, context):\n    pass\n"}
    ended = evaluate({**SUITE, "extensions": ["file://hooks.py:around"]}, hooks, BREAKS="two")
    (ended.folder / "calls").unlink()
    assert ask("eval", "--retry-errors")[0] == 0
    assert sorted(ended.lines("calls")) == ["one", "six", "two"]


def test_tests_that_were_told_apart_stand_alone(evaluate: Evaluate, ask: Ask) -> None:
    """Where each test reported a session of its own, only the one that broke runs again."""
    hooks = {"hooks.py": "def around(hook, context):\n    pass\n"}
    bot = BOT.replace('os.environ.get("MORE", "")}', 'os.environ.get("MORE", ""), "sessionId": prompt}')
    ended = evaluate({**SUITE, "extensions": ["file://hooks.py:around"]}, {**hooks, "bot.py": bot}, BREAKS="two")
    sessions = [row["metadata"].get("sessionId") for row in ended.rows]
    assert sessions == ["one", None, "six"]
    (ended.folder / "calls").unlink()
    assert ask("eval", "--retry-errors")[0] == 0
    assert ended.lines("calls") == ["two"]


def test_a_run_goes_on_where_it_was_begun(evaluate: Evaluate, ask: Ask) -> None:
    """Elsewhere it is said where that is; without a run that could go on, nothing is run."""
    ended = evaluate(SUITE, FILES, BREAKS="two")
    name = read_document(ended.folder / "out.json")["evalId"]
    code, shown = ask("eval", "--resume", name, where="other")
    assert code == 1
    assert shown == f"error: the run {name} was begun in {ended.folder} (go there to go on with it)\n"
    code, shown = ask("eval", "--resume", where="other")
    assert (code, shown) == (1, "error: no run was begun in this folder (`sojourn list` shows all)\n")
    code, shown = ask("eval", "--resume")
    assert code == 1
    assert "no run that was begun in this folder is unfinished" in shown


def test_what_a_run_was_asked_is_asked_again(evaluate: Evaluate, ask: Ask) -> None:
    """Flags of the first time hold, a secret among them has to be given again."""
    flags = ("--filter-pattern", "word [12]", "--var", "token=abc123")
    tests = [{**test, "description": f"word {n}"} for n, test in enumerate(SUITE["tests"], 1)]
    ended = evaluate({**SUITE, "tests": tests}, FILES, *flags, BREAKS="two")
    assert len(ended.rows) == 2
    code, shown = ask("eval", "--retry-errors")
    assert code == 1
    assert shown == "error: a secret of the run is not stored (give it again: --var token=...)\n"
    code, shown = ask("eval", "--retry-errors", "--var", "token=abc123")
    assert code == 0
    assert "2 passed, 0 failed" in shown


def test_a_run_without_a_place_for_its_record_goes_on(evaluate: Evaluate) -> None:
    """A store that cannot be written is warned of; the run is what it would have been."""
    ended = evaluate(SUITE, FILES, SOJOURN_HOME="/dev/null/here")
    assert ended.outcomes == ["passed"] * 3
    assert "warning: no record of this run is kept: the store of runs cannot be used" in ended.shown


EQUAL = {"type": "equals", "value": "{{q}}"}
COMPARED = {
    **SUITE,
    "prompts": ["{{q}}", "{{q}}!"],
    "tests": [{"vars": {"q": word}, "assert": [EQUAL, {"type": "max-score"}]} for word in ("one", "two")],
}


def test_what_is_compared_is_compared_afresh(evaluate: Evaluate, ask: Ask) -> None:
    """A comparison judges all of a test's answers together: none of an earlier part stands, and it is made once."""
    ended = evaluate(COMPARED, FILES, BREAKS="two")
    before = ended.outcomes
    (ended.folder / "calls").unlink()
    code, shown = ask("eval", "--retry-errors")
    assert code in (0, 100), shown
    assert sorted(ended.lines("calls")) == ["one", "one!", "two", "two!"]
    rows = read_document(ended.folder / "out.json")["results"]["results"]
    assert [row["outcome"] for row in rows[:2]] == before[:2]
    assert [len(row["gradingResult"]["componentResults"]) for row in rows] == [2] * 4


@pytest.mark.parametrize("flag", [("--filter-pattern", "x"), ("--repeat", "2"), ("--shard", "1/2"), ("-n", "1")])
def test_what_would_be_another_run_is_refused(evaluate: Evaluate, ask: Ask, flag: tuple[str, str]) -> None:
    """A run goes on with the tests that it had: flags that choose others are refused, and nothing is lost."""
    evaluate(SUITE, FILES, BREAKS="two")
    code, shown = ask("eval", "--retry-errors", *flag)
    assert code == 1
    assert "would make another run of it" in shown
    assert "2 passed, 0 failed, 1 error" in ask("list")[1]


def test_an_imported_run_does_not_go_on(evaluate: Evaluate, ask: Ask) -> None:
    """A run that was made elsewhere is shown and compared; it cannot be gone on with, and stays as it is."""
    evaluate(SUITE, FILES, BREAKS="two")
    ask("delete", "latest")
    ask("import", "out.json")
    name = ask("list")[1].split()[0]
    code, shown = ask("eval", "--resume", name)
    assert (code, shown) == (
        1,
        f"error: the run {name} was not made by `sojourn eval` here (only such runs can go on)\n",
    )
    assert "2 passed, 0 failed, 1 error" in ask("list")[1]
