"""The real command line, on suites of a test's own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.stored import Ask
from tests.acceptance.suites import Ended, Evaluate, run_suite


@pytest.fixture
def evaluate(tmp_path: Path) -> Evaluate:
    """Run a suite, given as its configuration and further files, with more arguments and environment variables."""

    def ended(config: dict[str, Any], files: Mapping[str, str], *arguments: str, **environ: str) -> Ended:
        environ = {"SOJOURN_HOME": str(tmp_path / "home"), **environ}
        return run_suite(tmp_path / "suite", config, files, arguments, environ)

    return ended


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """Run another command in the suite's folder, with more of the environment; returns exit code and what it shows."""

    def asked(*arguments: str, where: str = "suite", **environ: str) -> tuple[int, str]:
        (tmp_path / where).mkdir(exist_ok=True)
        done = subprocess.run(
            [sys.executable, "-m", "sojourn", *arguments],
            cwd=tmp_path / where,
            env={**os.environ, "SOJOURN_HOME": str(tmp_path / "home"), **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout

    return asked
