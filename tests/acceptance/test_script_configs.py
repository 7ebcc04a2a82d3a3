"""Functions from elsewhere than a file that is named: of a configuration in JavaScript, and of npm packages."""

from __future__ import annotations

import json
from pathlib import Path

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


JUDGES = """
exports.Answerer = class {
  constructor(options) { this.options = options; }
  id() { return 'packaged'; }
  async callApi(prompt) { return { output: `${prompt} by ${this.options.config.who}` }; }
};
exports.checks = { isShort: (output, context) => output.length < context.config.most, wanted: () => 'word by me' };
exports.word = (name, prompt, vars) => ({ output: 'word' });
"""
PACKAGES = {
    "judges/package.json": '{"name": "judges", "version": "1.0.0", "main": "lib/index"}',
    "judges/lib/index.js": JUDGES,
    "@us/modern/package.json": '{"type": "module", "exports": {".": {"types": "./x.d.ts", "import": "./main.js"}}}',
    "@us/modern/main.js": "export const same = (output) => output;\n",
}


def test_npm_packages_answer_and_judge(evaluate: Evaluate, tmp_path: Path) -> None:
    """`package:NAME:EXPORT` is a provider, a var or an assertion's value; the package stands above the suite."""
    for name, text in PACKAGES.items():
        path = tmp_path / "node_modules" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    short = {"type": "javascript", "value": "package:judges:checks.isShort", "config": {"most": 11}}
    wanted = {"type": "equals", "value": "package:judges:checks.wanted"}
    same = {"type": "contains", "value": "package:@us/modern:same"}
    config = {
        "prompts": ["{{a}}"],
        "providers": [{"id": "package:judges:Answerer", "config": {"who": "me"}}],
        "tests": [{"vars": {"a": "package:judges:word"}, "assert": [short, wanted, same]}],
    }
    run = evaluate(config, {})

    assert run.code == 0, run.shown
    assert run.outputs == ["word by me"]


def test_a_package_that_is_not_installed_is_refused(evaluate: Evaluate) -> None:
    """A provider of a package that is not there is refused before anything runs; a value is its test's error."""
    absent = evaluate({"prompts": ["x"], "providers": ["package:nowhere:Answerer"]}, {})
    assert absent.code == 1
    assert "the npm package 'nowhere' is not installed" in absent.shown

    value = {"type": "equals", "value": "package:nowhere:word"}
    judged = evaluate({"prompts": ["x"], "providers": ["echo"], "tests": [{"assert": [value]}]}, {})
    assert judged.outcomes == ["error"]
    assert "the npm package 'nowhere' is not installed" in judged.rows[0]["error"]
