"""Whatever stands in a configuration, the user reads problems and never a traceback."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sojourn.config import cases, keys
from sojourn.config.columns import columns
from sojourn.config.flags import Flags
from sojourn.config.load import load_suite
from sojourn.errors import ConfigError, UnknownNameError
from sojourn.languages.runner import CodeRunner
from sojourn.model.suite import Suite

TABLES = (keys.SUITE, keys.TEST, keys.OPTIONS, keys.ASSERTION, keys.PROVIDER, keys.SCENARIO)
WORDS = sorted({"contains", "$ref", "path", "x", *(word for table in TABLES for word in table)})
TEXTS = st.sampled_from(
    ["", "echo", "{{x}}", "{{ x | no }}", "contains", "file://no.txt", "file://*", "a/b", "exec: x", "["]
)
NUMBERS = st.integers(-2, 3) | st.floats(allow_nan=False, allow_infinity=False)
JUNK = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS) | TEXTS, inner, max_size=4),
    max_leaves=12,
)


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({}, optional={name: field | JUNK for name, field in fields.items()})


CLAIM = some(type=st.just("contains"), value=JUNK, threshold=JUNK, weight=JUNK, provider=JUNK)
TEST = some(vars=JUNK, options=JUNK, metadata=JUNK, prompts=JUNK, **{"assert": st.lists(CLAIM, max_size=2)})
CONFIG = some(
    prompts=st.just(["{{x}}"]),
    providers=st.just(["echo"]),
    tests=st.lists(TEST, max_size=3),
    defaultTest=TEST,
    scenarios=st.lists(some(config=st.lists(TEST, max_size=2), tests=st.lists(TEST, max_size=2)), max_size=2),
    **dict.fromkeys(["evaluateOptions", "commandLineOptions", "env", "tags", "metadata", "extensions"], JUNK),
    **dict.fromkeys(["derivedMetrics", "outputPath", "nunjucksFilters", "sharing", "tracing", "sessions"], JUNK),
)


async def read(folder: Path) -> Suite:
    code = CodeRunner(dict(os.environ), lambda _text: None)
    try:
        return await load_suite([], Flags(), code, cwd=folder, environ={})
    finally:
        await code.close()


def read_all(config: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "promptfooconfig.json").write_text(json.dumps(config))
        suite = asyncio.run(read(Path(folder)))
        columns(suite)
        for test in cases.merged_tests(suite):
            for variables in cases.combinations(test["vars"], False, suite.base):
                cases.read_case({**test, "vars": variables}, suite.base)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(CONFIG | JUNK)
@example({"tests": [{"assert": [], "options": {"minPasses": [None]}}]})
@example({"defaultTest": {"sessions": None}})
def test_any_configuration_is_read_or_refused(config: Any) -> None:
    """Reading, merging and multiplying end in a suite or in a ConfigError."""
    try:
        read_all(config)
    except (ConfigError, UnknownNameError) as error:
        assert str(error)  # noqa: PT017  both ends are right; only a third would be wrong
