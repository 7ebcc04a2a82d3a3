"""`browser`: steps in a web page; one browser for a run, and in it a context and a page for each conversation."""

from __future__ import annotations

import asyncio
import math
import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from sojourn import registry
from sojourn.errors import CodeDiedError, CodeError, ProviderError
from sojourn.model.reply import Reply
from sojourn.model.suite import JsonDict, ProviderSpec
from sojourn.protocols import Question, Tools
from sojourn.providers.answer import read_answer
from sojourn.providers.expressions import Broken, expression

KIND = "browser"
INSTALL = "pip install 'sojourn[browser]'"
_READ = "connectOptions cookies headless persistSession responseParser steps timeoutMs transformResponse"
_NEEDS = {
    "navigate": ("url",),
    "click": ("selector",),
    "type": ("selector", "text"),
    "extract": (),
    "screenshot": ("path",),
    "wait": ("ms",),
    "waitForNewChildren": ("parentSelector",),
}
"""The actions, and what each cannot do without."""


class _NoPageError(Exception):
    """There is no page to take steps on; the text says why."""


class Browser:
    """Takes the steps for each prompt; the answer is the page in the end, or what `transformResponse` makes of it.

    Where the trial has a session of kind `browser` they are taken on its page.
    """

    keys: ClassVar[frozenset[str]] = frozenset(_READ.split())

    def __init__(self, spec: ProviderSpec, tools: Tools) -> None:
        self._spec, self._tools = spec, tools
        self._base = spec.base or str(tools.base)
        key = "transformResponse" if spec.config.get("transformResponse") else "responseParser"
        self._response = expression(spec.config, key, "page", tools, self._base)
        self._tag = f"{tools.run_id}/{KIND}-{uuid.uuid4().hex[:8]}"
        self._opening = asyncio.Lock()
        self._root: Any = None

    @staticmethod
    def check(spec: ProviderSpec) -> None:
        """Raise ProviderError where a step can never be taken."""
        steps = spec.config.get("steps")
        if not isinstance(steps, list) or not steps:
            todo = "write steps: [{action: navigate, args: {url: 'http://localhost:8000'}}] under config"
            raise ProviderError(f"{spec.id!r} has no steps", todo=todo)
        for number, step in enumerate(steps, 1):
            _check_step(step, f"step {number} of {spec.id!r}")
        _check_settings(spec)

    @staticmethod
    def own_session(spec: ProviderSpec) -> JsonDict | None:
        """Return the session of its own that it has: a page that persists is one for all tests, in their order."""
        if not spec.config.get("persistSession"):
            return None
        return {"kind": KIND, "scope": "provider", "config": _settings(spec.config)}

    async def ask(self, question: Question) -> Reply:
        """Answer with what the steps lead to; a step that cannot be taken is the reply's error."""
        try:
            found = await self._walked(question)
            if found.get("error"):
                return Reply(error=str(found["error"]))
            made = found["html"]
            if self._response is not None:
                made = await self._response(found["extracted"], found["html"])
        except (_NoPageError, Broken) as error:
            return Reply(error=str(error))
        if made is None:
            names = ", ".join(found["extracted"]) or "nothing"
            return Reply(error=f"transformResponse found no output; extracted: {names}")
        is_whole = isinstance(made, Mapping) and ("output" in made or isinstance(made.get("error"), str))
        return read_answer(made) if is_whole else Reply(output=made)

    async def close(self) -> None:
        """End the browser, with every page that is still in it."""
        root, self._root = self._root, None
        if root is not None:
            await root.close()

    async def _walked(self, question: Question) -> JsonDict:
        script = self._script(question)
        lent = [each for each in (question.context.get("sessions") or {}).values() if _is_browser(each)]
        if not lent:
            walked: JsonDict = await (await self._page(question)).walk(script)
            return walked
        kind = registry.session_kind(KIND, self._base)
        assert kind is not None
        request = {"do": "walk", "key": lent[0]["$session"], "args": [script]}
        try:
            called = await self._tools.code.session(kind, request, deadline_ms=question.deadline_ms or math.inf)
        except CodeDiedError:
            raise
        except CodeError as error:
            raise _NoPageError(f"the session's page cannot be used: {error}") from error
        return dict(called.value)

    def _script(self, question: Question) -> JsonDict:
        """Return the steps with all texts filled in, and what else taking them needs to know."""
        variables = {**(question.context.get("vars") or {}), "prompt": question.prompt}

        def fill(values: Mapping[str, Any]) -> JsonDict:
            render = self._tools.render
            return {key: render(each, variables) if isinstance(each, str) else each for key, each in values.items()}

        config = self._spec.config
        steps = [{**step, "args": fill(step.get("args") or {})} for step in config["steps"]]
        cookies = [fill(each) for each in _cookies(config.get("cookies") or [])]
        told = {"name": self._tag, "base": self._base, "timeoutMs": config.get("timeoutMs")}
        return {**told, "steps": steps, "cookies": cookies}

    async def _page(self, question: Question) -> Any:
        """Return the conversation's own page, opened with its first turn; raises _NoPageError."""
        belongings = question.belongings
        page = belongings.kept.get(self._tag)
        if page is None:
            page = belongings.kept[self._tag] = await self._opened()
            belongings.stack.push_async_callback(page.close)
        return page

    async def _opened(self) -> Any:
        """Return a page in a context of its own, in the browser that all share."""
        async with self._opening:  # all who come meanwhile have the same one
            try:
                if self._root is None:
                    root = registry.find("session kind", KIND)()
                    await root.open(_settings(self._spec.config), self._tag, self._base, {})
                    self._root = root
                return await self._root.fork()
            except ImportError as error:
                raise ProviderError("a browser needs a library", todo=INSTALL) from error
            except Exception as error:
                raise _NoPageError(self._unopened(error)) from error

    def _unopened(self, error: Exception) -> str:
        """Say what to do about a browser that does not come."""
        why = str(error).strip().partition("\n")[0]
        address = _settings(self._spec.config).get("connect")
        if address:
            start = "chromium --remote-debugging-port=PORT --user-data-dir=FOLDER"
            return f"no browser can be reached at {address}: {why}; start one with {start}"
        return f"no browser can be started: {why}; apt install chromium, or playwright install chromium"


