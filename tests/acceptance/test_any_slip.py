"""Real suites with one slip in them: validated or refused in words that say where, and nothing is left behind."""

from __future__ import annotations

import contextlib
import copy
import functools
import io
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sojourn.cli.app import run
from sojourn.config.yaml_text import parse

ROOT = Path(__file__).parents[2]
NAME = "promptfooconfig.yaml"
SUITES = sorted(
    path.parent
    for folder in (ROOT / "src" / "sojourn" / "examples", ROOT / "tests" / "conformance" / "cases")
    for path in folder.rglob(NAME)
)
JUNK: st.SearchStrategy[Any] = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        1.5,
        10**30,
        "",
        "x",
        "{{",
        "{{ x | no }}",
        "{% if %}",
        "file://no.py",
        "file://no.py:f",
        "file://*",
        "exec:",
        "[",
        "(",
        "\u2028",
        "a" * 2000,
        [],
        {},
        [[]],
        [None],
        {"": None},
        {"id": 7},
        {"type": []},
        {"$ref": "#/no"},
    ]
)
PLACED = re.compile(r"error: (?:[^\s:]+\.\w+(?::\d+)*|command line): \S")


@functools.cache
def read(folder: Path) -> Any:
    return parse((folder / NAME).read_text(encoding="utf-8"))


def nodes(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a document but the document itself."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from nodes(value, (*path, key))


def slipped(draw: st.DrawFn, data: Any) -> Any:
    """Delete, double, retype, wrap, rename or move something."""
    data = copy.deepcopy(data)
    path = draw(st.sampled_from(list(nodes(data))))
    holder = data
    for step in path[:-1]:
        holder = holder[step]
    key = path[-1]
    match draw(st.sampled_from(["delete", "double", "retype", "wrap", "unwrap", "rename", "move"])):
        case "delete":
            del holder[key]
        case "double":
            if isinstance(holder, list):
                holder.insert(key, copy.deepcopy(holder[key]))
            else:
                holder[f"{key}{key}"] = copy.deepcopy(holder[key])
        case "retype":
            holder[key] = draw(JUNK)
        case "wrap":
            holder[key] = draw(st.sampled_from([[holder[key]], {"a": holder[key]}, [holder[key], None]]))
        case "unwrap":
            value = holder[key]
            holder[key] = (
                next(iter(value.values() if isinstance(value, dict) else value), None)
                if value and isinstance(value, (dict, list))
                else str(value)
            )
        case "rename":
            if isinstance(holder, dict):
                holder[str(key)[:-1] + draw(st.sampled_from(["", "s", "\u00e9"]))] = holder.pop(key)
        case "move":
            data[
                draw(st.sampled_from(["tests", "prompts", "providers", "defaultTest", "sessions", "scenarios", "env"]))
            ] = holder[key]
    return data


@st.composite
def suites(draw: st.DrawFn) -> tuple[Path, Any]:
    folder = draw(st.sampled_from(SUITES))
    data = read(folder)
    for _ in range(draw(st.integers(1, 3))):
        if not isinstance(data, dict) or not data:
            break
        data = slipped(draw, data)
    return folder, data


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(suites())
def test_any_slip_in_a_suite_is_found_or_harmless(suite: tuple[Path, Any]) -> None:
    """`validate` ends with 0, or with 1 and a place for each mistake; it never breaks itself and writes nothing."""
    source, data = suite
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "suite"
        shutil.copytree(source, folder, ignore=shutil.ignore_patterns("__pycache__", "expected.json"))
        (folder / NAME).write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
        before = sorted(path for path in folder.rglob("*") if "__pycache__" not in path.parts)
        said = io.StringIO()
        with contextlib.chdir(folder), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = run(["validate"])
        told = said.getvalue()
        assert code in (0, 1), told
        assert "Traceback" not in told, told
        assert "itself broke" not in told, told
        lines = [line for line in told.splitlines() if line.startswith("error: ")]
        assert bool(lines) is (code == 1), told
        assert all(PLACED.match(line) for line in lines), told
        assert sorted(path for path in folder.rglob("*") if "__pycache__" not in path.parts) == before
