from collections.abc import Callable

from msgspec import structs

from sojourn.model.document import document
from sojourn.model.plan import Column
from sojourn.model.result import Outcome, Phase, TrialResult, Trouble
from sojourn.model.run_result import Race, RunResult
from sojourn.model.suite import Claim
from sojourn.model.verdict import Verdict

Make = Callable[..., TrialResult]
Run = Callable[..., RunResult]

TOP_KEYS = ["evalId", "results", "config", "shareableUrl", "metadata", "vars", "runtimeOptions", "sojourn"]


def test_has_promptfoos_shape(run: Run, trial: Make) -> None:
    """The document has promptfoo's keys, version 3, and one key of ours."""
    made = document(run(trial(0), trial(1)), {"sojournVersion": "1"})

    assert list(made) == TOP_KEYS
    assert made["results"]["version"] == 3
    assert made["vars"] == ["x"]
    assert made["metadata"] == {"sojournVersion": "1", "evaluationCreatedAt": "2026-01-02T03:04:05Z"}


def test_counts_the_four_words(run: Run, trial: Make) -> None:
    """Passed, failed, broken and skipped trials are counted apart, in the run and in its column."""
    trials = [trial(index, outcome=outcome) for index, outcome in enumerate(Outcome)]
    body = document(run(*trials), {})["results"]
    stats, metrics = body["stats"], body["prompts"][0]["metrics"]

    assert [stats[key] for key in ("successes", "failures", "errors", "skipped")] == [1, 1, 1, 1]
    counted = [metrics[f"test{word}Count"] for word in ("Pass", "Fail", "Error", "Skip")]
    assert counted == [1, 1, 1, 1]


def test_adds_up_named_scores_by_weight(run: Run, trial: Make) -> None:
    """A column's named score is the sum of its trials' scores times their weights; derived metrics lie over them."""
    verdicts = tuple(
        Verdict(passed=True, score=1, reason="", claim=Claim(type="equals", metric="m", raw={})) for _ in range(2)
    )
    trials = [
        trial(0, verdicts=verdicts, named_scores={"m": 1.0}, named_weights={"m": 3.0}),
        trial(1, verdicts=(), named_scores={"m": 0.5, "hook": 7}, named_weights={"m": 2.0}),
    ]
    metrics = document(run(*trials, derived={0: {"double": 8.0}}), {})["results"]["prompts"][0]["metrics"]

    assert metrics["namedScores"] == {"m": 4.0, "hook": 7, "double": 8.0}
    assert metrics["namedScoreWeights"] == {"m": 5.0, "hook": 1}
    assert metrics["namedScoresCount"] == {"m": 3, "hook": 1}


def test_keeps_columns_apart(run: Run, trial: Make, column: Column) -> None:
    """Each provider with a prompt has its own metrics."""
    other = structs.replace(column, index=1)
    made = document(run(trial(0), trial(1, column=other, outcome=Outcome.FAILED), columns=(column, other)), {})

    assert [one["metrics"]["testPassCount"] for one in made["results"]["prompts"]] == [1, 0]


def test_tells_sessions_races_and_troubles(run: Run, trial: Make) -> None:
    """What promptfoo has no word for stands under our own key."""
    first, second = trial(0, session_id="s"), trial(1, session_id="s")
    race = Race(session_id="s", first=first.trial, second=second.trial)
    trouble = Trouble(phase=Phase.CLOSE, what="afterAll broke")
    told = document(run(first, second, races=[race], troubles=[trouble], unrun=2, interrupted="SIGINT"), {})["sojourn"]

    assert told["sessions"] == [{"sessionId": "s", "trials": 2}]
    assert [place["testIdx"] for place in told["races"][0]["trials"]] == [0, 1]
    assert told["troubles"] == [{"phase": "close", "message": "afterAll broke"}]
    assert (told["unrun"], told["interrupted"]) == (2, "SIGINT")


def test_the_configuration_holds_no_credentials(run: Run, trial: Make) -> None:
    """The stored configuration is redacted."""
    made = document(run(trial(), config={"providers": [{"id": "x", "config": {"apiKey": "k"}}]}), {})

    assert made["config"]["providers"][0]["config"] == {"apiKey": "[REDACTED]"}
