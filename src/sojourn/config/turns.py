"""A test with `turns` is one conversation: each turn is a test of its own, told after the one before it."""

from __future__ import annotations

from collections.abc import Iterator

from sojourn.model.suite import JsonDict

_PARTS = ("vars", "options", "metadata")


def written_turns(test: JsonDict) -> Iterator[tuple[int, JsonDict]]:
    """Yield a merged test as it is, with turn 0; or its turns, from 1.

    Each turn has the test's vars, options and metadata under its own, and only its own assertions; those of the test
    itself judge its last turn, at which the whole conversation stands in `_conversation`.
    """
    turns = test.get("turns")
    if not turns:
        yield 0, test
        return
    whole = test.get("assert") or []
    rest = {key: value for key, value in test.items() if key not in ("turns", "assert")}
    for number, turn in enumerate(turns, 1):
        merged = {**rest, **{key: value for key, value in turn.items() if key not in _PARTS}}
        for part in _PARTS:
            merged[part] = {**(rest.get(part) or {}), **(turn.get(part) or {})}
        merged["assert"] = [*(turn.get("assert") or ()), *(whole if number == len(turns) else ())]
        yield number, merged
