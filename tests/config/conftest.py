"""Suites written to a folder and read from it, with real processes for users' code."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from sojourn.config.flags import Flags
from sojourn.config.load import load_suite
from sojourn.errors import ConfigError
from sojourn.languages.runner import CodeRunner
from sojourn.model.suite import Suite

Load = Callable[..., Suite]
Mistakes = Callable[..., list[str]]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Mapping[str, str]], Path]:
    """Write files below the test's folder."""

    def written(files: Mapping[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path

    return written


@pytest.fixture
def load(write: Callable[[Mapping[str, str]], Path]) -> Load:
    """Write a suite (and further files; None: those alone) and read it."""

    def loaded(
        config: str | None,
        files: Mapping[str, str] | None = None,
        flags: Flags | None = None,
        environ: Mapping[str, str] | None = None,
        paths: list[str] | None = None,
    ) -> Suite:
        own = {} if config is None else {"promptfooconfig.yaml": config}
        folder = write({**own, **(files or {})})
        return asyncio.run(_load(paths or [], flags or Flags(), folder, environ or {}))

    return loaded


async def _load(paths: list[str], flags: Flags, folder: Path, environ: Mapping[str, str]) -> Suite:
    import os

    code = CodeRunner(dict(os.environ), lambda _text: None)
    try:
        return await load_suite(paths, flags, code, cwd=folder, environ=environ)
    finally:
        await code.close()


@pytest.fixture
def mistakes(load: Load) -> Mistakes:
    """Read a suite that is wrong and return every problem as the user reads it."""

    def found(config: str, files: Mapping[str, str] | None = None, flags: Flags | None = None) -> list[str]:
        with pytest.raises(ConfigError) as raised:
            load(config, files, flags)
        return [str(problem) for problem in raised.value.problems]

    return found
