"""The page on Python: what it shows is run as it stands there."""

import contextlib
import io
import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "python.md"


def test_what_the_page_shows_runs() -> None:
    """Its program prints both turns as passed."""
    (program,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        exec(compile(program, "python.md", "exec"), {"__name__": "page"})
    assert told.getvalue().splitlines() == [
        "test 1, turn 1 passed I am Ada",
        "test 1, turn 2 passed I am Ada Who am I?",
    ]
