"""The real systems that kinds are tried with; each is started once for a file of tests."""

from collections.abc import Iterator

import pytest

from tests.acceptance.conftest import evaluate
from tests.systems.postgres import Server, postgres

__all__ = ["evaluate"]


@pytest.fixture(scope="module")
def database() -> Iterator[Server]:
    """Run PostgreSQL."""
    with postgres() as server:
        yield server
