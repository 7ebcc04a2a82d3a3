from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from sojourn.config.flags import Flags
from sojourn.errors import ConfigError
from sojourn.model.suite import Suite

Load = Callable[..., Suite]
Mistakes = Callable[..., list[str]]
HEAD = "prompts: ['{{x}}']\nproviders: [echo]\ntests: [{vars: {x: 1}}]\n"


def test_every_mistake_is_told_at_once(mistakes: Mistakes) -> None:
    """All problems of all parts come in one error, in file order, and nothing was run."""
    config = """\
prompt: ['{{x}}']
providers: [ecko]
maxConcurrency: 3
evaluateOptions: {maxConcurrency: 0, repeat: lots, delay: -1}
tests:
  - vars: {x: 1}
    asserts: [{type: contains, value: x}]
  - var: {x: 1}
    assert: [{type: contians, value: x}, {typ: contains}, {type: contains, value: a, wieght: 2}]
    threshold: lots
"""
    assert mistakes(config) == [
        "promptfooconfig.yaml:1:1: there is no key 'prompt' here (did you mean 'prompts'?)",
        "promptfooconfig.yaml:2:13: unknown provider 'ecko' (did you mean 'echo'?)",
        "promptfooconfig.yaml:4:35: maxConcurrency must be a whole number of 1 or more, not the number 0",
        "promptfooconfig.yaml:4:46: repeat must be a whole number of 1 or more, not the text 'lots'",
        "promptfooconfig.yaml:4:59: delay must be a number of milliseconds, 0 or more, not the number -1",
        "promptfooconfig.yaml:7:5: there is no key 'asserts' here (did you mean 'assert'?)",
        "promptfooconfig.yaml:8:5: there is no key 'var' here (did you mean 'vars'?)",
        "promptfooconfig.yaml:9:21: unknown assertion type 'contians', did you mean 'contains'?",
        "promptfooconfig.yaml:9:42: an assertion needs a type (for example type: contains)",
        "promptfooconfig.yaml:9:43: there is no key 'typ' here (did you mean 'type'?)",
        "promptfooconfig.yaml:9:86: there is no key 'wieght' here (did you mean 'weight'?)",
        "promptfooconfig.yaml:10:16: threshold must be a number, not the text 'lots'",
    ]


def test_a_key_that_nobody_knows_is_doubted(load: Load, mistakes: Mistakes) -> None:
    """An unknown key is a warning with its place, under --strict a mistake; x- keys are the author's own."""
    config = HEAD + "maxConcurrency: 3\nextra: {a: 1}\nx-mine: 1\noutputs: [{type: csv}]\n"
    warnings = (
        "promptfooconfig.yaml:4:1: nobody knows the key 'maxConcurrency' here; it belongs in evaluateOptions",
        "promptfooconfig.yaml:5:1: nobody knows the key 'extra'",
        "promptfooconfig.yaml:7:1: nobody knows the key 'outputs' here; 'output' belongs in commandLineOptions",
    )
    assert load(config).warnings == warnings
    assert mistakes(config, None, Flags(strict=True)) == list(warnings)


def test_an_option_that_published_suites_have_in_vain_is_doubted(load: Load) -> None:
    """`providers` under the options of defaultTest has no effect in promptfoo, and keeps no suite from running."""
    suite = load(HEAD + "defaultTest: {options: {providers: {text: echo}}}\n")
    told = "nobody reads the option 'providers': it has no effect here; a grader stands under 'provider'"
    assert suite.warnings == (f"promptfooconfig.yaml:4:25: {told}",)


@pytest.mark.parametrize("part", ["provider: {id: tempo, endpoint: 'http://t'}", "forwarding: {enabled: true}"])
def test_traces_from_and_to_elsewhere_are_doubted(load: Load, part: str) -> None:
    """Spans are received only; where tracing is off nobody asks for more."""
    (told,) = load(HEAD + f"tracing: {{enabled: true, {part}}}\n").warnings
    assert f"tracing.{part.partition(':')[0]} has no effect" in told
    assert load(HEAD + f"tracing: {{{part}}}\n").warnings == ()


def test_red_teaming_beside_tests_is_doubted(load: Load) -> None:
    """What promptfoo's red teaming reads does not keep the tests from running."""
    said = "promptfooconfig.yaml:4:1: redteam: red teaming is no part of Sojourn; the tests run without it"
    assert load(HEAD + "redteam: {plugins: [pii]}\n").warnings == (said,)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("", "promptfooconfig.yaml: this configuration is empty"),
        ("[1]", "promptfooconfig.yaml: a configuration must be a mapping"),
        ("a: [", "promptfooconfig.yaml:2:1: not valid YAML"),
        ("providers: [echo]\nredteam: {}", "promptfooconfig.yaml:2:1: redteam: red teaming is no part of Sojourn"),
        (HEAD + "targets: [echo]", "promptfooconfig.yaml:4:1: providers and targets are the same thing"),
        (
            HEAD + "commandLineOptions: {fiterPattern: x}",
            "promptfooconfig.yaml:4:22: there is no key 'fiterPattern' here",
        ),
        (HEAD + "tags: [a]", "promptfooconfig.yaml:4:7: tags must be a mapping of names to texts, not a list"),
        (HEAD + "commandLineOptions: {envPath: no.env}", "no.env: no such env file"),
        (HEAD + "env: file://no.yaml", "no.yaml: no such file"),
        (HEAD + "env: [a]", "promptfooconfig.yaml:4:6: env must be a mapping of names to texts, not a list"),
    ],
)
def test_configurations_that_are_none_are_refused(mistakes: Mistakes, config: str, message: str) -> None:
    """Empty files, broken YAML, keys that Sojourn has no part in: each is said by name."""
    assert mistakes(config)[0].startswith(message)