def _is_browser(marker: Any) -> bool:
    return isinstance(marker, Mapping) and marker.get("kind") == KIND and "$session" in marker


def _settings(config: Mapping[str, Any]) -> JsonDict:
    """Return how a session of kind `browser` is configured to be what the provider's configuration asks for."""
    told: JsonDict = {"headless": config.get("headless") is not False, "ignore_https_errors": True}
    options = config.get("connectOptions")
    if not options:
        return told
    if options.get("mode") == "websocket" and options.get("wsEndpoint"):
        return {**told, "connect": str(options["wsEndpoint"])}
    return {**told, "connect": f"http://127.0.0.1:{options.get('debuggingPort') or 9222}"}


def _cookies(written: Any) -> list[JsonDict]:
    """Return cookies as mappings; `a=1; b=2` is those of the site to which the steps go first."""
    if not isinstance(written, str):
        return list(written)
    pairs = [pair.strip().partition("=") for pair in written.split(";") if pair.strip()]
    return [{"name": name, "value": value} for name, _, value in pairs]


def _check_settings(spec: ProviderSpec) -> None:
    cookies, options = spec.config.get("cookies") or "", spec.config.get("connectOptions") or {}
    are_cookies = isinstance(cookies, list) and all(isinstance(each, Mapping) and each.get("name") for each in cookies)
    if not isinstance(cookies, str) and not are_cookies:
        todo = "for example 'token=abc', or [{name: token, value: abc}]"
        raise ProviderError(f"cookies of {spec.id!r} must be a text, or a list of cookies with names", todo=todo)
    if not isinstance(options, Mapping):
        raise ProviderError(
            f"connectOptions of {spec.id!r} must be a mapping", todo="for example {debuggingPort: 9222}"
        )
    if not _is_number(spec.config.get("timeoutMs", 0) or 0):
        raise ProviderError(f"timeoutMs of {spec.id!r} must be a number", todo="write milliseconds, such as 30000")


def _is_number(value: Any) -> bool:
    """Tell whether a value is a number, or may become one when it is filled in."""
    if isinstance(value, str) and "{{" in value:
        return True
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _check_step(step: Any, where: str) -> None:
    if not isinstance(step, Mapping) or not isinstance(step.get("args") or {}, Mapping):
        raise ProviderError(f"{where} is no mapping", todo="write {action: click, args: {selector: '#send'}}")
    action, args = step.get("action"), step.get("args") or {}
    if not isinstance(action, str) or action not in _NEEDS:
        close = registry.nearest(str(action), _NEEDS)
        todo = f"did you mean {close!r}?" if close else f"there are {', '.join(_NEEDS)}"
        raise ProviderError(f"{where}: there is no action {action!r}", todo=todo)
    missing = next((key for key in _NEEDS[action] if args.get(key) in (None, "")), "")
    if action == "extract":
        missing = "selector or a script" if not (args.get("selector") or args.get("script")) else ""
        missing = missing or ("" if step.get("name") else "name")
    if wrong := next((key for key in ("ms", "delay", "timeout") if not _is_number(args.get(key) or 0)), ""):
        raise ProviderError(f"{where}: {wrong} must be a number", todo="write milliseconds, such as 500")
    if missing:
        todo = "write name: beside action" if missing == "name" else "write it under args"
        raise ProviderError(f"{where}: {action} needs a {missing}", todo=todo)
