"""Files read as text or as data, with the place of whatever is wrong in them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from sojourn.config.expect import narrowed
from sojourn.errors import ConfigError, Problem

NOTED: ContextVar[Callable[[str], None] | None] = ContextVar("NOTED", default=None)
"""Who is told of every file that is read as text, be it there or not."""

STRUCTURED = (".yaml", ".yml", ".json", ".jsonl", ".csv")


def resolve(path: str, base: str) -> str:
    """Return the absolute path of what was written relative to a folder."""
    return os.path.normpath(os.path.join(base, path.removeprefix("file://")))


def shown(path: str, cwd: str) -> str:
    """Return a path as people call it: relative where it lies below the working directory."""
    return os.path.relpath(path, cwd) if path.startswith(cwd.rstrip(os.sep) + os.sep) else path


def read_text(path: str, name: str = "") -> str:
    """Read a UTF-8 file, without its byte order mark; raises ConfigError where it cannot be read."""
    name = name or path
    if (note := NOTED.get()) is not None:
        note(path)
    try:
        with open(path, "rb") as file:
            content = file.read()
    except FileNotFoundError:
        raise ConfigError.of("no such file", file=name) from None
    except (OSError, ValueError) as error:
        raise ConfigError.of(f"cannot be read: {getattr(error, 'strerror', error)}", file=name) from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - (content.rfind(b"\n", 0, error.start) + 1) + 1
        what = f"not UTF-8: byte 0x{content[error.start]:02x}"
        raise ConfigError.of(what, file=name, line=line, column=column, todo="save the file as UTF-8") from None
    return text


def read_data(path: str, name: str = "") -> Any:
    """Read a YAML, JSON, JSONL or CSV file as data, any other as text; raises ConfigError."""
    text = read_text(path, name)
    return parse_data(text, path, name or path)


def parse_data(text: str, path: str, name: str, problems: list[Problem] | None = None) -> Any:
    """Parse text by the suffix of the file that it came from; raises ConfigError.

    Where a list for `problems` is given, those that leave something to read are put there and not raised.
    """
    suffix = os.path.splitext(path)[1].lower()
    if suffix == ".json":
        return parse_json(text, name, problems)
    if suffix in (".yaml", ".yml"):
        from sojourn.config.yaml_text import parse

        return parse(text, name, problems)
    if suffix == ".jsonl":
        return [row for _, row in parse_jsonl(text, name)]
    if suffix == ".csv":
        from sojourn.config.csv_text import read_rows

        rows = [row for _, row in read_rows(text, name)]
        return [next(iter(row.values())) for row in rows] if rows and len(rows[0]) == 1 else rows
    return text


def parse_json(text: str, name: str, problems: list[Problem] | None = None) -> Any:
    """Parse JSON; what only a YAML reader takes (a trailing comma, a comment) is taken too. Raises ConfigError."""
    try:
        return strict_json(text)
    except json.JSONDecodeError as error:
        problem = ConfigError.of(f"not valid JSON: {error.msg}", file=name, line=error.lineno, column=error.colno)
    except RecursionError:
        raise ConfigError.of("nested too deeply", file=name) from None
    except ValueError as error:
        problem = ConfigError.of(str(error), file=name)
        if not isinstance(error, TwiceError):  # else the other reader knows the place
            raise problem from None
    from sojourn.config.yaml_text import parse

    found: list[Problem] = []
    try:
        data = parse(text, name, found)
    except ConfigError:
        raise problem from None
    if found and problems is None:
        raise ConfigError(found)
    if problems is not None:
        problems += found
    return data


def strict_json(text: str) -> Any:
    """Parse JSON as its standard says; raises ValueError, also for a key that stands in one object twice."""
    return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_number)


def _number(text: str) -> float:
    return narrowed(float(text))


def parse_jsonl(text: str, name: str) -> list[tuple[int, Any]]:
    """Parse one JSON value a line, each with its line number; blank lines count for nothing. Raises ConfigError."""
    rows = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                rows.append((number, strict_json(line)))
            except json.JSONDecodeError as error:
                what = f"not valid JSON: {error.msg}"
                raise ConfigError.of(what, file=name, line=number, column=error.colno) from None
            except (ValueError, RecursionError) as error:
                raise ConfigError.of(str(error), file=name, line=number) from None
    return rows


class TwiceError(ValueError):
    """A key stands in one object twice."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]  # the idiom for "already seen"
        raise TwiceError(f"the key {twice!r} stands in one object twice")
    return data


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")
