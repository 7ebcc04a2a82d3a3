"""The shape of a configuration held against the keys that there are; slips of the pen are named."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any

from sojourn.config.claims import SETS, is_plain, mistakes
from sojourn.config.expect import Mismatch, Path, kind
from sojourn.config.findings import Findings, Source
from sojourn.config.foresight import TRANSFORMS, is_simple, look_for_code, look_into
from sojourn.config.keys import ASSERTION, COMMAND_LINE, EVALUATE, OPTIONS, TEST, TURN, Table
from sojourn.registry import nearest

_OTHER_WORDS = {
    "assertions": "assert",
    "assertion": "assert",
    "variables": "vars",
    "testcases": "tests",
    "default_test": "defaultTest",
    "evaluationOptions": "evaluateOptions",
    "hooks": "extensions",
}
_IDLE = {"providers": "it has no effect here; a grader stands under 'provider'"}
"""Options that promptfoo's own published suites have and that nobody ever read: no slips that it would refuse."""


def check_own(data: Mapping[str, Any], table: Table, source: Source, at: Path, findings: Findings) -> None:
    """Check a mapping that only Sojourn has: a key that nobody knows is no other program's, and refused."""
    check_mapping({key: value for key, value in data.items() if key in table}, table, source, at, findings)
    for key in [key for key in data if key not in table]:
        meant = slip(key, tuple(table)) or nearest(key, table)
        todo = f"did you mean {meant!r}?" if meant else f"there are {', '.join(sorted(table))}"
        findings.wrong(f"there is no key {key!r} here", source, (*at, key), todo=todo, key=True)


def check_mapping(data: Mapping[str, Any], table: Table, source: Source, at: Path, findings: Findings) -> None:
    """Note every key that the table does not know, and every value that is not what it must be."""
    for key, value in data.items():
        check = table.get(key)
        if check is None:
            _unknown(key, tuple(table), source, (*at, key), findings)
        elif value is not None and (expected := check(value)):
            findings.wrong(f"{key} {expected}, not {kind(value)}", source, (*at, key))


def _unknown(key: str, known: tuple[str, ...], source: Source, at: Path, findings: Findings) -> None:
    meant = slip(key, known)
    if meant:
        findings.wrong(f"there is no key {key!r} here", source, at, todo=f"did you mean {meant!r}?", key=True)
    elif not (len(at) == 1 and key.startswith(("x-", "_", "."))):
        findings.doubt(f"nobody knows the key {key!r}{_home(key) if len(at) == 1 else ''}", source, at)


def _home(key: str) -> str:
    """Say where a key of the top level would mean something."""
    homes = {"evaluateOptions": EVALUATE, "commandLineOptions": COMMAND_LINE, "tests or defaultTest": TEST}
    for home, table in homes.items():
        if key in table:
            return f" here; it belongs in {home}"
        if meant := slip(key, tuple(table)):
            return f" here; {meant!r} belongs in {home}"
    return ""


@functools.lru_cache(maxsize=1024)
def slip(key: str, known: tuple[str, ...]) -> str:
    """Return the known key that `key` is a slip of, or an empty text."""
    other = _OTHER_WORDS.get(key, "")
    if other in known:
        return other
    plain = _plain(key)
    for name in known:
        if plain == _plain(name) or _distance(key, name) <= (1 if len(name) < 8 else 2):
            return name
    return ""


def _plain(key: str) -> str:
    return key.lower().replace("_", "").replace("-", "")


def _distance(one: str, other: str) -> int:
    """Count the insertions, deletions, changes and swaps of neighbours that turn one text into the other."""
    if abs(len(one) - len(other)) > 2:
        return 3
    rows = [list(range(len(other) + 1))]
    for i, left in enumerate(one, 1):
        row = [i]
        for j, right in enumerate(other, 1):
            cost = min(row[j - 1] + 1, rows[i - 1][j] + 1, rows[i - 1][j - 1] + (left != right))
            if i > 1 and j > 1 and left == other[j - 2] and one[i - 2] == right:
                cost = min(cost, rows[i - 2][j - 2] + 1)
            row.append(cost)
        rows.append(row)
    return rows[-1][-1]


