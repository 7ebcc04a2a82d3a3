"""The door of the template engine: nunjucks templates, as promptfoo's users write them.

The engine is our own: a template reaches nothing but the values it is given, takes only so many steps, and obeys
JavaScript's rules for truth, numbers and text. A compiled template is kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, NoReturn

from sojourn.errors import TemplateError
from sojourn.model.switches import is_on
from sojourn.template.scope import Run
from sojourn.template.values import MOST, to_text

_MARK = re.compile(r"\{[{%#]")
_PARTIAL = re.compile(r"\{%[^%]*$|\{\{[^}]*$|\{#[^#]*$", re.MULTILINE)
_RAW = re.compile(r"\{%\s*raw\s*%\}")
_END_RAW = re.compile(r"\{%\s*endraw\s*%\}")
_SIMPLE = re.compile(r"\{\{\s*([A-Za-z0-9_]+)\s*\}\}")
_ROOTS = re.compile(
    r"\{\{\s*([A-Za-z_]\w*)[^{}\s|]*\s*(?:\|[^}]+)?\}\}"
    r"|\{%\s*if\s+([A-Za-z_]\w*)|\{%\s*for\s+\w+\s+in\s+([A-Za-z_]\w*)\s*%\}"
)
_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
_PASSES = 5
_KEPT = 4096

Compiled = Callable[[Mapping[str, Any]], str]
Prompted = Callable[[Mapping[str, Any]], str]


class Renderer:
    """Renders templates with variables; `env` is what `{{ env.NAME }}` sees, `filters` the suite's own filters."""

    def __init__(self, env: Mapping[str, str], filters: Mapping[str, Callable[..., Any]] | None = None) -> None:
        self._filters = dict(filters or {})
        self._off = is_on(env, "PROMPTFOO_DISABLE_TEMPLATING")
        self._plain_json = not is_on(env, "PROMPTFOO_DISABLE_JSON_AUTOESCAPE")
        hidden = is_on(env, "PROMPTFOO_DISABLE_TEMPLATE_ENV_VARS")
        self._env: Mapping[str, str] = {} if hidden else env
        self._globals: dict[str, Any] = {}
        self._compiled: dict[str, Compiled | None] = {}
        self._chats: dict[str, Any] = {}
        self._names: dict[str, frozenset[str]] = {}

    def render(self, text: str, variables: Mapping[str, Any]) -> str:
        """Render a template; a tag that never closes is left as text. Raises TemplateError.

        Values are data: whatever they hold is not rendered again.
        """
        if "{" not in text or self._off:
            return text
        compiled = self._template(text)
        if compiled is None:
            return text
        try:
            return compiled(variables)
        except RecursionError as error:
            raise TemplateError("the template is nested too deeply") from error
        except MemoryError as error:
            raise TemplateError("the template makes too much") from error

    def render_prompt(self, text: str, variables: Mapping[str, Any], data: Collection[str] = ()) -> str:
        """Render a prompt; raises TemplateError.

        In JSON chat text each string is rendered on its own, so that no value can break out of its string. In other
        text, variables which the suite's author wrote are themselves rendered first; those named in `data` never are.
        """
        if self._plain_json and _looks_like_json(text):
            chat = self._chat(text)
            if chat is not None:
                try:
                    return self._rendered_chat(chat[0], variables)
                except TemplateError:
                    pass  # as promptfoo: what fails string by string is taken for plain text
        return self.render(text, self._rendered_vars(variables, data))

    def resolve_vars(
        self, variables: Mapping[str, Any], data: Collection[str] = ()
    ) -> tuple[dict[str, Any], frozenset[str]]:
        """Put variables into the variables that name them, as promptfoo does: simple `{{name}}`, five passes.

        Only values which the suite's author wrote are filled in, not those named in `data`. Returns the variables,
        and the names of those that are data or now hold some, and so are never to be rendered.
        """
        if not any(isinstance(value, str) and ("{{" in value or value[-1:] == "\n") for value in variables.values()):
            return dict(variables), frozenset(data)
        resolved = {key: _trimmed(value) if key not in data else value for key, value in variables.items()}
        closed = set(data)
        open_keys = [key for key, value in resolved.items() if isinstance(value, str) and "{{" in value]
        for _ in range(_PASSES):
            open_keys = [key for key in open_keys if _fill(resolved, key, closed)]
        return resolved, frozenset(closed)

    def check(self, text: str) -> str | None:
        """Name the first mistake in a template without rendering it: syntax, an unknown filter or test."""
        if not _MARK.search(text) or self._off:
            return None
        try:
            parser = _parsed(text)[0]
        except TemplateError as error:
            return None if _is_partial(text) else str(error)
        return self._unknown(text, parser)

    def names(self, text: str) -> frozenset[str]:
        """Return the variables that a template refers to; what stands in comments and strings does not count."""
        if text not in self._names:
            if not _MARK.search(text) or self._off:
                return frozenset()
            if len(self._names) >= _KEPT:
                self._names.clear()
            self._names[text] = self._find_names(text)
        return self._names[text]

    def _find_names(self, text: str) -> frozenset[str]:
        chat = self._chat(text) if self._plain_json and _looks_like_json(text) else None
        texts = _strings(chat[0]) if chat else [text]
        found: set[str] = set()
        for each in texts:
            try:
                found |= _parsed(each)[0].names
            except TemplateError:
                continue
        return frozenset(found)

    def _template(self, text: str) -> Compiled | None:
        """Return the compiled template, or None for a text that is none."""
        if text in self._compiled:
            return self._compiled[text]
        if len(self._compiled) >= _KEPT:
            self._compiled.clear()
        self._compiled[text] = compiled = self._compile(text)
        return compiled

    def _compile(self, text: str) -> Compiled | None:
        if not _MARK.search(text):
            return None
        if not self._globals:
            from sojourn.template.globals import GLOBALS

            self._globals = {**GLOBALS, "env": self._env}
        try:
            parser, work = _parsed(text)
        except TemplateError:
            if _is_partial(text):
                return None
            raise
        unknown = self._unknown(text, parser)

        def compiled(variables: Mapping[str, Any]) -> str:
            if unknown:
                raise TemplateError(unknown)
            out: list[str] = []
            work(Run(variables, self._globals, self._filters).top, out)
            return "".join(out)

        pieces = _SIMPLE.split(text)
        plain = parser.names.issuperset(pieces[1::2]) and not any(map(_MARK.search, pieces[::2]))
        return _filled(pieces, compiled) if plain else compiled

    def _unknown(self, text: str, parser: Any) -> str | None:
        if not parser.filters and not parser.tests:
            return None
        from sojourn.template.filters import FILTERS
        from sojourn.template.lexer import broken
        from sojourn.template.predicates import TESTS

        for name, at in parser.filters.items():
            if name not in FILTERS and name not in self._filters:
                return str(broken(text, at, f"filter not found: {name}"))
        for name, at in parser.tests.items():
            if name not in TESTS:
                return str(broken(text, at, f"test not found: {name}"))
        return None

    def _chat(self, text: str) -> tuple[Any] | None:
        """Return the parsed JSON in a tuple, or None for text that is no JSON."""
        if text not in self._chats:
            if len(self._chats) >= _KEPT:
                self._chats.clear()
            try:
                self._chats[text] = (json.loads(text, parse_constant=_no_constant),)
            except (ValueError, RecursionError):
                self._chats[text] = None
        found: tuple[Any] | None = self._chats[text]
        return found

    def _rendered_chat(self, chat: Any, variables: Mapping[str, Any]) -> str:
        from sojourn.template.jsontext import json_text

        return json_text(self._rendered_strings(chat, variables), "  ")

    def _rendered_strings(self, value: Any, variables: Mapping[str, Any]) -> Any:
        if isinstance(value, str):
            return self.render(value, variables)
        if isinstance(value, list):
            return [self._rendered_strings(item, variables) for item in value]
        if isinstance(value, dict):
            return {key: self._rendered_strings(item, variables) for key, item in value.items()}
        return value

    def _rendered_vars(self, variables: Mapping[str, Any], data: Collection[str]) -> Mapping[str, Any]:
        templates = [
            key
            for key, value in variables.items()
            if isinstance(value, str) and "{" in value and key not in data and not _names_missing(value, variables)
        ]
        if not templates:
            return variables
        return {**variables, **{key: self.render(variables[key], variables) for key in templates}}


