"""What hooks print is shown at once, and written down where it belongs."""

import json

from tests.acceptance.suites import Evaluate

HOOKS = """
def hook(name, context):
    print(name, context["test"]["vars"]["x"] if "test" in context else "all")
"""
CONFIG = {
    "prompts": ["{{x}}"],
    "providers": ["echo"],
    "tests": [{"vars": {"x": "a"}}, {"vars": {"x": "b"}}],
    "extensions": ["file://hooks.py:hook"],
}


def test_what_hooks_print_is_kept(evaluate: Evaluate) -> None:
    """Of a trial's hooks beside the trial, of the whole run's in the document's own block; nothing is swallowed."""
    ended = evaluate(CONFIG, {"hooks.py": HOOKS})

    assert [row["printed"] for row in ended.rows] == ["beforeEach a\nafterEach a\n", "beforeEach b\nafterEach b\n"]
    told = json.loads((ended.folder / "out.json").read_text(encoding="utf-8"))["sojourn"]
    assert told["printed"] == ["beforeAll all\n", "afterAll all\n"]
    assert (told["leaks"], told["unsteady"]) == ([], [])
    assert "beforeEach a\n" in ended.shown
