"""What happens when something of the `sessions:` block breaks or cannot be, through the real command line."""

from pathlib import Path

import pytest

from tests.acceptance.boxes import BOT, Play, asked, player


@pytest.fixture
def play(tmp_path: Path) -> Play:
    return player(tmp_path)


DEPENDENT = """
prompts: ['{{{{q}}}}']
providers: [file://s.py]
sessions: {{box: {{kind: 'file://{kind}', open_timeout: 300ms}}}}
tests:
  - {{vars: {{q: needs it}}, sessions: [box]}}
  - {{vars: {{q: does not}}}}
  - {{vars: {{q: needs it too}}, sessions: [box]}}
  - {{vars: {{q: neither}}}}
"""


@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        ("s.py:raises", "session 'box': open: ConnectionError: the server is down"),
        ("s.js:raises", "session 'box': open: Error: the server is down"),
        ("s.py:hangs", "session 'box': it was not open after 0.3 s"),
        ("s.py:blocks", "session 'box': it was not open after 0.3 s"),
        ("s.js:hangs", "session 'box': it was not open after 0.3 s"),
    ],
)
@pytest.mark.parametrize("jobs", ["1", "4"])
def test_a_set_up_that_fails_costs_what_depends_on_it(play: Play, kind: str, cause: str, jobs: str) -> None:
    """It is tried once; who needs it is an error with that cause and never asked; the others run."""
    run = play(DEPENDENT.format(kind=kind), "-j", jobs)

    assert run.outcomes == ["error", "passed", "error", "passed"]
    for row in run.rows[::2]:
        assert row["phase"] == "open"
        assert row["error"].startswith(cause)
    assert sorted(run.story) == ["call does not", "call neither", "opening"]
    assert run.code == 1


def test_a_parent_that_fails_is_the_cause_for_all_beneath(play: Play) -> None:
    """Children of what could not be opened are not tried, and their users hear of the first cause."""
    run = play("""
prompts: ['{{q}}']
providers: [{id: 'file://s.py', sessions: [child]}]
sessions:
  box: {kind: 'file://s.py:raises'}
  child: {kind: 'file://s.py:child', parent: box, scope: trial}
tests: [{vars: {q: '1'}}, {vars: {q: '2'}}]
""")
    assert run.outcomes == ["error", "error"]
    assert all("session 'box': open: ConnectionError: the server is down" in row["error"] for row in run.rows)
    assert run.story == ["opening"]


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("s.py:close_raises", "ConnectionError: the server is down"),
        ("s.js:close_raises", "Error: the server is down"),
        ("s.py:close_hangs", "closing took more than 0.3 s"),
        ("s.js:close_hangs", "closing took more than 0.3 s"),
    ],
)
@pytest.mark.parametrize("scope", ["run", "trial"])
def test_a_close_that_fails_turns_no_verdict(play: Play, kind: str, why: str, scope: str) -> None:
    """The tests stay as they were judged, the other sessions are closed, the run is unclean and says of what."""
    run = play(f"""
prompts: ['{{{{q}}}}']
providers: [{{id: 'file://s.py', sessions: [box, stuck]}}]
sessions:
  box: {{kind: 'file://s.py:Box'}}
  stuck: {{kind: 'file://{kind}', scope: {scope}, close_timeout: 300ms}}
tests:
  - {{vars: {{q: good}}, assert: [{{type: contains, value: good}}]}}
  - {{vars: {{q: bad}}, assert: [{{type: contains, value: good}}]}}
""")
    assert run.outcomes == ["passed", "failed"]
    assert run.code == 1
    assert "stuck" in run.shown
    assert why in run.shown
    assert run.story[-1] == "close box-1"


def test_who_waits_too_long_is_told_who_holds_the_session(play: Play) -> None:
    """A lane waits for a pooled session as long as the pool says; then it is an error that names the holder."""
    run = play(
        """
prompts: ['{{q}}']
providers: [{id: 'file://s.py:meet', sessions: [box]}]
sessions: {box: {kind: 'file://s.py:Box', pool: {max: 1, timeout: 200ms}}}
evaluateOptions: {timeoutMs: 1000}
defaultTest: {vars: {together: 2}}
tests: [{description: first, vars: {q: '1'}}, {description: second, vars: {q: '2'}}]
"""
    )
    assert run.rows[0]["error"] == "timed out after 1000 ms"
    assert "session 'box': none was free within 0.2 s (at most 1); held by first (trial 1) for" in run.rows[1]["error"]


