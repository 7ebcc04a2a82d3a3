"""Entries of HTTP providers for the service of the tests."""

from __future__ import annotations

from typing import Any

from tests.providers.service import Service

JSON = {"Content-Type": "application/json"}
VALUES = {"n": 123, "quoted": 'he "q" & \nx', "data": '{"k":1}', "name": "K"}


def entry(service: Service, path: str = "/x", **config: Any) -> dict[str, Any]:
    """Make an entry under `providers`."""
    return {"id": "http", "config": {"url": service.url + path, **config}}
