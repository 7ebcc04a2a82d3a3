"""What a machine may lack: a test that needs it says so by name; in CI nothing may be lacking."""

from __future__ import annotations

import os

import pytest


def need(there: object, what: str) -> None:
    """Skip the test where something is not there, and say what; in CI that is a failure."""
    if there:
        return
    told = f"{what} is missing: run scripts/systems"
    if os.environ.get("CI"):
        pytest.fail(told)
    pytest.skip(told)
