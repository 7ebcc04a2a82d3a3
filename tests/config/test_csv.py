from __future__ import annotations

import contextlib
import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.config.csv_tests import tests_from_csv as read_tests
from sojourn.config.csv_text import read_rows
from sojourn.config.findings import Findings
from sojourn.errors import ConfigError
from sojourn.model.suite import JsonDict


def made_of(text: str) -> list[JsonDict]:
    findings = Findings()
    made, _ = read_tests(text, "t.csv", {}, findings)
    findings.settle()
    return made


def test_columns_are_vars() -> None:
    """Every column without a meaning of its own is a var, and rows are numbered."""
    first, second = made_of('q,a\nwhat,"b, ""c"""\n"multi\nline",é\n')
    assert first == {
        "vars": {"q": "what", "a": 'b, "c"'},
        "assert": [],
        "options": {},
        "metadata": {},
        "description": "Row #1",
    }
    assert second["vars"] == {"q": "multi\nline", "a": "é"}


def test_special_columns_mean_something_else() -> None:
    """Prefix, suffix, description, metric, threshold, output and metadata go where they belong."""
    header = "x,__expected,__prefix,__suffix,__description,__metric,__threshold,__providerOutput"
    (test,) = made_of(header + ',__metadata:k,__metadata:l[]\nv,contains: a,p,s,d,m,0,out,1,"a,b\\,c"\n')
    assert test == {
        "vars": {"x": "v"},
        "assert": [{"type": "contains", "value": "a", "metric": "m"}],
        "options": {"prefix": "p", "suffix": "s"},
        "description": "d",
        "providerOutput": "out",
        "threshold": 0,
        "metadata": {"k": "1", "l": ["a", "b,c"]},
    }


def test_several_expectations_with_thresholds_of_their_own() -> None:
    """`__config:__expectedN:threshold` belongs to the N-th expectation, also where another cell is empty."""
    header = "__expected1,__expected2,__config:__expected2:threshold"
    first, second = made_of(f"{header}\ncontains: a,contains: b,0.5\n,contains: b,0.25\n")
    assert first["assert"] == [{"type": "contains", "value": "a"}, {"type": "contains", "value": "b", "threshold": 0.5}]
    assert second["assert"] == [{"type": "contains", "value": "b", "threshold": 0.25}]


def test_quotes_inside_an_open_cell_are_text() -> None:
    """JSON that nobody quoted is still one cell."""
    assert [row for _, row in read_rows('a,b\nx {"k":1},y\n', "t.csv")] == [{"a": 'x {"k":1}', "b": "y"}]


def test_blank_lines_count_for_nothing() -> None:
    """A line without a cell is no row; line numbers still count it."""
    assert read_rows("a\n\n1\n", "t.csv") == [(3, {"a": "1"})]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a,b\n1,2,3\n4\n",
            "t.csv:2: this row has 3 cells, the header has 2 (put quotes round a cell",
        ),
        ("a,a\n1,2\n", "t.csv:1: the column 'a' stands here twice"),
        ('a,b\n1,2\n"3,4\n', "t.csv:3: a quoted cell has no end"),
        ("x,__threshold\na,lots\n", "t.csv:2: __threshold must be a number, not 'lots'"),
        ("x,__config:__expected:weight\na,1\n", "t.csv:2: the column '__config:__expected:weight' must be like"),
    ],
)
def test_a_broken_table_is_refused_with_its_line(text: str, message: str) -> None:
    """Ragged rows, doubled columns and cells without an end are mistakes of the line where they stand."""
    with pytest.raises(ConfigError) as raised:
        made_of(text)
    assert str(raised.value.problems[0]).startswith(message)


def test_every_ragged_row_is_named() -> None:
    """All rows of a wrong length are reported at once."""
    with pytest.raises(ConfigError) as raised:
        read_rows("a,b\n1\n2\n3,4\n", "t.csv")
    assert [problem.line for problem in raised.value.problems] == [2, 3]


def test_one_underscore_is_doubted() -> None:
    """A column such as `_expected` is a var, with a warning."""
    findings = Findings()
    read_tests("_expected\nx\n", "t.csv", {}, findings)
    assert findings.warnings == ["t.csv: the column '_expected' is a var; did you mean '__expected'?"]


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), max_size=12)


@given(st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=6))
def test_what_a_csv_writer_wrote_is_read_back(rows: list[list[str]]) -> None:
    """Any table of texts survives being written and read."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([["a", "b"], *rows])
    assert [list(row.values()) for _, row in read_rows(out.getvalue(), "t.csv")] == rows


@given(st.text(max_size=80))
def test_any_text_is_a_table_or_refused(text: str) -> None:
    """No text makes the reader fail in any other way than with a ConfigError."""
    with contextlib.suppress(ConfigError):
        made_of(text)