def test_flags_win_over_the_file(load: Load) -> None:
    """A flag, or else commandLineOptions, or else evaluateOptions, or else the default."""
    config = HEAD + "evaluateOptions: {maxConcurrency: 2, repeat: 2, delay: 2, cache: false, timeoutMs: 9}\n"
    options = load(config).options
    assert (options.max_concurrency, options.repeat, options.delay_ms) == (2, 2, 2)
    assert (options.cache, options.timeout_ms, options.max_eval_time_ms) == (False, 9, 0)
    config += "commandLineOptions: {maxConcurrency: '3', repeat: 3, cache: true}\n"
    options = load(config).options
    assert (options.max_concurrency, options.repeat, options.delay_ms, options.cache) == (3, 3, 2, True)
    options = load(config, None, Flags(max_concurrency=5, delay=0, cache=False)).options
    assert (options.max_concurrency, options.repeat, options.delay_ms, options.cache) == (5, 3, 0, False)
    assert load(HEAD).options.max_concurrency == 4


def test_flags_of_every_kind_reach_the_suite(load: Load) -> None:
    """Prefix, suffix, vars, tags, description, outputs, hooks and grader of the command line come through."""
    config = HEAD + "description: d\ntags: {a: 1}\nextensions: [file://h.py:b]\noutputPath: o.json\nmetadata: {m: 1}\n"
    flags = Flags(
        prompt_prefix="<", prompt_suffix=">", var={"y": "2"}, tag={"b": "2"}, description="mine", output=("o.jsonl",),
        extension=("file://h.py:a",), grader="echo",
    )  # fmt: skip
    suite = load(config, {"h.py": ""}, flags)
    assert suite.default_test == {"options": {"prefix": "<", "suffix": ">"}, "vars": {"y": "2"}, "metadata": {"m": 1}}
    assert (suite.description, suite.tags, suite.outputs) == ("mine", {"a": "1", "b": "2"}, ("o.jsonl",))
    assert (suite.extensions, suite.grader) == (("file://h.py:a", "file://h.py:b"), "echo")


def test_the_environment_is_rendered(load: Load) -> None:
    """`{{ env.X }}` is rendered everywhere; what is not set stays, unless a filter gives it a value."""
    config = """\
prompts: ['{{ env.A }} {{env["B"]}} {{ env.NO }} {{ env.NO | default("d") }} {{x}}']
providers: [echo]
env: {B: '{{ env.A }}b', N: 1}
tests: [{vars: {x: '{{ env.A }}!'}}]
"""
    suite = load(config, environ={"A": "a"})
    assert suite.prompts[0].raw == "a ab {{ env.NO }} d {{x}}"
    assert suite.tests[0]["vars"] == {"x": "a!"}
    assert suite.env == {"B": "ab", "N": "1"}


def test_the_env_block_may_stand_in_a_file(load: Load, mistakes: Mistakes) -> None:
    """The file is read as the block itself would be, from the configuration's folder."""
    config = "prompts: ['{{ env.B }}']\nproviders: [echo]\nenv: file://conf/env.yaml\n"
    suite = load(config, {"conf/env.yaml": "B: '{{ env.A }}b'\nN: 1\n"}, environ={"A": "a"})
    assert (suite.prompts[0].raw, suite.env) == ("ab", {"B": "ab", "N": "1"})
    told = "promptfooconfig.yaml:3:6: env must be a mapping of names to texts, not a list"
    assert mistakes(config, {"conf/env.yaml": "- B"}) == [told]


def test_env_files_fill_or_override_the_environment(load: Load) -> None:
    """`.env` fills what is not set; --env-file overrides everything; the later of two wins."""
    config = "prompts: ['{{ env.A }} {{ env.B }}']\nproviders: [echo]\n"
    files = {".env": "A=file\nB=file\n", "one.env": "A=one\nB=one\n", "two.env": "B=two\n"}
    assert load(config, files, environ={"A": "process"}).prompts[0].raw == "process file"
    flags = Flags(env_file=("one.env", "two.env"))
    assert load(config, files, flags, environ={"A": "process"}).prompts[0].raw == "one two"
    assert load(config + "commandLineOptions: {envPath: one.env}\n", files).prompts[0].raw == "one one"


