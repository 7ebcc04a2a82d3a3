"""Providers in JavaScript that tell themselves how near two texts are."""

from __future__ import annotations

from tests.acceptance.conftest import evaluate
from tests.acceptance.suites import Evaluate

__all__ = ["evaluate"]  # a fixture that is used by its name

NEAR = """
module.exports = class {
  async callApi() { return { output: '' }; }
  async callSimilarityApi(expected, output) {
    if (expected === 'broken') return { error: 'no idea' };
    return expected === 'nothing' ? null : { similarity: expected.length / output.length };
  }
};
"""
VECTOR = """
module.exports = class {
  async callApi() { return { output: '' }; }
  async callEmbeddingApi(text) { return { embedding: [text.length, 1] }; }
};
"""


def test_a_class_may_compare_by_itself(evaluate: Evaluate) -> None:
    """`callSimilarityApi` comes before vectors; one that says nothing has none, and what it says is wrong is a no."""
    values = [
        ("ab", "near.js"),
        ("abcd", "near.js"),
        ("broken", "near.js"),
        ("nothing", "near.js"),
        ("abcd", "vector.js"),
    ]
    claims = [{"type": "similar", "value": value, "provider": f"file://{grader}"} for value, grader in values]
    tests = [{"vars": {"q": "abcd"}, "assert": [claim]} for claim in claims]
    files = {"near.js": NEAR, "vector.js": VECTOR}
    run = evaluate({"prompts": ["{{q}}"], "providers": ["echo"], "tests": tests}, files)

    assert [row["success"] for row in run.rows] == [False, True, False, False, True]
    assert run.rows[0]["score"] == 0.5
    assert "no idea" in run.rows[2]["error"]
    assert "callEmbeddingApi" in run.rows[3]["error"]
