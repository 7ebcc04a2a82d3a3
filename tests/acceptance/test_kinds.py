"""Kinds that have a name, through the real command line: how they are found, configured, lent and looked at."""

import json
import sys
from pathlib import Path

import pytest

from sojourn import registry
from tests.acceptance.suites import Evaluate, asked

ECHO = {"id": "echo", "sessions": ["it"]}
LENT = """
class Token:
    def open(self): self.count, self.handle = 0, {"id": 0}
    def lend(self):
        self.count += 1
        return {"id": self.count}
    def evidence(self, trial): return {"count": self.count, "trial": trial}
class Slow:
    async def lend(self):
        import asyncio
        await asyncio.sleep(600)
class Refuses:
    def lend(self): raise ConnectionError("the bank is closed")
"""
KIND = """
class Lodge:
    keys = {"name": str, "beds": int}
    needs = ("name",)
    def open(self, config): self.handle = {"id": config["name"]}
class Needy(Lodge):
    requires = {"no_such_module": "lodge[more]"}
"""


def sessions(kind: str, **more: object) -> dict[str, object]:
    """Make the block with one session."""
    return {"it": {"kind": kind, **more}}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Install a package that offers two kinds of session."""
    place = tmp_path / "packages"
    told = place / "lodge-1.0.dist-info"
    told.mkdir(parents=True)
    (place / "lodge.py").write_text(KIND)
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: lodge\nVersion: 1.0\n")
    (told / "entry_points.txt").write_text("[sojourn.session_kind]\nlodge = lodge:Lodge\nneedy = lodge:Needy\n")
    return place


def test_a_package_offers_a_kind(evaluate: Evaluate, package: Path) -> None:
    """A kind is found by the name under which an installed package offers it."""
    config = asked("{{sessions.it.id}}", providers=[ECHO], sessions=sessions("lodge", config={"name": "Bear"}))
    config["prompts"] = ["in {{sessions.it.id}}"]
    run = evaluate(config, {}, PYTHONPATH=str(package))

    assert run.code == 0, run.shown
    assert run.outputs == ["in Bear"]


def test_what_a_kind_needs_is_named_before_anything_opens(evaluate: Evaluate, package: Path) -> None:
    """A kind without the modules that it requires is an error that says what to install, and for which interpreter."""
    config = asked("hi", providers=[ECHO], sessions=sessions("needy", config={"name": "Bear"}))
    run = evaluate(config, {}, PYTHONPATH=str(package))

    assert run.code == 1
    assert f"it needs the Python package no_such_module: {sys.executable} -m pip install 'lodge[more]'" in run.shown


def test_an_interpreter_without_sojourn_is_told_of(evaluate: Evaluate) -> None:
    """A built-in kind lives in the interpreter of the suite's code: if that lacks Sojourn, it is said what to do."""
    other = f"{sys.base_prefix}/bin/python3"
    config = asked("hi", providers=[ECHO], sessions=sessions("sqlite"))
    run = evaluate(config, {}, PROMPTFOO_PYTHON=other, PYTHONPATH="")

    assert run.code == 1
    assert f"has no package 'sojourn': {other} -m pip install 'sojourn'" in run.shown


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"nam": "Bear"}, "the kind 'lodge' knows no key 'nam' (did you mean 'name'?)"),
        ({"name": "Bear", "sauna": True}, "the kind 'lodge' knows no key 'sauna' (it knows name, beds)"),
        ({"beds": 3}, "the kind 'lodge' needs name (write it under config)"),
        ({"name": "Bear", "beds": "many"}, "beds must be a whole number, not the text 'many'"),
        ({"name": ["Bear"]}, "name must be a text, not a list"),
    ],
)
def test_a_configuration_is_checked_before_anything_opens(
    evaluate: Evaluate, package: Path, config: dict[str, object], told: str
) -> None:
    """An unknown key, a missing one and a wrong value are mistakes in the file, with their line."""
    suite = asked("hi", providers=[ECHO], sessions=sessions("lodge", config=config))
    run = evaluate(suite, {}, PYTHONPATH=str(package))

    assert run.code == 1
    assert told in run.shown
    assert "promptfooconfig.yaml:1:" in run.shown


def test_a_text_with_digits_is_a_number(evaluate: Evaluate, package: Path) -> None:
    """What comes from the environment is a text, and good for a number if it is one."""
    suite = asked("hi", providers=[ECHO], sessions=sessions("lodge", config={"name": "Bear", "beds": "{{env.BEDS}}"}))
    run = evaluate(suite, {}, PYTHONPATH=str(package), BEDS="3")

    assert run.code == 0, run.shown


def test_a_session_that_lends_gives_each_trial_its_handle(evaluate: Evaluate) -> None:
    """What `lend` returns is the handle for that trial alone."""
    config = asked("a", "b", providers=[ECHO], sessions=sessions("file://s.py:Token"))
    config["prompts"] = ["{{q}} {{sessions.it.id}}"]
    run = evaluate(config, {"s.py": LENT}, "-j", "1")

    assert run.outputs == ["a 1", "b 2"]


