"""The pages with programs in Python: what they show is run as it stands there."""

import contextlib
import io
import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def told(page: str) -> list[str]:
    """Run the program of a page, and return the lines that it prints."""
    text = (DOCS / page).read_text(encoding="utf-8")
    (program,) = re.findall(r"^```python\n(import sojourn\n.*?)^```$", text, re.MULTILINE | re.DOTALL)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(program, page, "exec"), {"__name__": "page"})
    return out.getvalue().splitlines()


def test_what_the_page_shows_runs() -> None:
    """Its program prints both turns as passed."""
    assert told("python.md") == [
        "test 1, turn 1 passed I am Ada",
        "test 1, turn 2 passed I am Ada Who am I?",
    ]


def test_what_the_page_on_reports_shows_runs() -> None:
    """Its program makes a data frame, and prints how many of two words have an a."""
    assert told("reports.md")[1] == "echo    0.5"
