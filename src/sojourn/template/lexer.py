"""A template's text as tokens: data, marks, and what stands between marks."""

from __future__ import annotations

import re

import msgspec

from sojourn.errors import TemplateError

_OPEN = re.compile(r"\{%-?|\{\{-?|\{#-?")
_SPACE = re.compile(r"\s*")
_CLOSE = re.compile(r"-?%\}|-?\}\}")
_STRING = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""", re.DOTALL)
_REGEX = re.compile(r"r/((?:[^/\\]|\\.)*)/([gimy]*)", re.DOTALL)
_OPERATOR = re.compile(r"===|!==|==|!=|<=|>=|//|\*\*|[()\[\]{}%*\-+~/#,:|.<>=!]")
_WORD = re.compile(r"[^\s()\[\]{}%*\-+~/#,:|.<>=!]+")
_NUMBER = re.compile(r"\d+(?:\.\d*)?(?![^\s()\[\]{}%*\-+~/#,:|.<>=!])")
_RAW = re.compile(r"\{%-?\s*(?:raw|verbatim)\s*-?%\}")
_RAW_MARK = re.compile(r"\{%-?\s*(raw|verbatim|endraw|endverbatim)\s*-?%\}")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class Token(msgspec.Struct, frozen=True):
    """One token: `kind` is data, open, close, string, regex, number, word, operator or end; `at` counts characters."""

    kind: str
    text: str
    at: int
    flags: str = ""


def tokenize(source: str) -> list[Token]:
    """Cut a template into tokens; raises TemplateError where a mark or string never ends."""
    tokens: list[Token] = []
    position = 0
    strip = False
    while position < len(source):
        found = _OPEN.search(source, position)
        data = source[position : found.start()] if found else source[position:]
        data = data.lstrip() if strip else data
        strip = False
        if found and found[0].endswith("-"):
            data = data.rstrip()
        if data:
            tokens.append(Token("data", data, position))
        if not found:
            break
        position, strip = _tag(source, found, tokens)
    tokens.append(Token("end", "", len(source)))
    return tokens


def _tag(source: str, opening: re.Match[str], tokens: list[Token]) -> tuple[int, bool]:
    """Read what one opening mark begins; returns where it ends and whether white space behind it goes."""
    if opening[0].startswith("{#"):
        end = source.find("#}", opening.end())
        if end < 0:
            raise broken(source, opening.start(), "expected #} to end the comment")
        return end + 2, source[end - 1] == "-"
    raw = _RAW.match(source, opening.start())
    if raw:
        return _verbatim(source, raw, tokens)
    tokens.append(Token("open", opening[0][:2], opening.start()))
    return _inside(source, opening.end(), tokens)


def _verbatim(source: str, opening: re.Match[str], tokens: list[Token]) -> tuple[int, bool]:
    depth = 1
    for mark in _RAW_MARK.finditer(source, opening.end()):
        depth += -1 if mark[1].startswith("end") else 1
        if depth:
            continue
        _keep(source[opening.end() : mark.start()], opening, mark[0], tokens)
        return mark.end(), mark[0].endswith("-%}")
    _keep(source[opening.end() :], opening, "", tokens)
    return len(source), False


def _keep(text: str, opening: re.Match[str], closing: str, tokens: list[Token]) -> None:
    text = text.lstrip() if opening[0].endswith("-%}") else text
    text = text.rstrip() if closing.startswith("{%-") else text
    if text:
        tokens.append(Token("data", text, opening.end()))


def _inside(source: str, position: int, tokens: list[Token]) -> tuple[int, bool]:
    while True:
        space = _SPACE.match(source, position)
        position = space.end() if space else position
        closing = _CLOSE.match(source, position)
        if closing:
            tokens.append(Token("close", closing[0].lstrip("-"), position))
            return closing.end(), closing[0].startswith("-")
        token, position = _next(source, position)
        tokens.append(token)


def _next(source: str, at: int) -> tuple[Token, int]:
    if at >= len(source):
        raise broken(source, at, "expected the tag to end")
    if found := _STRING.match(source, at):
        return Token("string", _ESCAPE.sub(_unescape, found[0][1:-1]), at), found.end()
    if found := _REGEX.match(source, at):
        return Token("regex", found[1], at, found[2]), found.end()
    for kind, pattern in (("number", _NUMBER), ("operator", _OPERATOR), ("word", _WORD)):
        if found := pattern.match(source, at):
            if found[0][0] in "'\"":
                raise broken(source, at, "the string never ends")
            return Token(kind, found[0], at), found.end()
    raise broken(source, at, "unexpected character")


def _unescape(found: re.Match[str]) -> str:
    return _ESCAPES.get(found[1], found[1])


def broken(source: str, at: int, what: str) -> TemplateError:
    """Make the error for a mistake at a character of a template, with line and column."""
    line = source.count("\n", 0, at) + 1
    column = at - (source.rfind("\n", 0, at) + 1) + 1
    return TemplateError(f"template syntax, line {line}, column {column}: {what}")
