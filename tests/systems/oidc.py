"""An OpenID provider, npm's oidc-provider, that tells the tests what it has given out."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.systems.starting import HERE, free_port, serving

MODULES = HERE.parents[1] / ".venv" / "systems" / "node_modules"


class Issuer:
    """A running provider."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def ask(self, path: str) -> Any:
        """Ask it what only tests may."""
        with self._opener.open(f"{self.url}/test/{path}") as answer:
            return json.load(answer)


@contextlib.contextmanager
def issuer(ttl: int) -> Iterator[Issuer]:
    """Run a provider whose tokens live so many seconds."""
    folder, port = Path(tempfile.mkdtemp(prefix="oidc-")), free_port()
    shutil.copy(HERE / "oidc.mjs", folder)
    os.symlink(MODULES, folder / "node_modules")
    try:
        with serving(["node", "--no-warnings", "oidc.mjs", str(port), str(ttl)], port, cwd=folder):
            yield Issuer(f"http://127.0.0.1:{port}")
    finally:
        shutil.rmtree(folder)
