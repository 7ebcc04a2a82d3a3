from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from sojourn.config.flags import Flags
from sojourn.errors import ConfigError
from sojourn.model.suite import Suite

Load = Callable[..., Suite]
Mistakes = Callable[..., list[str]]
HEAD = "prompts: ['{{x}}']\nproviders: [echo]\n"


def xs(suite: Suite) -> list[Any]:
    return [test["vars"]["x"] for test in suite.tests]


@pytest.mark.parametrize(
    ("tests", "files", "found"),
    [
        ("[{vars: {x: 1}}]", {}, [1]),
        ("t.yaml", {"t.yaml": "- vars: {x: 1}\n- vars: {x: 2}"}, [1, 2]),
        (
            "[file://t.yml, {vars: {x: in}}, sub/u.json]",
            {"t.yml": "vars: {x: 1}", "sub/u.json": '[{"vars": {"x": 2}}]'},
            [1, "in", 2],
        ),
        ("file://t.json", {"t.json": '{"vars": {"x": 1}}'}, [1]),
        ("[t.jsonl]", {"t.jsonl": '{"vars": {"x": 1}}\n\n{"vars": {"x": 2}}\n'}, [1, 2]),
        ("file://t.csv", {"t.csv": "\ufeffx\na\nb\n"}, ["a", "b"]),
        ("['ts/*.yaml']", {"ts/b.yaml": "vars: {x: b}", "ts/a.yaml": "vars: {x: a}"}, ["a", "b"]),
        (
            "['ts/{a,b}.yaml']",
            {"ts/b.yaml": "vars: {x: b}", "ts/a.yaml": "vars: {x: a}", "ts/c.yaml": "vars: {x: c}"},
            ["a", "b"],
        ),
        ("[file://ts]", {"ts/a.yaml": "vars: {x: a}", "ts/b.csv": "x\nb\n", "ts/readme.txt": "no"}, ["a", "b"]),
        ("[{vars: v.yaml}]", {"v.yaml": "x: 1"}, [1]),
        ("[{vars: ['v*.yaml', 'file://w.json']}]", {"v1.yaml": "x: 1", "w.json": '{"x": 2}'}, [2]),
        ("[{vars: {x: 1}, metadata: }]", {}, [1]),
    ],
)
def test_tests_from_every_local_source(load: Load, tests: str, files: Mapping[str, str], found: list[Any]) -> None:
    """Inline, YAML, JSON, JSON lines, CSV, patterns and folders, in the order in which they are named."""
    assert xs(load(f"{HEAD}tests: {tests}\n", files)) == found


def test_a_generator_in_python_is_called_with_its_config(load: Load) -> None:
    """A function makes tests, told what stands under `config`, whose files are read."""
    files = {
        "gen.py": "def make(config):\n    return [{'vars': {'x': word}} for word in config['words']]\n"
        "def generate_tests():\n    return [{'vars': {'x': 'default'}}]\n",
        "words.json": '["a", "b"]',
    }
    tests = "[{path: 'file://gen.py:make', config: {words: 'file://words.json'}}, file://gen.py]"
    assert xs(load(f"{HEAD}tests: {tests}\n", files)) == ["a", "b", "default"]


def test_a_generator_in_javascript_is_called(load: Load) -> None:
    """A module that exports an async function makes tests."""
    files = {"gen.js": "module.exports = async () => [1, 2].map((x) => ({ vars: { x } }));"}
    assert xs(load(f"{HEAD}tests: file://gen.js\n", files)) == [1, 2]


def test_rows_are_numbered(load: Load) -> None:
    """Tests of a single data file without a description are called by their row."""
    suite = load(HEAD + "tests: t.jsonl\n", {"t.jsonl": '{"vars": {"x": 1}}\n{"vars": {"x": 2}, "description": "d"}\n'})
    assert [test["description"] for test in suite.tests] == ["Row #1", "d"]


def test_files_named_in_a_file_of_tests_are_read(load: Load) -> None:
    """`$ref` and `file://` work inside YAML tests, but vars and code stay references."""
    text = """
- vars: {x: file://want.txt}
  assert:
    - {type: contains, value: file://want.txt}
    - $ref: '#/0/assert/0'
  options: {transform: file://t.py}
"""
    (test,) = load(HEAD + "tests: [sub/t.yaml]\n", {"sub/t.yaml": text, "want.txt": "w\n"}).tests
    assert test["vars"] == {"x": "file://want.txt"}
    assert [claim["value"] for claim in test["assert"]] == ["w\n", "w\n"]
    assert test["options"] == {"transform": "file://t.py"}


def test_the_command_line_names_tests(load: Load) -> None:
    """`-t` replaces the suite's tests."""
    assert xs(load(HEAD + "tests: [{vars: {x: 1}}]\n", {"t.csv": "x\nz\n"}, Flags(tests="t.csv"))) == ["z"]


