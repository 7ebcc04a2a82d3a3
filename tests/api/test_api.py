import asyncio
import contextlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import sojourn
from sojourn.engine.listeners import Listeners
from sojourn.errors import ConfigError, StoreError, UsageError
from sojourn.model.result import Outcome
from sojourn.store.runs import Store

SUITE = """prompts: ['{{x}}']
providers: [echo]
tests: [{vars: {x: a}, assert: [{type: equals, value: a}]}, {vars: {x: b}}]
"""


def test_the_public_names_are_the_listed_ones() -> None:
    """What `__all__` lists is there, sorted, and anything else is an AttributeError."""
    assert sorted(sojourn.__all__) == sojourn.__all__
    assert all(getattr(sojourn, name) for name in sojourn.__all__)
    with pytest.raises(AttributeError, match="nonsense"):
        _ = sojourn.nonsense


def test_a_file_is_run_from_python(tmp_path: Path) -> None:
    """`run` gives the results of a file; `evaluate` the same to code that is async, several at once."""
    config = tmp_path / "suite.yaml"
    config.write_text(SUITE)
    assert [each.outcome for each in sojourn.run(config).results] == [Outcome.PASSED] * 2

    async def both() -> list[int]:
        results = await asyncio.gather(sojourn.evaluate(config), sojourn.evaluate(str(config)))
        return [result.count(Outcome.PASSED) for result in results]

    assert asyncio.run(both()) == [2, 2]


def test_a_mistake_is_raised_with_its_place(tmp_path: Path) -> None:
    """A suite that cannot be run raises ConfigError with every problem."""
    config = tmp_path / "suite.yaml"
    config.write_text(SUITE.replace("equals", "eqals"))
    with pytest.raises(ConfigError) as caught:
        sojourn.run(config)
    (problem,) = caught.value.problems
    assert (problem.line, "did you mean 'equals'" in str(problem)) == (3, True)


def test_the_version_imports_nothing_but_the_version() -> None:
    """`sojourn --version` answers before the command line, the engine or a library is imported."""
    code = (
        "import sys; sys.argv[1:] = ['--version']; import sojourn.__main__ as m; m.main(); print(sorted(sys.modules))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    version, modules = told.splitlines()
    assert version == sojourn.__version__
    assert not [name for name in ("sojourn.cli", "asyncio", "msgspec", "yaml", "argparse") if f"'{name}'" in modules]


def test_run_inside_a_loop_says_what_to_write() -> None:
    """As in a notebook."""

    async def main() -> None:
        with pytest.raises(UsageError, match="not async"):
            sojourn.run({"prompts": ["x"], "providers": ["echo"]})

    asyncio.run(main())


@pytest.mark.parametrize(("more", "stored"), [({"writeLatestResults": True}, 1), ({}, 0)])
def test_a_run_is_stored_where_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: dict[str, bool], stored: int
) -> None:
    """With `writeLatestResults` a run from Python stands in the store, row by row; without it leaves nothing."""
    monkeypatch.setenv("SOJOURN_HOME", str(tmp_path / "home"))
    seen: list[list[int]] = []

    def answer(prompt: str, _options: object, _context: object) -> dict[str, str]:
        return {"output": prompt}

    def count(_: object) -> None:
        with contextlib.closing(Store(tmp_path / "home")) as store:
            seen.append([head.passed for head in store.heads()])

    config = {"prompts": ["{{x}}"], "providers": [answer], "tests": [{"vars": {"x": word}} for word in "ab"], **more}
    result = asyncio.run(sojourn.evaluate(config, listeners=Listeners(on_result=count)))
    assert result.count(Outcome.PASSED) == 2
    with contextlib.closing(Store(tmp_path / "home")) as store:
        heads = store.heads()
        assert [(head.id, head.state, head.passed) for head in heads] == [(result.run_id, "done", 2)] * stored
        assert [row["outcome"] for head in heads for row in store.rows(head)] == ["passed", "passed"] * stored
    assert seen[-1] == [2] * stored


def test_a_file_that_was_run_from_python_can_be_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a file says can be asked for again; a store that cannot be used is said before anything runs."""
    monkeypatch.setenv("SOJOURN_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    Path("promptfooconfig.yaml").write_text(SUITE + "writeLatestResults: true\n", encoding="utf-8")
    sojourn.run("promptfooconfig.yaml")
    with contextlib.closing(Store(tmp_path / "home")) as store:
        asked = store.asked(store.head("latest"))
    assert (asked["folder"], asked["config"]) == (str(tmp_path), ["promptfooconfig.yaml"])
    assert asked["flags"]["shard"] is None
    monkeypatch.setenv("SOJOURN_HOME", "/dev/null/here")
    with pytest.raises(StoreError, match="writeLatestResults: the store of runs cannot be used"):
        sojourn.run("promptfooconfig.yaml")


@pytest.mark.parametrize("config", [None, 3, ["promptfooconfig.yaml"]])
def test_what_is_no_configuration_is_refused_by_what_it_is(config: Any) -> None:
    """Neither a path nor a mapping: the message says what it is and what to write."""
    with pytest.raises(UsageError, match=f"not {type(config).__name__}"):
        sojourn.run(config)


def test_a_context_is_made_of_what_the_provider_answered(tmp_path: Path) -> None:
    """The transforms of the test and of the assertion pick the answer; `contextTransform` sees all of the reply."""
    (tmp_path / "judge.py").write_text("def call_api(prompt, options, context):\n    return {'output': 'kept line'}\n")
    config = tmp_path / "suite.yaml"
    config.write_text(
        """
prompts: ['{"a": "short", "docs": ["kept line", "other line"]}']
providers: [{id: echo, transform: JSON.parse(output)}]
defaultTest: {options: {provider: file://judge.py}}
tests:
  - vars: {query: q}
    options: {transform: output.a}
    assert:
      - {type: equals, value: short}
      - {type: context-relevance, contextTransform: 'output.docs.join("\\n")', threshold: 0.5}
      - {type: context-relevance, contextTransform: output.docs, transform: output.length + "", threshold: 0.5}
      - {type: javascript, value: context.providerResponse.providerTransformedOutput.docs.length === 2}
"""
    )
    (result,) = sojourn.run(config).results
    assert [verdict.score for verdict in result.verdicts] == [1, 0.5, 0.5, 1]
    assert result.outcome is Outcome.PASSED
