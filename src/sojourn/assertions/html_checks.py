"""Assertions on HTML: a document or fragment, or markup somewhere in the text."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from sojourn.assertions.reading import text_of
from sojourn.model.reply import Reply
from sojourn.model.suite import Claim
from sojourn.model.verdict import Verdict, failing, judged, passing
from sojourn.protocols import ClaimContext

_ELEMENTS = frozenset(
    {
        "html",
        "head",
        "title",
        "base",
        "link",
        "meta",
        "style",
        "body",
        "article",
        "section",
        "nav",
        "aside",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hgroup",
        "header",
        "footer",
        "address",
        "p",
        "hr",
        "pre",
        "blockquote",
        "ol",
        "ul",
        "menu",
        "li",
        "dl",
        "dt",
        "dd",
        "figure",
        "figcaption",
        "main",
        "search",
        "div",
        "a",
        "em",
        "strong",
        "small",
        "s",
        "cite",
        "q",
        "dfn",
        "abbr",
        "ruby",
        "rt",
        "rp",
        "data",
        "time",
        "code",
        "var",
        "samp",
        "kbd",
        "sub",
        "sup",
        "i",
        "b",
        "u",
        "mark",
        "bdi",
        "bdo",
        "span",
        "br",
        "wbr",
        "ins",
        "del",
        "picture",
        "source",
        "img",
        "iframe",
        "embed",
        "object",
        "param",
        "video",
        "audio",
        "track",
        "map",
        "area",
        "svg",
        "math",
        "table",
        "caption",
        "colgroup",
        "col",
        "tbody",
        "thead",
        "tfoot",
        "tr",
        "td",
        "th",
        "form",
        "label",
        "input",
        "button",
        "select",
        "datalist",
        "optgroup",
        "option",
        "textarea",
        "output",
        "progress",
        "meter",
        "fieldset",
        "legend",
        "details",
        "summary",
        "dialog",
        "script",
        "noscript",
        "template",
        "slot",
        "canvas",
    }
)
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"}
)
_SHELL = frozenset({"html", "head", "body"})
_ENDS_PARAGRAPH = frozenset(
    {
        "address",
        "article",
        "aside",
        "blockquote",
        "details",
        "div",
        "dl",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hgroup",
        "hr",
        "main",
        "menu",
        "nav",
        "ol",
        "p",
        "pre",
        "search",
        "section",
        "table",
        "ul",
    }
)
_TAG = re.compile(r"<(?P<end>/?)[a-z][a-z0-9-]*(?P<rest>\s[^<>]*|/?)>", re.IGNORECASE | re.ASCII)
_ENTITY = re.compile("&(#x[0-9a-f]+|#[0-9]+|[a-z]+);", re.IGNORECASE)
_DOCTYPE = re.compile(r"<!doctype\s+html", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"(?<=\s)[a-z-]+=\s*['\"][^<>'\"]*['\"]", re.IGNORECASE)
_BEGUN = re.compile(r"<([a-z]+[1-6]?)\b", re.IGNORECASE)
_HEADINGS = frozenset(f"h{level}" for level in range(1, 7))
_USUAL = _HEADINGS | {"a", "body", "br", "button", "div", "form", "head", "hr", "html", "img", "input", "li", "link"}
_USUAL |= {"meta", "ol", "p", "script", "span", "style", "table", "td", "th", "tr", "ul"}


def is_html(_claim: Claim, reply: Reply, _context: ClaimContext) -> Verdict:
    """Pass when the whole output is HTML: known elements, and no text outside them."""
    text = text_of(reply).strip()
    if not text:
        return failing("Expected output to be HTML, but it is empty")
    if text[:5].lower() == "<?xml":
        return failing("Expected output to be HTML, but it is XML")
    outline = _Outline()
    outline.feed(text)
    outline.close()
    if outline.bare and not outline.body:
        return failing("Expected output to be HTML, but it has text outside of all elements")
    return passing() if outline.known else failing("Expected output to be HTML, but it has no element of HTML")


def contains_html(_claim: Claim, reply: Reply, _context: ClaimContext) -> Verdict:
    """Pass when the output has markup in it: one sure sign of HTML, or two weak ones."""
    passed = _signs(text_of(reply)) >= 2
    return judged(passed, float(passed), "Expected output to contain HTML")


def _signs(text: str) -> int:
    """Count what speaks for HTML: 2 for what is hardly anything else, 1 for what may be."""
    tags = [(bool(tag["end"]), tag["rest"]) for tag in _TAG.finditer(text)]
    comment = text.find("<!--")
    weak = (
        any(not ends and rest != "/" for ends, rest in tags),
        any(ends and not rest.strip() for ends, rest in tags),
        any(not ends and rest.endswith("/") for ends, rest in tags),
        _ENTITY.search(text),
        _ATTRIBUTE.search(text),
        comment >= 0 and text.find("-->", comment) > 0,
    )
    strong = (_DOCTYPE.search(text), any(name.lower() in _USUAL for name in _BEGUN.findall(text)))
    return sum(map(bool, weak)) + 2 * sum(map(bool, strong))


class _Outline(HTMLParser):
    """Notes whether a text has known elements, a body of its own, and words outside of every element."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.opened: list[str] = []
        self.bare = False
        self.body = False
        self.known = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self.known = self.known or tag in _ELEMENTS or "-" in tag
        self.body = self.body or tag == "body"
        if tag in _ENDS_PARAGRAPH and "p" in self.opened:
            self.handle_endtag("p")
        if tag not in _VOID and tag not in _SHELL:
            self.opened.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag in ("svg", "math") or "svg" in self.opened or "math" in self.opened:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.opened:
            while self.opened.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        self.bare = self.bare or (not self.opened and bool(data.strip()))
