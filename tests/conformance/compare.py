"""What is compared between a run and promptfoo's recorded answer to the same files.

A case is a folder with a configuration and the files it needs. Beside them stand `case.json` (area, name, and what else
is compared: `compare`, `files`; `out` where the case names its own output), `expected.json` (what promptfoo answered),
and where needed `args.txt` (arguments) and `env.txt` (environment). Compared is what a user would call the verdict.
Error texts, reasons, ids, times and token counts are each runner's own.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

FAILURES = {0: "none", 1: "assert", 2: "error"}
ROW = (
    "testIdx",
    "promptIdx",
    "success",
    "score",
    "output",
    "error",
    "failure",
    "vars",
    "namedScores",
    "prompt",
)
COMPONENT = ("type", "pass", "score")
KEPT_BY_US = ("output", "namedScores")
"""What promptfoo drops, with the components, when an assertion or a transform breaks; Sojourn keeps what was paid."""

METRICS = {
    "score": "score",
    "pass": "testPassCount",
    "fail": "testFailCount",
    "error": "testErrorCount",
    "namedScores": "namedScores",
}
JUNIT = ("testsuite", "testcase", "failure", "error")
FEW_DIGITS = 1.5e-6

Facts = Mapping[str, Any]


def answer_of(document: Facts | None, code: int, files: Mapping[str, Path]) -> dict[str, Any]:
    """Bring what a run wrote into the shape in which the recorded answers are kept."""
    found = {name: _file_facts(path) for name, path in files.items()}
    answer: dict[str, Any] = {"exit_code": code, "has_output": document is not None, "files": found}
    if document is not None:
        body = document["results"]
        answer["results"] = [_row(row) for row in body["results"]]
        answer["stats"] = {name: body["stats"][name] for name in ("successes", "failures", "errors")}
        answer["prompts"] = [_column(column) for column in body["prompts"]]
    return answer


def _row(row: Facts) -> dict[str, Any]:
    provider = row["provider"]
    prompt = row["prompt"]
    components = (row.get("gradingResult") or {}).get("componentResults") or []
    return {
        "testIdx": row["testIdx"],
        "promptIdx": row["promptIdx"],
        "provider": {"id": provider.get("id"), "label": provider.get("label") or None},
        "success": row["success"],
        "score": row["score"],
        "output": (row.get("response") or {}).get("output"),
        "error": bool(row.get("error")),
        "failure": FAILURES[row["failureReason"]],
        "vars": row.get("vars") or {},
        "namedScores": row.get("namedScores") or {},
        "prompt": prompt.get("raw") if isinstance(prompt, dict) else prompt,
        "components": [_component(one) for one in components],
    }


def _component(one: Facts) -> dict[str, Any]:
    """A group of assertions and a script's own findings have no assertion: their type is the group's, or none."""
    kind = (one.get("assertion") or {}).get("type")
    group = (one.get("metadata") or {}).get("assertionSet")
    if kind is None and group is not None:
        kind = group.get("type", "assert-set")
    return {"type": kind, "pass": one.get("pass"), "score": one.get("score")}


def _column(column: Facts) -> dict[str, Any]:
    metrics = column.get("metrics") or {}
    return {"label": column.get("label"), **{ours: metrics.get(theirs) for ours, theirs in METRICS.items()}}


def _file_facts(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {"exists": False}
    text = path.read_text(encoding="utf-8-sig")
    read = FACTS.get(path.suffix)
    return {"exists": True, "empty": not text.strip(), **(read(text) if read else {})}


def _csv_facts(text: str) -> dict[str, Any]:
    rows = list(csv.reader(io.StringIO(text)))
    return {"rows": len(rows), "firstColumn": rows[0][0], "ragged": len({len(row) for row in rows}) > 1}


def _json_facts(text: str) -> dict[str, Any]:
    return {"json": True, "results": len(json.loads(text)["results"]["results"])}


def _xml_facts(text: str) -> dict[str, Any]:
    root = ET.fromstring(text)
    tags = [node.tag for node in root.iter()]
    junit = {tag: tags.count(tag) for tag in JUNIT if tag in tags} if "testcase" in tags else {}
    return {"xml": True, "root": root.tag, "junit": junit}


def _html_facts(text: str) -> dict[str, Any]:
    low = text.lower()
    return {"html": "<html" in low and "</html>" in low, "table": "<table" in low}


FACTS: dict[str, Callable[[str], dict[str, Any]]] = {
    ".csv": _csv_facts,
    ".json": _json_facts,
    ".xml": _xml_facts,
    ".html": _html_facts,
    ".log": lambda text: {"text": text},
}


def differences(expected: Facts, answer: Facts, also: Iterable[str] = ()) -> Iterator[str]:
    """Say in one sentence each where an answer differs from the recorded one."""
    if expected["has_output"] and answer["has_output"]:
        yield from _row_differences(_sorted(expected["results"]), _sorted(answer["results"]), "provider_labels" in also)
        yield from _told("stats", expected["stats"], answer["stats"])
        yield from _column_differences(expected["prompts"], answer["prompts"], also)
    yield from _told("an output file was written", expected["has_output"], answer["has_output"])
    yield from _told("exit code", expected["exit_code"], answer["exit_code"])
    for name, facts in expected.get("files", {}).items():
        yield from _all_told(f"file {name}", facts, answer["files"][name], facts)


def _sorted(rows: Iterable[Facts]) -> list[Facts]:
    """Order rows by what makes them one result; what they say decides among repeats."""

    def place(row: Facts) -> tuple[int, int, str, str]:
        provider = row["provider"]
        told = json.dumps([[one["pass"] for one in row["components"]], row["output"], row["vars"]], sort_keys=True)
        return row["testIdx"], row["promptIdx"], provider["label"] or provider["id"], told

    return sorted(rows, key=place)


def _row_differences(expected: list[Facts], answer: list[Facts], labels: bool) -> Iterator[str]:  # noqa: FBT001 (private)
    yield from _told("number of results", len(expected), len(answer))
    for number, (want, got) in enumerate(zip(expected, answer, strict=False)):
        where = f"result {number} (test {want['testIdx']}, prompt {want['promptIdx']})"
        dropped = want["error"] and want["failure"] == "error" and want["output"] is None
        yield from _all_told(where, want, got, [name for name in ROW if not (dropped and name in KEPT_BY_US)])
        if not dropped:
            yield from _component_differences(where, want["components"], got["components"])
        if labels:
            yield from _told(f"{where}: provider label", want["provider"]["label"], got["provider"]["label"])


def _component_differences(where: str, expected: list[Facts], answer: list[Facts]) -> Iterator[str]:
    yield from _told(f"{where}: number of components", len(expected), len(answer))
    for number, (want, got) in enumerate(zip(expected, answer, strict=False)):
        yield from _all_told(f"{where}: component {number} ({want['type']})", want, got, COMPONENT)


def _column_differences(expected: list[Facts], answer: list[Facts], also: Iterable[str]) -> Iterator[str]:
    names = [*(METRICS if "prompt_metrics" in also else ()), *(["label"] if "prompt_labels" in also else ())]
    if names:
        yield from _told("number of prompts", len(expected), len(answer))
    for number, (want, got) in enumerate(zip(expected, answer, strict=False)):
        yield from _all_told(f"prompt {number}", want, got, names)


def _all_told(where: str, expected: Facts, answer: Facts, names: Iterable[str]) -> Iterator[str]:
    for name in names:
        yield from _told(f"{where}: {name}", expected[name], answer.get(name))


def _told(what: str, expected: object, answer: object) -> Iterator[str]:
    if not same(expected, answer):
        yield f"{what}: {json.dumps(answer)}, expected {json.dumps(expected)}"


def same(left: object, right: object) -> bool:
    """Two JSON values are the same when they are of one type; numbers, when they agree in their first six digits."""
    if isinstance(left, int | float) and isinstance(right, int | float):
        both_or_neither = isinstance(left, bool) == isinstance(right, bool)
        return both_or_neither and math.isclose(left, right, rel_tol=FEW_DIGITS, abs_tol=FEW_DIGITS)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(value, right[name]) for name, value in left.items())
    return type(left) is type(right) and left == right
