"""Runs that are stored: shown, written out, read in, compared, forgotten, and gone on with."""

from __future__ import annotations

import html
import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.suites import Evaluate

Ask = Callable[..., tuple[int, str]]

BOT = """
import os
def call_api(prompt, options, context):
    with open("calls", "a") as calls:
        calls.write(prompt + "\\n")
    if prompt in os.environ.get("BREAKS", ""):
        raise ValueError("it is down")
    print("asked", prompt)
    return {"output": prompt + os.environ.get("MORE", "")}
"""
SUITE: dict[str, Any] = {
    "description": "three words",
    "prompts": ["{{q}}"],
    "providers": ["file://bot.py"],
    "tests": [{"vars": {"q": word}, "assert": [{"type": "equals", "value": word}]} for word in ("one", "two", "six")],
}
FILES = {"bot.py": BOT}


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """Run another command in the suite's folder, with more of the environment; returns exit code and what it shows."""

    def asked(*arguments: str, where: str = "suite", **environ: str) -> tuple[int, str]:
        (tmp_path / where).mkdir(exist_ok=True)
        done = subprocess.run(
            [sys.executable, "-m", "sojourn", *arguments],
            cwd=tmp_path / where,
            env={**os.environ, "SOJOURN_HOME": str(tmp_path / "home"), **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout

    return asked


def test_combinations_of_vars_have_names_of_their_own(evaluate: Evaluate, ask: Ask) -> None:
    """What a test is multiplied to is told apart on the screen, in a stored run and in one that was read in."""
    test = {"vars": {"q": ["one", "two"], "r": "same"}, "assert": [{"type": "equals", "value": "one"}]}
    ended = evaluate({"prompts": ["{{q}}"], "providers": ["echo"], "tests": [test]}, {})
    assert "PASS  test 1 (q=one)" in ended.shown
    assert "FAIL  test 1 (q=two)" in ended.shown
    assert ask("delete", "latest")[0] == 0
    assert ask("import", "out.json")[0] == 0
    assert "FAIL  test 1 (q=two)" in ask("show", "latest")[1]


def test_what_is_exported_is_what_was_written(evaluate: Evaluate, ask: Ask) -> None:
    """A stored run is written out as `eval -o` wrote it, but for when; and read in again once it was forgotten."""
    turns = [{"vars": {"q": word}, "assert": [{"type": "contains", "value": "x"}]} for word in ("six", "one")]
    suite = {**SUITE, "tests": [*SUITE["tests"], {"turns": turns}], "derivedMetrics": [{"name": "d", "value": "1+1"}]}
    ended = evaluate(suite, FILES, "--repeat", "2", BREAKS="two")
    assert sorted(set(ended.outcomes)) == ["error", "failed", "passed"]
    written = _document(ended.folder / "out.json")

    assert ask("export", "-o", "again.json", "page.html")[0] == 0
    assert _document(ended.folder / "again.json") == written
    assert ask("delete", "latest") == (0, f"deleted: {written['evalId']}\n")
    assert ask("list") == (0, "no run is stored yet: `sojourn eval` stores each that it makes\n")
    assert ask("import", "again.json") == (0, f"stored: {written['evalId']} (10 results)\n")
    assert ask("export", "-o", "third.json")[0] == 0
    assert _document(ended.folder / "third.json") == written
    code, shown = ask("import", "again.json")
    assert code == 1
    assert shown.endswith(f"is stored already (`sojourn delete {written['evalId']}` first)\n")


def _document(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    document["metadata"].pop("exportedAt")
    for column in document["results"]["prompts"]:
        column["metrics"].pop("totalLatencyMs")  # rows are rounded
    document["results"]["results"].sort(key=lambda row: (row["testIdx"], row["promptIdx"]))
    return document


def test_a_stored_run_is_shown(evaluate: Evaluate, ask: Ask) -> None:
    """`list` has a line for each run, `show` its tests, `--no-write` leaves nothing."""
    ended = evaluate(SUITE, FILES, BREAKS="two")
    assert "passed" in ended.outcomes
    code, shown = ask("list")
    assert code == 0
    assert "done" in shown
    assert "2 passed, 0 failed, 1 error " in shown
    assert shown.endswith("three words\n")
    code, shown = ask("show")
    assert code == 0
    assert "PASS  test 1" in shown
    assert "it is down" in shown
    assert "asked one" in shown
    ask("eval", "--no-write")
    assert ask("list")[1].count("\n") == 1


def test_what_changed_is_told(evaluate: Evaluate, ask: Ask) -> None:
    """Two runs are compared by test, whatever its place; who made something worse hears it by the exit code."""
    evaluate(SUITE, FILES)
    assert ask("eval", "--no-table")[0] == 0
    code, shown = ask("diff")
    assert code == 0
    assert shown.endswith("\n3 same\n")
    turned = {**SUITE, "tests": [{"vars": {"q": "new"}}, *reversed(SUITE["tests"][1:])]}
    evaluate(turned, FILES, MORE="!", BREAKS="two")
    code, shown = ask("diff")
    assert code == 100
    assert shown.endswith("\n2 regression, 1 gone, 1 new\n")
    assert "- passed, score 1; answered: six\n  + failed, score 0: " in shown
    code, shown = ask("diff", "nothing", "latest")
    assert (code, shown) == (1, "error: no run 'nothing' is stored (`sojourn list` shows those that are)\n")


def test_a_run_is_compared_with_the_one_before_of_its_suite(evaluate: Evaluate, ask: Ask) -> None:
    """Without ids the newest run of the same tests is meant, not one of another suite made since; both are named."""
    ended = evaluate(SUITE, FILES)
    other = {**SUITE, "description": "other", "tests": [{"vars": {"q": "else"}}]}
    (ended.folder / "other.yaml").write_text(json.dumps(other), encoding="utf-8")
    assert ask("eval", "--no-table", "-c", "other.yaml")[0] == 0
    code, shown = ask("diff")
    assert code == 1
    assert "that has tests in common with it" in shown
    assert ask("eval", "--no-table")[0] == 0
    code, shown = ask("diff")
    assert code == 0, shown
    newest, _, oldest = (line.split()[0] for line in ask("list")[1].splitlines())
    assert shown.startswith(f"- {oldest} ")
    assert f"\n+ {newest} " in shown
    assert shown.endswith("\n3 same\n")
    assert ask("eval", "--no-table", "--shard", "1/2")[0] == 0
    assert ask("eval", "--no-table")[0] == 0
    assert ask("diff")[1].startswith(f"- {newest} ")


def test_repeats_that_count_as_one_regress_as_one(evaluate: Evaluate, ask: Ask) -> None:
    """One repeat that fails is told and nobody is alarmed, as long as enough pass; too few are one regression."""
    flaky = {"vars": {"q": "one"}, "description": "flaky", "options": {"repeat": 3, "minPasses": 2}}
    suite = {**SUITE, "tests": [{**flaky, "assert": [{"type": "javascript", "value": "context.vars.q === output"}]}]}
    bot = """
import os
def call_api(prompt, options, context):
    with open("calls", "a+") as calls:
        calls.seek(0)
        place = len(calls.read())
        calls.write(".")
    return {"output": prompt if os.environ.get("PATTERN", "yyy")[place] == "y" else "wrong"}
"""
    ended = evaluate(suite, {"bot.py": bot}, "-j", "1")
    assert ended.code == 0, ended.shown
    for pattern, wanted, told in (("yny", 0, "1 repeat, 1 score"), ("nny", 100, "1 regression, 2 repeat")):
        (ended.folder / "calls").unlink()
        ask("eval", "--no-table", "--no-cache", "-j", "1", PATTERN=pattern)
        code, shown = ask("diff", ask("list")[1].splitlines()[-1].split()[0], "latest")
        assert (code, shown.splitlines()[-1]) == (wanted, told), shown
    assert "REGRESSION       flaky\n  - passed, score 1: 3 of 3 passed, 2 wanted\n" in shown
    assert "REPEAT           flaky, repeat 1\n  - passed, score 1; answered: one\n  + failed, score 0: " in shown


def test_promptfoos_runs_are_stored_beside_ours(ask: Ask, tmp_path: Path) -> None:
    """A JSON file that promptfoo wrote is shown, compared and written out like a run of ours."""
    row = {
        "testIdx": 0,
        "promptIdx": 0,
        "success": False,
        "failureReason": 1,
        "score": 0,
        "provider": {"id": "echo", "label": ""},
        "prompt": {"raw": "hi", "label": "hi"},
        "vars": {"n": 1},
        "testCase": {"description": "greets", "vars": {"n": 1}},
        "response": {"output": "hi"},
        "gradingResult": {"pass": False, "score": 0, "reason": "no ho", "componentResults": [None]},
        "namedScores": {},
        "latencyMs": 5,
    }
    results = {"version": 3, "timestamp": "2026-01-01T00:00:00Z", "stats": {}, "results": [row]}
    prompt = {"raw": "hi", "label": "hi", "provider": "echo"}
    document = {"evalId": "eval-xyz", "results": {**results, "prompts": [prompt]}, "config": {}}
    (tmp_path / "theirs.json").write_text(json.dumps(document), encoding="utf-8")
    assert ask("import", "../theirs.json") == (0, "stored: eval-xyz (1 results)\n")
    code, shown = ask("show", "eval-x")
    assert code == 0
    assert "FAIL  greets  (5 ms)\n      no ho\n" in shown


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is no JSON"),
        ("[]", "this is no output of an evaluation"),
        ('{"results": {"results": [], "prompts": []}}', "this output has no evalId"),
        ('{"evalId": "e", "results": {"results": [{}], "prompts": []}}', "a row of this output cannot be read"),
    ],
)
def test_what_is_no_run_is_not_stored(ask: Ask, tmp_path: Path, text: str, said: str) -> None:
    """A file that is no output is refused, and nothing of it is stored."""
    (tmp_path / "odd.json").write_text(text, encoding="utf-8")
    code, shown = ask("import", "../odd.json")
    assert code == 1
    assert said in shown
    assert "no run is stored yet" in ask("list")[1]


def test_only_what_was_an_error_runs_again(evaluate: Evaluate, ask: Ask) -> None:
    """`--retry-errors` runs the lanes in which something broke, and writes one whole result."""
    ended = evaluate(SUITE, FILES, BREAKS="two")
    assert ended.outcomes == ["passed", "error", "passed"]
    (ended.folder / "calls").unlink()
    code, shown = ask("eval", "--retry-errors")
    assert code == 0, shown
    assert "3 passed, 0 failed, 0 errors" in shown
    assert ended.lines("calls") == ["two"]
    assert [row["outcome"] for row in _document(ended.folder / "out.json")["results"]["results"]] == ["passed"] * 3
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
    name = _document(ended.folder / "out.json")["evalId"]
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
    rows = _document(ended.folder / "out.json")["results"]["results"]
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


def test_times_of_both_parts_are_on_one_clock(evaluate: Evaluate, ask: Ask) -> None:
    """After a run has gone on, each trial stands where it ran: those of the first part before those of the second."""
    ended = evaluate(SUITE, FILES, "-j", "1", BREAKS="two")
    assert ask("eval", "--retry-errors")[0] == 0
    with sqlite3.connect(ended.folder.parent / "home" / "runs.sqlite") as store:
        found = store.execute("SELECT number, began, ended FROM trials ORDER BY began").fetchall()
    store.close()
    assert [number for number, _, _ in found] == [0, 2, 1]
    assert all(0 <= began <= ended_ < 60 for _, began, ended_ in found)


def test_half_characters_cost_nothing(evaluate: Evaluate, ask: Ask) -> None:
    """Names with half a character are written down marked; the run is what it would have been."""
    tests = [{"description": "half \ud800 a name", "vars": {"q": "one"}}]
    suite = {key: value for key, value in SUITE.items() if key != "tests"}
    ended = evaluate({**suite, "tests": "file://tests.json"}, {**FILES, "tests.json": json.dumps(tests)})
    assert "never retrieved" not in ended.shown
    assert ended.outcomes == ["passed"]
    assert "half ? a name" in ask("show")[1]


@pytest.mark.parametrize(
    "change",
    [
        {"evalId": "\x1b]0;x\x07"},
        {"evalId": "../../up"},
        {"promptIdx": 7},
        {"score": None},
        {"outcome": "fine"},
    ],
)
def test_what_cannot_be_shown_is_not_stored(evaluate: Evaluate, ask: Ask, change: dict[str, Any]) -> None:
    """Ids that are none, prompts that are not there, scores that are none: such a file is refused whole."""
    ended = evaluate(SUITE, FILES)
    document = json.loads((ended.folder / "out.json").read_text(encoding="utf-8"))
    (document if "evalId" in change else document["results"]["results"][0]).update(change)
    document.setdefault("evalId", "eval-other")
    (ended.folder / "odd.json").write_text(json.dumps(document), encoding="utf-8")
    ask("delete", "latest")
    assert ask("import", "odd.json")[0] == 1
    assert "no run is stored yet" in ask("list")[1]


def test_another_configuration_is_another_run(evaluate: Evaluate, ask: Ask) -> None:
    """`-c` names whose newest run is meant; a run of another configuration is never taken for it."""
    ended = evaluate(SUITE, FILES, BREAKS="two")
    (ended.folder / "other.yaml").write_text(json.dumps(SUITE), encoding="utf-8")
    code, shown = ask("eval", "-c", "other.yaml", "--retry-errors")
    assert code == 1
    assert shown == "error: no run of other.yaml was begun in this folder (`sojourn list` shows all)\n"
    code, shown = ask("eval", "-c", "other.yaml", "--resume", "latest")
    assert code == 1
    assert "was made of the configuration of its folder (leave -c out" in shown
    assert "2 passed, 0 failed, 1 error" in ask("list")[1]


STOPPING = """
class StopSuite(Exception):
    pass
def stop(hook, context):
    if hook == "afterEach":
        raise StopSuite("enough")
"""


def test_a_run_that_did_not_end_is_no_success(evaluate: Evaluate, ask: Ask) -> None:
    """What is written of a run that was killed or stopped says that tests were not run, in every format."""
    ended = evaluate({**SUITE, "extensions": ["file://hooks.py:stop"]}, {**FILES, "hooks.py": STOPPING}, "-j", "1")
    assert len(ended.rows) < 3
    assert ask("export", "-o", "a.md", "-o", "a.junit.xml")[0] == 0
    assert (ended.folder / "a.md").read_text(encoding="utf-8").lstrip().startswith("## ❌")
    assert "not run: " in (ended.folder / "a.junit.xml").read_text(encoding="utf-8")
    assert "Not run: " in ask("show")[1]


def test_repeats_count_as_one_in_the_store_too(evaluate: Evaluate, ask: Ask) -> None:
    """A test of which so many repeats must pass is exported as it was written, and its turns keep their numbers."""
    turns = [{"vars": {"q": word}, "assert": [{"type": "equals", "value": "one"}]} for word in ("one", "two")]
    suite = {**SUITE, "tests": [{"turns": turns, "options": {"repeat": 2, "minPasses": 1}}]}
    ended = evaluate(suite, FILES, "-o", "first.md", "first.junit.xml")
    assert ask("export", "-o", "second.md", "second.junit.xml")[0] == 0
    for name in ("md", "junit.xml"):
        first, second = (ended.folder / f"{part}.{name}" for part in ("first", "second"))
        assert second.read_text(encoding="utf-8") == first.read_text(encoding="utf-8")
    assert ", turn 2" in ask("show")[1]


def test_sessions_of_both_parts_are_drawn(evaluate: Evaluate, ask: Ask) -> None:
    """A run with sessions that has gone on is drawn whole: each part's sessions have lives of their own."""
    suite = {
        **SUITE,
        "providers": [{"id": "file://bot.py", "sessions": ["box"]}],
        "sessions": {"box": {"kind": "sqlite", "scope": "trial"}},
    }
    ended = evaluate(suite, FILES, BREAKS="two")
    code, shown = ask("eval", "--retry-errors", "-o", "after.html")
    assert code == 0, shown
    assert "going on with eval-" in shown
    assert ask("export", "-o", "page.html")[0] == 0
    for page in ("after.html", "page.html"):
        assert all(f"test {n}" in (ended.folder / page).read_text(encoding="utf-8") for n in (1, 2, 3))


KINDS = ("out.json", "out.jsonl", "out.csv", "out.yaml", "out.xml", "out.html", "out.txt", "out.md", "out.junit.xml")
OF_ITS_OWN = re.compile(
    r"eval-[0-9a-f]+-[0-9T:.-]+|\d{4}-\d\d-\d\d[T ][\d:.]+Z?|(?<=atencyMs\W\W)[\d.e-]+|(?<=urationMs\W\W)[\d.e-]+"
    r"|(?<=atencyMs>)[\d.e-]+|(?<=urationMs>)[\d.e-]+|(?<=time=\")[\d.]+|[\d.,]+(?= m?s\b)|<svg(?s:.*?)</svg>"
)


def test_outputs_are_the_same_with_and_without_a_store(evaluate: Evaluate) -> None:
    """A run that is recorded lets go of its results and reads them back: not a letter of any output tells of it."""
    bad = {"vars": {"q": "two"}, "assert": [{"type": "equals", "value": "2", "metric": "exact", "weight": 2}]}
    often = {"vars": {"q": "six"}, "options": {"repeat": 3, "minPasses": 2}, "description": "<b>six</b>"}
    suite = {
        **SUITE,
        "prompts": ["{{q}}", "say {{q}}"],
        "tests": [*SUITE["tests"], bad, often, {"vars": {"q": "bad", "more": [1, 2]}}],
        "derivedMetrics": [{"name": "twice", "value": "exact * 2"}],
    }
    arguments = [word for name in KINDS for word in ("-o", name)]
    told = []
    for more in ([], ["--no-write"]):
        ended = evaluate(suite, FILES, "-j", "1", *arguments, *more, BREAKS="bad say bad")
        assert ended.code == 100, ended.shown
        texts = {name: (ended.folder / name).read_text(encoding="utf-8") for name in KINDS}
        told.append(
            {name: OF_ITS_OWN.sub("_", html.unescape(text)) for name, text in {**texts, "shown": ended.shown}.items()}
        )
    for name in told[0]:
        assert told[0][name].splitlines() == told[1][name].splitlines(), name
    assert "<b>six</b>" in told[0]["out.json"]
