"""promptfoo's files give promptfoo's verdicts: every recorded case, through the real command line."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.compare import answer_of, differences

CASES = Path(__file__).parent / "cases"
NAMES = sorted(str(each.parent.relative_to(CASES)) for each in CASES.glob("*/*/case.json"))
ASIDE = ("case.json", "expected.json", "args.txt", "env.txt")
COMMAND = ["-P", "-m", "sojourn", "eval", "-c", "promptfooconfig.yaml", "--no-cache", "--no-progress-bar", "--no-table"]
PATIENCE = 60
"""Seconds; the slowest case has a provider that waits for 12."""


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file which holds an object."""
    read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return read


def arguments_of(folder: Path, case: dict[str, Any]) -> list[str]:
    """The output file and the case's own arguments."""
    written = folder / "args.txt"
    own = shlex.split(written.read_text(encoding="utf-8"), comments=True) if written.exists() else []
    return [*([] if case.get("no_out") else ["-o", "out.json"]), *own]


def environment_of(folder: Path, home: Path) -> dict[str, str]:
    """The environment of this process, a home of the run's own, and the case's own variables."""
    written = folder / "env.txt"
    own = written.read_text(encoding="utf-8").splitlines() if written.exists() else []
    settled = {"SOJOURN_HOME": str(home), "NO_COLOR": "1", "TZ": "UTC", "PYTHONDONTWRITEBYTECODE": "1"}
    return {**os.environ, **settled, **dict(line.split("=", 1) for line in own)}


@pytest.mark.parametrize("name", NAMES, ids=NAMES)
def test_the_verdicts_are_promptfoos(name: str, tmp_path: Path) -> None:
    """A promptfoo file gives the rows, assertion results, counts, exit code and files that were recorded for it."""
    folder, copy = CASES / name, tmp_path / "case"
    case = read_json(folder / "case.json")
    shutil.copytree(folder, copy)
    for aside in ASIDE:
        (copy / aside).unlink(missing_ok=True)

    with (tmp_path / "shown").open("w+", encoding="utf-8", errors="replace") as shown:
        ended = subprocess.run(
            [sys.executable, *COMMAND, *arguments_of(folder, case)],
            cwd=copy,
            env=environment_of(folder, tmp_path / "home"),
            stdin=subprocess.DEVNULL,
            stdout=shown,
            stderr=subprocess.STDOUT,
            timeout=PATIENCE,
            check=False,
        )
        shown.seek(0)
        screen = shown.read()

    out = copy / case.get("out", "out.json")
    files = {each: copy / each for each in case.get("files", ())}
    answer = answer_of(read_json(out) if out.exists() else None, ended.returncode, files)
    found = list(differences(read_json(folder / "expected.json"), answer, case.get("compare", ())))
    assert not found, "\n".join([*found, "", screen])
