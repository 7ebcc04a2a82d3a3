"""`session`: what stands in a live session after the turn. `conversation`: what was said in all turns."""

from pathlib import Path

import pytest

from tests.acceptance.boxes import Play, player


@pytest.fixture
def play(tmp_path: Path) -> Play:
    (tmp_path / "shop.py").write_text(SHOP, encoding="utf-8")
    (tmp_path / "shop.js").write_text(SHOP_JS, encoding="utf-8")
    return player(tmp_path)


SHOP = """
def call_api(prompt, options, context):
    db = context["sessions"]["db"]
    db.execute("INSERT INTO orders VALUES (?)", (prompt,))
    context["sessions"]["basket"].append(prompt)
    return {"output": f"ordered {prompt}"}
def basket(): yield []
def grade(prompt, options, context):
    rows = context["sessions"]["db"].execute("SELECT what FROM orders").fetchall()
    shelf = context["sessions"]["shelf"]["id"]
    return {"output": {"pass": rows == [("lamp",)], "score": 1, "reason": f"{rows}, {shelf}"}}
"""
SHOP_JS = """
exports.shelf = { open: () => ({ id: 'shelf', items: [3, 4] }) };
"""

SUITE = """
prompts: ['{{q}}']
providers: [{id: 'file://shop.py', sessions: [db, basket, shelf]}]
sessions:
  db: {kind: sqlite, config: {script: 'CREATE TABLE orders (what TEXT)'}, scope: conversation}
  basket: {kind: 'file://shop.py:basket', scope: conversation}
  shelf: {kind: 'file://shop.js:shelf', capacity: 9}
tests:
  - vars: {q: lamp}
    assert:
"""


def judged(play: Play, *claims: str) -> list[tuple[bool, str]]:
    """Run a suite with these assertions, and return what came of each."""
    run = play(SUITE + "".join(f"      - {claim}\n" for claim in claims))
    (row,) = run.rows
    return [(each["pass"], each["reason"]) for each in row["gradingResult"]["componentResults"]]


def test_a_session_is_looked_at_after_the_turn(play: Play) -> None:
    """By a query where its kind has them, else by an expression of its language; equal to something, or anything."""
    found = judged(
        play,
        "{type: session, session: db, value: \"SELECT what FROM orders WHERE what = '{{q}}'\", equals: '{{q}}'}",
        "{type: session, session: db, value: SELECT count(*) FROM orders, equals: 2}",
        "{type: session, session: db, value: \"SELECT * FROM orders WHERE what = 'rug'\"}",
        "{type: not-session, session: db, value: \"SELECT * FROM orders WHERE what = 'rug'\"}",
        "{type: session, session: basket, value: 'len(basket) == 1'}",
        "{type: session, session: basket, value: basket, equals: [lamp]}",
        "{type: session, session: shelf, value: 'shelf.items.length', equals: 2}",
    )
    assert [passed for passed, _ in found] == [True, False, False, True, True, True, True]
    assert found[0][1] == "db: SELECT what FROM orders WHERE what = 'lamp' finds \"lamp\""
    assert found[1][1] == "db: SELECT count(*) FROM orders finds 1, not 2"
    assert found[2][1].endswith("finds []")


def test_a_grader_finds_the_sessions_of_the_test(play: Play) -> None:
    """The live ones of its language and the handles of others, as providers do."""
    ((passed, reason),) = judged(play, "{type: llm-rubric, value: ordered, provider: 'file://shop.py:grade'}")
    assert (passed, reason) == (True, "[('lamp',)], shelf")


@pytest.mark.parametrize("provider", ["{id: echo, sessions: [place]}", "placed"])
def test_a_provider_of_a_test_brings_its_sessions(play: Play, provider: str) -> None:
    """A test that has a provider for itself uses that provider's sessions, by entry and by name."""
    run = play(f"""
prompts: [hi]
providers: [echo, {{id: echo, label: placed, sessions: [place]}}]
sessions: {{place: {{kind: sqlite}}}}
tests: [{{provider: {provider}, assert: [{{type: session, value: SELECT 1, equals: 1}}]}}]
""")
    assert [row["outcome"] for row in run.rows] == ["passed", "passed"]


@pytest.mark.parametrize(
    ("claim", "told"),
    [
        ("{type: session, value: x}", "which session is meant? This test has db, basket, shelf (say session: NAME)"),
        ("{type: session, session: db, value: SELECT nonsense}", "no such column: nonsense"),
        ("{type: session, session: basket, value: 1 / 0}", "1 / 0: ZeroDivisionError: division by zero"),
    ],
)
def test_what_cannot_be_looked_at_is_an_error(play: Play, claim: str, told: str) -> None:
    """It is neither a yes nor a no: the test is an error that says why, and the answer is kept."""
    (row,) = play(SUITE + f"      - {claim}\n").rows
    assert (row["outcome"], row["phase"]) == ("error", "judge")
    assert told in row["error"]
    assert row["response"]["output"] == "ordered lamp"


def test_a_session_assertion_without_a_value_is_refused(play: Play) -> None:
    """Before anything opens, with its place."""
    run = play(SUITE + "      - {type: session, session: db}\n")
    assert (run.code, run.rows) == (1, [])
    assert "promptfooconfig.yaml:11:9: session needs a value" in run.shown


TURNS = """
prompts: ['{{q}}']
providers: [{id: 'file://shop.py', sessions: [db, basket]}]
sessions:
  db: {kind: sqlite, config: {script: 'CREATE TABLE orders (what TEXT)'}, scope: conversation}
  basket: {kind: 'file://shop.py:basket', scope: conversation}
tests:
  - turns: [{vars: {q: lamp}}, {vars: {q: rug}}]
    assert:
      - type: conversation
        assert:
          - {type: contains-all, value: ['User: lamp', 'Assistant: ordered rug']}
          - {type: not-contains, value: chair}
          - {type: python, value: 'len(context["turns"]) == 2 and context["turns"][0]["vars"]["q"] == "lamp"'}
          - {type: session, session: db, value: SELECT count(*) FROM orders, equals: 2}
      - {type: equals, value: ordered rug}
  - turns: [{vars: {q: chair}}]
    assert: [{type: conversation, assert: [{type: contains, value: lamp}]}]
"""


@pytest.mark.parametrize("jobs", ["1", "8"])
def test_a_conversation_is_judged_as_a_whole(play: Play, jobs: str) -> None:
    """Its members see what was said in all turns of this conversation, and of no other."""
    run = play(TURNS, "-j", jobs)
    assert run.outcomes == ["passed", "passed", "failed"]
    parts = run.rows[1]["gradingResult"]["componentResults"]
    assert [part["pass"] for part in parts] == [True] * 6
    assert parts[0]["metadata"]["assertionSet"] == {"type": "conversation", "assertionCount": 4}


@pytest.mark.parametrize(
    ("claim", "told"),
    [
        ("{type: conversation}", "conversation needs a list of assertions under assert"),
        ("{type: not-conversation, assert: []}", "conversation cannot be turned round with not-"),
        (
            "{type: conversation, assert: [{type: assert-set, assert: []}]}",
            "conversation cannot hold another assert-set",
        ),
        ("{type: conversation, assert: [{type: equls, value: x}]}", "did you mean 'equals'?"),
        ("{type: conversatio, assert: []}", "did you mean 'conversation'?"),
    ],
)
def test_a_conversation_that_cannot_be_is_refused(play: Play, claim: str, told: str) -> None:
    """Before anything opens."""
    run = play(SUITE + f"      - {claim}\n")
    assert run.code == 1
    assert told in run.shown
