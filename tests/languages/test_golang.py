"""Providers in Go, compiled by the real compiler and run through the real command line; what is said where none is."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import evaluate
from tests.acceptance.suites import Evaluate

__all__ = ["evaluate"]  # a fixture that is used by its name

needs_go = pytest.mark.skipif(shutil.which("go") is None, reason="Go is not installed")
SIGNATURE = (
    "(prompt string, options map[string]interface{}, ctx map[string]interface{}) (map[string]interface{}, error)"
)
BOT = f"""package main

import (
	"fmt"
	"os"
)

var json = 0 // a name that the host's own imports must not take

func CallApi{SIGNATURE} {{
	json++
	switch prompt {{
	case "error":
		return nil, fmt.Errorf("no such thing")
	case "panic":
		panic("oh")
	case "exit":
		os.Exit(3)
	case "hang":
		select {{}}
	case "unfit":
		return map[string]interface{{}}{{"output": make(chan int)}}, nil
	case "none":
		return map[string]interface{{}}{{"answer": 1}}, nil
	}}
	vars, config := ctx["vars"].(map[string]interface{{}}), options["config"].(map[string]interface{{}})
	output := fmt.Sprintf("%s %v %v %d", prompt, vars["q"], config["k"], json)
	return map[string]interface{{}}{{"output": output, "tokenUsage": map[string]interface{{}}{{"total": 3}}}}, nil
}}

func Shout{SIGNATURE} {{
	return map[string]interface{{}}{{"output": map[string]interface{{}}{{"asked": prompt}}}}, nil
}}
"""


def suite(*providers: Any, asked: tuple[str, ...] = ("a",)) -> dict[str, Any]:
    """Say a suite that asks each provider each question, one after the other."""
    tests = [{"vars": {"q": each}} for each in asked]
    return {
        "prompts": ["{{q}}"],
        "providers": list(providers),
        "tests": tests,
        "evaluateOptions": {"maxConcurrency": 1},
    }


def answer(text: str) -> str:
    """Write the body of a function that answers with an expression."""
    return f'{{ return map[string]interface{{}}{{"output": {text}}}, nil }}\n'


@needs_go
def test_providers_in_go(evaluate: Evaluate) -> None:
    """A named function, or CallApi, answers from one process that keeps what it knows; an error or a panic is told."""
    config = suite(
        {"id": "file://bot.go", "config": {"k": 7}}, "golang:bot.go:Shout", asked=("a", "error", "panic", "b")
    )
    run = evaluate(config, {"bot.go": BOT})

    assert run.outputs == [
        "a a 7 1",
        {"asked": "a"},
        None,
        {"asked": "error"},
        None,
        {"asked": "panic"},
        "b b 7 4",
        {"asked": "b"},
    ]
    assert run.rows[0]["response"]["tokenUsage"]["total"] == 3
    assert run.rows[2]["error"].startswith("no such thing (")
    assert run.rows[4]["error"] == f"panic: oh ({run.folder}/bot.go:16)"


@needs_go
@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("exit", "its process ended: exit code 3"),
        ("hang", "still running after 0.5 s, and given up"),
        ("unfit", "it returned what JSON cannot carry"),
        ("none", "must return a dictionary with 'output' or 'error'"),
    ],
)
def test_what_a_function_does_costs_its_own_test(evaluate: Evaluate, asked: str, told: str) -> None:
    """A call that ends its process, hangs or answers nonsense is that test's error; the next is answered."""
    run = evaluate(suite({"id": "file://bot.go", "config": {"timeout": 500}}, asked=(asked, "next")), {"bot.go": BOT})

    assert run.outcomes == ["error", "passed"]
    assert told in run.rows[0]["error"]


@needs_go
def test_packages_of_several_files_and_named_ones(evaluate: Evaluate, tmp_path: Path) -> None:
    """A package main may set CallApi in init and spread over files; a named package is imported by its go.mod."""
    var = "var CallApi func(string, map[string]interface{}, map[string]interface{}) (map[string]interface{}, error)\n"
    head = f"package main\nfunc CallApi{SIGNATURE} "
    files = {
        "go.mod": "module example.com/bots\n\ngo 1.18\n",
        "set/main.go": f"package main\n{var}func init() {{ CallApi = ask }}\nfunc ask{SIGNATURE} {answer('prompt')}",
        "split/main.go": head + answer("help(prompt)"),
        "split/help.go": 'package main\nfunc help(text string) string { return "help " + text }\n',
        "named/provider.go": head.replace("main\n", 'named\nimport "example.com/bots/core"\n')
        + answer("core.Up(prompt)"),
        "core/core.go": 'package core\nimport "strings"\nfunc Up(s string) string { return strings.ToUpper(s) }\n',
        "twins/main.go": head + answer("prompt"),
        "twins/other.go": head + answer("prompt"),
    }
    for folder in ("set", "split", "named", "core", "twins"):
        (tmp_path / "suite" / folder).mkdir(parents=True)
    providers = ["set/main.go", "split/main.go", "named/provider.go", "twins/main.go"]
    run = evaluate(suite(*(f"file://{each}" for each in providers)), files)

    assert run.outputs == ["a", "help a", "A", "a"]
    assert not list((tmp_path / "suite").rglob("*sojourn_*"))


@needs_go
@pytest.mark.parametrize(
    ("source", "told"),
    [
        (
            f"package main\nfunc CallApi{SIGNATURE} {answer('help(prompt)')}",
            "bot.go:2:{column}: the provider file://bot.go",
        ),
        (f"package main\nfunc Ask{SIGNATURE} {answer('prompt')}", "it defines no function CallApi"),
        (f"package bot\nfunc Ask{SIGNATURE} {answer('prompt')}", "it defines no function CallApi"),
        (
            "package main\nfunc CallApi(prompt string) string { return prompt }",
            "it must be func(prompt string, options, ctx",
        ),
        (
            "package main\nvar CallApi func(string, interface{}, interface{}) (interface{}, error)",
            "it is nil: no init function has set it",
        ),
    ],
    ids=["mistake", "nameless", "nameless package", "signature", "nil"],
)
def test_what_cannot_be_called_is_told_before_the_run(evaluate: Evaluate, source: str, told: str) -> None:
    """What cannot be compiled, or is no such function, is told before anything runs, with its place."""
    run = evaluate(suite("file://bot.go"), {"bot.go": source, "go.mod": "module example.com/bot\n"})

    assert run.code == 1
    assert not run.rows
    column = source.partition("\n")[2].partition("help(")[0].__len__() + 1
    assert told.format(column=column) in run.shown


def test_without_go_only_its_own_tests_break(evaluate: Evaluate, tmp_path: Path) -> None:
    """Where no Go is on the PATH, the errors of its own tests say so, and all others run."""
    run = evaluate(suite("file://bot.go", "echo"), {"bot.go": BOT}, PATH=str(tmp_path))

    assert run.outcomes == ["error", "passed"]
    assert "Go is needed and is not on the PATH; install Go 1.18 or newer" in run.rows[0]["error"]


@needs_go
def test_another_go_can_be_named(evaluate: Evaluate) -> None:
    """The compiler that `goExecutable` names is taken; one that is not there is told before the run."""
    run = evaluate(suite({"id": "file://bot.go", "config": {"goExecutable": "no-such-go"}}), {"bot.go": BOT})

    assert run.code == 1
    assert "the program 'no-such-go' cannot be run: No such file or directory" in run.shown
