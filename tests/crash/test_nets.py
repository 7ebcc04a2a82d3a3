import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import os, signal, time
def call_api(prompt, options, context):
    here = os.environ["MARKS"]
    open(os.path.join(here, prompt), "w").close()
    if prompt == "dies":
        while not os.path.exists(os.path.join(here, "stays")):
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGKILL)
    if prompt == "stays" and not os.path.exists(os.path.join(here, "again")):
        open(os.path.join(here, "again"), "w").close()
        time.sleep(600)
    return {"output": prompt}
def hook(moment, context):
    if moment == "beforeAll":
        context["state"]["server"] = 42
    if moment.endswith("All"):
        with open(os.path.join(os.environ["MARKS"], "moments"), "a") as out:
            out.write(f"{moment} {context['state'].get('server')}\\n")
"""

SUITE = {
    "prompts": ["{{x}}"],
    "providers": ["file://code.py"],
    "extensions": ["file://code.py:hook"],
    "defaultTest": {"assert": [{"type": "python", "value": "True"}, {"type": "python", "value": "len(output) > 0"}]},
    "tests": [
        {"vars": {"x": "dies"}, "metadata": {"conversationId": "a"}},
        {"vars": {"x": "stays"}, "metadata": {"conversationId": "b"}},
    ],
}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "code.py").write_text(CODE)
    (tmp_path / "promptfooconfig.json").write_text(json.dumps(SUITE))
    (tmp_path / "marks").mkdir()
    return tmp_path


def test_a_bystander_with_script_assertions_is_run_again_and_after_all_runs_once(place: Path) -> None:
    """A crash costs its own trial; the one beside it is run again with all its assertions, and afterAll runs once."""
    environ = {**os.environ, "MARKS": str(place / "marks"), "SOJOURN_HOME": str(place / "home")}
    command = [sys.executable, "-m", "sojourn", "eval", "-o", "out.json", "--no-table"]
    ran = subprocess.run(command, cwd=place, env=environ, capture_output=True, text=True, timeout=120, check=False)
    rows = json.loads((place / "out.json").read_text())["results"]["results"]
    outcomes = {row["vars"]["x"]: row["outcome"] for row in rows}
    assert outcomes == {"dies": "error", "stays": "passed"}, ran.stdout + ran.stderr
    moments = (place / "marks" / "moments").read_text().splitlines()
    assert moments == ["beforeAll 42", "afterAll 42"]
    assert list((place / "home" / "runs").iterdir()) == []