@pytest.mark.parametrize(
    ("kind", "config", "told"),
    [
        ("process", {"command": "x", "ready": {"port": 1}}, "ready of the kind 'process' knows no key 'port'"),
        (
            "http",
            {"url": "http://x", "open": {"url": "/"}},
            "open of the kind 'http' knows no key 'url' (it knows path",
        ),
        ("http", {"url": "http://x", "close": {"path": 3}}, "path must be a text, not the number 3"),
    ],
)
def test_what_stands_deeper_is_checked_too(evaluate: Evaluate, kind: str, config: dict[str, object], told: str) -> None:
    """A mapping within a configuration has keys of its own, and a mistake there is one in the file, with its line."""
    run = evaluate(asked("hi", providers=[ECHO], sessions=sessions(kind, config=config)), {})

    assert run.code == 1
    assert told in run.shown
    assert "promptfooconfig.yaml:1:" in run.shown


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{other.path}", "{other.path} is not put in, for 'other' is no parent of 'it' (write {other.path}, and name"),
        ("{{ sessions.other.path }}", "{{sessions.other.path}} is not put in here"),
        ("{{sessions.db.path}}", "for a session is opened before any test (write {db.path})"),
        ("{db.pth}", "the session 'db' has no 'pth'; it has path"),
        ("{db.path} {own.words} {{x}}", ""),
    ],
)
def test_a_field_that_would_not_be_put_in_is_a_mistake_in_the_file(evaluate: Evaluate, text: str, told: str) -> None:
    """Only parents' fields stand in a configuration; any other session's, or a template, is told with what to write."""
    config = {"command": [sys.executable, "-c", "import time; time.sleep(600)", text]}
    block = {**sessions("process", config=config, parent="db"), "db": {"kind": "sqlite"}, "other": {"kind": "sqlite"}}
    run = evaluate(asked("hi", providers=[ECHO], sessions=block), {})

    assert told in run.shown
    assert run.code == (1 if told else 0), run.shown
    assert ("promptfooconfig.yaml:1:" in run.shown) == bool(told)


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("sqlite", {}),
        ("workspace", {}),
        ("process", {"command": [sys.executable, "-c", "import time; time.sleep(600)"]}),
    ],
)
def test_a_kind_tells_of_the_fields_that_its_handle_has(
    evaluate: Evaluate, kind: str, config: dict[str, object]
) -> None:
    """What is held against a configuration before the run is what there is in it."""
    suite = asked("a", providers=[ECHO], sessions=sessions(kind, config=config))
    suite["prompts"] = ["{{sessions.it | dump}}"]
    [output] = evaluate(suite, {}).outputs
    assert tuple(json.loads(output)) == registry.find("session kind", kind).tells


@pytest.mark.parametrize(("kind", "why"), [("Refuses", "the bank is closed"), ("Slow", "not ready after 0.2 s")])
def test_a_session_that_cannot_be_lent_is_the_trials_error(evaluate: Evaluate, kind: str, why: str) -> None:
    """Lending that raises or hangs is an error of that trial, with the cause; the provider is not asked."""
    config = asked("a", providers=[ECHO], sessions=sessions(f"file://s.py:{kind}", open_timeout="200ms"))
    run = evaluate(config, {"s.py": LENT})

    assert run.code == 1
    assert run.outcomes == ["error"]
    assert why in run.rows[0]["error"]


def test_a_trial_that_does_not_pass_is_given_evidence(evaluate: Evaluate) -> None:
    """What its sessions saw stands in the metadata of a trial that failed, and of no other."""
    config = asked("a", "b", providers=[ECHO], sessions=sessions("file://s.py:Token"))
    config["tests"][1]["assert"] = [{"type": "equals", "value": "c"}]
    run = evaluate(config, {"s.py": LENT}, "-j", "1")

    assert run.outcomes == ["passed", "failed"]
    assert "evidence" not in run.rows[0]["metadata"]
    assert run.rows[1]["metadata"]["evidence"] == {"it": {"count": 2, "trial": "trial-2"}}


def test_a_statement_of_a_script_that_is_wrong_is_named(evaluate: Evaluate) -> None:
    """Where a database's script cannot be run, its line and the entry of the session are told, not our own code."""
    script = "CREATE TABLE words (word);\n-- a; b\nINSERT INTO words VALUES ('x;y');\n\nINSRT INTO words\nVALUES (2);\n"
    config = asked("x", providers=[ECHO], sessions=sessions("sqlite", config={"script": script}))
    (row,) = evaluate(config, {}).rows
    why = "line 5 of the script, 'INSRT INTO words': near \"INSRT\": syntax error (promptfooconfig.yaml:"
    assert why in row["error"]
    assert "kinds" not in row["error"]
