"""Finished runs, made by hand: what reporters and rows are tried with."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest
from msgspec import structs

from sojourn.model.plan import Column, Lane, Plan, Trial
from sojourn.model.reply import Reply
from sojourn.model.result import Outcome, TrialResult
from sojourn.model.results import Results
from sojourn.model.run_result import RunResult
from sojourn.model.suite import Case, Claim, Prompt, ProviderSpec, Suite
from sojourn.model.verdict import Verdict

# A background job of a shell ignores SIGINT, one under nohup SIGHUP, and so would all that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
for _number in (signal.SIGHUP, signal.SIGTERM):
    signal.signal(_number, signal.SIG_DFL)


@pytest.fixture(autouse=True, scope="session")
def _home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing that a test runs is written down among the user's own runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOJOURN_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """Give this process its signals back: the command line takes them for good, as if it were the whole process."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


hypothesis.settings.register_profile("house", deadline=None)  # the machines are shared: a pause is no failure
hypothesis.settings.load_profile("house")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--times 10` tries ten times as many seeds: what CI tries a few of, at its full size."""
    parser.addoption("--times", type=int, default=1, help="try so many times as many seeds")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for a `seed` is tried with several; `@pytest.mark.seeds(N)` says with how many."""
    if "seed" in metafunc.fixturenames:
        mark = metafunc.definition.get_closest_marker("seeds")
        count = (mark.args[0] if mark else 6) * metafunc.config.getoption("--times")
        metafunc.parametrize("seed", range(count))


COLUMN = Column(
    index=0,
    provider=ProviderSpec(id="file://bot.py", label="bot"),
    prompt=Prompt(raw="Say {{x}}", label="Say {{x}}", id="prompt-id"),
)


def make_trial(
    index: int = 0, *, raw: dict[str, Any] | None = None, column: Column = COLUMN, **changes: Any
) -> TrialResult:
    """Make a passed trial with one assertion, and what is different about it."""
    raw = {"vars": {"x": f"word {index}"}, "assert": [{"type": "contains", "value": "word"}], **(raw or {})}
    claims = tuple(Claim(type=one["type"], raw=one) for one in raw["assert"])
    case = Case(raw=raw, vars=raw["vars"], claims=claims, description=raw.get("description", ""))
    trial = Trial(index=index, test_index=index, test_number=index, repeat=0, column=column, case=case)
    made = TrialResult(
        trial=trial,
        case=case,
        prompt=f"Say word {index}",
        outcome=Outcome.PASSED,
        score=1.0,
        reason="All assertions passed",
        reply=Reply(output=f"word {index}"),
        verdicts=tuple(Verdict(passed=True, score=1.0, reason="Assertion passed", claim=claim) for claim in claims),
        latency_ms=12.5,
    )
    return structs.replace(made, **changes)


def make_run(*trials: TrialResult, columns: tuple[Column, ...] = (COLUMN,), **changes: Any) -> RunResult:
    """Make a run of these trials."""
    suite = Suite(
        base="/suite",
        prompts=tuple(column.prompt for column in columns),
        providers=tuple(column.provider for column in columns),
        tests=tuple(trial.case.raw for trial in trials),
        description="made by hand",
        config=changes.pop("config", {"prompts": ["Say {{x}}"]}),
    )
    lanes = tuple(Lane(key=str(trial.trial.index), why="", trials=(trial.trial,)) for trial in trials)
    plan = changes.pop("plan", None) or Plan(suite=suite, columns=columns, lanes=lanes)
    created = "2026-01-02T03:04:05Z"
    return RunResult(
        run_id="eval-1",
        created=created,
        plan=plan,
        columns=columns,
        results=Results(trials),
        duration_ms=1500,
        **changes,
    )


@pytest.fixture
def trial() -> Callable[..., TrialResult]:
    return make_trial


@pytest.fixture
def run() -> Callable[..., RunResult]:
    return make_run


@pytest.fixture
def column() -> Column:
    return COLUMN