def test_outputs_that_exist_are_judged(load: Load) -> None:
    """`--model-outputs` makes a test of each output, with the assertions of `-a`."""
    files = {"o.json": '["a", {"output": "b", "tags": ["t", "u"]}]', "a.yaml": "- {type: contains, value: a}"}
    suite = load(HEAD, files, Flags(model_outputs="o.json", assertions="a.yaml"))
    assert [test["vars"] for test in suite.tests] == [{"output": "a"}, {"output": "b", "tags": "t, u"}]
    assert [(suite.prompts[0].raw, suite.providers[0].id)] == [("{{output}}", "echo")]


@pytest.mark.parametrize(
    ("flags", "prompt", "count"),
    [
        (Flags(model_outputs="o.json", assertions="a.yaml"), "{{output}}", 1),
        (Flags(providers=("echo",), prompts=("p.txt",)), "say", 1),
        (Flags(providers=("echo",), prompts=("p.txt",), tests="t.csv"), "say", 2),
    ],
)
def test_the_command_line_alone_is_a_suite(load: Load, flags: Flags, prompt: str, count: int) -> None:
    """Where no configuration lies in the folder, outputs with assertions, or a provider with prompts or tests, do."""
    files = {"o.json": '["a"]', "a.yaml": "- {type: contains, value: a}", "p.txt": "say", "t.csv": "x\n1\n2\n"}
    suite = load(None, files, flags)
    assert ([each.raw for each in suite.prompts], max(len(suite.tests), 1)) == ([prompt], count)
    assert suite.providers[0].id == "echo"


def test_a_command_line_that_says_half_needs_a_configuration(load: Load) -> None:
    """A provider without anything to be asked leaves the lacking file the mistake that is told."""
    with pytest.raises(ConfigError, match=r"there is no promptfooconfig\.yaml here"):
        load(None, {}, Flags(providers=("echo",)))


@pytest.mark.parametrize(
    ("tests", "files", "message"),
    [
        ("t.csv", {"t.csv": "x\n"}, "t.csv: there are no tests in this file"),
        ("t.yaml", {"t.yaml": ""}, "t.yaml: there are no tests in this file"),
        ("no.csv", {}, "promptfooconfig.yaml:3:8: no such file: no.csv"),
        ("[file://no*.yaml]", {}, "promptfooconfig.yaml:3:9: no such file: no*.yaml"),
        ("file://no.py:fn", {}, "promptfooconfig.yaml:3:8: no such file: no.py"),
        ("[1]", {}, "promptfooconfig.yaml:3:9: a test must be a mapping, a file, or a mapping with"),
        ("[{turns: []}]", {}, "promptfooconfig.yaml:3:17: turns is empty (write what is said in each turn"),
        (
            "[{turns: [{vars: {n: 1}, turns: [{vars: {n: 2}}]}]}]",
            {},
            "promptfooconfig.yaml:3:33: a turn has no turns of its own (write them one below the other",
        ),
        (
            "[{turns: [{vars: {n: 1}, options: {repeat: 2}}]}]",
            {},
            "promptfooconfig.yaml:3:43: a turn is not repeated by itself: a conversation is repeated",
        ),
        ("[{description: d}]", {}, "promptfooconfig.yaml:3:9: a test needs vars, turns, assert"),
        ("[{vars: no.yaml}]", {}, "promptfooconfig.yaml:3:16: no such file: no.yaml"),
        ("[{vars: {x: 1}, prompts: [nothing]}]", {}, "promptfooconfig.yaml:3:34: there is no prompt 'nothing'"),
        (
            "[{vars: {x: 1}, providers: [exho]}]",
            {},
            "promptfooconfig.yaml:3:36: there is no provider 'exho' in this suite (did",
        ),
        ("[{vars: {x: 1}, provider: nobody}]", {}, "promptfooconfig.yaml:3:34: unknown provider 'nobody'"),
        (
            "[{assert: [{type: contains, value: x, provider: nobody}]}]",
            {},
            "promptfooconfig.yaml:3:56: unknown provider 'nobody'",
        ),
        ("[{options: {provider: {text: nobody}}}]", {}, "promptfooconfig.yaml:3:37: unknown provider 'nobody'"),
        ("[{assert: [{$ref: '#/nothing'}]}]", {}, "promptfooconfig.yaml:3:19: $ref '#/nothing' points to nothing"),
        ("t.xlsx", {}, "promptfooconfig.yaml:3:8: no such file: t.xlsx"),
        ("t.jsonl", {"t.jsonl": '{"vars": {}}\n{"vars": }\n'}, "t.jsonl:2:10: not valid JSON"),
        ("t.json", {"t.json": '{"vars": {}, "vars": {}}'}, "t.json:1:14: the key 'vars' stands here twice"),
        (
            "t.yaml",
            {"t.yaml": "- vars: {x: 1}\n- assert: [{type: nope}]\n"},
            "t.yaml:2:19: unknown assertion type 'nope'",
        ),
        (
            "[{assert: [{type: non-empty}]}]",
            {},
            "promptfooconfig.yaml:3:26: unknown assertion type 'non-empty', did you mean 'not-empty'?",
        ),
        (
            "t.yaml",
            {"t.yaml": "- assert: [{type: or}]\n"},
            "t.yaml:1:19: there is no assertion type 'or' yet (write type: assert-set, with threshold: 0.01)",
        ),
        (
            "t.yaml",
            {"t.yaml": "- assert: [{type: not-promptfoo:redteam:mcp}]\n"},
            "t.yaml:1:19: 'not-promptfoo:redteam:mcp' is for red teaming, which is not what Sojourn is for (take",
        ),
        (
            "t.jsonl",
            {"t.jsonl": '\n{"asert": []}\n'},
            "t.jsonl:2: there is no key 'asert' here (did you mean 'assert'?)",
        ),
        (
            "gen.py",
            {"gen.py": "def generate_tests():\n    raise ValueError('no')\n"},
            "promptfooconfig.yaml:3:8: gen.py broke:",
        ),
        (
            "gen.py",
            {"gen.py": "def generate_tests():\n    return 5\n"},
            "promptfooconfig.yaml:3:8: gen.py must return a list of tests",
        ),
    ],
)
def test_tests_that_cannot_be_read_are_refused(
    mistakes: Mistakes, tests: str, files: Mapping[str, str], message: str
) -> None:
    """Every mistake names the file, the line and the column where it stands."""
    assert mistakes(f"{HEAD}tests: {tests}\n", files)[0].startswith(message)


