"""What is shown while a run goes on."""

import io
import os
import pty
import select
from collections.abc import Callable, Iterator
from typing import TextIO

import pytest
from msgspec import structs

from sojourn.cli.progress import Progress
from sojourn.model.plan import Lane, Plan
from sojourn.model.result import Outcome, TrialResult
from sojourn.model.run_result import RunResult

Make = Callable[..., TrialResult]
Run = Callable[..., RunResult]


@pytest.fixture
def going(run: Run, trial: Make) -> tuple[Plan, list[TrialResult]]:
    """A plan with a lane of three trials and a single one, and their results."""
    found = [trial(index, raw={"description": f"test {index}"}) for index in range(4)]
    results = [
        structs.replace(each, trial=structs.replace(each.trial, lane="a" if each.trial.index < 3 else ""))
        for each in found
    ]
    lanes = (
        Lane(key="a", why="they talk", trials=tuple(each.trial for each in results[:3])),
        Lane(key="trial:3", why="", trials=(results[3].trial,)),
    )
    return structs.replace(run(*results).plan, lanes=lanes), results


@pytest.fixture
def terminal() -> Iterator[tuple[TextIO, int]]:
    """A terminal, 80 characters wide, and what it shows."""
    shown, inside = pty.openpty()
    with open(inside, "w", encoding="utf-8") as out:
        yield out, shown
    os.close(shown)


def drawn(shown: int, end: str) -> str:
    """Read what the terminal shows, up to this end: it hands on what it has, piece by piece."""
    text = ""
    while not text.endswith(end):
        assert select.select([shown], [], [], 30)[0], f"it only shows {text!r}"
        text += os.read(shown, 100_000).decode()
    return text


def test_a_terminal_shows_the_lanes_that_are_under_way(
    going: tuple[Plan, list[TrialResult]], terminal: tuple[TextIO, int]
) -> None:
    """One line, written over and over: how many are done, and how far each lane is that has begun."""
    plan, results = going
    out, shown = terminal
    progress = Progress(out, wanted=True)
    progress.begin(plan)
    for result in (results[0], results[3], results[1]):
        progress.count(result)
    lines = drawn(shown, "in lanes: test 0 2/3").split("\r\x1b[K")
    assert lines[1:] == [
        "[....................] 0/4, 0 not passed",
        "[#####...............] 1/4, 0 not passed; in lanes: test 0 1/3",
        "[##########..........] 2/4, 0 not passed; in lanes: test 0 1/3",
        "[###############.....] 3/4, 0 not passed; in lanes: test 0 2/3",
    ]
    progress.count(results[2])
    assert drawn(shown, "4/4, 0 not passed")


def test_a_line_is_never_wider_than_the_terminal(run: Run, trial: Make, terminal: tuple[TextIO, int]) -> None:
    """However many lanes are under way, nothing is left behind on the screen."""
    out, shown = terminal
    os.environ.pop("COLUMNS", None)
    pairs = [(trial(2 * n), trial(2 * n + 1)) for n in range(20)]
    lanes = tuple(Lane(key=f"lane {n}", why="x", trials=(a.trial, b.trial)) for n, (a, b) in enumerate(pairs))
    progress = Progress(out, wanted=True)
    progress.begin(structs.replace(run().plan, lanes=lanes))
    for n, (first, _) in enumerate(pairs):
        progress.count(structs.replace(first, trial=structs.replace(first.trial, lane=f"lane {n}")))
    out.write("<end>")
    out.flush()
    lines = drawn(shown, "<end>").removesuffix("<end>").split("\r\x1b[K")
    assert max(map(len, lines)) <= 79


def test_a_log_has_a_line_now_and_then(going: tuple[Plan, list[TrialResult]]) -> None:
    """Where there is no terminal, a line every ten seconds says that the run goes on; a short run writes none."""
    plan, results = going
    out = io.StringIO()
    now = 0.0
    progress = Progress(out, wanted=True, clock=lambda: now)
    progress.begin(plan)
    for now, result in zip((1.0, 11.0, 12.0, 25.0), results, strict=True):  # noqa: B007  the clock reads it
        progress.count(structs.replace(result, outcome=Outcome.FAILED))
    assert out.getvalue() == "2/4, 2 not passed; in lanes: test 0 2/3\n4/4, 4 not passed\n"


def test_what_is_not_wanted_is_not_shown(going: tuple[Plan, list[TrialResult]], terminal: tuple[TextIO, int]) -> None:
    """`--no-progress-bar` is silence, on a terminal and elsewhere."""
    plan, results = going
    log = io.StringIO()
    for out in (log, terminal[0]):
        progress = Progress(out, wanted=False, clock=iter(range(0, 1000, 100)).__next__)
        progress.begin(plan)
        progress.count(results[0])
    os.set_blocking(terminal[1], False)
    assert log.getvalue() == ""
    with pytest.raises(BlockingIOError):
        os.read(terminal[1], 10)


def test_a_lane_that_runs_again_is_counted_again(going: tuple[Plan, list[TrialResult]]) -> None:
    """What was withdrawn does not count."""
    plan, results = going
    out = io.StringIO()
    now = 0.0
    progress = Progress(out, wanted=True, clock=lambda: now)
    progress.begin(plan)
    progress.count(results[0])
    progress.uncount(results[0])
    now = 20.0
    progress.count(results[0])
    assert out.getvalue() == "1/4, 0 not passed; in lanes: test 0 1/3\n"
