"""Prompts in every form: texts, files of one or of several, users' functions, programs."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import structs

from sojourn.config import globbing
from sojourn.config.expect import Mismatch, Path
from sojourn.config.files import parse_data, read_text, resolve, strict_json
from sojourn.config.keys import PROMPT
from sojourn.config.reading import Reading
from sojourn.config.references import FILE, load_files
from sojourn.config.shape import check_mapping
from sojourn.errors import ConfigError
from sojourn.model.reference import SUFFIXES, Reference
from sojourn.model.suite import JsonDict, Prompt

PROGRAM = "exec:"
_TEXTS = (".txt", ".md", ".j2", ".json", ".jsonl", ".yaml", ".yml", ".csv")
_PROGRAMS = (".sh", ".bash", ".exe", ".bat", ".cmd", ".ps1", ".rb", ".pl")
_REMOTE = {
    "langfuse://": "langfuse",
    "portkey://": "portkey",
    "helicone://": "helicone",
    "pf://": "promptfoo's cloud",
}
_LEGACY = re.compile(r"^(?:async\s+)?def\s+get_prompt\b|^get_prompt\s*=", re.MULTILINE)


class _Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry under `prompts` with what it says of itself."""

    raw: str
    label: str = ""
    id: str = ""
    config: Mapping[str, Any] | None = None

    def prompt(self, raw: str, label: str, **more: str) -> Prompt:
        name = self.id or hashlib.sha256(label.encode()).hexdigest()
        return Prompt(raw=raw, label=label, id=name, config=self.config, **more)


def check_typed(written: Sequence[str], reading: Reading) -> None:
    """Note every prompt of the command line that is neither a file nor, with blanks or a template in it, a text."""
    for text in written:
        plain = text.removeprefix(FILE)
        if not (re.search(r"\s|\{\{|://", plain) or text.startswith(PROGRAM) or _exists(_split(plain)[0], reading)):
            todo = "a prompt's own text has blanks or {{ }} in it"
            reading.findings.wrong(f"-p: no such file: {text}", reading.source, todo=todo)


def _exists(path: str, reading: Reading) -> bool:
    return os.path.exists(resolve(path, reading.base)) or bool(globbing.matches(path, reading.base))


def read_prompts(raw: Any, reading: Reading) -> list[Prompt]:
    """Read everything under `prompts`; mistakes go to the findings."""
    prompts: list[Prompt] = []
    for item, at in _items(raw):
        try:
            entry = _entry(item, at, reading)
            prompts += _read(entry, reading)
        except Mismatch as mismatch:
            reading.findings.mismatch(mismatch, reading.source, at)
        except ConfigError as error:
            reading.findings.problems += error.problems
    return prompts


def _items(raw: Any) -> Iterator[tuple[Any, Path]]:
    if isinstance(raw, list):
        seen: set[str] = set()
        for index, item in enumerate(raw):
            if not isinstance(item, str) or item not in seen:
                yield item, ("prompts", index)
            if isinstance(item, str):
                seen.add(item)
    elif isinstance(raw, dict):
        yield from (({"raw": text, "label": label}, ("prompts", text)) for text, label in raw.items())
    else:
        yield raw, ("prompts",)


def _entry(item: Any, at: Path, reading: Reading) -> _Entry:
    if isinstance(item, str):
        return _Entry(raw=item)
    if not isinstance(item, dict):
        raise Mismatch("a prompt must be a text, or a mapping with raw or id", got=item)
    check_mapping(item, PROMPT, reading.source, at, reading.findings)
    raw = item.get("raw") or item.get("id")
    if not isinstance(raw, str):
        raise Mismatch("a prompt needs raw (its text) or id (its file)")
    label, config, own = item.get("label"), item.get("config"), item.get("id")
    return _Entry(
        raw=raw,
        label="" if label is None else str(label),
        id=own if isinstance(own, str) and item.get("raw") else "",
        config=config if isinstance(config, dict) else None,
    )


