"""The rules of the house are held by machines, and each machine can say no."""

import ast
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for path in (ROOT / "src" / "sojourn").rglob("*.py") if "examples" not in path.parts)
MOST_LINES = 400
MOST_LINES_OF_A_FUNCTION = 50
MOST_PARAMETERS = 6
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "base", "manager", "managers", "misc"}

BREACHES = {
    "arrows point down": ("errors.py", "import sojourn.registry"),
    "no circles among siblings": ("model/reply.py", "import sojourn.protocols"),
    "nouns do no input or output": ("model/reply.py", "import sqlite3"),
    "the viewer runs nothing": ("viewer/texts.py", "import sojourn.engine"),
    "plugs are reached through the registry": ("cli/init.py", "import sojourn.providers.echo"),
}


def settings() -> Any:
    """Return what pyproject.toml says."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    """Check the imports of the project at `root`."""
    program = Path(sys.executable).with_name("lint-imports")
    environ = {**os.environ, "PYTHONPATH": str(root / "src"), "NO_COLOR": "1"}
    command = [str(program), "--no-cache"]
    return subprocess.run(command, cwd=root, env=environ, capture_output=True, text=True, check=False)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Copy the project's source and settings."""
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_every_contract_has_a_breach_to_try() -> None:
    """A contract that is added without a breach in this file would be a promise that nobody has seen kept."""
    contracts = settings()["tool"]["importlinter"]["contracts"]

    assert {contract["name"] for contract in contracts} == set(BREACHES)


@pytest.mark.parametrize("contract", BREACHES)
def test_each_contract_can_break(project: Path, contract: str) -> None:
    """A forbidden import is found, and the contract that forbids it is named."""
    file, breach = BREACHES[contract]
    source = project / "src" / "sojourn" / file
    source.write_text(source.read_text(encoding="utf-8") + f"\n{breach}\n", encoding="utf-8")

    found = lint(project)

    assert found.returncode == 1, found.stdout + found.stderr
    assert f"{contract} BROKEN" in " ".join(found.stdout.split())


def test_the_contracts_hold(project: Path) -> None:
    """The source as it is breaks no contract."""
    found = lint(project)

    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_are_small_enough_to_hold(path: Path) -> None:
    """No file reaches 400 lines, no function 50, none has more than 6 parameters, and no module is a drawer."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]

    assert path.stem not in BANNED_NAMES
    assert len(text.splitlines()) < MOST_LINES
    assert ast.get_docstring(tree), "every module says what it is for"
    for function in functions:
        lines = (function.end_lineno or 0) - function.lineno + 1
        assert lines <= MOST_LINES_OF_A_FUNCTION, f"{function.name} has {lines} lines"
        assert parameters(function) <= MOST_PARAMETERS, f"{function.name} has {parameters(function)} parameters"


def test_files_of_tests_are_small_enough_to_hold() -> None:
    """No file of tests reaches 400 lines either."""
    long = [path.name for path in (ROOT / "tests").rglob("*.py") if len(path.read_bytes().splitlines()) >= MOST_LINES]

    assert not long


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count what a caller passes."""
    every = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return len([argument for argument in every if argument.arg not in {"self", "cls"}])


def test_suppressions_give_their_reason() -> None:
    """A noqa or a type: ignore says why on its line."""
    bare = []
    for path in SOURCES:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for mark in ("# noqa", "# type: ignore"):
                _, found, reason = line.partition(mark)
                if found and len(reason.strip(": []").split()) < 2:
                    bare.append(f"{path.relative_to(ROOT)}:{number}")

    assert not bare
