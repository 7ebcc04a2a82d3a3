"""Assertions on XML: a document, or an element somewhere in the text, with or without required elements."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from xml.parsers import expat

from sojourn.assertions.foreseen import foreseen_by
from sojourn.assertions.reading import text_of
from sojourn.errors import ClaimError
from sojourn.model.reply import Reply
from sojourn.model.suite import Claim
from sojourn.model.verdict import Verdict, failing, judged, passing
from sojourn.protocols import ClaimContext

_NAME = r"[A-Za-z_:\u00c0-\ufffd][\w:.\-\u00b7\u00c0-\ufffd]*"
_TAG = re.compile(
    r"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>"
    rf"""|<(?P<close>/)?(?P<name>{_NAME})(?:[^<>"']|"[^"]*"|'[^']*')*?(?P<alone>/)?\s*>""",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(rf"""({_NAME})(?:\s*=\s*("[^"]*"|'[^']*'))?""")
_LOOSE = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\d+|#x[0-9a-fA-F]+);)")


def _required(claim: Claim) -> list[str]:
    value = claim.value
    if isinstance(value, Mapping) and "requiredElements" in value:
        value = value["requiredElements"]
    if not value:
        return []
    if isinstance(value, str):
        return [path.strip() for path in value.split(",")]
    if isinstance(value, list):
        return [str(path) for path in value]
    raise ClaimError(f"{claim.type} needs a list of elements, a text with commas, or requiredElements")


@foreseen_by(_required)
def is_xml(claim: Claim, reply: Reply, _context: ClaimContext) -> Verdict:
    """Pass when the whole output is well-formed XML and has the elements that the value asks for."""
    required = _required(claim)
    try:
        tree = _Tree(strict=True).read(text_of(reply))
    except expat.ExpatError as error:
        return failing(f"Expected output to be XML: {error}")
    missing = [path for path in required if not _has(tree, path)]
    return judged(not missing, float(not missing), f"The XML lacks: {', '.join(missing)}")


@foreseen_by(_required)
def contains_xml(claim: Claim, reply: Reply, _context: ClaimContext) -> Verdict:
    """Pass when the output holds a well-formed element, with the elements that the value asks for."""
    required = _required(claim)
    pieces = _elements(text_of(reply))
    for piece in ["".join(pieces), *pieces] if len(pieces) > 1 else pieces:
        try:
            text = _TAG.sub(_tidied, _LOOSE.sub("&amp;", piece))
            tree = _Tree(strict=False).read(f"<root>{text}</root>")["root"]
        except expat.ExpatError:
            continue
        if all(_has(tree, path) for path in required):
            return passing()
    what = f" with {', '.join(required)}" if required else ""
    return failing(f"Expected output to contain well-formed XML{what}")


def _tidied(tag: re.Match[str]) -> str:
    """Write a tag's attributes as XML wants them: each once and with a quoted value, true where it has none."""
    if not tag["name"] or tag["close"]:
        return tag[0]
    inside = tag[0][tag.end("name") - tag.start() :]
    attributes = {found[1]: found[2] or '"true"' for found in _ATTRIBUTE.finditer(inside)}
    told = "".join(f" {name}={value.replace('<', '&lt;')}" for name, value in attributes.items())
    return f"<{tag['name']}{told}{tag['alone'] or ''}>"


def _elements(text: str) -> list[str]:
    """Return the outermost elements of a text that are closed as they were opened."""
    found: list[tuple[int, int]] = []
    opened: list[tuple[str, int]] = []
    at = text.find("<")
    while at >= 0:
        tag = _TAG.match(text, at)
        if tag and tag["name"]:
            span = _close(tag, opened)
            if span:
                found = [one for one in found if one[0] < span[0]] + [span]
        at = text.find("<", tag.end() if tag else at + 1)
    return [text[start:end] for start, end in found]


def _close(tag: re.Match[str], opened: list[tuple[str, int]]) -> tuple[int, int] | None:
    """Note one tag; returns the element that it ends."""
    if tag["alone"] and not tag["close"]:
        return tag.start(), tag.end()
    if not tag["close"]:
        opened.append((tag["name"], tag.start()))
    elif opened and opened[-1][0] == tag["name"]:
        return opened.pop()[1], tag.end()
    else:
        opened.clear()
    return None


class _Tree:
    """Builds plain data from XML: an element with only text is that text, repeated ones are a list."""

    def __init__(self, *, strict: bool) -> None:
        self.parser = expat.ParserCreate("utf-8", " ") if strict else expat.ParserCreate("utf-8")
        if strict:
            self.parser.namespace_prefixes = True
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.text
        self.parser.StartDoctypeDeclHandler = self.doctype
        self.stack: list[dict[str, Any]] = [{}]

    def read(self, text: str) -> dict[str, Any]:
        """Parse a text; raises ExpatError."""
        self.parser.Parse(text.encode("utf-8", "replace"), True)
        return self.stack[0]

    def doctype(self, _name: str, _system: str | None, _public: str | None, internal: int) -> None:
        if internal:
            raise expat.ExpatError("a document type with declarations inside is not read")

    def start(self, _name: str, attributes: dict[str, str]) -> None:
        self.stack.append({f"@_{_plain(key)}": value for key, value in attributes.items()})

    def text(self, data: str) -> None:
        if data.strip():
            here = self.stack[-1]
            here["#text"] = here.get("#text", "") + data

    def end(self, name: str) -> None:
        made = self.stack.pop()
        value: Any = made.get("#text", "") if not made.keys() - {"#text"} else made
        above, key = self.stack[-1], _plain(name)
        if key not in above:
            above[key] = value
        elif isinstance(above[key], list):
            above[key].append(value)
        else:
            above[key] = [above[key], value]


def _plain(name: str) -> str:
    """Write an expanded name (`uri local prefix`) as it stood in the text."""
    parts = name.split(" ")
    return f"{parts[2]}:{parts[1]}" if len(parts) == 3 else parts[-1]


def _has(tree: Any, path: str) -> bool:
    """Tell whether a dotted path leads somewhere; a repeated element needs its number in the path."""
    here = tree
    for key in path.split("."):
        if isinstance(here, list) and key.isdecimal() and int(key) < len(here):
            here = here[int(key)]
        elif isinstance(here, dict) and key in here:
            here = here[key]
        else:
            return False
    return True