# --- refusing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sessions", "told"),
    [
        (
            "box: {kind: 'file://s.py:Box', parent: bix}",
            ":4:42: there is no session 'bix' under sessions (did you mean 'box'?)",
        ),
        ("bux: {kind: 'file://s.py:Box'}", ":2:44: there is no session 'box' under sessions (did you mean 'bux'?)"),
        (
            "box: {kind: 'file://s.py:Box', parent: b}\n  b: {kind: 'file://s.py:Box', parent: box}",
            ":4:42: session 'box' is its own ancestor: box > b > box",
        ),
        (
            "box: {kind: 'file://s.py:value', isolation: reset}",
            ":4:47: session 'box' asks for isolation 'reset', and file://",
        ),
        ("box: {kind: 'file://s.py:value', isolation: rollback}", "value cannot begin"),
        ("box: {kind: 'file://s.py:value', isolation: fork}", "value cannot fork"),
        ("box: {kind: 'file://s.py:value', pool: {check: true}}", "asks for a check"),
        ("box: {kind: 'file://s.py:Bax'}", "has no function 'Bax'"),
        ("box: {kind: 'file://t.py:Box'}", ":4:15: no such file: file://t.py:Box"),
        ("box: {kind: postgress}", ":4:"),
        ("box: {}", "a session needs a kind"),
        (
            "box: {kind: 'file://s.py:Box', scope: tests}",
            "scope must be one of run, provider, conversation, test, trial",
        ),
        (
            "box: {kind: 'file://s.py:Box', isolation: none}",
            "isolation must be one of shared, fresh, reset, rollback, fork",
        ),
        ("box: {kind: 'file://s.py:Box', pool: {min: 3, max: 2}}", "min 3 is more than max 2"),
        (
            "box: {kind: 'file://s.py:Box', open_timeout: soon}",
            "open_timeout must be a duration such as 500ms, 30s or 10m",
        ),
        (
            "box: {kind: 'file://s.py:Box', isolaton: fork}",
            "there is no key 'isolaton' here (did you mean 'isolation'?)",
        ),
        ("box: {kind: 'file://s.py:Box', scoop: run}", ":4:34: there is no key 'scoop' here (did you mean 'scope'?)"),
        ("box: {kind: 'file://s.py:Box', capacity: lots}", ":4:44: capacity must be a whole number of 1 or more"),
        ("box: {kind: 'file://s.py:Box', pool: {max: many}}", ":4:46: max must be a whole number of 1 or more"),
        ("box: {kind: 'file://s.py:Box', parent: 3}", ":4:42: parent must be a text or a list"),
        ("box: {kind: 'file://s.py:Box', colour: red}", "there is no key 'colour' here (there are capacity, close_"),
        (
            "pool: {kind: 'file://s.py:Box', pool: {max: 2}}\n  box: {kind: 'file://s.py:child', parent: pool}",
            "session 'box' (scope run) would outlive what it is lent of 'pool'",
        ),
    ],
)
def test_what_cannot_be_is_refused_before_anything_opens(play: Play, sessions: str, told: str) -> None:
    """Every mistake is named, with its place where the file shows it, by eval and by validate; nothing is opened."""
    suite = f"{BOT}sessions:\n  {sessions}\n{asked('1')}extensions: [file://s.py:hook]\n"
    run = play(suite)

    assert told in run.shown
    assert run.shown.startswith("error: ")
    assert (run.code, run.rows, run.story) == (1, [], [])
    assert told in play(suite, verb="validate").shown


def test_validate_names_what_is_wrong_with_sessions_providers_and_hooks_at_once(play: Play) -> None:
    """A circle of sessions, what a kind cannot do and a hook that is not there do not hide each other."""
    circle = "box: {kind: 'file://s.py:Box', parent: b}\n  b: {kind: 'file://s.py:Box', parent: box}"
    lacking = "c: {kind: 'file://s.py:value', isolation: fork}"
    suite = f"{BOT}sessions:\n  {circle}\n  {lacking}\n{asked('1')}extensions: [file://s.py:nowhere]\n"
    shown = play(suite, verb="validate").shown

    assert ":4:42: session 'box' is its own ancestor" in shown
    assert ":6:45: session 'c' asks for isolation 'fork', and file://" in shown
    assert "the extension file://s.py:nowhere cannot be loaded" in shown


MISSPELT = """
prompts: ['{{sessions.bux.id}} {{q}}']
providers: [{id: 'file://s.py', sessions: [box], config: {body: {x: '{{sessions.byx.id}}'}}}]
sessions: {box: {kind: 'file://s.py:Box'}}
tests:
  - {vars: {q: 1}, assert: [{type: session, session: bax, value: x}]}
  - turns: [{vars: {q: 2}, assert: [{type: conversation, assert: [{type: session, session: bix, value: y}]}]}]
"""


def test_a_session_that_is_misspelt_anywhere_is_named(play: Play) -> None:
    """In prompts, in providers and in assertions, also of turns and sets: before anything is asked, with its place."""
    run = play(MISSPELT)
    assert (run.code, run.story) == (1, [])
    for place, name in ((":2:11", "bux"), (":3:69", "byx"), (":6:54", "bax"), (":7:92", "bix")):
        assert (
            f"promptfooconfig.yaml{place}: there is no session {name!r} under sessions (did you mean 'box'?)"
            in run.shown
        )


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ("{boks: 2}", "knows no key 'boks' (did you mean 'books'?)"),
        ("{books: many}", "books must be a whole number"),
        ("{floor: 1}", "needs books"),
        ("{books: 2, floor: 1}", ""),
        ("{books: 2, lamp: {wat: 40}}", "Shelf' knows no key 'wat' (did you mean 'watt'?)"),
        ("{books: 2, lamp: {watt: bright}}", "watt must be a whole number"),
        ("{books: 2, lamp: {watt: 40}}", ""),
        ("{books: 2, lamp: daylight}", ""),
    ],
)
def test_a_class_of_the_users_own_says_what_it_knows(play: Play, tmp_path: Path, config: str, told: str) -> None:
    """Its `keys` and `needs` count before anything opens, as those of built-in kinds do."""
    code = "class Shelf:\n    keys = {'books': int, 'floor': (int, str), 'lamp': (str, {'watt': int})}\n"
    code += "    needs = ('books',)\n"
    (tmp_path / "shelf.py").write_text(code, encoding="utf-8")
    suite = "providers: [{id: echo, sessions: [shelf]}]\nprompts: [x]\n"
    suite += "sessions: {shelf: {kind: 'file://shelf.py:Shelf', config: "
    for verb in ("validate", "eval"):
        run = play(f"{suite}{config}}}}}\n", verb=verb)
        assert (run.code, told in run.shown) == (1 if told else 0, True), run.shown
