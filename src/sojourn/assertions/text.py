"""Assertions on the output's text: equality, substrings, patterns, length."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sojourn.assertions.foreseen import foreseen_by
from sojourn.assertions.reading import needle, needles, parse_json, text_of, text_value
from sojourn.errors import ClaimError
from sojourn.model.reply import Reply
from sojourn.model.suite import Claim
from sojourn.model.verdict import Verdict, judged
from sojourn.protocols import ClaimContext
from sojourn.template.jsontext import json_text
from sojourn.template.values import to_number, to_text


def equals(claim: Claim, reply: Reply, _context: ClaimContext) -> Verdict:
    """Pass when the output is the value: texts letter for letter, objects and lists by what they hold."""
    output, value = text_of(reply), claim.value
    if value is None or isinstance(value, dict | list):
        passed = _same_data(value, output)
        value = json_text(value)
    else:
        passed = to_text(value) == output
    return judged(passed, float(passed), f'Expected output "{output}" to equal "{to_text(value)}"')


def _same_data(value: Any, output: str) -> bool:
    try:
        return _equal(value, parse_json(output))
    except ValueError:
        return False


def _equal(left: Any, right: Any) -> bool:
    """Compare deeply, without taking true for 1."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        theirs = {str(key): value for key, value in right.items()}
        return len(left) == len(theirs) and all(
            str(key) in theirs and _equal(value, theirs[str(key)]) for key, value in left.items()
        )
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_equal, left, right))
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return bool(left == right)


@foreseen_by(needle)
def contains(claim: Claim, reply: Reply, _context: ClaimContext) -> Verdict:
    """Pass when the output holds the value."""
    wanted = needle(claim)
    passed = wanted in text_of(reply)
    return judged(passed, float(passed), f'Expected output to contain "{wanted}"')


@foreseen_by(needle)
def icontains(claim: Claim, reply: Reply, _context: ClaimContext) -> Verdict:
    """Pass when the output holds the value, in upper or lower case."""
    wanted = needle(claim)
    passed = wanted.lower() in text_of(reply).lower()
    return judged(passed, float(passed), f'Expected output to contain "{wanted}", in any case')


@foreseen_by(needles)
def contains_any(claim: Claim, reply: Reply, _context: ClaimContext) -> Verdict:
    """Pass when the output holds one of the values."""
    return _any(needles(claim), text_of(reply))


@foreseen_by(needles)
def icontains_any(claim: Claim, reply: Reply, _context: ClaimContext) -> Verdict:
    """Pass when the output holds one of the values, in upper or lower case."""
    return _any([wanted.lower() for wanted in needles(claim)], text_of(reply).lower())


@foreseen_by(needles)
def contains_all(claim: Claim, reply: Reply, _context: ClaimContext) -> Verdict:
    """Pass when the output holds every value."""
    return _all(needles(claim), text_of(reply))


@foreseen_by(needles)
def icontains_all(claim: Claim, reply: Reply, _context: ClaimContext) -> Verdict:
    """Pass when the output holds every value, in upper or lower case."""
    return _all([wanted.lower() for wanted in needles(claim)], text_of(reply).lower())


def _any(wanted: list[str], output: str) -> Verdict:
    passed = any(one in output for one in wanted)
    return judged(passed, float(passed), f"Expected output to contain one of: {', '.join(wanted)}")


def _all(wanted: list[str], output: str) -> Verdict:
    missing = [one for one in wanted if one not in output]
    return judged(not missing, float(not missing), f"Expected output to contain also: {', '.join(missing)}")


def _beginning(claim: Claim) -> str:
    wanted = text_value(claim)
    if not wanted:
        raise ClaimError("starts-with needs a text that is not empty")
    return wanted


@foreseen_by(_beginning)
def starts_with(claim: Claim, reply: Reply, _context: ClaimContext) -> Verdict:
    """Pass when the output begins with the value."""
    wanted = _beginning(claim)
    passed = text_of(reply).startswith(wanted)
    return judged(passed, float(passed), f'Expected output to start with "{wanted}"')


def empty(_claim: Claim, reply: Reply, _context: ClaimContext) -> Verdict:
    """Pass when the output holds nothing but white space; people write it as `not-empty`."""
    passed = not text_of(reply).strip()
    return judged(passed, float(passed), "Expected output to be empty")


def _pattern(claim: Claim) -> str:
    pattern = text_value(claim)
    if not pattern:
        raise ClaimError("regex needs a pattern that is not empty")
    return pattern


def _sound_pattern(claim: Claim) -> None:
    """Refuse a pattern that is none; one that only JavaScript can run is left to it."""
    from sojourn.template.regexp import ForeignError, Regex

    pattern = _pattern(claim)
    try:
        _ = Regex(pattern).compiled
    except ForeignError:
        return
    except re.error as error:
        raise ClaimError(f"{pattern!r} is no regular expression: {error}") from error


@foreseen_by(_sound_pattern)
async def regex(claim: Claim, reply: Reply, context: ClaimContext) -> Verdict:
    """Pass when the pattern, a JavaScript regular expression, matches anywhere; a broken pattern fails either way."""
    from sojourn.assertions.matching import matches

    pattern = _pattern(claim)
    try:
        passed = await matches(pattern, text_of(reply), context)
    except re.error as error:
        return Verdict(passed=False, score=0, reason=f"The regular expression is not valid: {error}", final=True)
    return judged(passed, float(passed), f'Expected output to match the regular expression "{pattern}"')


def _bounds(claim: Claim) -> tuple[float, float]:
    value = claim.value
    if isinstance(value, Mapping):
        if "min" not in value and "max" not in value:
            raise ClaimError("word-count needs min, max or both")
        low, high = _count(value.get("min", 0)), _count(value.get("max", float("inf")))
        if low > high:
            raise ClaimError(f"word-count: min {to_text(low)} is more than max {to_text(high)}")
        return low, high
    return _count(value), _count(value)


def _count(value: Any) -> float:
    number = to_number(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
    if number is None or number != number:  # noqa: PLR0124  NaN alone differs from itself
        raise ClaimError(f"word-count needs a number, or min and max, not {value!r}")
    return number


@foreseen_by(_bounds)
def word_count(claim: Claim, reply: Reply, _context: ClaimContext) -> Verdict:
    """Pass when the output has the number of words that the value says, or one between `min` and `max`."""
    words = len(text_of(reply).split())
    low, high = _bounds(claim)
    passed = low <= words <= high
    wanted = to_text(low) if low == high else f"{to_text(low)} to {to_text(high)}"
    return judged(passed, float(passed), f"The output has {words} words, not {wanted}")
