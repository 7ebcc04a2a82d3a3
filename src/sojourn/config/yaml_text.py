"""YAML as promptfoo's reader takes it: the 1.2 core schema, merge keys and timestamps; nothing else is clever.

`yes`, `ON`, `12:30` and `1_000` are texts, `0123` is 123, `1e3` is 1000, dates are ISO texts, a duplicate key is an
error, and so is a document whose aliases would unfold into more than a reader could hold.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import gc
import math
import re
from collections.abc import Iterator
from typing import Any

import yaml
from yaml._yaml import CParser

from sojourn.config.expect import narrowed
from sojourn.errors import ConfigError, Problem

PLAIN = "?"
TEXT = "!"
_LARGEST = 200_000
_FOLD = 20
_DEEPEST = 200
_QUOTES = "put quotes round a value that begins with {{"

_WORDS: dict[str, bool | None] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_WORDS |= {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_TIMESTAMP = re.compile(
    r"(\d{4})-(\d\d?)-(\d\d?)(?:[Tt]|[ \t]+)(\d\d?):(\d\d):(\d\d)(?:\.(\d*))?"
    r"(?:[ \t]*(Z|([-+])(\d\d?)(?::(\d\d))?))?"
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_PAIR = re.compile(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_NUMERIC = frozenset("+-.0123456789")


class Composer(CParser):
    """Composes nodes and leaves it to `scalar` to say what a plain scalar is."""

    def resolve(self, kind: type, _value: Any, implicit: Any) -> str:
        """Tag a scalar as plain or as text; collections need no tag."""
        return PLAIN if kind is yaml.ScalarNode and implicit[0] else TEXT

    depth = 0

    def descend_resolver(self, _parent: Any, _index: Any) -> None:
        """Count the nesting: the parser itself would run off the end of its stack."""
        self.depth += 1
        if self.depth > _DEEPEST:
            raise RecursionError

    def ascend_resolver(self) -> None:
        """Count back."""
        self.depth -= 1


def parse(text: str, file: str = "", problems: list[Problem] | None = None) -> Any:
    """Read one YAML document; raises ConfigError with its line and column. An empty document is None.

    Where a list for `problems` is given, those that leave something to read are put there and not raised.
    """
    found: list[Problem] = []
    with _collector_paused():
        node = compose(text, file)
        data = None if node is None else _Reader(file, found).value(node)
    if found and problems is None:
        raise ConfigError(found)
    if problems is not None:
        problems += found
    return data


@contextlib.contextmanager
def _collector_paused() -> Iterator[None]:
    """Pause the garbage collector: what is read stays, and looking through it costs ten times the reading."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def compose(text: str, file: str = "") -> Any:
    """Return the root node of the document, or None where it is empty; raises ConfigError."""
    try:
        return Composer(text.removeprefix("\ufeff")).get_single_node()
    except RecursionError:
        raise ConfigError.of("nested too deeply", file=file) from None
    except yaml.MarkedYAMLError as error:
        if "nesting depth" in str(error.problem):  # newer parsers count for themselves
            raise ConfigError.of("nested too deeply", file=file) from None
        paired = _PAIR.sub(_joined, text) if "Unicode character escape" in str(error.problem) else text
        if paired != text:
            return compose(paired, file)
        mark = error.problem_mark or error.context_mark
        what = f"not valid YAML: {error.problem or error.context}"
        place = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        raise ConfigError.of(what, file=file, line=place[0], column=place[1], todo=_advice(text, mark)) from None
    except yaml.YAMLError as error:
        raise ConfigError.of(f"not valid YAML: {error}".split("\n", maxsplit=1)[0], file=file) from None


def _joined(pair: re.Match[str]) -> str:
    """Write a character that JSON escapes as two surrogates the one way that the parser knows."""
    high, low = int(pair[1], 16), int(pair[2], 16)
    return f"\\U{0x10000 + ((high & 0x3FF) << 10) + (low & 0x3FF):08X}"


def _advice(text: str, mark: Any) -> str:
    line = text.split("\n")[mark.line] if mark and mark.line < text.count("\n") + 1 else ""
    if "{{" in line:
        return _QUOTES
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "indent with spaces, not with tabs"
    return ""


