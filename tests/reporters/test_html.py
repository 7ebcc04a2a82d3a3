"""The HTML report, in a real browser."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sojourn
from sojourn.model.event import Event
from sojourn.model.reply import Reply
from sojourn.model.result import Outcome, Phase, TrialResult, Trouble
from sojourn.model.run_result import Race, RunResult
from sojourn.reporters import html
from sojourn.reporters.pictures import bars, lanes
from tests.systems.pages import Scheme, faults, opened

Make = Callable[..., TrialResult]
Run = Callable[..., RunResult]
HOSTILE = "</script><img src=x onerror=alert(1)><script>alert(2)</script>"


@pytest.fixture
def page(run: Run, trial: Make, tmp_path: Path) -> str:
    """Write the report of a run with a bit of everything; return where it is."""
    words = {"raw": {"vars": {HOSTILE: HOSTILE}, "description": f"hostile {HOSTILE}"}}
    trials = [
        trial(0, raw={"description": "the good one"}, started=1.0, ended=2.0),
        trial(1, raw={"description": "the bad one"}, outcome=Outcome.FAILED, reason="rude", started=1.0, ended=3.0),
        trial(2, **words, outcome=Outcome.ERROR, reason=HOSTILE, printed=HOSTILE, started=2.0, ended=3.0),
        trial(3, outcome=Outcome.SKIPPED, reason="not today"),
        trial(4, reply=Reply(output="long " * 500), started=3.0, ended=3.5),
    ]
    result = run(
        *trials,
        races=[Race(session_id=HOSTILE, first=trials[0].trial, second=trials[1].trial)],
        troubles=[Trouble(phase=Phase.AFTER, what=HOSTILE)],
        began=1.0,
    )
    result.duration_ms = 3000
    path = tmp_path / "report.html"
    with path.open("wb") as out:
        html.report(result, out)
    return path.as_uri()


def shown(tab: Any) -> list[str]:
    """Return the names of the tests that are shown."""
    names: list[str] = tab.locator("tbody tr:visible th b").all_inner_texts()
    return [name.removeprefix("test ") for name in names]


def test_the_table_is_filtered_by_words_and_outcomes(page: str) -> None:
    """What is typed and what is ticked decide together; how many are left is said."""
    with opened(page) as tab:
        assert len(shown(tab)) == 5
        tab.get_by_label("Find").fill("THE ONE")
        tab.get_by_text("2 of 5 tests shown").wait_for()
        assert shown(tab) == ["1: the good one", "2: the bad one"]
        tab.get_by_label("passed (2)").uncheck()
        assert shown(tab) == ["2: the bad one"]
        tab.get_by_label("Find").fill("")
        tab.get_by_text("3 of 5 tests shown").wait_for()


def test_a_block_of_the_timeline_leads_to_its_trial(page: str) -> None:
    """By mouse and by keyboard, also where the filter hides the trial."""
    with opened(page) as tab:
        tab.get_by_label("Find").fill("good")
        tab.get_by_text("1 of 5 tests shown").wait_for()
        block = tab.get_by_role("link", name="the bad one: failed")
        block.focus()
        tab.keyboard.press("Enter")
        tab.get_by_text("5 of 5 tests shown").wait_for()
        assert tab.evaluate("document.activeElement.id") == "t1"
        assert "rude" in tab.locator("#t1").inner_text()


def test_nothing_that_a_stranger_wrote_runs_or_is_fetched(page: str) -> None:
    """Scripts and pictures in answers are words on the page; the browser is told so by a policy, too."""
    with opened(page, expected="Content Security Policy") as tab:
        assert tab.locator("img").count() == 0
        assert HOSTILE in tab.locator("tbody").inner_text()
        refused = tab.evaluate(
            """() => new Promise((done) => {
                document.addEventListener("securitypolicyviolation", (event) => done(event.effectiveDirective));
                const script = document.createElement("script");
                script.textContent = "document.title = 'taken'";
                document.body.append(script);
            })"""
        )
        assert refused == "script-src-elem"
        assert tab.title() != "taken"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_can_be_used_by_all(page: str, scheme: Scheme) -> None:
    """axe-core finds no fault, in light and in dark."""
    assert faults(scheme, page) == []


class Shelf:
    """A shared session that tells whether it was changed."""

    def open(self) -> None:
        """Begin with nothing."""
        self.marks: list[str] = []

    def fingerprint(self) -> int:
        """Count what lies on it."""
        return len(self.marks)


@pytest.fixture
def real() -> RunResult:
    """Run two tests that share a shelf, of which the first leaves something on it."""

    def asked(prompt: str, _options: Any, context: dict[str, Any]) -> dict[str, Any]:
        if prompt == "leave":
            context["sessions"]["shelf"].marks.append(prompt)
        return {"output": prompt}

    config = {
        "prompts": ["{{say}}"],
        "providers": [{"id": asked, "sessions": ["shelf"]}],
        "sessions": {"shelf": {"kind": Shelf}},
        "tests": [{"vars": {"say": "leave"}}, {"vars": {"say": "look"}}],
    }
    return sojourn.run(config)


def test_a_real_run_is_drawn_as_it_was(real: RunResult) -> None:
    """One lane, whose first trial waited for the session and is marked for its leak; and the session's life."""
    (lane,) = lanes(real)
    first, second = lane.blocks
    assert lane.label == "session shelf"
    assert first.waits
    assert "leak: changed the shared session" in first.flags[0]
    assert not second.flags
    assert real.began <= first.start < first.end <= second.start
    (bar,) = bars(real)
    (life,) = bar.lives
    assert {what for _, _, what in life.stretches} == {"opening", "idle", "use", "closing"}
    assert [what for _, _, what in sorted(life.stretches)].count("use") == 2
    assert life.trouble == ""


def test_a_long_run_is_drawn_in_part(run: Run, trial: Make) -> None:
    """Of thousands of tests that share nothing the first are drawn, and how many there are is said."""
    trials = [trial(index, started=float(index), ended=index + 1.0) for index in range(2_500)]
    result = run(*trials, began=0.0)
    result.duration_ms = 2_501_000
    (row,) = lanes(result)
    assert len(row.blocks) == 2_000
    assert row.label == "the first 2000 of 2500 single tests"


def test_sessions_that_were_only_seen_are_drawn_too(run: Run, trial: Make) -> None:
    """From their first trial to their last, with the time between as open."""
    times = ((1.0, 2.0), (3.0, 4.0))
    trials = [trial(n, started=start, ended=end, session_id="thread") for n, (start, end) in enumerate(times)]
    result = run(*trials, began=1.0)
    result.duration_ms = 3_000
    (bar,) = bars(result)
    assert bar.label == "thread"
    assert sorted(bar.lives[0].stretches) == [(1.0, 2.0, "use"), (2.0, 3.0, "idle"), (3.0, 4.0, "use")]


def test_a_session_that_trials_raced_in_is_drawn_beside_those_that_were_opened(run: Run, trial: Make) -> None:
    """Others that were only seen are not: they mostly are the same under another name."""
    one, two = (trial(n, started=1.0, ended=2.0, session_id="raced") for n in range(2))
    other = trial(2, started=1.0, ended=2.0, session_id="seen")
    moments = {"opening": 1.0, "open": 1.2, "closing": 1.8, "closed": 2.0}
    events = [Event(at=at, what=what, session="db", tag="run/1") for what, at in moments.items()]
    races = [Race(session_id="raced", first=one.trial, second=two.trial)]
    result = run(one, two, other, began=1.0, events=events, races=races)
    assert [bar.label for bar in bars(result)] == ["db", "raced"]
