from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sojourn.config.flags import Flags
from sojourn.config.providers import read_provider
from sojourn.errors import ConfigError
from sojourn.model.suite import Suite

Load = Callable[..., Suite]
Mistakes = Callable[..., list[str]]
REST = "\nprompts: ['{{x}}']\ntests: [{vars: {x: 1}}]\n"
BOT = {"bot.py": "def call_api(prompt, options, context):\n    return {'output': prompt}\n"}


def names(suite: Suite) -> list[tuple[str, str]]:
    return [(provider.id, provider.label) for provider in suite.providers]


def test_providers_of_every_form(load: Load) -> None:
    """An id, a mapping, an id as key; what stands there twice counts once."""
    entries = "echo, echo, {id: 'file://bot.py', label: bot, delay: 5}, {echo: {label: keyed}}, {id: echo, label: 3}"
    suite = load(f"providers: [{entries}]{REST}", BOT)
    assert names(suite) == [("echo", ""), ("file://bot.py", "bot"), ("echo", "keyed"), ("echo", "3")]
    assert suite.providers[1].delay_ms == 5


@pytest.mark.parametrize("written", ["bot.cjs", "./deep/bot.mjs", "bot.ts"])
def test_a_bare_javascript_file_is_a_provider(load: Load, mistakes: Mistakes, written: str) -> None:
    """A path that ends as JavaScript does needs no `file://`; one that is not there is named as a missing file."""
    code = "export default class { async callApi() { return {output: 'hi'}; } }"
    files = {
        written.removeprefix("./"): code.replace("export default", "module.exports =") if "cjs" in written else code
    }
    assert f"no such file: {written}" in mistakes(f"providers: [{written}]{REST}")[0]
    assert names(load(f"providers: [{written}]{REST}", files)) == [(written, "")]


@pytest.mark.parametrize(
    "written", ["python:file://bot.py:call_api", "python:file://./bot.py", "python:bot.py:call_api"]
)
def test_a_python_file_may_be_named_with_its_language_and_as_a_file(load: Load, written: str) -> None:
    """Promptfoo's published suites write both before one path."""
    assert names(load(f"providers: ['{written}']{REST}", BOT)) == [(written, "")]


@pytest.mark.parametrize("written", ["bot.py", "opnai:chat:bot.js"])
def test_other_names_are_no_javascript_file(mistakes: Mistakes, written: str) -> None:
    """Python needs its prefix, as in promptfoo, and what has a prefix is no path."""
    assert f"unknown provider '{written}'" in mistakes(f"providers: ['{written}']{REST}", BOT)[0]


@pytest.mark.parametrize(
    "written", ["openai:embedding:m", "xai:embedding:m", "openai:text-embedding-3-large", "openai:moderation:m"]
)
def test_a_model_that_can_only_grade_is_none_to_ask(load: Load, mistakes: Mistakes, written: str) -> None:
    """It answers no prompts, which is said before anything runs; as a grader it is welcome."""
    assert f"'{written}' answers no prompts; it can only grade" in mistakes(f"providers: ['{written}']{REST}")[0]
    grader = f"\ndefaultTest: {{options: {{provider: {{embedding: '{written}'}}}}}}"
    assert names(load(f"providers: [echo]{grader}{REST}")) == [("echo", "")]


@pytest.mark.parametrize(
    ("provider", "given"),
    [("file://bot.py", {"a": 1}), ("file://bot.js", "file://a.json"), ("'exec: cat'", "file://a.json")],
)
def test_who_reads_the_files_that_a_config_names(load: Load, provider: str, given: object) -> None:
    """Python is given their contents, JavaScript and programs the names as they are written: promptfoo's rule."""
    files = {"a.json": '{"a": 1}', "bot.js": "module.exports = class { async callApi() {} };", **BOT}
    suite = load(f"providers: [{{id: {provider}, config: {{x: file://a.json}}}}]{REST}", files)
    assert suite.providers[0].config["x"] == given


def test_an_id_within_is_what_a_provider_is_called(load: Load) -> None:
    """`{echo: {id: mine}}` asks echo, and is called by its label or else by that id."""
    suite = load(f"providers: [{{echo: {{id: mine, config: {{a: 1}}}}}}, {{echo: {{id: mine, label: ours}}}}]{REST}")
    assert names(suite) == [("echo", "mine"), ("echo", "ours")]


def test_a_config_alone_names_no_provider(mistakes: Mistakes) -> None:
    """A mapping whose one key is a provider's own has no id, and is not taken for one that is called `config`."""
    grader = "defaultTest: {options: {provider: {config: {temperature: 1}}}}"
    for written in (f"providers: [{{config: {{temperature: 1}}}}]{REST}", f"providers: [echo]\n{grader}{REST}"):
        assert "a provider needs an id" in mistakes(written)[0]


def test_targets_are_providers(load: Load) -> None:
    """Promptfoo's other word for the same thing is understood."""
    assert names(load("targets: [{id: echo, label: a}]" + REST)) == [("echo", "a")]


def test_files_of_providers_are_spliced_in(load: Load) -> None:
    """A file holds one entry or a list, with the environment rendered; paths start from the suite's folder."""
    files = {
        "conf/one.yaml": "id: python:bot.py\nlabel: '{{ env.NAME }}'",
        "conf/many.json": '["echo", {"id": "echo", "label": "b"}]',
        **BOT,
    }
    suite = load("providers: [file://conf/one.yaml, file://conf/many.json]" + REST, files, environ={"NAME": "one"})
    assert names(suite) == [("python:bot.py", "one"), ("echo", ""), ("echo", "b")]


