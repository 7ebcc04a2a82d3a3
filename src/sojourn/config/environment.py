"""The suite's environment: `.env` files, the `env` block, and `{{ env.X }}` in the configuration itself."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sojourn.config.files import read_text, resolve, shown
from sojourn.errors import ConfigError, TemplateError

_KEY = re.compile(r"\s*(?:export\s+)?([\w.-]+)(?:\s*=|:(?=\s))", re.ASCII)
_TEMPLATE = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_NAME = re.compile(r"\benv\.(\w+)|\benv\[['\"]([^'\"]+)['\"]\]")
_BARE = re.compile(r"\{\{-?\s*env(?:\.\w+|\[['\"][^'\"]+['\"]\])\s*-?\}\}")


def parse_env(text: str) -> dict[str, str]:
    """Read KEY=VALUE lines as dotenv does: quotes, comments, `export`, values of several lines in quotes."""
    found = {}
    rest = text.replace("\r\n", "\n")
    while rest:
        line, _, behind = rest.partition("\n")
        key = _KEY.match(line)
        if key is None:
            rest = behind
        else:
            found[key[1]], rest = _value(rest[key.end() :])
    return found


def _value(text: str) -> tuple[str, str]:
    """Return the value with which a text begins, and what stands below it."""
    begun = text.lstrip(" \t")
    if begun[:1] in ('"', "'", "`"):
        end = _closing(begun)
        behind, _, rest = begun[end + 1 :].partition("\n")
        if end > 0 and behind.lstrip()[:1] in ("", "#"):
            return _unquoted(begun[: end + 1]), rest
    line, _, rest = text.partition("\n")
    return _unquoted(line.partition("#")[0].strip()), rest


def _closing(text: str) -> int:
    """Return where the quote with which a text begins is closed, or -1: by one behind a backslash only if it must."""
    end = last = text.find(text[0], 1)
    while end > 0 and text[end - 1] == "\\":
        last, end = end, text.find(text[0], end + 1)
    return end if end > 0 else last


def _unquoted(value: str) -> str:
    quote = value[:1] if value[:1] in ('"', "'", "`") else ""
    inner = value[1:-1] if quote and len(value) > 1 and value[-1] == quote else value
    return inner.replace("\\n", "\n").replace("\\r", "\r") if quote == '"' else inner


def env_files(paths: Sequence[str], cwd: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return what env files add to the environment: `.env` only fills it, those that are named override it."""
    usual = resolve(".env", cwd)
    found = parse_env(read_text(usual, ".env")) if os.path.isfile(usual) else {}
    return {key: value for key, value in found.items() if key not in environ} | named_env_files(paths, cwd)


def named_env_files(paths: Sequence[str], folder: str) -> dict[str, str]:
    """Return the variables of env files, the later winning; raises ConfigError where one is missing."""
    merged: dict[str, str] = {}
    for written in (part.strip() for path in paths for part in path.split(",")):
        path = resolve(written, folder)
        if not os.path.isfile(path):
            raise ConfigError.of("no such env file", file=shown(path, folder))
        merged |= parse_env(read_text(path, shown(path, folder)))
    return merged


def env_block(block: Any, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the `env` block of a configuration as texts, rendered with the environment around it."""
    if not isinstance(block, Mapping):
        return {}
    rendered = render_env(dict(block), environ)
    return {str(key): _text(value) for key, value in rendered.items() if isinstance(value, str | int | float)}


def _text(value: str | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def render_env(data: Any, environ: Mapping[str, str]) -> Any:
    """Render `{{ env.X }}` everywhere in the data; a variable that is not set stays as it is written."""
    if isinstance(data, str):
        return _rendered(data, environ) if "{{" in data and "env" in data else data
    if isinstance(data, list):
        items = [render_env(item, environ) for item in data]
        return items if any(new is not old for new, old in zip(items, data, strict=True)) else data
    if isinstance(data, dict):
        values = {key: value if key == "_conversation" else render_env(value, environ) for key, value in data.items()}
        return values if any(values[key] is not data[key] for key in data) else data
    return data


def _rendered(text: str, environ: Mapping[str, str]) -> str:
    replace: Callable[[re.Match[str]], str] = lambda match: _one(match[0], environ)  # noqa: E731  a closure for sub
    return _TEMPLATE.sub(replace, text)


def _one(template: str, environ: Mapping[str, str]) -> str:
    found = _NAME.search(template)
    if not found:
        return template
    value = environ.get(found[1] or found[2])
    if _BARE.fullmatch(template):
        return template if value is None else value
    if value is None and "|" not in template:
        return template
    return _evaluated(template, environ)


def _evaluated(template: str, environ: Mapping[str, str]) -> str:
    from sojourn.template.engine import Renderer

    try:
        return Renderer(environ).render(template, {})
    except TemplateError:
        return template
