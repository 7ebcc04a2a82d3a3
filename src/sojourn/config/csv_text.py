"""CSV as tests and prompts use it: a header, quoted cells, and every row as long as the header."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator

from sojourn.errors import ConfigError

Row = dict[str, str]


def read_rows(text: str, name: str, *, delimiter: str = ",", strict: bool = False) -> list[tuple[int, Row]]:
    """Return each row under its header with the line where it begins; raises ConfigError for a table that is none."""
    if len(delimiter) != 1:
        raise ConfigError.of(f"the delimiter must be one character, not {delimiter!r}", file="PROMPTFOO_CSV_DELIMITER")
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise ConfigError.of("a NUL character: this is no text file", file=name, line=line, todo="save it as UTF-8")
    records = list(_records(text, name, delimiter, strict))
    if not records:
        return []
    line, header = records[0]
    twice = sorted({column for column in header if header.count(column) > 1})
    if twice:
        raise ConfigError.of(f"the column {twice[0]!r} stands here twice", file=name, line=line)
    problems = [_ragged(name, number, record, header) for number, record in records[1:] if len(record) != len(header)]
    if problems:
        raise ConfigError([problem for error in problems for problem in error.problems])
    return [(number, dict(zip(header, record, strict=True))) for number, record in records[1:]]


def _ragged(name: str, line: int, record: list[str], header: list[str]) -> ConfigError:
    what = f"this row has {_cells(len(record))}, the header has {len(header)}"
    return ConfigError.of(what, file=name, line=line, todo="put quotes round a cell that holds a comma")


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count} cells"


def _records(text: str, name: str, delimiter: str, strict: bool) -> Iterator[tuple[int, list[str]]]:  # noqa: FBT001  private
    csv.field_size_limit(sys.maxsize)
    try:
        yield from list(_read(text, delimiter, strict=True))
    except csv.Error as error:
        line = _line_of_trouble(text, delimiter)
        if strict or "unexpected end of data" in str(error):
            what = "a quoted cell has no end" if "unexpected end" in str(error) else f"not valid CSV: {error}"
            raise ConfigError.of(what, file=name, line=line) from None
        yield from _read(text, delimiter, strict=False)


def _read(text: str, delimiter: str, *, strict: bool) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=strict)
    line = 1
    for record in reader:
        if record:
            yield line, record
        line = reader.line_num + 1


def _line_of_trouble(text: str, delimiter: str) -> int:
    line = 1
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for _ in reader:
            line = reader.line_num + 1
    except csv.Error:
        pass
    return line