def test_references_are_followed(load: Load) -> None:
    """`$ref` finds places in the same file and in others, chained and with keys of its own beside it."""
    config = """\
prompts: ['{{x}}']
providers: [echo]
assertionTemplates:
  says: {type: contains, value: a}
  again: {$ref: '#/assertionTemplates/says'}
tests:
  - assert: [{$ref: '#/assertionTemplates/again'}, {$ref: '#/assertionTemplates/says', weight: 2}]
  - $ref: 'other.yaml#/tests/0'
"""
    other = "tests: [{vars: {x: 1}, assert: [{$ref: '#/claims/a~1b'}]}]\nclaims: {a/b: {type: contains, value: b}}"
    suite = load(config, {"other.yaml": other})
    says = {"type": "contains", "value": "a"}
    assert suite.tests[0]["assert"] == [says, {**says, "weight": 2}]
    assert suite.tests[1] == {"vars": {"x": 1}, "assert": [{"type": "contains", "value": "b"}]}


def test_a_reference_to_itself_is_refused(mistakes: Mistakes) -> None:
    """A circle of `$ref` is a mistake, not an endless loop."""
    config = HEAD + "defaultTest: {vars: {$ref: '#/defaultTest/vars'}}\n"
    assert mistakes(config) == ["promptfooconfig.yaml:4:21: $ref '#/defaultTest/vars' points back to itself"]


def test_the_schema_of_a_tool_keeps_its_references(load: Load) -> None:
    """`$ref` inside the parameters of a provider's tools belongs to their JSON schema."""
    tools = "tools: [{function: {parameters: {$ref: '#/x'}}}]"
    suite = load(
        f"prompts: [a]\nproviders: [{{id: echo, config: {{{tools}}}}}]\ndefaultTest: {{$ref: '#/none'}}\nnone: {{}}\n"
    )
    assert suite.providers[0].config["tools"] == [{"function": {"parameters": {"$ref": "#/x"}}}]


def test_several_configurations_are_combined(load: Load) -> None:
    """Lists are joined, mappings overlaid, and what stands there twice counts once."""
    one = "description: one\nprompts: [a]\nproviders: [echo]\ntests: [{vars: {x: 1}}]\n"
    two = "description: two\nprompts: [a, file://p.txt]\ntargets: [echo, {id: echo, label: b}]\ntests: t.csv\n"
    one, two = one + "defaultTest: {vars: {v: 1, w: 1}}\n", two + "defaultTest: {vars: {w: 2}}\n"
    files = {"sub/two.yaml": two, "sub/p.txt": "in sub", "sub/t.csv": "x\n2\n"}
    suite = load(one, files, paths=["promptfooconfig.yaml", "sub/two.yaml"])
    assert suite.description == "one, two"
    assert [prompt.raw for prompt in suite.prompts] == ["a", "in sub"]
    assert [provider.name for provider in suite.providers] == ["echo", "b"]
    assert [test["vars"] for test in suite.tests] == [{"x": 1}, {"x": "2"}]
    assert suite.default_test["vars"] == {"v": 1, "w": 2}


def test_configurations_are_found(load: Load) -> None:
    """A folder's usual file, a pattern, or a JSON file may be named; nothing at all is an error."""
    inner = json.dumps({"prompts": ["inner"], "providers": ["echo"]})
    assert load(HEAD, {"sub/promptfooconfig.json": inner}, paths=["sub"]).prompts[0].raw == "inner"
    assert load(HEAD, {"a.one.json": inner}, paths=["*.one.json"]).prompts[0].raw == "inner"
    with pytest.raises(ConfigError, match=r"none\.yaml: no such configuration file"):
        load(HEAD, paths=["none.yaml"])


def test_a_configuration_may_be_code(load: Load) -> None:
    """A Python or JavaScript file that makes the configuration is called."""
    files = {
        "c.py": "def get_config():\n    return {'prompts': ['py'], 'providers': ['echo']}\n",
        "c.js": "module.exports = { prompts: ['js'], providers: ['echo'] };",
    }
    assert load(HEAD, files, paths=["c.py"]).prompts[0].raw == "py"
    assert load(HEAD, files, paths=["c.js"]).prompts[0].raw == "js"


def test_secrets_do_not_reach_the_configuration_of_a_result(load: Load) -> None:
    """The raw configuration that is written into results has its secrets blanked."""
    config = "prompts: [a]\nproviders: [{id: echo, config: {apiKey: s3cret, max_tokens: 5}}]\n"
    config += "env: {OPENAI_API_KEY: s3cret, MODE: quick}\n"
    suite = load(config)
    assert "s3cret" not in json.dumps(suite.config)
    assert suite.config["env"]["MODE"] == "quick"
    assert suite.config["providers"][0]["config"]["max_tokens"] == 5
    assert suite.providers[0].config["apiKey"] == "s3cret"
