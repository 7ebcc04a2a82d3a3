"""Whatever models and files say, a run ends with whole results and without a traceback of ours."""

from __future__ import annotations

import contextlib
import io
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sojourn.catalog import ASSERTIONS
from sojourn.cli.app import run

PROVIDER = """
import json

def call_api(prompt, options, context):
    return json.loads(context["vars"]["reply"])
"""
PIECES = ["{{ x }}", "{{ x", "{% if x %}", "{% endif %}", "{% for y in x %}", "{% endfor %}", "{{ x | dump }}", "}}"]
PIECES += [
    "{{ x.y.z }}",
    "{{ x[0] }}",
    "{{ x | join }}",
    "{#",
    "#}",
    "{% set y = x %}",
    "{{ x.length }}",
    '"',
    "[",
    "{",
]
TEMPLATES = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=5).map("".join)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEMPLATES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ["error", "sessionId", "cost", "cached", "tokenUsage", "latencyMs", "metadata", "logProbs", "guardrails"]
FIELDS += ["finishReason", "raw", "isRefusal", "trace", "conversationEnded"]
REPLIES = JSON | st.fixed_dictionaries({"output": JSON}, optional=dict.fromkeys(FIELDS, JSON))
ASKS_NOBODY = sorted(set(ASSERTIONS) - {"javascript", "python", "webhook"})
CLAIMS = st.fixed_dictionaries(
    {
        "type": st.sampled_from(ASKS_NOBODY) | st.sampled_from(ASKS_NOBODY).map("not-{}".format),
        "value": JSON.filter(lambda value: value is not None),
        "threshold": st.floats(0, 2),
    },
    optional={"weight": st.integers(0, 2), "metric": TEMPLATES},
)
TESTS = st.fixed_dictionaries(
    {
        "vars": st.fixed_dictionaries({"reply": REPLIES.map(json.dumps), "x": JSON, "t": TEMPLATES}),
        "assert": st.lists(CLAIMS, max_size=3),
        "options": st.just({"disableVarExpansion": True}),
    },
    optional={"description": TEMPLATES, "threshold": st.floats(0, 1)},
)
CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=8) | TEMPLATES
PROMPTS = st.lists(TEMPLATES.map("p{}".format), min_size=1, max_size=2)


def evaluate(folder: Path, config: Any) -> tuple[int, str]:
    """Run a suite in a folder in this process; returns the exit code and all that was said."""
    (folder / "promptfooconfig.json").write_text(json.dumps(config))
    (folder / "reply.py").write_text(PROVIDER)
    said = io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = run(["eval", "--no-table", "--no-progress-bar", *(f"-o=out.{end}" for end in ("json", "csv", "xml"))])
    return code, said.getvalue()


def check(folder: Path, code: int, said: str) -> None:
    """An exit code that is documented, no traceback, no mistake of ours, results whole or not there."""
    assert code in (0, 1, 100), said
    assert "Traceback" not in said, said
    assert "itself broke" not in said, said
    assert "crashed" not in said, said
    for name in ("out.json", "out.csv", "out.xml"):
        assert (folder / name).exists() is (folder / "out.json").exists()
    if (folder / "out.json").exists():
        rows = json.loads((folder / "out.json").read_text())["results"]["results"]
        assert all("itself broke" not in (row.get("error") or "") for row in rows)
        assert all("crashed" not in (row.get("error") or "") for row in rows), rows


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(PROMPTS, st.lists(TESTS, min_size=4, max_size=12))
def test_any_reply_is_judged_or_an_error_of_its_test(prompts: list[str], tests: list[Any]) -> None:
    """Replies, templates and values of every shape cost their own test at most."""
    os.environ["SOJOURN_HOME"] = tempfile.gettempdir() + "/sojourn-any-run"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = {"prompts": prompts, "providers": ["echo", "python:reply.py"], "tests": tests}
        check(folder, *evaluate(folder, config))


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(CELLS, min_size=1, max_size=4), min_size=1, max_size=5), st.sampled_from(["csv", "jsonl"]))
def test_any_file_of_tests_is_run_or_refused(rows: list[list[str]], kind: str) -> None:
    """What stands in a CSV file or in JSON lines is run, or refused with one message."""
    head = ["t", "__expected", "x", "__metadata:k"][: len(rows[0])]
    if kind == "csv":
        text = "\n".join(",".join(cells) for cells in [head, *rows])
    else:
        text = "\n".join(json.dumps(dict(zip(head, cells, strict=False))) for cells in rows)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / f"t.{kind}").write_text(text)
        config = {"prompts": ["{{ t }}"], "providers": ["echo"], "tests": f"t.{kind}"}
        check(folder, *evaluate(folder, config))
