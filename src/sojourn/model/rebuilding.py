"""A whole run made again from its document and its rows: what is shown and exported of a run that is stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import structs

from sojourn.model.event import Event
from sojourn.model.grading import Row
from sojourn.model.plan import Column, Lane, Plan, Trial
from sojourn.model.restoring import Times, restored
from sojourn.model.result import Phase, TrialResult, Trouble
from sojourn.model.results import Results
from sojourn.model.run_result import Race, RunResult
from sojourn.model.suite import Case, Prompt, ProviderSpec, RunOptions, Suite

Document = Mapping[str, Any]


def rebuilt(
    document: Document, trials: Iterable[tuple[int, Row, Times]], events: Iterable[Event] = (), expected: int = 0
) -> RunResult:
    """Return the run that a document tells of; its plan holds what the rows show of it, its suite no tests.

    Each trial comes with its index in the plan, `expected` of them were planned.
    """
    columns = tuple(_column(index, told) for index, told in enumerate(document["results"]["prompts"]))
    results = [_result(row, times, number, columns) for number, row, times in trials]
    told = document.get("sojourn") or {}
    made = RunResult(
        run_id=document["evalId"],
        created=document["results"]["timestamp"],
        plan=_plan(document, columns, results, told),
        columns=columns,
        results=Results(results),
        troubles=[Trouble(phase=Phase(each["phase"]), what=each["message"]) for each in told.get("troubles", ())],
        races=list(_races(told.get("races", ()), results)),
        events=list(events),
        duration_ms=document["results"]["stats"].get("durationMs") or 0,
        derived=_derived(document, results),
    )
    plain = {name: told[name] for name in _TOLD if name in told}
    whole = structs.replace(made, **plain)
    whole.unrun = max(whole.unrun, expected - len(results))
    return whole


_TOLD = ("leaks", "unsteady", "printed", "learnt", "stopped", "interrupted", "unrun")


def _column(index: int, told: Row) -> Column:
    name = str(told.get("provider") or "")
    prompt = Prompt(raw=str(told["raw"]), label=str(told["label"]), id=told.get("id") or "", config=told.get("config"))
    return Column(index=index, provider=ProviderSpec(id=name, label=""), prompt=prompt)


def _result(row: Row, times: Times, number: int, columns: tuple[Column, ...]) -> TrialResult:
    index, provider = row["promptIdx"], row["provider"]
    spec = ProviderSpec(id=provider["id"], label=provider.get("label") or "")
    trial = Trial(
        index=number,
        test_index=row["testIdx"],
        test_number=row["testNumber"] if "testNumber" in row else row["testIdx"],
        repeat=row["repeatIndex"],
        column=structs.replace(columns[index], provider=spec),
        case=Case(
            raw=row["testCase"],
            vars=row["vars"],
            description=row.get("description", ""),
            options=row["testCase"].get("options") or {},
        ),
        lane=row.get("lane", ""),
        turn=row.get("turn", 0),
        test_key=row.get("testKey", ""),
        variant=row.get("variant", ""),
    )
    return restored(row, trial, times)


def _plan(document: Document, columns: tuple[Column, ...], results: list[TrialResult], told: Row) -> Plan:
    options = document.get("runtimeOptions") or {}
    suite = Suite(
        base="",
        prompts=tuple(column.prompt for column in columns),
        providers=tuple(column.provider for column in columns),
        tests=(),
        description=str((document.get("config") or {}).get("description") or ""),
        config=dict(document.get("config") or {}),
        options=RunOptions(repeat=options.get("repeat") or 1, delay_ms=options.get("delay") or 0),
    )
    whys = {lane["key"]: lane["why"] for lane in told.get("lanes", ())}
    lanes: dict[str, list[Trial]] = {}
    for result in results:
        lanes.setdefault(result.trial.lane or f"trial:{result.trial.index}", []).append(result.trial)
    made = tuple(Lane(key=key, why=whys.get(key, ""), trials=tuple(trials)) for key, trials in lanes.items())
    return Plan(suite=suite, columns=columns, lanes=made, jobs=options.get("maxConcurrency") or 4)


def _races(told: Iterable[Row], results: list[TrialResult]) -> Iterable[Race]:
    places = {_place(each.trial): each.trial for each in results}
    for race in told:
        found = [places.get((at["testIdx"], at["promptIdx"], at["repeatIndex"])) for at in race["trials"]]
        if found[0] is not None and found[1] is not None:
            yield Race(session_id=race["sessionId"], first=found[0], second=found[1])


def _place(trial: Trial) -> tuple[int, int, int]:
    return trial.test_index, trial.column.index, trial.repeat


def _derived(document: Document, results: list[TrialResult]) -> dict[int, dict[str, float]]:
    """Return the metrics of each column that no row has: they were derived from those."""
    derived: dict[int, dict[str, float]] = {}
    for index, column in enumerate(document["results"]["prompts"]):
        own = {name for each in results if each.trial.column.index == index for name in each.named_scores}
        scores = (column.get("metrics") or {}).get("namedScores") or {}
        derived[index] = {name: score for name, score in scores.items() if name not in own}
    return derived
