"""Sheets of Excel workbooks as rows of text, as a CSV file would give them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sojourn.config.csv_text import Row
from sojourn.errors import ConfigError
from sojourn.model.counting import counted


def read_sheet(path: str, wanted: str, name: str) -> list[tuple[int, Row]]:
    """Return each row of a sheet under its header with its line; `wanted` is a sheet's name, its number, or empty.

    Raises ConfigError where there is no such sheet or no table in it.
    """
    records = _records(path, wanted, name)
    header = [_text(cell) for cell in records[0][1]] if records else []
    if not any(header):
        raise ConfigError.of("the sheet has no header row", file=name)
    rows = [(line, _row(header, cells)) for line, cells in records[1:]]
    filled = [(line, row) for line, row in rows if any(cell.strip() for cell in row.values())]
    if not filled:
        raise ConfigError.of("the sheet has a header, but no rows", file=name)
    return filled


def _row(header: Sequence[str], cells: Sequence[Any]) -> Row:
    padded = [*cells, *[None] * (len(header) - len(cells))]
    return {column: _text(cell) for column, cell in zip(header, padded, strict=False) if column}


def _records(path: str, wanted: str, name: str) -> list[tuple[int, tuple[Any, ...]]]:
    try:
        import openpyxl
    except ImportError:
        todo = "pip install 'sojourn[xlsx]', or save the sheet as CSV"
        raise ConfigError.of("Excel workbooks need openpyxl", file=name, todo=todo) from None
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception as error:  # noqa: BLE001  a broken workbook breaks openpyxl in many ways
        raise ConfigError.of(f"not a workbook that can be read: {error}", file=name) from None
    try:
        return list(_cells(book, wanted, name))
    finally:
        book.close()


def _cells(book: Any, wanted: str, name: str) -> Iterator[tuple[int, tuple[Any, ...]]]:
    names = list(book.sheetnames)
    sheet = book[names[_index(wanted.strip(), names, name)]]
    yield from enumerate(sheet.iter_rows(values_only=True), 1)


def _index(wanted: str, names: Sequence[str], name: str) -> int:
    if not wanted:
        return 0
    if wanted in names:
        return names.index(wanted)
    if wanted.isdecimal() and 1 <= int(wanted) <= len(names):
        return int(wanted) - 1
    todo = f"it has {counted(len(names), 'sheet')}: {', '.join(names)}"
    raise ConfigError.of(f"there is no sheet {wanted!r} in this workbook", file=name, todo=todo)


def _text(cell: Any) -> str:
    """Write a cell as a spreadsheet's CSV export does, but truth values as JavaScript does."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)
