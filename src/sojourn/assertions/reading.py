"""What a reply says and what a claim asks for, in the shapes that assertions compare."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from sojourn.errors import ClaimError
from sojourn.model.reply import Reply
from sojourn.model.suite import Claim
from sojourn.template.jsontext import json_text
from sojourn.template.values import to_text


def text_of(reply: Reply) -> str:
    """Return the output as text: what is no string is written as JSON."""
    return reply.output if isinstance(reply.output, str) else json_text(reply.output)


def parse_json(text: str) -> Any:
    """Parse JSON as strictly as JavaScript does; raises ValueError."""
    try:
        return json.loads(text, parse_constant=_refuse, parse_int=_whole)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _whole(digits: str) -> float:
    return int(digits) if len(digits) < 400 else math.inf


def parsed(value: Any) -> Any:
    """Return what a text says in JSON, or the value itself where it says nothing."""
    try:
        return parse_json(value) if isinstance(value, str) else value
    except ValueError:
        return value


def text_value(claim: Claim) -> str:
    """Return the claim's value, which must be a text; raises ClaimError."""
    if isinstance(claim.value, str):
        return claim.value
    raise ClaimError(f"{claim.type} needs a text as its value, not {_kind(claim.value)}")


def text_values(claim: Claim) -> list[str]:
    """Return the claim's value, a text or a list of texts, as a list; raises ClaimError."""
    found = claim.value if isinstance(claim.value, list) else [claim.value]
    if not found or not all(isinstance(one, str) for one in found):
        raise ClaimError(f"{claim.type} needs a text or a list of texts as its value, not {_kind(claim.value)}")
    return found


def needle(claim: Claim) -> str:
    """Return the text or number that the claim looks for; raises ClaimError."""
    value = claim.value
    if type(value) is str and value:
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ClaimError(f"{claim.type} needs a text or a number as its value, not {_kind(value)}")
    return to_text(value)


def needles(claim: Claim) -> list[str]:
    """Return the texts that the claim looks for: a list, or one text with commas; raises ClaimError."""
    value = claim.value
    if isinstance(value, str) and value:
        return split_commas(value)
    if isinstance(value, list):
        return [to_text(one) for one in value]
    raise ClaimError(f"{claim.type} needs a list, or a text with commas, as its value, not {_kind(value)}")


def split_commas(text: str) -> list[str]:
    """Split at commas; a part in double quotes may hold commas, and quotes that are doubled or escaped."""
    parts: list[str] = []
    at = 0
    while at < len(text):
        if text[at] == "," or text[at].isspace():
            at += 1
        elif text[at] == '"':
            part, at = _quoted(text, at + 1)
            parts.append(part)
        else:
            end = text.find(",", at)
            end = len(text) if end < 0 else end
            parts.append(text[at:end].strip())
            at = end
    return parts


def _quoted(text: str, at: int) -> tuple[str, int]:
    part = ""
    while at < len(text):
        pair = text[at : at + 2]
        if pair in ('\\"', "\\\\", '""'):
            part += pair[1]
            at += 2
        elif text[at] == '"':
            return part, _after_quote(text, at + 1)
        else:
            part += text[at]
            at += 1
    raise ClaimError(f"a quote is never closed in {text!r}")


def _after_quote(text: str, at: int) -> int:
    rest = text[at:].lstrip()
    if rest and not rest.startswith(","):
        raise ClaimError(f"a comma is missing after the quoted part of {text!r}")
    return len(text) - len(rest)


def _kind(value: Any) -> str:
    names = {str: "an empty text", bool: "true or false", type(None): "nothing", dict: "an object", list: "a list"}
    return names.get(type(value), f"{value!r}")