def test_a_file_that_is_not_utf8_is_refused(mistakes: Mistakes, tmp_path: Any) -> None:
    """The first byte that is no UTF-8 is named with its place."""
    (tmp_path / "t.csv").write_bytes(b"x\nok\ncaf\xe9\n")
    assert mistakes(HEAD + "tests: t.csv\n") == ["t.csv:3:4: not UTF-8: byte 0xe9 (save the file as UTF-8)"]


def test_no_tests_key_runs_each_prompt_once(load: Load) -> None:
    """A suite without the key `tests` has no tests of its own."""
    assert load(HEAD).tests == ()


def test_scenarios_may_stand_in_files(load: Load) -> None:
    """A scenario, its config and its tests may each be a file."""
    files = {
        "sc.yaml": "config: file://c.yaml\ntests: [t.yaml, {vars: {y: 2}}]",
        "c.yaml": "- vars: {x: 1}",
        "t.yaml": "vars: {y: 1}",
    }
    (scenario,) = load(HEAD + "scenarios: [file://sc.yaml]\n", files).scenarios
    assert scenario["config"] == [{"vars": {"x": 1}}]
    assert [test["vars"] for test in scenario["tests"]] == [{"y": 1}, {"y": 2}]


def test_the_default_test_may_stand_in_a_file(load: Load) -> None:
    """DefaultTest is read from JSON or YAML, its own paths from the suite's folder."""
    suite = load(
        HEAD + "defaultTest: file://d/default.json\n", {"d/default.json": '{"vars": {"doc": "file://d/x.txt"}}'}
    )
    assert suite.default_test == {"vars": {"doc": "file://d/x.txt"}}


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("defaultTest: file://no.yaml", "promptfooconfig.yaml:3:14: no such file: no.yaml"),
        ("defaultTest: {asserts: []}", "promptfooconfig.yaml:3:15: there is no key 'asserts' here"),
        ("scenarios: [{tests: []}]", "promptfooconfig.yaml:3:13: a scenario needs entries under config"),
        ("scenarios: [file://no.yaml]", "promptfooconfig.yaml:3:13: no such file: file://no.yaml"),
        (
            "scenarios: [{config: [{vars: {}}], tests: [{asert: []}]}]",
            "promptfooconfig.yaml:3:45: there is no key 'asert'",
        ),
        ("extensions: ['hooks.py']", "promptfooconfig.yaml:3:14: 'hooks.py' names no hook"),
        ("extensions: ['file://no.py:fn']", "promptfooconfig.yaml:3:14: no such file: no.py"),
        ("nunjucksFilters: {f: no.js}", "promptfooconfig.yaml:3:22: the filter 'f' needs"),
        ("outputPath: x.docx", "promptfooconfig.yaml:3:13: nobody writes 'x.docx'"),
    ],
)
def test_other_parts_that_lead_nowhere_are_refused(mistakes: Mistakes, rest: str, message: str) -> None:
    """Defaults, scenarios, hooks, filters and outputs are checked before anything runs."""
    assert mistakes(f"{HEAD}{rest}\n")[0].startswith(message)
