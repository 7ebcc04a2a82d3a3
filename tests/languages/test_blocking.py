"""Template filters of users' own, called from code that cannot wait."""

import os
import time
from pathlib import Path

import pytest

from sojourn.errors import TemplateError
from sojourn.languages.blocking import BlockingCode
from sojourn.model.reference import Reference

FILTERS = """
import time
def double(value): return value * 2
def hangs(value): time.sleep(600)
"""


def _reference(folder: Path, name: str) -> Reference:
    found = Reference.parse(f"file://filters.py:{name}", base=str(folder), role="filter")
    assert found is not None
    return found


def test_a_filter_that_hangs_holds_a_run_up_once(tmp_path: Path) -> None:
    """It has a second; afterwards it fails at once, and the other filters go on."""
    (tmp_path / "filters.py").write_text(FILTERS)
    code = BlockingCode(os.environ)
    double, hangs = (code.function(name, _reference(tmp_path, name)) for name in ("double", "hangs"))
    try:
        with pytest.raises(TemplateError, match=r"'hangs' broke: .*1 s"):
            hangs(1)
        before = time.monotonic()
        for _ in range(20):
            with pytest.raises(TemplateError, match=r"'hangs' broke: .*1 s"):
                hangs(1)
        assert time.monotonic() - before < 1
        assert double(4) == 8
    finally:
        code.close()
