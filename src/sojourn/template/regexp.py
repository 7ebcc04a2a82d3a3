"""JavaScript's regular expressions, translated for Python's engine.

Patterns and texts are taken in UTF-16 units, as JavaScript does without its `u` flag; `unicode_pattern` takes whole
characters, as with it. What Python's engine cannot do (a look-behind of varying width) raises `ForeignError`.
"""

from __future__ import annotations

import functools
import itertools
import re
from typing import Any

from sojourn.errors import TemplateError
from sojourn.template.categories import category
from sojourn.template.units import wide
from sojourn.template.values import Array, checked

_ENDS = "\\n\\r\u2028\u2029"
_SPACES = "\\t\\n\\v\\f\\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_CLASSES = {"d": "0-9", "w": "A-Za-z0-9_", "s": _SPACES}
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r", "v": "\v", "f": "\f"}
_QUANTIFIER = re.compile(r"[*+?]|\{(\d+)(?:(,)(\d*))?\}")
_GROUP = re.compile(r"\(\?<([A-Za-z_$][\w$]*)>|\(\?(?:[:=!]|<[=!])")
_CONTROL = re.compile(r"c([A-Za-z])")
_HEX = re.compile(r"x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})")
_WHOLE = re.compile(r"u\{0*([0-9a-fA-F]{1,6})\}|u[dD]([89abAB][0-9a-fA-F]{2})\\u[dD]([c-fC-F][0-9a-fA-F]{2})")
_PROPERTY = re.compile(r"[pP]\{(?:(?:gc|General_Category)=)?(\w+)\}")
_GROUP_NAMES = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|(\((?!\?)|\(\?<(?![=!])([^>]*)>)", re.DOTALL)


class ForeignError(re.error):
    """The pattern is right, but beyond Python's engine."""


class _Translator:
    """One pass over a pattern; `heavy` tells how hard it can make the engine work."""

    def __init__(self, pattern: str, flags: str) -> None:
        self.pattern = pattern
        self.multiline = "m" in flags
        self.unicode = "u" in flags
        self.any = r"[\s\S]" if "s" in flags else f"[^{_ENDS}]"
        found = [match for match in _GROUP_NAMES.finditer(pattern) if match[1]]
        self.count = len(found)
        self.names = {match[2]: index for index, match in enumerate(found, 1) if match[2]}
        if len(self.names) < sum(1 for match in found if match[2]):
            raise re.error("Duplicate capture group name", pattern)
        self.at = 0
        self.opened: list[int] = []
        self.closed: set[int] = set()
        self.seen = 0
        self.loops = 0
        self.nested = False

    def error(self, what: str) -> re.error:
        return re.error(what, self.pattern, min(self.at, len(self.pattern)))

    def alternatives(self) -> str:
        """Translate up to a closing parenthesis or the end."""
        out: list[str] = []
        while self.at < len(self.pattern) and self.pattern[self.at] != ")":
            if self.pattern[self.at] == "|":
                self.at += 1
                out.append("|")
                continue
            loops = self.loops
            atom, repeatable = self.atom()
            out.append(atom + self.quantifier(atom, inner=self.loops > loops, repeatable=repeatable))
        return "".join(out)

    def atom(self) -> tuple[str, bool]:
        """Translate one thing that a quantifier could follow; and whether one may."""
        char = self.pattern[self.at]
        if char == "(":
            return self.group()
        if _QUANTIFIER.match(self.pattern, self.at):
            raise self.error("Nothing to repeat")
        self.at += 1
        if char == "[":
            return self.char_class(), True
        if char == "\\":
            return self.escape()
        return self.plain(char), char not in "^$"

    def plain(self, char: str) -> str:
        """Translate a character that stands alone."""
        if char == ".":
            return self.any
        if char == "^":
            return f"(?<![^{_ENDS}])" if self.multiline else "^"
        if char == "$":
            return rf"(?=[{_ENDS}]|\Z)" if self.multiline else r"\Z"
        if self.unicode and char in "]{}":
            raise self.error("Lone quantifier brackets")
        return re.escape(char)

    def quantifier(self, atom: str, *, inner: bool, repeatable: bool) -> str:
        found = _QUANTIFIER.match(self.pattern, self.at)
        if not found:
            return ""
        if not repeatable:
            raise self.error("Nothing to repeat")
        self.at = found.end()
        if found[0] in "*+" or (found[2] and not found[3]):
            self.loops += 1
            self.nested = self.nested or inner or "|" in atom
        elif found[1] and int(found[3] or found[1]) > 1:
            self.nested = self.nested or inner
        if found[3] and int(found[3]) < int(found[1]):
            raise self.error("numbers out of order in {} quantifier")
        lazy = self.pattern.startswith("?", self.at)
        self.at += lazy
        return found[0] + "?" * lazy

    def group(self) -> tuple[str, bool]:
        opening = _GROUP.match(self.pattern, self.at)
        if not opening and self.pattern.startswith("(?", self.at):
            raise self.error("Invalid group")
        start = opening[0] if opening else "("
        captures = start == "(" or bool(opening and opening[1])
        self.at += len(start)
        if captures:
            self.seen += 1
            self.opened.append(self.seen)
            start = "("
        body = self.alternatives()
        if self.at >= len(self.pattern):
            raise self.error("Unterminated group")
        self.at += 1
        if captures:
            self.closed.add(self.opened.pop())
        return f"{start}{body})", not start.startswith(("(?<", "(?=", "(?!") if self.unicode else "(?<")

    def escape(self) -> tuple[str, bool]:
        """Translate what follows a backslash outside a class."""
        rest = self.pattern[self.at : self.at + 1]
        if not rest:
            raise self.error("\\ at end of pattern")
        if rest in "bB":
            self.at += 1
            return r"(?a:\b)" if rest == "b" else r"(?!(?a:\b))", False
        if rest in "dswDSW":
            self.at += 1
            return _set(_CLASSES[rest.lower()], negated=rest.isupper()), True
        if rest in "pP" and self.unicode:
            return f"[{self.property()}]", True
        if rest in "123456789":
            return self.reference(), True
        if rest == "k" and self.names:
            return self.named_reference(), True
        return re.escape(self.literal()), True

    def reference(self) -> str:
        digits = re.compile(r"\d+").match(self.pattern, self.at)
        number = int(digits[0]) if digits else 0
        if number > self.count:
            if self.unicode:
                raise self.error("Invalid escape")
            return re.escape(self.literal())
        self.at += len(digits[0]) if digits else 0
        return self.back(number)

    def named_reference(self) -> str:
        end = self.pattern.find(">", self.at)
        name = self.pattern[self.at + 2 : end]
        if end < 0 or name not in self.names:
            raise self.error("Invalid named reference")
        self.at = end + 1
        return self.back(self.names[name])

    def back(self, number: int) -> str:
        """A group that took no part matches nothing, and so lets anything follow."""
        return rf"(?({number})\{number}|)" if number in self.closed else "(?:)"

    def literal(self) -> str:
        """Take the one character that an escape stands for."""
        char = self.pattern[self.at]
        if self.unicode and (whole := self.whole(char)):
            return whole
        if found := _HEX.match(self.pattern, self.at):
            self.at = found.end()
            return chr(int(found[1] or found[2], 16))
        if octal := re.compile(r"[0-3]?[0-7]{1,2}").match(self.pattern, self.at):
            self.at = octal.end()
            return chr(int(octal[0], 8))
        if control := _CONTROL.match(self.pattern, self.at):
            self.at = control.end()
            return chr(ord(control[1]) % 32)
        self.at += char != "c"
        return "\\" if char == "c" else _CONTROLS.get(char, char)

    def whole(self, char: str) -> str:
        """Take a character that is written in a way of the `u` flag, which lets nothing be escaped needlessly."""
        if found := _WHOLE.match(self.pattern, self.at):
            code = (
                int(found[1], 16)
                if found[1]
                else 0x10000 + (int(found[2], 16) - 0x800 << 10) + int(found[3], 16) - 0xC00
            )
            if code > 0x10FFFF:
                raise self.error("Invalid Unicode escape")
            self.at = found.end()
            return chr(code)
        if char in "^$\\.*+?()[]{}|/":
            self.at += 1
            return char
        if char == "0" and not self.pattern[self.at + 1 : self.at + 2].isdigit():
            self.at += 1
            return "\0"
        if (
            char not in _CONTROLS
            and not _HEX.match(self.pattern, self.at)
            and not _CONTROL.match(self.pattern, self.at)
        ):
            raise self.error("Invalid escape")
        return ""

    def property(self) -> str:
        """Write the characters of a Unicode category, or all others, as the inside of a class."""
        found = _PROPERTY.match(self.pattern, self.at)
        inside = category(found[1], negated=found[0][0] == "P") if found else ""
        if not found or not inside:
            raise ForeignError("this Unicode property is not known here", self.pattern, self.at)
        self.at = found.end()
        return inside

    def char_class(self) -> str:
        """Translate what stands between brackets."""
        negated = self.pattern.startswith("^", self.at)
        self.at += negated
        parts: list[str] = []
        while not self.pattern.startswith("]", self.at):
            low = self.member()
            if self.pattern.startswith("-", self.at) and not self.pattern.startswith("-]", self.at):
                self.at += 1
                high = self.member()
                parts += self.range(low, high)
            else:
                parts.append(low if len(low) != 1 else re.escape(low))
        self.at += 1
        return _set("".join(parts), negated=negated)

    def range(self, low: str, high: str) -> list[str]:
        if len(low) > 1 or len(high) > 1:
            if self.unicode:
                raise self.error("Invalid character class")
            return [one if len(one) > 1 else re.escape(one) for one in (low, "-", high)]
        if low > high:
            raise self.error("Range out of order in character class")
        return [f"{re.escape(low)}-{re.escape(high)}"]

    def member(self) -> str:
        """Take one member of a class: a character as it is, or the inside of a shorthand."""
        if self.at >= len(self.pattern):
            raise self.error("Unterminated character class")
        char = self.pattern[self.at]
        self.at += 1
        if char != "\\":
            return char
        if self.at >= len(self.pattern):
            raise self.error("\\ at end of pattern")
        kind = self.pattern[self.at]
        if kind in "dsw":
            self.at += 1
            return _CLASSES[kind]
        if kind in "DSW":
            self.at += 1
            return _NOT[kind]
        if kind in "pP" and self.unicode:
            return self.property()
        if kind == "b" or (kind == "-" and self.unicode):
            self.at += 1
            return "\b" if kind == "b" else "-"
        return self.literal()


def _complement(inside: str) -> str:
    """Write what a small class leaves out as ranges."""
    member = re.compile(f"[{inside}]")
    taken = [code for code in range(0x10000) if member.match(chr(code))]
    edges = [-1, *taken, 0x110000]
    gaps = [(low + 1, high - 1) for low, high in itertools.pairwise(edges) if high - low > 1]
    return "".join(f"{re.escape(chr(low))}-{re.escape(chr(high))}" for low, high in gaps)


class _Complements(dict[str, str]):
    def __missing__(self, kind: str) -> str:
        self[kind] = _complement(_CLASSES[kind.lower()])
        return self[kind]


_NOT = _Complements()


def _set(inside: str, *, negated: bool) -> str:
    if not inside:
        return r"[\s\S]" if negated else "(?!)"
    return f"[{'^' if negated else ''}{inside}]"


class Regex:
    """A JavaScript regular expression; raises `re.error` where the pattern is none, or beyond Python's engine."""

    def __init__(self, pattern: str, flags: str = "") -> None:
        self.source = pattern
        self.flags = flags
        self.compiled, self.names, self.loops, self.nested = _compiled(wide(pattern), flags)

    def __str__(self) -> str:
        return f"/{self.source}/{self.flags}"

    def cost(self, text: str) -> float:
        """Guess how many steps the worst text of this length takes."""
        return 2.0 ** min(len(text), 200) if self.nested else float(len(text) + 1) ** (self.loops + 1)

    def _afford(self, text: str) -> None:
        if self.cost(text) > 1e9:
            raise TemplateError(f"regular expression {self}: could run too long", todo="avoid repeats inside repeats")

    def search(self, text: str) -> int:
        """Return where the first match starts, or -1."""
        self._afford(text)
        found = self.compiled.search(text)
        return found.start() if found else -1

    def match(self, text: str, *, every: bool = True) -> Any:
        """Return what JavaScript's match does: all matches with the flag g, else the first with its groups, or None."""
        self._afford(text)
        if every and "g" in self.flags:
            return Array(found[0] for found in self.compiled.finditer(text)) or None
        found = self.compiled.search(text)
        return Array([found[0], *found.groups()]) if found else None

    def split(self, text: str) -> list[Any]:
        """Split a text at every match; what groups caught stands in between."""
        self._afford(text)
        if not text:
            return [] if self.compiled.search(text) else [text]
        parts: list[Any] = []
        last = 0
        for found in self.compiled.finditer(text):
            if found.end() == last or found.start() >= len(text):
                continue
            parts += [text[last : found.start()], *found.groups()]
            last = found.end()
        return [*parts, text[last:]]

    def replace(self, text: str, by: str, *, every: bool = False) -> str:
        """Replace the first match, or all with the flag g; `$1`, `$&` and `$<name>` stand for what matched."""
        self._afford(text)
        count = 0 if every or "g" in self.flags else 1
        return checked(self.compiled.sub(lambda found: self._filled(found, by), text, count=count))

    def _filled(self, found: re.Match[str], by: str) -> str:
        def part(mark: re.Match[str]) -> str:
            if mark[0] in ("$$", "$&"):
                return "$" if mark[0] == "$$" else found[0]
            number = int(mark[1]) if mark[1] else self.names.get(mark[2], -1)
            if 0 < number <= self.compiled.groups:
                return found[number] or ""
            return mark[0] if mark[1] or not self.names else ""

        return re.sub(r"\$[$&]|\$(\d\d?)|\$<([^>]*)>", part, by)


@functools.lru_cache(maxsize=512)
def _compiled(pattern: str, flags: str) -> tuple[re.Pattern[str], dict[str, int], int, bool]:
    if set(flags) - set("gimsuyd"):
        raise re.error(f"Invalid flags {flags!r}", pattern)
    translator = _Translator(pattern, flags)
    text = translator.alternatives()
    if translator.at < len(pattern):
        raise translator.error("Unmatched ')'")
    try:
        compiled = re.compile(text, re.IGNORECASE if "i" in flags else re.NOFLAG)
    except (re.error, OverflowError, RecursionError) as error:
        raise ForeignError(str(error), pattern) from error
    return compiled, translator.names, translator.loops, translator.nested


def unicode_pattern(pattern: str) -> re.Pattern[str]:
    """Translate a pattern as JavaScript reads it with its `u` flag, for texts of whole characters."""
    return _compiled(pattern, "u")[0]
