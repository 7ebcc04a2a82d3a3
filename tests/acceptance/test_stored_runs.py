"""Runs that are stored: shown, written out, read in, compared, forgotten, and gone on with."""

from __future__ import annotations

import html
import json
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.stored import FILES, SUITE, Ask, read_document
from tests.acceptance.suites import Evaluate


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
    written = read_document(ended.folder / "out.json")

    assert ask("export", "-o", "again.json", "page.html")[0] == 0
    assert read_document(ended.folder / "again.json") == written
    assert ask("delete", "latest") == (0, f"deleted: {written['evalId']}\n")
    assert ask("list") == (0, "no run is stored yet: `sojourn eval` stores each that it makes\n")
    assert ask("import", "again.json") == (0, f"stored: {written['evalId']} (10 results)\n")
    assert ask("export", "-o", "third.json")[0] == 0
    assert read_document(ended.folder / "third.json") == written
    code, shown = ask("import", "again.json")
    assert code == 1
    assert shown.endswith(f"is stored already (`sojourn delete {written['evalId']}` first)\n")


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


def test_runs_that_are_read_in_are_of_the_folder_of_their_file(evaluate: Evaluate, ask: Ask, tmp_path: Path) -> None:
    """However that folder is written, one run is compared with the one before it."""
    (tmp_path / "suite" / "in").mkdir(parents=True)
    for name in ("a.json", "b.json"):
        assert evaluate(SUITE, FILES, "-o", name).code == 0
    for head in ask("list")[1].split("\n")[:-1]:
        assert ask("delete", head.split()[0])[0] == 0
    assert ask("import", "a.json")[0] == 0
    assert ask("import", "../b.json", where="suite/in")[0] == 0
    code, shown = ask("diff")
    assert (code, shown.splitlines()[-1]) == (0, "3 same")


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
