"""Suites that a test writes to a folder and runs through the real command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

Evaluate = Callable[..., "Ended"]


class Ended(msgspec.Struct, frozen=True):
    """A run that is over: its exit code, what it showed, its rows in the order of the tests, and its folder."""

    code: int
    shown: str
    rows: list[dict[str, Any]]
    folder: Path

    @property
    def outputs(self) -> list[Any]:
        """What the providers answered."""
        return [(row["response"] or {}).get("output") for row in self.rows]

    @property
    def outcomes(self) -> list[str]:
        """What became of each test."""
        return [row["outcome"] for row in self.rows]

    def lines(self, name: str) -> list[str]:
        """Return the lines of a file that the suite's own code wrote."""
        return (self.folder / name).read_text(encoding="utf-8").splitlines()


def run_suite(
    folder: Path,
    config: dict[str, Any],
    files: Mapping[str, str],
    arguments: tuple[str, ...],
    environ: Mapping[str, str],
) -> Ended:
    """Write a suite's files, the configuration as data; run it to its end, and read what came of it."""
    folder.mkdir(exist_ok=True)
    for name, text in {"promptfooconfig.yaml": json.dumps(config), **files}.items():
        (folder / name).write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "sojourn", "eval", "-o", "out.json", *arguments],
        cwd=folder,
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    out = folder / "out.json"
    rows = json.loads(out.read_text(encoding="utf-8"))["results"]["results"] if out.exists() else []
    rows.sort(key=lambda row: (row["testIdx"], row["promptIdx"]))
    return Ended(done.returncode, done.stdout, rows, folder)


def asked(*prompts: str, **more: Any) -> dict[str, Any]:
    """Make a configuration that asks each prompt as a test of its own."""
    tests = [{"description": prompt, "vars": {"q": prompt}} for prompt in prompts]
    return {"prompts": ["{{q}}"], "tests": tests, **more}