def _filled(pieces: list[str], compiled: Compiled) -> Compiled:
    """Return the same for a template that only puts variables into a text: most do, and most of these are texts."""
    names = pieces[1::2]

    def filled(variables: Mapping[str, Any]) -> str:
        values: list[str] = []
        for name in names:
            value = variables.get(name)
            if type(value) is not str:
                return compiled(variables)
            values.append(value)
        made = pieces.copy()
        made[1::2] = values
        if sum(map(len, made)) > MOST:
            return compiled(variables)
        return "".join(made)

    return filled


def _parsed(text: str) -> tuple[Any, Callable[[Any, list[str]], None]]:
    from sojourn.template.statements import Parser

    try:
        parser = Parser(text)
        return parser, parser.template()
    except RecursionError as error:
        raise TemplateError("the template is nested too deeply") from error


def _is_partial(text: str) -> bool:
    """Tell whether a text holds a tag that its line never closes, and so was not meant as a template."""
    return bool(_PARTIAL.search(text)) and not (_RAW.search(text) and _END_RAW.search(text))


def _looks_like_json(text: str) -> bool:
    start = text.lstrip()[:1]
    return bool(start) and start in '[{"0123456789-tfn'


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for part in parts for text in _strings(part)]


def _trimmed(value: Any) -> Any:
    """Drop the newline that YAML's block text ends with."""
    return value[:-1] if isinstance(value, str) and value.endswith("\n") else value


def _fill(variables: dict[str, Any], key: str, closed: set[str]) -> bool:
    """Replace the first simple placeholder of one variable; tells whether it did."""
    if key in closed:
        return False
    found = _SIMPLE.search(variables[key])
    if not found or found[1] not in variables:
        return False
    variables[key] = variables[key].replace(found[0], to_text(variables[found[1]]), 1)
    if found[1] in closed:
        closed.add(key)
    return True


def _names_missing(text: str, variables: Mapping[str, Any]) -> bool:
    """Tell whether a variable's text names a variable that does not exist, and so is taken as it is."""
    roots = (found[1] or found[2] or found[3] for found in _ROOTS.finditer(_COMMENT.sub("", text)))
    return any(root != "env" and root not in variables for root in roots)