def test_config_values_that_are_files_are_read(load: Load) -> None:
    """JSON and YAML become data, other files text; code of a Python provider's config is called."""
    files = {
        **BOT,
        "s.json": '{"depth": 3}',
        "note.txt": "a note\n",
        "make.py": "def get_config():\n    return {'made': True}\n",
    }
    config = "{s: 'file://s.json', deep: [{t: 'file://note.txt'}], m: 'file://make.py', js: 'x.js'}"
    suite = load(f"providers: [{{id: 'file://bot.py', config: {config}}}]{REST}", files)
    assert suite.providers[0].config == {
        "s": {"depth": 3},
        "deep": [{"t": "a note\n"}],
        "m": {"made": True},
        "js": "x.js",
    }


def test_the_command_line_chooses_providers(load: Load) -> None:
    """`-r` names a provider of the suite with all its settings, or a new one."""
    config = "providers: [echo, {id: 'file://bot.py', label: bot, config: {a: 1}}]" + REST
    suite = load(config, BOT, Flags(providers=("bot", "python:bot.py")))
    assert names(suite) == [("file://bot.py", "bot"), ("python:bot.py", "")]
    assert suite.providers[0].config == {"a": 1}


@pytest.mark.parametrize(
    ("providers", "message"),
    [
        ("[ecko]", "promptfooconfig.yaml:1:13: unknown provider 'ecko' (did you mean 'echo'?)"),
        ("['opnai:gpt-4']", "promptfooconfig.yaml:1:13: unknown provider 'opnai:gpt-4'"),
        ("['file://no.py']", "promptfooconfig.yaml:1:13: no such file: file://no.py"),
        ("['file://provider']", "promptfooconfig.yaml:1:13: unknown provider 'file://provider'"),
        ("['file://no.yaml']", "promptfooconfig.yaml:1:13: no such file: no.yaml"),
        ("[5]", "promptfooconfig.yaml:1:13: a provider must be an id or a mapping with an id, not the number 5"),
        ("[{label: x, config: {}}]", "promptfooconfig.yaml:1:13: a provider needs an id"),
        ("[{id: echo, prompts: []}]", "promptfooconfig.yaml:1:33: an empty list of prompts leaves"),
        ("[{id: echo, delay: soon}]", "promptfooconfig.yaml:1:31: delay must be a number of milliseconds"),
        ("[{id: echo, config: {a: 'file://no.json'}}]", "promptfooconfig.yaml:1:36: no such file: no.json"),
        ("[]", "promptfooconfig.yaml:1:1: the suite needs at least one provider"),
    ],
)
def test_providers_that_cannot_be_meant_are_refused(mistakes: Mistakes, providers: str, message: str) -> None:
    """Unknown names, missing files and wrong values are named with their place."""
    assert mistakes(f"providers: {providers}{REST}")[0].startswith(message)


def test_a_grader_that_may_be_a_provider_which_is_refused_is_no_mistake(mistakes: Mistakes) -> None:
    """Where a provider cannot be read, its label is not called unknown as well; a service that is not there is."""
    claims = "[{type: llm-rubric, value: x, provider: judge}, {type: llm-rubric, value: x, provider: 'vertex:g'}]"
    config = f"prompts: [p]\nproviders: [{{id: 'vertex:m', label: judge}}]\ntests:\n  - assert: {claims}\n"
    assert [each.split(" needs")[0] for each in mistakes(config)] == [
        "promptfooconfig.yaml:2:18: 'vertex:m'",
        "promptfooconfig.yaml:4:100: 'vertex:g'",
    ]


def test_a_mistake_in_a_file_of_providers_is_placed_there(mistakes: Mistakes) -> None:
    """The problem names the file in which the entry stands."""
    found = mistakes("providers: [file://conf.yaml]" + REST, {"conf.yaml": "- echo\n- id: ecko\n"})
    assert found[0].startswith("conf.yaml:2:7: unknown provider 'ecko'")


def test_a_provider_of_a_test_is_read_alone(tmp_path: Path) -> None:
    """The entry of a single test becomes a ProviderSpec, or a ConfigError."""
    (tmp_path / "bot.py").write_text("")
    spec = read_provider({"id": "file://bot.py", "config": {"a": 1}}, str(tmp_path), {})
    assert (spec.id, spec.config, spec.base) == ("file://bot.py", {"a": 1}, str(tmp_path))
    with pytest.raises(ConfigError, match="unknown provider 'nobody'"):
        read_provider("nobody", str(tmp_path), {})


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("{id: 'openai:chat:x', config: {apiBaseURL: 'http://x'}}", "'apiBaseURL'; did you mean 'apiBaseUrl'?"),
        ("{id: 'https://x', config: {metod: GET}}", "does not read the key 'metod'; did you mean 'method'?"),
        ("{id: 'anthropic:messages:x', config: {max_tokns: 1}}", "did you mean 'max_tokens'?"),
        ("{id: 'ws://x', config: {messageTemplate: x, protocol: y}}", "did you mean 'protocols'?"),
        ("{id: 'openai:chat:x', config: {max_tokens: 1, top_p: 1, passthrough: {}, whatever: 1}}", ""),
    ],
)
def test_a_key_of_a_config_that_looks_like_a_slip_is_warned_of(load: Load, entry: str, told: str) -> None:
    """With its place and the key that was meant; what is like no other key is left to the service."""
    suite = load(f"prompts: [x]\nproviders: [{entry}]\n")
    found = [warning for warning in suite.warnings if "does not read" in warning]
    assert (told in found[0]) if told else not found
