"""The pages on sessions, providers and reports: every suite that they show is run as it stands there, and passes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [DOCS / "sessions.md", DOCS / "providers.md", DOCS / "reports.md", *sorted((DOCS / "how-to").glob("*.md"))]
BLOCK = re.compile(r"^```\w+\n(?:#|//) (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILES = {page.name: dict(BLOCK.findall(page.read_text(encoding="utf-8"))) for page in PAGES}
SUITES = [(page, name) for page, files in FILES.items() for name in files if name.endswith(".yaml")]


@pytest.mark.parametrize(("page", "suite"), SUITES)
def test_a_suite_of_a_page_passes(tmp_path: Path, page: str, suite: str) -> None:
    """Written to a folder with the files that stand beside it, it does what the page says."""
    for name, text in FILES[page].items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-m", "sojourn", "eval", "-c", suite],
        cwd=tmp_path,
        env={**os.environ, "SOJOURN_HOME": str(tmp_path / "home")},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert " 0 failed, 0 errors, 0 skipped" in ended.stdout
