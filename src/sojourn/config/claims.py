"""One entry of `assert` in promptfoo's words, read into a Claim; what is impossible in it is named."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any

from sojourn import registry
from sojourn.config.expect import Mismatch, mapping, number, sequence, text
from sojourn.config.hosted import RED_TEAMING, TYPES
from sojourn.model.suite import Claim

ASSERT_SET = "assert-set"
CONVERSATION = "conversation"
SETS = (ASSERT_SET, CONVERSATION)
"""The types that hold others: these judge the reply, or the whole conversation so far."""

_VALUED = """
contains contains-all contains-any icontains icontains-all icontains-any starts-with regex javascript python
levenshtein rouge-n bleu gleu similar similar:cosine similar:dot similar:euclidean webhook word-count
g-eval factuality model-graded-factuality model-graded-closedqa select-best context-recall skill-used
finish-reason tool-call-f1 session
"""
NEEDS_VALUE = frozenset(_VALUED.split())
_PLAIN = NEEDS_VALUE
NEEDS_THRESHOLD = frozenset({"cost", "latency"})


@functools.cache
def split_type(written: str) -> tuple[str, bool]:
    """Split an assertion type into its name and whether `not-` stands before it."""
    if written.startswith("not-"):
        return written.removeprefix("not-"), True
    return written, False


@functools.cache
def _type_mistake(written: str) -> str:
    name, negated = split_type(written)
    if name in SETS:
        return f"{name} cannot be turned round with not-" if negated else ""
    if registry.knows("assertion", name):
        return ""
    if name.startswith("promptfoo:redteam:"):
        return f"{written!r} {RED_TEAMING}"
    if name in TYPES:
        return f"there is no assertion type {written!r} yet ({TYPES[name]})"
    known = registry.names("assertion")
    close = registry.nearest(written, [*known, *(f"not-{each}" for each in known), *SETS])
    hint = f", did you mean {close!r}?" if close else ""
    return f"unknown assertion type {written!r}{hint}"


def read_claims(raw: Any) -> tuple[Claim, ...]:
    """Read the list under `assert`; raises Mismatch at the first entry that is impossible."""
    claims = []
    for index, entry in enumerate(sequence(raw, "assert")):
        try:
            claims.append(read_claim(entry))
        except Mismatch as mismatch:
            raise mismatch.under("assert", index) from None
    return tuple(claims)


def read_claim(raw: Any) -> Claim:
    """Read one assertion; raises Mismatch where it can never be judged."""
    if not is_plain(raw):
        for mismatch in mistakes(raw):
            raise mismatch
    name, negated = split_type(raw["type"])
    if len(raw) == 2 and raw.get("value") is not None:
        return Claim(type=name, negated=negated, value=raw["value"], raw=raw)
    return Claim(
        type=name,
        negated=negated,
        value=raw.get("value"),
        threshold=number(raw.get("threshold"), "threshold"),
        weight=_weight(raw),
        metric=text(raw.get("metric"), "metric"),
        transform=text(raw.get("transform"), "transform"),
        context_transform=text(raw.get("contextTransform"), "contextTransform"),
        provider=raw.get("provider"),
        rubric_prompt=raw.get("rubricPrompt"),
        config=mapping(raw.get("config"), "config"),
        members=tuple(read_claim(member) for member in raw["assert"]) if name in SETS else (),
        raw=raw,
    )


def is_plain(raw: Any) -> bool:
    """Tell of most assertions at one glance that they are not impossible."""
    if type(raw) is not dict or raw.get("value") is None or type(written := raw.get("type")) is not str:
        return False
    return written in _PLAIN or written.removeprefix("not-") in _PLAIN


def _weight(raw: Mapping[str, Any]) -> float:
    weight = number(raw.get("weight"), "weight")
    return 1.0 if weight is None else weight


def mistakes(raw: Any) -> Iterator[Mismatch]:
    """Yield everything that makes an assertion impossible, each with its path inside the entry."""
    if not isinstance(raw, Mapping):
        yield Mismatch("an assertion must be a mapping with a type", got=raw)
        return
    written = raw.get("type")
    if not isinstance(written, str) or not written:
        yield Mismatch("an assertion needs a type", todo="for example type: contains")
        return
    if mistake := _type_mistake(written):
        todo = "" if mistake.endswith(("?", ")")) else "judge it with type: javascript or python"
        todo = "take it out, or judge with type: llm-rubric" if RED_TEAMING in mistake else todo
        yield Mismatch(mistake, path=("type",), todo=todo)
        return
    name, _ = split_type(written)
    if name in SETS:
        yield from _set_mistakes(raw)
    yield from _missing(name, raw)


def _missing(name: str, raw: Mapping[str, Any]) -> Iterator[Mismatch]:
    if name in NEEDS_VALUE and raw.get("value") is None:
        yield Mismatch(f"{raw['type']} needs a value")
    if name in NEEDS_THRESHOLD and raw.get("threshold") is None:
        yield Mismatch(f"{raw['type']} needs a threshold")


def _set_mistakes(raw: Mapping[str, Any]) -> Iterator[Mismatch]:
    members = raw.get("assert")
    if not isinstance(members, list):
        yield Mismatch(f"{raw['type']} needs a list of assertions under assert", path=("assert",), got=members)
        return
    for index, member in enumerate(members):
        if isinstance(member, Mapping) and member.get("type") in SETS:
            yield Mismatch(f"{raw['type']} cannot hold another {member['type']}", path=("assert", index))
            continue
        for mismatch in mistakes(member):
            yield mismatch.under("assert", index)