@functools.lru_cache(maxsize=4096)
def scalar(text: str) -> Any:
    """Return what a plain scalar means."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMERIC:
        return text
    if _INTEGER.fullmatch(text):
        return _integer(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return narrowed(number) if math.isfinite(number) else text
    if _SPECIAL.fullmatch(text):
        return float(text.replace(".", "", 1))
    return _timestamp(text)


def _integer(text: str) -> int:
    if text[:2] in ("0x", "0o"):
        return int(text, 0)
    return int(text)


def _timestamp(text: str) -> str:
    if len(text) < 10 or text[4] != "-":
        return text
    try:
        moment = _moment(text)
    except (ValueError, OverflowError):
        return text
    return text if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def _moment(text: str) -> dt.datetime | None:
    if _DATE.fullmatch(text):
        return dt.datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=dt.UTC)
    found = _TIMESTAMP.fullmatch(text)
    if not found:
        return None
    year, month, day, hour, minute, second, fraction, _zone, sign, hours, minutes = found.groups()
    clock = f"{hour:>02}:{minute}:{second}.{(fraction or '0')[:3]:<03}"
    local = dt.datetime.fromisoformat(f"{year}-{month:>02}-{day:>02}T{clock}+00:00")
    offset = dt.timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    return local + offset if sign == "-" else local - offset


_EXPLICIT = {
    "tag:yaml.org,2002:str": (str,),
    "tag:yaml.org,2002:int": (int,),
    "tag:yaml.org,2002:float": (int, float),
    "tag:yaml.org,2002:bool": (bool,),
    "tag:yaml.org,2002:null": (type(None),),
    "tag:yaml.org,2002:timestamp": (str,),
}
_COLLECTIONS = {TEXT, "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}


class _Reader:
    """Turns nodes into data; aliased nodes become the same object, and what they unfold to is counted."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        self.file = file
        self.problems = problems
        self.done: dict[int, tuple[Any, int]] = {}
        self.open: set[int] = set()
        self.written = 0

    def value(self, node: Any) -> Any:
        return self.read(node)[0]

    def read(self, node: Any) -> tuple[Any, int]:
        """Return the data of a node and how many values it holds once unfolded."""
        if isinstance(node, yaml.ScalarNode):
            self.written += 1
            return self._scalar(node), 1
        known = self.done.get(id(node))
        if known:
            return known
        if id(node) in self.open:
            raise self.mistake("an alias stands inside of what it names", node)
        if node.tag not in _COLLECTIONS:
            self.note(f"unknown tag {node.tag}", node)
        self.open.add(id(node))
        found = self._mapping(node) if isinstance(node, yaml.MappingNode) else self._sequence(node)
        self.open.discard(id(node))
        self.done[id(node)] = found
        if found[1] > _LARGEST and found[1] > _FOLD * self.written:
            raise self.mistake(f"its aliases unfold into {found[1]} values", node)
        return found

    def _scalar(self, node: Any) -> Any:
        if node.tag == PLAIN:
            return scalar(node.value)
        if node.tag == TEXT:
            return node.value
        kinds = _EXPLICIT.get(node.tag)
        if kinds is None:
            self.note(f"unknown tag {node.tag}", node)
            return node.value
        value = node.value if node.tag.endswith(":str") else scalar(node.value)
        if type(value) not in kinds:
            self.note(f"{node.value!r} is no {node.tag.rpartition(':')[2]}", node)
        return value

    def _sequence(self, node: Any) -> tuple[list[Any], int]:
        data, size = [], 1
        for child in node.value:
            value, count = self.read(child)
            data.append(value)
            size += count
        return data, size

    def _mapping(self, node: Any) -> tuple[dict[str, Any], int]:
        data: dict[str, Any] = {}
        own: set[str] = set()
        size = 1
        for key_node, value_node in node.value:
            value, count = self.read(value_node)
            size += count
            if key_node.tag == PLAIN and key_node.value == "<<":
                self._merge(data, value, value_node)
                continue
            key = self._key(key_node)
            if key in own:
                self.note(f"the key {key!r} stands here twice", key_node)
                continue
            own.add(key)
            data[key] = value
        return data, size

    def _key(self, node: Any) -> str:
        if not isinstance(node, yaml.ScalarNode):
            self.note("a key must be a plain text", node, todo=_QUOTES)
            return ""
        value = self._scalar(node)
        if isinstance(value, str):
            return value
        return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)

    def _merge(self, data: dict[str, Any], value: Any, node: Any) -> None:
        for source in value if isinstance(value, list) else [value]:
            if not isinstance(source, dict):
                self.note("<< needs a mapping, or a list of mappings", node)
                continue
            for key, inherited in source.items():
                data.setdefault(key, inherited)

    def note(self, what: str, node: Any, *, todo: str = "") -> None:
        """Note a mistake after which reading can go on."""
        self.problems += self.mistake(what, node, todo=todo).problems

    def mistake(self, what: str, node: Any, *, todo: str = "") -> ConfigError:
        mark = node.start_mark
        return ConfigError.of(what, file=self.file, line=mark.line + 1, column=mark.column + 1, todo=todo)
