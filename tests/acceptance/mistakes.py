"""What a stranger may write, each with the message that is due."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec


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
