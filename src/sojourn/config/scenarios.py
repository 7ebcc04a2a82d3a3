"""defaultTest and scenarios: inline or in files, checked like tests."""

from __future__ import annotations

import os
from typing import Any

from msgspec import structs

from sojourn.config import globbing
from sojourn.config.expect import Mismatch, Path
from sojourn.config.files import read_data, read_text, resolve
from sojourn.config.findings import Source
from sojourn.config.keys import SCENARIO
from sojourn.config.reading import Reading
from sojourn.config.references import FILE
from sojourn.config.shape import check_mapping, right
from sojourn.config.tests import Placed, check_placed, read_tests
from sojourn.model.suite import JsonDict


def read_default_test(raw: Any, reading: Reading) -> Placed:
    """Read defaultTest, a mapping or a file of one; mistakes go to the findings."""
    placed = Placed(raw or {}, reading.source, ("defaultTest",), reading.base)
    if isinstance(raw, str):
        placed = _named(raw, reading.source, ("defaultTest",), reading) or Placed({}, reading.source, (), reading.base)
    if not isinstance(placed.test, dict):
        reading.findings.mismatch(Mismatch("defaultTest must be a mapping", got=raw), reading.source, ("defaultTest",))
        return Placed({}, reading.source, (), reading.base)
    return check_placed(placed, reading, complete=False) or placed


def _named(written: str, source: Source, at: Path, reading: Reading) -> Placed | None:
    """Read a file that is named at a place; mistakes go to the findings."""
    if not os.path.isfile(resolve(written, reading.base)):
        reading.findings.wrong(f"no such file: {written.removeprefix(FILE)}", source, at)
        return None
    with reading.findings.gathering():
        return _file(written, reading)
    return None


def _file(written: str, reading: Reading) -> Placed:
    path = resolve(written, reading.base)
    name = reading.name(path)
    source = Source(name=name, text=read_text(path, name))
    return Placed(read_data(path, name), source, (), reading.base)


async def read_scenarios(raw: Any, reading: Reading) -> tuple[list[JsonDict], list[Placed]]:
    """Read all scenarios with their tests; returns them, and every entry and test in them for further checks."""
    scenarios: list[JsonDict] = []
    parts: list[Placed] = []
    for entry in _placed(raw, reading):
        placed = _checked(entry, reading)
        if placed is not None:
            config = _config(placed, reading)
            tests = await _tests(placed, reading)
            parts += [*config, *tests]
            made = {**placed.test, "config": [each.test for each in config]}
            scenarios.append(
                made if placed.test.get("tests") is None else made | {"tests": [one.test for one in tests]}
            )
    return scenarios, parts


def _placed(raw: Any, reading: Reading) -> list[Placed]:
    found: list[Placed] = []
    for index, entry in enumerate(raw if isinstance(raw, list) else [] if raw is None else [raw]):
        at: Path = ("scenarios", index)
        if not isinstance(entry, str):
            found.append(Placed(entry, reading.source, at, reading.base))
            continue
        paths = globbing.matches(entry.removeprefix(FILE), reading.base)
        if not paths:
            reading.findings.wrong(f"no such file: {entry}", reading.source, at)
        for path in paths:
            with reading.findings.gathering():
                found += _spread(_file(path, reading))
    return found


def _spread(file: Placed) -> list[Placed]:
    if isinstance(file.test, list):
        return [Placed(entry, file.source, (index,), file.base) for index, entry in enumerate(file.test)]
    return [file]


def _checked(placed: Placed, reading: Reading) -> Placed | None:
    """Return what of a scenario can be looked at further: all but the values of a wrong kind."""
    if not isinstance(placed.test, dict):
        mismatch = Mismatch("a scenario must be a mapping with config and tests", got=placed.test)
        reading.findings.mismatch(mismatch, placed.source, placed.at)
        return None
    before = len(reading.findings.problems)
    check_mapping(placed.test, SCENARIO, placed.source, placed.at, reading.findings)
    wrong = len(reading.findings.problems) > before
    if not placed.test.get("config"):
        reading.findings.wrong("a scenario needs entries under config", placed.source, placed.at)
    return structs.replace(placed, test=right(placed.test, SCENARIO)) if wrong else placed


def _config(placed: Placed, reading: Reading) -> list[Placed]:
    raw, source, at = placed.test.get("config"), placed.source, (*placed.at, "config")
    if isinstance(raw, str):
        file = _named(raw, source, at, reading)
        if file is None:
            return []
        raw, source, at = file.test, file.source, ()
    entries = raw if isinstance(raw, list) else [] if raw is None else [raw]
    checked = [
        check_placed(Placed(entry, source, (*at, index), reading.base), reading, complete=False)
        for index, entry in enumerate(entries)
    ]
    return [entry for entry in checked if entry is not None]


async def _tests(placed: Placed, reading: Reading) -> list[Placed]:
    inside = structs.replace(reading, source=placed.source)
    return await read_tests(placed.test.get("tests"), inside, (*placed.at, "tests"))