def right(data: Mapping[str, Any], table: Table) -> dict[str, Any]:
    """Return the entries that the table knows and that are what they must be: what can still be looked at."""
    return {key: value for key, value in data.items() if key in table and (value is None or not table[key](value))}


def check_test(test: Any, source: Source, at: Path, findings: Findings) -> bool:
    """Check a test, defaultTest or scenario entry with its assertions; tell whether it is a mapping at all."""
    if not isinstance(test, dict):
        findings.mismatch(Mismatch("a test must be a mapping", got=test), source, at)
        return False
    check_mapping(test, TEST, source, at, findings)
    if isinstance(test.get("options"), dict):
        _check_options(test["options"], source, (*at, "options"), findings)
    if isinstance(test.get("assert"), list):
        check_claims(test["assert"], source, (*at, "assert"), findings)
    if test.get("turns") == []:
        findings.wrong(
            "turns is empty", source, (*at, "turns"), todo="write what is said in each turn, or leave it out"
        )
    for number, turn in enumerate(test["turns"] if isinstance(test.get("turns"), list) else ()):
        _check_turn(turn, source, (*at, "turns", number), findings)
    if isinstance(test.get("vars"), dict) and isinstance(test["vars"].get("assert"), list):
        findings.doubt("assert stands among the vars; it belongs beside them", source, (*at, "vars", "assert"))
    return True


def _check_turn(turn: Any, source: Source, at: Path, findings: Findings) -> None:
    """Check one turn of a conversation as a test is checked."""
    if not isinstance(turn, dict):
        findings.mismatch(Mismatch("a turn must be a mapping", got=turn), source, at)
        return
    if "turns" in turn:
        todo = "write them one below the other, in the test's own turns"
        findings.wrong("a turn has no turns of its own", source, (*at, "turns"), todo=todo, key=True)
    check_mapping({key: value for key, value in turn.items() if key != "turns"}, TURN, source, at, findings)
    if isinstance(turn.get("options"), dict):
        _check_options(turn["options"], source, (*at, "options"), findings)
        if "repeat" in turn["options"]:
            what = "a turn is not repeated by itself: a conversation is repeated with all its turns"
            findings.wrong(what, source, (*at, "options", "repeat"), todo="move repeat to the test's options", key=True)
    if isinstance(turn.get("assert"), list):
        check_claims(turn["assert"], source, (*at, "assert"), findings)


def _check_options(options: Mapping[str, Any], source: Source, at: Path, findings: Findings) -> None:
    look_for_code(options, TRANSFORMS, source, at, findings)
    known = tuple(OPTIONS)
    for key, value in options.items():
        check = OPTIONS.get(key)
        if key in _IDLE:
            findings.doubt(f"nobody reads the option {key!r}: {_IDLE[key]}", source, (*at, key))
        elif check is None:
            meant = slip(key, known)
            if meant:
                findings.wrong(
                    f"there is no option {key!r}", source, (*at, key), todo=f"did you mean {meant!r}?", key=True
                )
        elif value is not None and (expected := check(value)):
            findings.wrong(f"{key} {expected}, not {kind(value)}", source, (*at, key))


def check_claims(claims: Iterable[Any], source: Source, at: Path, findings: Findings) -> None:
    """Check a list of assertions: their keys, and whether each can ever be judged."""
    for index, claim in enumerate(claims):
        if is_plain(claim) and len(claim) == 2:  # a type and a value
            if not is_simple(claim):
                look_into(claim, source, (*at, index), findings)
            continue
        place = (*at, index)
        if isinstance(claim, dict):
            check_mapping(claim, ASSERTION, source, place, findings)
            members = claim.get("assert") if claim.get("type") in SETS else None
            for number, member in enumerate(members if isinstance(members, list) else ()):
                if isinstance(member, dict):
                    check_mapping(member, ASSERTION, source, (*place, "assert", number), findings)
        impossible = list(mistakes(claim))
        for mismatch in impossible:
            findings.mismatch(mismatch, source, place)
        if not impossible:
            _look_inside(claim, source, place, findings)


def _look_inside(claim: Any, source: Source, at: Path, findings: Findings) -> None:
    """Look into an assertion, and into those that it holds."""
    look_into(claim, source, at, findings)
    for number, member in enumerate(claim["assert"] if claim["type"] in SETS else ()):
        look_into(member, source, (*at, "assert", number), findings)
