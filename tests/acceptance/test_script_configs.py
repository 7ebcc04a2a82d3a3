"""Configurations in JavaScript that hold functions: they are called where a text would have named code."""

from __future__ import annotations

import json

from tests.acceptance.suites import Evaluate

SUITE = """
let made = 0;
module.exports = {
  prompts: ['{{a}}'],
  providers: [
    { id: 'echo', label: 'echoes', transform: (output) => output + '|provider' },
    async (prompt, context) => ({ output: `${prompt} for ${context.vars.a}` }),
    { id: () => 'an object', callApi: async (prompt) => ({ output: `${prompt} ${++made}` }) },
  ],
  defaultTest: { assert: [{ type: 'javascript', value: (text, { vars }) => text.startsWith(vars.a), metric: 'm' }] },
  tests: [
    { vars: { a: 'x' }, options: { transform: (output) => output + '|test' } },
    { vars: { a: 'y' }, options: { transformVars: (vars) => ({ ...vars, a: vars.a.toUpperCase() }) } },
    { vars: { a: 'z' }, assertScoringFunction: () => ({ pass: true, score: 0.25, reason: 'scored' }) },
    { path: 'file://more.js:made', config: {} },
  ],
  derivedMetrics: [{ name: 'twice', value: (scores) => scores.m * 2 }],
};
"""
MORE = """
exports.made = () => [{ vars: { a: 'w' }, assert: [{ type: 'equals', transform: () => 'w', value: 'w' }] }];
"""


def test_functions_stand_where_texts_do(evaluate: Evaluate) -> None:
    """Providers, transforms, assertions, scoring and derived metrics may be functions of a JavaScript file."""
    run = evaluate({}, {"suite.config.js": SUITE, "more.js": MORE}, "-c", "suite.config.js", "-j", "1")

    assert run.code == 0, run.shown
    assert run.outputs == [
        *("x|provider|test", "x for x|test", "x 1|test"),
        *("Y|provider", "Y for Y", "Y 2"),
        *("z|provider", "z for z", "z 3"),
        *("w|provider", "w for w", "w 4"),
    ]
    assert [row["provider"]["label"] for row in run.rows[:3]] == ["echoes", "custom-function-1", "an object"]
    assert [row["score"] for row in run.rows[6:9]] == [0.25] * 3
    columns = json.loads((run.folder / "out.json").read_text(encoding="utf-8"))["results"]["prompts"]
    assert [column["metrics"]["namedScores"] for column in columns] == [{"m": 4, "twice": 8}] * 3