def _read(entry: _Entry, reading: Reading) -> list[Prompt]:
    if not entry.raw.strip():
        raise Mismatch("an empty prompt asks nothing")
    keeper = next((name for prefix, name in _REMOTE.items() if entry.raw.startswith(prefix)), "")
    if re.fullmatch(r"package:[^\s:]+:\S+", entry.raw):
        keeper = "an npm package"
    if keeper:
        raise Mismatch(f"prompts kept by {keeper} are not supported", todo="copy it to a file")
    if entry.raw.startswith(PROGRAM):
        return [_program(entry, entry.raw.removeprefix(PROGRAM).strip(), reading)]
    path, name = _split(entry.raw.removeprefix(FILE))
    if entry.raw.startswith(FILE) or _is_path(path, reading.base):
        return _from_path(entry, path, name, reading)
    return [entry.prompt(entry.raw, entry.label or entry.raw)]


def _split(text: str) -> tuple[str, str]:
    """Split `x.py:fn` into path and function."""
    found = re.fullmatch(r"(.+\.(?:py|[cm]?[jt]s)):([^:/\\]+)", text)
    return (found[1], found[2]) if found else (text, "")


def _is_path(path: str, base: str) -> bool:
    """Whether a text without `file://` names a file: it exists, or it can be nothing else."""
    if "\n" in path or len(path) > 1000:
        return False
    if os.path.isfile(resolve(path, base)):
        return True
    suffix = os.path.splitext(path)[1].lower()
    known = suffix in (*_TEXTS, *_PROGRAMS, *SUFFIXES)
    return known and "{{" not in path and not re.search(r"\s", path)


def _from_path(entry: _Entry, path: str, name: str, reading: Reading) -> list[Prompt]:
    if os.path.isdir(resolve(path, reading.base)):
        path = os.path.join(path, "*")
    found = [one for one in globbing.matches(path, reading.base) if os.path.isfile(resolve(one, reading.base))]
    if not found:
        what = "no file matches" if globbing.has_pattern(path) else "no such file:"
        raise Mismatch(f"{what} {reading.name(resolve(path, reading.base))}")
    several = len(found) > 1 or globbing.has_pattern(path)
    plain = structs.replace(entry, label="", id="", config=None) if several else entry
    prompts = [prompt for one in found for prompt in _from_file(plain, one, name, reading)]
    if not prompts:
        raise Mismatch(f"there is no prompt in {reading.name(resolve(path, reading.base))}")
    return prompts


def _from_file(entry: _Entry, path: str, name: str, reading: Reading) -> list[Prompt]:
    full, suffix = resolve(path, reading.base), os.path.splitext(path)[1].lower()
    path = os.path.relpath(full, reading.base) if not os.path.isabs(path) else path
    if suffix in SUFFIXES:
        return [_function(entry, path, name, reading)]
    if suffix in _PROGRAMS or (suffix not in _TEXTS and os.access(full, os.X_OK)):
        return [_program(entry, shlex.quote(full), reading, label=path)]
    if suffix not in _TEXTS:
        raise Mismatch(f"{path} is no kind of prompt file", todo="known: " + " ".join([*_TEXTS, *SUFFIXES, ".sh"]))
    text = read_text(full, reading.name(full))
    return list(_from_text(entry, path, suffix, text, reading))


def _from_text(entry: _Entry, path: str, suffix: str, text: str, reading: Reading) -> Iterator[Prompt]:
    if suffix == ".txt":
        for part in _parts(text, reading.env.get("PROMPTFOO_PROMPT_SEPARATOR") or "---"):
            label = f"{path}: {part}"
            yield entry.prompt(part, f"{entry.label}: {label}" if entry.label else label)
    elif suffix in (".md", ".j2"):
        yield entry.prompt(text, entry.label or f"{path}: {text[:50]}...")
    elif suffix == ".jsonl":
        lines = [line for line in text.splitlines() if line.strip()]
        for line in lines:
            label = (entry.label or path) if len(lines) == 1 else f"{entry.label or path}: {line}"
            yield entry.prompt(line, label)
    elif suffix == ".csv":
        yield from _from_csv(entry, text, path, reading)
    else:
        compact = _compact(text, path, reading)
        yield entry.prompt(compact, entry.label or f"{path}: {compact if suffix == '.json' else compact[:80]}")


