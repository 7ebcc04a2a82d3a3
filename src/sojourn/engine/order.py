"""What depends on the order: tests whose verdict is not the same in every repeat of a shuffled run."""

from __future__ import annotations

from sojourn.model.run_result import RunResult


def unsteady(result: RunResult) -> list[str]:
    """Name the tests whose repeats came to different outcomes, in the order of the file."""
    outcomes: dict[tuple[str, int, int], set[str]] = {}
    names: dict[tuple[str, int, int], str] = {}
    for each in result.results.in_order():
        trial = each.trial
        key = (trial.test_key, trial.turn, trial.column.index)
        outcomes.setdefault(key, set()).add(each.outcome.value)
        names.setdefault(key, trial.name)
    return [f"{names[key]}: {' and '.join(sorted(seen))}" for key, seen in outcomes.items() if len(seen) > 1]
