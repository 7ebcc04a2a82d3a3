from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from sojourn.model.suite import Suite

Load = Callable[..., Suite]
Mistakes = Callable[..., list[str]]
HEAD = "prompts: ['{{x}}']\nproviders: [echo]\n"


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A workbook with two sheets, one of them empty but for its header."""
    made = openpyxl.Workbook()
    first = made.worksheets[0]
    first.title = "One"
    day = dt.date(2024, 5, 1)
    for row in (["x", None, "__expected", "__metadata:kind"], [1, "lost", "contains: 1", "a"], [2.0], [True], [day]):
        first.append(row)
    second = made.create_sheet("Two words")
    second.append(["x"])
    second.append(["from two"])
    made.create_sheet("Bare").append(["x"])
    made.save(tmp_path / "t.xlsx")
    return tmp_path


@pytest.mark.usefixtures("book")
def test_a_sheet_is_read_like_a_csv_file(load: Load) -> None:
    """Cells are text, special columns mean what they mean in CSV, a column without a header is nobody's."""
    suite = load(HEAD + "tests: file://t.xlsx\n")
    found: list[Any] = [test["vars"] for test in suite.tests]
    assert found == [{"x": "1"}, {"x": "2"}, {"x": "true"}, {"x": "2024-05-01 00:00:00"}]
    assert suite.tests[0]["assert"] == [{"type": "contains", "value": "1"}]
    assert suite.tests[0]["metadata"] == {"kind": "a"}


@pytest.mark.usefixtures("book")
@pytest.mark.parametrize("sheet", ["Two words", "2"])
def test_a_sheet_is_named_or_numbered(load: Load, sheet: str) -> None:
    """`#` and a name, or a number from 1, choose the sheet."""
    assert [test["vars"]["x"] for test in load(f"{HEAD}tests: ['t.xlsx#{sheet}']\n").tests] == ["from two"]


@pytest.mark.usefixtures("book")
def test_what_is_wrong_with_a_workbook_is_said(mistakes: Mistakes, book: Path) -> None:
    """A sheet that is not there, one without rows, a file that is no workbook, and the old format."""
    (book / "old.xls").write_bytes(b"x")
    (book / "bad.xlsx").write_bytes(b"PK nonsense")
    tests = "['t.xlsx#Three', 't.xlsx#Bare', bad.xlsx, old.xls]"
    missing, bare, bad, old = sorted(mistakes(f"{HEAD}tests: {tests}\n"), key=lambda line: "xls" not in line)
    assert "no sheet 'Three'" in missing + bare
    assert "no rows" in missing + bare
    assert "not a workbook" in bad + old
    assert "old format" in bad + old