def _parts(text: str, separator: str) -> Iterator[str]:
    """Yield the prompts between the lines that hold nothing but the separator."""
    part: list[str] = []
    for line in [*text.replace("\r\n", "\n").split("\n"), separator]:
        if line.strip() != separator:
            part.append(line)
            continue
        joined = "\n".join(part).strip()
        part = []
        if joined:
            yield joined


def _compact(text: str, path: str, reading: Reading) -> str:
    """Return a chat as one line of JSON; a template that is no JSON before it is rendered stays as it is."""
    name = reading.name(resolve(path, reading.base))
    try:
        data = strict_json(text) if path.lower().endswith(".json") else parse_data(text, path, name)
    except (ConfigError, ValueError):
        if "{{" in text or "{%" in text:
            return text
        parse_data(text, path, name)
        return text
    return json.dumps(load_files(data, reading.base, reading.cwd), ensure_ascii=False, separators=(",", ":"))


def _from_csv(entry: _Entry, text: str, path: str, reading: Reading) -> Iterator[Prompt]:
    delimiter = reading.env.get("PROMPTFOO_CSV_DELIMITER") or ","
    for index, row in enumerate(row for row in _rows(text, path, delimiter, reading) if row["prompt"].strip()):
        raw = _trimmed(row["prompt"], text)
        yield entry.prompt(raw, _trimmed(row.get("label") or "", text) or entry.label or f"Prompt {index + 1} - {raw}")


def _rows(text: str, path: str, delimiter: str, reading: Reading) -> list[JsonDict]:
    from sojourn.config.csv_text import read_rows

    if delimiter not in text:
        lines = [line for line in text.splitlines() if line.strip()]
        return [{"prompt": line} for line in lines[1 if lines and lines[0].strip().lower() == "prompt" else 0 :]]
    table = read_rows(text, reading.name(resolve(path, reading.base)), delimiter=delimiter)
    rows = [{column.strip(): cell for column, cell in row.items()} for _, row in table]
    if rows and "prompt" not in rows[0]:
        raise Mismatch(f"{path} has no column named prompt")
    return rows


def _trimmed(cell: str, text: str) -> str:
    """Drop the blanks round a cell, but for those that stand inside quotes."""
    quoted = cell.replace('"', '""')
    return cell if f'"{quoted}"' in text else cell.strip()


def _function(entry: _Entry, path: str, name: str, reading: Reading) -> Prompt:
    written = f"{path}:{name}" if name else path
    reference = Reference.parse(written, base=reading.base, role="prompt")
    if reference is None:
        raise Mismatch(f"{path} names no Python or JavaScript file")
    if reference.tongue == "python" and not name and _prints(read_text(reference.path, path)):
        python = reading.env.get("PROMPTFOO_PYTHON") or "python3"
        return _program(entry, f"{shlex.quote(python)} {shlex.quote(reference.path)}", reading, label=path)
    return entry.prompt(FILE + written, entry.label or written, function=str(reference))


def _prints(source: str) -> bool:
    """Tell whether a file of Python is a program that prints its prompt, though it may define get_prompt as well."""
    return "__main__" in source or not _LEGACY.search(source)


def _program(entry: _Entry, line: str, reading: Reading, *, label: str = "") -> Prompt:
    """Make a prompt that a program prints; a program that is named by its path must exist."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise Mismatch(f"not a command line: {line!r} ({error})") from None
    if not words:
        raise Mismatch("exec: names no program")
    program = resolve(words[0], reading.base)
    if os.path.isfile(program):
        words[0] = program
    elif "/" in words[0]:
        raise Mismatch(f"no such program: {reading.name(program)}")
    shown = label or os.path.normpath(line)
    return entry.prompt(shown, entry.label or shown, command=shlex.join(words))
