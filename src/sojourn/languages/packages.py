"""`package:NAME:EXPORT`: what an installed npm package exports, looked for from the suite's folder upwards."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from typing import Any

from sojourn.errors import CodeError
from sojourn.model.reference import Reference, Role

PREFIX = "package:"
_WRITTEN = re.compile(r"package:(?P<package>[^:]+):(?P<name>[^:]+)")
_CONDITIONS = ("node", "require", "import", "default")


def packaged(text: str, base: str, role: Role) -> Reference | None:
    """Return the function that a `package:` reference names, None for any other text; raises CodeError."""
    if not text.startswith(PREFIX):
        return None
    written = _WRITTEN.fullmatch(text)
    if written is None:
        raise CodeError(f"{text!r} names nothing of a package; write package:NAME:EXPORT")
    path = _entry(written["package"], base)
    if path is None:
        raise CodeError(f"the npm package {written['package']!r} is not installed in {base} or above")
    return Reference(tongue="javascript", role=role, path=path, name=written["name"])


def _entry(package: str, base: str) -> str | None:
    folder = os.path.abspath(base)
    while True:
        home = os.path.join(folder, "node_modules", *package.split("/"))
        if os.path.isdir(home):
            return next(filter(os.path.isfile, _candidates(home)), None)
        if folder == os.path.dirname(folder):
            return None
        folder = os.path.dirname(folder)


def _candidates(home: str) -> Iterator[str]:
    """Yield the files that may be a package's entry, the likeliest first."""
    try:
        with open(os.path.join(home, "package.json"), encoding="utf-8") as file:
            told = json.load(file)
    except (OSError, ValueError):
        told = {}
    told = told if isinstance(told, dict) else {}
    for named in (_exported(told.get("exports")), told.get("main"), "index.js"):
        if isinstance(named, str):
            path = os.path.normpath(os.path.join(home, named))
            yield from (path, f"{path}.js", os.path.join(path, "index.js"))


def _exported(exports: Any) -> Any:
    """Return what a package's `exports` says of the package itself."""
    if not isinstance(exports, dict):
        return exports
    if "." in exports:
        return _exported(exports["."])
    return next((_exported(exports[each]) for each in _CONDITIONS if each in exports), None)
