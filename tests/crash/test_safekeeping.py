"""What a run leaves for those who clean up after it, where that cannot be."""

import json

from tests.crash.conftest import Evaluate

HOOKS = """
def after_all(hook, context):
    pass
"""
SUITE = "prompts: [hi]\nproviders: [echo]\nextensions: ['file://hooks.py:after_all']\n"


def test_a_home_that_cannot_be_written_is_named(evaluate: Evaluate) -> None:
    """A suite with hooks needs a place for its ledger; without one, nothing is run, and nothing is left."""
    ended = evaluate({"promptfooconfig.yaml": SUITE, "hooks.py": HOOKS}, SOJOURN_HOME="/dev/null/here")

    assert ended.code == 1
    assert ended.shown == (
        "error: no record of the run can be kept in /dev/null/here: Not a directory"
        " (set SOJOURN_HOME to a folder that can be written)\n"
    )


def test_an_interpreter_that_dies_at_once_is_an_error(evaluate: Evaluate) -> None:
    """It has ended before it can be written down; the provider says so, and the run goes on."""
    provider = {"id": "file://bot.py", "config": {"pythonExecutable": "/bin/false"}}
    suite = SUITE.replace("[echo]", json.dumps([provider, "echo"]))
    ended = evaluate({"promptfooconfig.yaml": suite, "hooks.py": HOOKS, "bot.py": "def call_api(*_): pass"})

    assert ended.outcomes == ["error", "passed"]
    assert "the python process ended before" in ended.shown
    assert "Traceback" not in ended.shown
