"""What can be told of assertions and pieces of code before any answer is there: those that can only be in vain."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from sojourn import registry
from sojourn.config.claims import SETS, read_claim, split_type
from sojourn.config.expect import Mismatch, Path
from sojourn.config.findings import Findings, Source
from sojourn.config.references import FILE, is_code
from sojourn.errors import ClaimError
from sojourn.languages.packages import PREFIX
from sojourn.model.reference import Reference, Role, Tongue
from sojourn.model.suite import Claim

_TEXTUAL = frozenset({"contains", "icontains", "starts-with", "equals", "levenshtein", "similar", "factuality"})
_SCRIPTS: dict[str, Tongue] = {"javascript": "javascript", "python": "python"}
TRANSFORMS: dict[str, Role] = {
    "transform": "transform",
    "postprocess": "transform",
    "transformVars": "transform_vars",
    "contextTransform": "context_transform",
}
"""The keys of tests, assertions and providers whose value is JavaScript, unless it names a file; what that is for."""

EXPRESSIONS: dict[str, Role] = {
    "transformResponse": "response",
    "responseParser": "response",
    "sessionParser": "parser",
    "validateStatus": "status",
    "streamResponse": "stream",
}
"""The same of the configuration of providers that speak to a service."""


def is_simple(claim: Mapping[str, Any]) -> bool:
    """Tell at one glance of a type with a text as its value that there is nothing to look into."""
    value = claim["value"]
    if type(value) is not str or value == "" or value.startswith(FILE):
        return False
    return claim["type"].removeprefix("not-") in _TEXTUAL


def look_into(claim: Any, source: Source, at: Path, findings: Findings) -> None:
    """Note what can be seen to be in vain of an assertion that has the right shape, and the code in it."""
    if not isinstance(claim, dict):
        return
    look_for_code(claim, TRANSFORMS, source, at, findings)
    name, _ = split_type(claim["type"])
    findings.looks |= name == "session"
    value = claim.get("value")
    if isinstance(value, str):
        _keep_file(value, "assertion" if name in _SCRIPTS else "value", source, (*at, "value"), findings)
    if name in SETS or _is_settled_later(value):
        return
    if name in _SCRIPTS and isinstance(value, str):
        code = value if name == "python" else value.rstrip()
        _keep(Reference.inline(_SCRIPTS[name], code, role="assertion"), source, (*at, "value"), findings)
    try:
        if (check := _check(name)) is not None:
            check(read_claim(claim))
    except ClaimError as error:
        findings.futile(error.what, source, (*at, "value"), todo=error.todo)
    except Mismatch:
        return  # told by those who look at the shape


def look_for_code(
    holder: Mapping[str, Any], keys: Mapping[str, Role], source: Source, at: Path, findings: Findings
) -> None:
    """Note the pieces of JavaScript that a mapping holds under the keys that may hold some."""
    for key in holder.keys() & keys.keys():
        code = holder[key]
        if isinstance(code, str):
            _keep_file(code, keys[key], source, (*at, key), findings)
        if isinstance(code, str) and not _is_settled_later(code):
            _keep(Reference.inline("javascript", code, role=keys[key]), source, (*at, key), findings)


def _keep(reference: Reference, source: Source, at: Path, findings: Findings) -> None:
    if reference.source.strip():
        findings.snippets.setdefault(reference, (source, at))


def _keep_file(written: str, role: Role, source: Source, at: Path, findings: Findings) -> None:
    if written.startswith(FILE) and is_code(written) and "{{" not in written:
        findings.code.setdefault((written, role), (source, at))


@functools.cache
def _check(name: str) -> Callable[[Claim], object] | None:
    """Return what an assertion says beforehand of a claim on it, if it says anything."""
    try:
        found: Callable[[Claim], object] | None = getattr(registry.find("assertion", name), "check", None)
    except (ImportError, AttributeError):
        return None  # a package that is broken is told of when it is used
    return found


def _is_settled_later(value: Any) -> bool:
    """Whether a value is a template, or stands elsewhere, so that nobody knows yet what it will be."""
    if isinstance(value, list):
        return any(_is_settled_later(item) for item in value)
    if not isinstance(value, str):
        return False
    return value.startswith((FILE, PREFIX)) or "{{" in value or "{%" in value or "{#" in value
