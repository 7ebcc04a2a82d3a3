import io
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from sojourn.drawing.plain import one_line, plain
from sojourn.model.plan import Lane, Plan
from sojourn.model.reply import Reply
from sojourn.model.result import Outcome, Phase, TrialResult, Trouble
from sojourn.model.run_result import Race, RunResult
from sojourn.model.suite import Claim
from sojourn.model.verdict import failing, passing
from sojourn.reporters import console

Make = Callable[..., TrialResult]
Run = Callable[..., RunResult]

EVIL = "[red]x[/red] \x1b[31mred\x1b[0m \x1b]0;title\x07 \u202eback\u2066 \x9b2J \x00end"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say yes."""
        return True


def test_without_a_terminal_each_trial_is_a_line(run: Run, trial: Make) -> None:
    """A log gets plain lines: the word, the test, and for what did not pass why, and what it answered and printed."""
    out = io.StringIO()
    good = trial(0, session_id="s1")
    bad = trial(1, outcome=Outcome.FAILED, reason="no match", printed="seen\n")
    console.table(run(good, bad), out)

    assert out.getvalue().splitlines() == [
        "PASS  test 1  (12 ms, session s1)",
        "FAIL  test 2  (12 ms)",
        "      no match",
        "      answered: word 1",
        "      | seen",
    ]


@pytest.mark.parametrize("out", [io.StringIO(), Terminal()])
def test_every_assertion_that_said_no_is_told(
    run: Run, trial: Make, out: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A threshold's score is followed by what was missed, parts of sets too: once, and only what counts."""
    monkeypatch.setenv("COLUMNS", "80")
    claims = [Claim(raw={"type": name}, type=name) for name in ("contains", "assert-set", "equals")]
    same, first, second = (failing(reason) for reason in ("score 0", "no a", "no b"))
    verdicts = (
        structs.replace(same, claim=claims[1], parts=(structs.replace(first, claim=claims[0]),)),
        structs.replace(second, claim=claims[2]),
        structs.replace(failing("whatever"), weight=0),
        passing("fine"),
    )
    console.table(run(trial(outcome=Outcome.FAILED, reason="score 0", verdicts=verdicts)), out)

    shown = plain(out.getvalue())
    assert [shown.count(told) for told in ("score 0", "- contains: no a", "- equals: no b")] == [1, 1, 1]
    assert "whatever" not in shown
    assert "fine" not in shown


def test_a_long_log_leaves_passes_out(run: Run, trial: Make) -> None:
    """Beyond a hundred trials only what did not pass is listed."""
    out = io.StringIO()
    trials = [trial(index) for index in range(console.MOST_LINES)]
    console.table(run(*trials, trial(100, outcome=Outcome.FAILED, reason="no")), out)

    assert out.getvalue().startswith("FAIL  test 101")


@pytest.mark.parametrize("out", [io.StringIO(), Terminal()])
def test_what_was_printed_is_shortened_in_both_directions(run: Run, trial: Make, out: io.StringIO) -> None:
    """A line of megabytes and a thousand lines show their beginning, and how much more there is."""
    console.table(run(trial(0, printed="x" * 5_000_000 + "\n" + "y\n" * 1000)), out)

    assert len(out.getvalue()) < 5000
    assert "(4999000 more" in out.getvalue()
    assert "and 981 more lines" in out.getvalue()


def test_on_a_terminal_there_is_a_table_within_its_width(
    run: Run, trial: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table keeps to the terminal's width."""
    monkeypatch.setenv("COLUMNS", "50")
    out = Terminal()
    console.table(run(trial(0, reply=Reply(output="long " * 100))), out)
    lines = plain(out.getvalue()).splitlines()

    assert "[bot] Say {{x}}" in out.getvalue()
    assert max(map(len, lines)) <= 50


@pytest.mark.parametrize("out", [io.StringIO(), Terminal()])
def test_answers_are_shown_as_text(run: Run, trial: Make, out: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither markup nor escape sequences nor bidi marks of an answer reach the terminal."""
    monkeypatch.setenv("NO_COLOR", "1")
    evil = trial(outcome=Outcome.FAILED, reason=EVIL, reply=Reply(output=EVIL), session_id=EVIL, printed=EVIL)
    result = run(evil, troubles=[Trouble(phase=Phase.CLOSE, what=EVIL)])
    console.table(result, out)
    console.problems(result, out)
    console.summary(result, out)
    shown = out.getvalue()

    assert "[red]x[/red]" in shown
    assert not any(character in shown for character in ("\x1b[31m", "\x1b]", "\u202e", "\u2066", "\x9b", "\x00"))


def test_the_summary_counts_in_colour_only_on_a_terminal(
    run: Run, trial: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The four counts and the duration; colour only where it can be seen and is not refused."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    result = run(trial(0), trial(1, outcome=Outcome.ERROR))
    pipe, terminal = io.StringIO(), Terminal()
    console.summary(result, pipe)
    console.summary(result, terminal)

    assert pipe.getvalue() == "\n1 passed, 0 failed, 1 error, 0 skipped in 1.50 s\n"
    assert "\x1b[32m1 passed\x1b[0m" in terminal.getvalue()


def test_the_summary_tells_lanes_sessions_and_what_is_not_well(run: Run, trial: Make) -> None:
    """Lanes and sessions seen, races, what is unclean and what was not run are all named."""
    first, second = trial(0, session_id="s1"), trial(1, session_id="s1", notes=(Trouble(phase=Phase.AFTER, what="oh"),))
    lane = Lane(key="c", why="conversation c", trials=(first.trial, second.trial))
    plan = Plan(suite=run().plan.suite, columns=(), lanes=(lane,))
    race = Race(session_id="s1", first=first.trial, second=second.trial)
    trouble = Trouble(phase=Phase.CLOSE, what="afterAll broke")
    result = run(
        first,
        second,
        plan=plan,
        races=[race],
        troubles=[trouble],
        unrun=1,
        stopped="SIGINT",
        interrupted="SIGINT",
        learnt="one",
    )
    out = io.StringIO()
    console.summary(result, out)

    assert out.getvalue().splitlines()[2:] == [
        "Lanes: 1 in order: conversation c (2 trials)",
        "Lanes learnt: one",
        "Sessions: 1 seen: s1 (2 trials)",
        "Session race: test 1 and test 2 used session s1 at the same time",
        "Error (close): afterAll broke",
        "Unclean (after, test 2): oh",
        "Not run: 1 trial, stopped by SIGINT",
    ]


@given(st.text(st.characters(), max_size=60), st.integers(1, 30))
def test_plain_text_holds_nothing_a_terminal_acts_upon(text: str, width: int) -> None:
    """What is left prints, keeps its letters, and can be cut to a width."""
    clean = plain(text)

    assert plain(clean) == clean
    assert not any(ord(character) < 32 and character not in "\n\t" for character in clean)
    assert "\x1b" not in clean
    assert len(one_line(text, width)) <= width


def test_a_reason_of_ten_megabytes_is_cut(trial: Make, run: Run) -> None:
    """Whoever's answer is in a reason, the screen shows the beginning of it."""
    out = io.StringIO()
    console.problems(run(trial(0, outcome=Outcome.FAILED, reason="x" * 10_000_000)), out)
    assert 1000 < len(out.getvalue()) < 2000
