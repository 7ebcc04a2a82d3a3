"""The real command line, on suites of a test's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.suites import Ended, Evaluate, run_suite


@pytest.fixture
def evaluate(tmp_path: Path) -> Evaluate:
    """Run a suite, given as its configuration and further files, with more arguments and environment variables."""

    def ended(config: dict[str, Any], files: Mapping[str, str], *arguments: str, **environ: str) -> Ended:
        environ = {"SOJOURN_HOME": str(tmp_path / "home"), **environ}
        return run_suite(tmp_path / "suite", config, files, arguments, environ)

    return ended
