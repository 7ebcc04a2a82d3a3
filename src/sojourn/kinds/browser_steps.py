"""The steps of a `browser` provider, taken on a page: the actions of promptfoo, by their names."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import Any

LONGEST = 30_000
"""Milliseconds that an element may take to come, where nothing is said; a page may always take as long."""

_KEYS = {"<enter>": "Enter", "<tab>": "Tab", "<escape>": "Escape"}
_KEY = re.compile(f"({'|'.join(_KEYS)})", re.IGNORECASE)
_SUBJECTS = ("selector", "parentSelector", "url", "path")
_CALL = re.compile(r"^(?:\w+\.\w+|Error): ")
_RUN = "async (body) => { const found = JSON.stringify(await new Function(body)()); return found ?? 'null'; }"
_MORE = "([children, before]) => document.querySelectorAll(children).length > before"


class _NotTakenError(Exception):
    """A step cannot be taken; the text says why."""


async def walk(page: Any, script: Mapping[str, Any], done: set[str]) -> dict[str, Any]:
    """Take the steps; return what was `extracted` and the page's `html`, or an `error` that names the step.

    `done` is what was done once for all on this page, and is added to.
    """
    extracted: dict[str, Any] = {}
    where = ""
    try:
        await _bring_cookies(page, script, done)
        for number, step in enumerate(script["steps"], 1):
            once = f"{script['name']}:{number}"
            if step.get("runOnce") and once in done:
                continue
            where = f"step {number} ({_described(step)}) on {page.url}: "
            found = await _Step(page, step["args"], script).take(step["action"])
            if step["action"] == "extract":
                extracted[step["name"]] = found
            done.add(once)
        where = "after the last step: "
        return {"extracted": extracted, "html": await page.content()}
    except Exception as error:  # noqa: BLE001  whatever a page does is the error of the step that met it
        return {"error": f"{where or 'cookies: '}{_why(error)}"}


def _described(step: Mapping[str, Any]) -> str:
    subject = next((step["args"][key] for key in _SUBJECTS if step["args"].get(key)), None)
    return step["action"] if subject is None else f"{step['action']} {subject!r}"


def _why(error: Exception) -> str:
    """Return what a user can do something about: no call of Playwright's, nor the log of one."""
    text = str(error).partition("\nCall log:")[0].partition("\n    at ")[0].strip()
    return _CALL.sub("", text) or type(error).__name__


async def _bring_cookies(page: Any, script: Mapping[str, Any], done: set[str]) -> None:
    """Give the page its cookies once; those that name no site are for the one to which the steps go first."""
    once = f"{script['name']}:cookies"
    if not script["cookies"] or once in done:
        return
    first = next((step["args"]["url"] for step in script["steps"] if step["action"] == "navigate"), page.url)
    known = [({"path": "/"} if each.get("domain") else {"url": first}) | each for each in script["cookies"]]
    await page.context.add_cookies(known)
    done.add(once)


class _Step:
    """One step, with its arguments filled in."""

    def __init__(self, page: Any, args: Mapping[str, Any], script: Mapping[str, Any]) -> None:
        self._page, self._args = page, args
        self._base, self._limit = script["base"], float(script["timeoutMs"] or LONGEST)

    async def take(self, action: str) -> Any:
        """Take it; raises what stands in its way."""
        actions = {
            "navigate": self._navigate,
            "click": self._click,
            "type": self._type,
            "extract": self._extract,
            "screenshot": self._screenshot,
            "wait": self._wait,
            "waitForNewChildren": self._wait_for_new_children,
        }
        return await actions[action]()

    async def _navigate(self) -> None:
        await self._page.goto(self._args["url"], timeout=max(self._limit, LONGEST))

    async def _click(self) -> None:
        if await self._came():
            await self._page.click(self._args["selector"], timeout=self._limit)
        elif not self._args.get("optional"):
            raise self._missing()

    async def _type(self) -> None:
        selector = self._args["selector"]
        if not await self._came():
            raise self._missing()
        for part in _KEY.split(str(self._args["text"])):
            if key := _KEYS.get(part.lower()):
                await self._page.press(selector, key, timeout=self._limit)
            elif part:
                await self._page.fill(selector, part, timeout=self._limit)

    async def _extract(self) -> Any:
        if self._args.get("script"):
            return json.loads(await self._page.evaluate(_RUN, self._args["script"]))
        await self._came()
        element = await self._page.query_selector(self._args["selector"])  # what is there may be hidden for good
        if element is None:
            raise self._missing()
        return await element.text_content()

    async def _screenshot(self) -> None:
        path = os.path.join(self._base, self._args["path"])
        await self._page.screenshot(path=path, full_page=bool(self._args.get("fullPage")))

    async def _wait(self) -> None:
        await self._page.wait_for_timeout(float(self._args["ms"]))

    async def _wait_for_new_children(self) -> None:
        from playwright.async_api import TimeoutError as Late

        children = f":is({self._args['parentSelector']}) > *"
        limit = float(self._args.get("timeout") or self._limit)
        await self._page.wait_for_timeout(float(self._args.get("delay", 1000)))
        before = await self._page.evaluate("(children) => document.querySelectorAll(children).length", children)
        try:
            await self._page.wait_for_function(_MORE, arg=[children, before], timeout=limit)
        except Late:
            what = f"no new element came within {limit / 1000:g} s, there are {before}; correct parentSelector"
            raise _NotTakenError(f"{what}, or give it longer (timeout)") from None

    async def _came(self) -> bool:
        """Wait for the element; tell whether it came."""
        from playwright.async_api import TimeoutError as Late

        try:
            await self._page.wait_for_selector(self._args["selector"], timeout=self._limit)
        except Late:
            return False
        return True

    def _missing(self) -> _NotTakenError:
        what = f"no such element came within {self._limit / 1000:g} s"
        return _NotTakenError(f"{what}; correct the selector, or give it longer (timeoutMs)")
