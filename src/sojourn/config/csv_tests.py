"""Rows of a CSV file as tests: vars, and the columns with two underscores that mean something else."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from sojourn import registry
from sojourn.config.csv_text import Row, read_rows
from sojourn.config.expected import finite, read_expected, slip
from sojourn.config.findings import Findings, Source
from sojourn.errors import ConfigError
from sojourn.model.empty import nothing
from sojourn.model.suite import JsonDict
from sojourn.model.switches import is_on

_EXPECTED = "__expected"
_METADATA = "__metadata:"
_CONFIG = "__config:"
_KNOWN = ("__prefix", "__suffix", "__description", "__providerOutput", "__metric", "__threshold")
_SINGLE = re.compile(r"_(?:expected|prefix|suffix|description|providerOutput|metric|threshold|metadata|config)")


def tests_from_csv(
    text: str, name: str, env: Mapping[str, str], findings: Findings
) -> tuple[list[JsonDict], tuple[int, ...]]:
    """Return a test for each row, and the line of each; mistakes in single rows go to the findings."""
    strict = is_on(env, "PROMPTFOO_CSV_STRICT")
    rows = read_rows(text, name, delimiter=env.get("PROMPTFOO_CSV_DELIMITER") or ",", strict=strict)
    return tests_from_rows(rows, name, findings)


def tests_from_rows(
    rows: Sequence[tuple[int, Row]], name: str, findings: Findings
) -> tuple[list[JsonDict], tuple[int, ...]]:
    """Return a test for each row of a table, and the line of each; mistakes in single rows go to the findings."""
    lines = tuple(line for line, _ in rows)
    source = Source(name=name, lines=lines)
    if rows:
        _doubts(rows[0][1], source, findings)
    tests = []
    for index, (_, row) in enumerate(rows):
        try:
            tests.append(_test({key.strip(): value for key, value in row.items()}, index))
        except ConfigError as error:
            findings.wrong(error.problems[0].what, source, (index,))
            tests.append({"vars": {}})
            continue
        for claim in tests[-1]["assert"]:
            if claim["type"] == "equals" and (meant := slip(claim["value"])):
                what = f"{claim['value'][:40]!r} is compared with the output as it stands; did you mean '{meant}:'?"
                findings.doubt(what, source, (index,))
    return tests, lines


def _doubts(row: Row, source: Source, findings: Findings) -> None:
    for column in map(str.strip, row):
        if _SINGLE.match(column):
            findings.doubt(f"the column {column!r} is a var; did you mean {'_' + column!r}?", source)
        elif column == "__metadata":
            findings.doubt("the column '__metadata' needs a key, as in __metadata:category", source)
        elif column.startswith("__") and not _special(column):
            close = registry.nearest(column, (_EXPECTED, *_KNOWN), cutoff=0.8)
            hint = f"; did you mean {close!r}?" if close else ""
            findings.doubt(f"the column {column!r} is a var, and no special one{hint}", source)


class _Header(NamedTuple):
    """Which columns are what."""

    vars: tuple[str, ...]
    expected: tuple[str, ...]
    config: tuple[str, ...]
    metadata: tuple[str, ...]


@functools.lru_cache(maxsize=64)
def _header(columns: tuple[str, ...]) -> _Header:
    of: Callable[[str], tuple[str, ...]] = lambda start: tuple(name for name in columns if name.startswith(start))  # noqa: E731  used thrice below
    return _Header(
        vars=tuple(name for name in columns if not _special(name)),
        expected=of(_EXPECTED),
        config=of(_CONFIG),
        metadata=of(_METADATA),
    )


def _test(row: Row, index: int) -> JsonDict:
    header = _header(tuple(row))
    test: JsonDict = {
        "vars": {name: row[name] for name in header.vars},
        "assert": _asserts(row, header),
        "options": {name: row[f"__{name}"] for name in ("prefix", "suffix") if f"__{name}" in row} or nothing(),
        "metadata": _metadata(row, header.metadata) or nothing(),
        "description": row.get("__description") or f"Row #{index + 1}",
    }
    if row.get("__providerOutput"):
        test["providerOutput"] = row["__providerOutput"]
    threshold = _number(row.get("__threshold"), "__threshold")
    if threshold is not None:
        test["threshold"] = threshold
    return test


def _special(column: str) -> bool:
    return column.startswith((_EXPECTED, _METADATA, _CONFIG)) or column in _KNOWN or column == "__metadata"


def _asserts(row: Row, header: _Header) -> list[JsonDict]:
    thresholds = _thresholds(row, header)
    metric = row.get("__metric")
    made = []
    for column in header.expected:
        if cell := row[column].strip():
            claim = read_expected(cell)
            if metric:
                claim["metric"] = metric
            if column in thresholds:
                claim["threshold"] = thresholds[column]
            made.append(claim)
    return made


def _thresholds(row: Row, header: _Header) -> dict[str, float]:
    found: dict[str, float] = {}
    for column in header.config:
        wanted, _, key = column.removeprefix(_CONFIG).rpartition(":")
        number = re.fullmatch(r"__expected([1-9]\d*)?", wanted)
        if not number or key != "threshold":
            raise ConfigError.of(f"the column {column!r} must be like __config:__expected1:threshold")
        position = int(number[1] or 1) - 1
        value = _number(row[column], column)
        if value is not None and position < len(header.expected):
            found[header.expected[position]] = value
    return found


def _number(cell: str | None, column: str) -> float | None:
    value = finite(cell) if cell else None
    if value is None and (cell or "").strip():
        raise ConfigError.of(f"{column} must be a number, not {cell!r}")
    return value


def _metadata(row: Row, columns: Iterable[str]) -> JsonDict:
    found: JsonDict = {}
    for column in columns:
        if (cell := row[column]).strip():
            key = column.removeprefix(_METADATA)
            if key.endswith("[]"):
                found[key[:-2]] = [item.strip().replace("\\,", ",") for item in re.split(r"(?<!\\),", cell)]
            else:
                found[key] = cell
    return found
