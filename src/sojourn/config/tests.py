"""Tests from every place: written inline, in files of many kinds, made by users' functions."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import msgspec
from msgspec import structs

from sojourn.config import globbing
from sojourn.config.expect import Mismatch, Path
from sojourn.config.files import parse_data, parse_jsonl, read_data, read_text, resolve
from sojourn.config.findings import Source
from sojourn.config.keys import GENERATOR, TEST
from sojourn.config.reading import Reading
from sojourn.config.references import FILE, dereference, load_files
from sojourn.config.shape import check_mapping, check_test, right
from sojourn.errors import CodeError, ConfigError
from sojourn.model.reference import Reference
from sojourn.model.suite import JsonDict

_FILES = (".yaml", ".yml", ".json", ".jsonl", ".csv", ".xlsx")
_ENOUGH = frozenset("assert vars turns options metadata provider providers prompts providerOutput threshold".split())  # noqa: SIM905  a table of names


class Placed(msgspec.Struct, frozen=True):
    """A test (or an entry that acts as one), where it was written, and the folder of its own paths."""

    test: JsonDict
    source: Source
    at: Path
    base: str


async def read_tests(raw: Any, reading: Reading, at: Path = ("tests",)) -> list[Placed]:
    """Read everything under `tests`, checked; mistakes go to the findings."""
    tests = []
    async for placed in _entries(raw, reading, at):
        test = check_placed(placed, reading, complete=True)
        if test is not None:
            tests.append(test)
    return tests


def check_placed(placed: Placed, reading: Reading, *, complete: bool) -> Placed | None:
    """Check one test and read the files that its `vars` name; `complete`: it must say something of its own."""
    before = len(reading.findings.problems)
    if not check_test(placed.test, placed.source, placed.at, reading.findings):
        return None
    if len(reading.findings.problems) > before:
        placed = structs.replace(placed, test=right(placed.test, TEST))
    elif complete and not _ENOUGH.intersection(key for key, value in placed.test.items() if value is not None):
        what = "a test needs vars, turns, assert, options, metadata, a provider, providerOutput or a threshold"
        reading.findings.wrong(what, placed.source, placed.at)
    files = placed.test.get("vars")
    if not isinstance(files, str | list):
        return placed
    try:
        return structs.replace(placed, test={**placed.test, "vars": _vars_from(files, placed.base, reading)})
    except Mismatch as mismatch:
        reading.findings.mismatch(mismatch, placed.source, (*placed.at, "vars"))
    return placed


def _vars_from(files: str | list[Any], base: str, reading: Reading) -> JsonDict:
    merged: JsonDict = {}
    for written in [files] if isinstance(files, str) else files:
        pattern = str(written).removeprefix(FILE)
        found = globbing.matches(pattern, base)
        if not found:
            raise Mismatch(f"no such file: {reading.name(resolve(pattern, base))}")
        for path in found:
            full = resolve(path, base)
            try:
                data = read_data(full, reading.name(full))
            except ConfigError as error:
                raise Mismatch(str(error)) from None
            if not isinstance(data, dict):
                raise Mismatch(f"{reading.name(full)} holds no mapping of vars")
            merged |= data
    return merged


async def _entries(raw: Any, reading: Reading, at: Path) -> AsyncIterator[Placed]:
    if isinstance(raw, list):
        for index, entry in enumerate(raw):
            if isinstance(entry, dict) and not _is_generator(entry):
                yield Placed(entry, reading.source, (*at, index), reading.base)
                continue
            for placed in await _elsewhere(entry, reading, (*at, index), numbered=False):
                yield placed
    elif raw is not None:
        for placed in await _elsewhere(raw, reading, at, numbered=True):
            yield placed


def _is_generator(entry: JsonDict) -> bool:
    return isinstance(entry.get("path"), str) and not _ENOUGH.intersection(entry)


async def _elsewhere(entry: Any, reading: Reading, at: Path, *, numbered: bool) -> list[Placed]:
    """Return the tests of a file or a function; `numbered`: those without a description are called `Row #n`."""
    try:
        path, config = _path_and_config(entry, reading, at)
        if "://" in path and not path.startswith(FILE):
            return await _fetched(path, reading)
        reference = Reference.parse(path, base=reading.base, role="tests")
        if reference is not None:
            return await _generated(reference, config, reading)
        return list(_from_files(path, reading, numbered=numbered))
    except Mismatch as mismatch:
        reading.findings.mismatch(mismatch, reading.source, at)
    return []


def _path_and_config(entry: Any, reading: Reading, at: Path) -> tuple[str, Any]:
    config = None
    path = entry
    if isinstance(entry, dict):
        check_mapping(entry, GENERATOR, reading.source, at, reading.findings)
        path, config = entry.get("path"), load_files(entry.get("config"), reading.base, reading.cwd)
    if isinstance(entry, dict) and not isinstance(path, str):
        raise Mismatch("tests must be a list", todo="put a dash before the test")
    if not isinstance(path, str):
        raise Mismatch("a test must be a mapping, a file, or a mapping with a path", got=entry)
    return path, config


async def _fetched(address: str, reading: Reading) -> list[Placed]:
    from sojourn.config.remote_tests import fetch_tests

    tests, source = await fetch_tests(address, reading)
    return [Placed(test, source, (index,), reading.base) for index, test in enumerate(tests)]


def require_file(path: str, reading: Reading) -> None:
    """Raise Mismatch where a file does not exist."""
    if not os.path.isfile(path):
        raise Mismatch(f"no such file: {reading.name(path)}")


async def _generated(reference: Reference, config: Any, reading: Reading) -> list[Placed]:
    name = reading.name(reference.path) + (f":{reference.name}" if reference.name else "")
    require_file(reference.path, reading)
    try:
        called = await reading.code.call(reference, *([] if config is None else [config]))
    except CodeError as error:
        raise Mismatch(f"{name} broke: {error}" + (f"\n{error.trace}" if error.trace else "")) from None
    if not isinstance(called.value, list):
        raise Mismatch(f"{name} must return a list of tests", got=called.value)
    source = Source(name=name)
    return [Placed(test, source, (index,), reading.base) for index, test in enumerate(called.value)]


def _from_files(path: str, reading: Reading, *, numbered: bool) -> Iterator[Placed]:
    path, sheet = _path_and_sheet(path.removeprefix(FILE))
    found = [full for one in globbing.matches(path, reading.base) for full in _files(resolve(one, reading.base))]
    if not found:
        raise Mismatch(f"no such file: {reading.name(resolve(path, reading.base))}")
    for full in found:
        with reading.findings.gathering():
            yield from _from_file(full, sheet, reading, numbered=numbered)


def _path_and_sheet(path: str) -> tuple[str, str]:
    """Split `book.xlsx#Sheet`; in the name of any other file, `#` is a character like others."""
    book, _, sheet = path.partition("#")
    return (book, sheet) if book.lower().endswith((".xlsx", ".xls")) else (path, "")


def _files(path: str) -> Sequence[str]:
    if not os.path.isdir(path):
        return [path]
    inside = sorted(os.path.join(path, name) for name in os.listdir(path))
    return [one for one in inside if one.lower().endswith(_FILES)]


def _from_file(path: str, sheet: str, reading: Reading, *, numbered: bool) -> Iterator[Placed]:
    name, suffix = reading.name(path), os.path.splitext(path)[1].lower()
    if suffix == ".xls":
        raise ConfigError.of("Excel's old format cannot be read", file=name, todo="save the book as .xlsx or CSV")
    if suffix not in _FILES:
        raise ConfigError.of("no kind of file that tests are read from", file=name, todo="known: " + " ".join(_FILES))
    data, source = _sheet(path, sheet, reading) if suffix == ".xlsx" else _parsed(path, name, suffix, reading)
    if suffix in (".yaml", ".yml") or (suffix not in (".csv", ".xlsx") and not numbered):
        data = _loaded(data, path, source, reading)
    tests = data if isinstance(data, list) else [] if data is None else [data]
    if not tests:
        raise ConfigError.of("there are no tests in this file", file=name)
    for index, test in enumerate(tests):
        row = f"Row #{index + 1}" if numbered and suffix in (".json", ".jsonl") else ""
        named = {**test, "description": row} if row and isinstance(test, dict) and not test.get("description") else test
        yield Placed(named, source, (index,) if tests is data else (), os.path.dirname(path))


def _sheet(path: str, sheet: str, reading: Reading) -> tuple[Any, Source]:
    from sojourn.config.csv_tests import tests_from_rows
    from sojourn.config.workbooks import read_sheet

    name = reading.name(path)
    tests, lines = tests_from_rows(read_sheet(path, sheet, name), name, reading.findings)
    return tests, Source(name=name, lines=lines)


def _parsed(path: str, name: str, suffix: str, reading: Reading) -> tuple[Any, Source]:
    text = read_text(path, name)
    if suffix == ".csv":
        from sojourn.config.csv_tests import tests_from_csv

        tests, lines = tests_from_csv(text, name, reading.env, reading.findings)
        return tests, Source(name=name, lines=lines)
    if suffix == ".jsonl":
        rows = parse_jsonl(text, name)
        return [row for _, row in rows], Source(name=name, lines=tuple(line for line, _ in rows))
    return parse_data(text, path, name), Source(name=name, text=text)


def _loaded(data: Any, path: str, source: Source, reading: Reading) -> Any:
    """Follow `$ref` and `file://` in a file of tests, whose paths start from the suite's folder."""
    wrong: list[Mismatch] = []
    try:
        whole = dereference(data, path, reading.cwd, wrong) if "$ref" in source.text or source.lines else data
        for mismatch in wrong:
            reading.findings.pointless(mismatch, source)
        return load_files(whole, reading.base, reading.cwd)
    except Mismatch as mismatch:
        line, column = source.place(mismatch.path)
        raise ConfigError.of(mismatch.what, file=source.name, line=line, column=column, todo=mismatch.todo) from None
