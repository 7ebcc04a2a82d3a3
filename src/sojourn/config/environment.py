"""The suite's environment: `.env` files, the `env` block, and `{{ env.X }}` in the configuration itself."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sojourn.config.files import read_text, resolve, shown
from sojourn.errors import ConfigError, TemplateError

_LINE = re.compile(
    r"""^\s*(?:export\s+)?(?P<key>[\w.-]+)(?:\s*=\s*?|:\s+?)
        (?P<value>\s*'(?:\\'|[^'])*'|\s*"(?:\\"|[^"])*"|\s*`(?:\\`|[^`])*`|[^#\r\n]+)?\s*(?:\#.*)?$""",
    re.MULTILINE | re.VERBOSE,
)
_TEMPLATE = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_NAME = re.compile(r"\benv\.(\w+)|\benv\[['\"]([^'\"]+)['\"]\]")
_BARE = re.compile(r"\{\{-?\s*env(?:\.\w+|\[['\"][^'\"]+['\"]\])\s*-?\}\}")


def parse_env(text: str) -> dict[str, str]:
    """Read KEY=VALUE lines as dotenv does: quotes, comments, `export`, values of several lines in quotes."""
    found = {}
    for match in _LINE.finditer(text.replace("\r\n", "\n")):
        value = (match["value"] or "").strip()
        quote = value[:1] if value[:1] in "'\"`" and len(value) > 1 and value[-1] == value[0] else ""
        value = value[1:-1] if quote else value
        found[match["key"]] = value.replace("\\n", "\n").replace("\\r", "\r") if quote == '"' else value
    return found


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
