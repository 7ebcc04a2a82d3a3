"""`kind: browser`: a page in a browser of Playwright's, logged in once and forked for each trial."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import shutil
from typing import Any, ClassVar

from sojourn.kinds.browser_steps import walk
from sojourn.kinds.marked import MARK, end_all
from sojourn.kinds.parents import told
from sojourn.kinds.waiting import settled

STEPS = ("goto", "fill", "click", "press", "wait", "check", "select")
MOST_SHOWN = 100


class Browser:
    """`page` and `context` are Playwright's; `console` has what pages wrote to it, and the errors in them."""

    keys: ClassVar[dict[str, Any]] = {
        "url": str,
        "steps": list,
        "engine": str,
        "executable": str,
        "headless": bool,
        "args": list,
        "storage": (str, dict),
        "timeout": float,
        "keep": str,
        "connect": str,
        "ignore_https_errors": bool,
    }
    requires: ClassVar[dict[str, str]] = {"playwright": "sojourn[browser]"}

    async def open(self, config: dict[str, Any], tag: str, base: str, parents: dict[str, Any]) -> None:
        """Start a browser, go to `url`, and take the `steps`, such as those of a log-in."""
        from playwright.async_api import async_playwright

        if parents:
            config = {**config, "url": told(config, "url", parents)}
        self._config, self._tag, self._base, self._forked = config, tag, base, False
        self._driver = await async_playwright().start()
        try:
            self._browser = await (self._reach(config["connect"]) if config.get("connect") else self._launch())
            await self._settle(await self._stored())
        except BaseException:
            await self.close()
            raise

    async def _launch(self) -> Any:
        config, engine = self._config, self._config.get("engine") or "chromium"
        if engine not in ("chromium", "firefox", "webkit"):
            raise ValueError(f"engine may be chromium, firefox or webkit, not {engine!r}")
        args = [str(arg) for arg in config.get("args") or ()]
        if engine == "chromium" and hasattr(os, "geteuid") and os.geteuid() == 0:
            args.append("--no-sandbox")  # as root it starts in no other way
        os.makedirs(_place(self._tag), mode=0o700, exist_ok=True)
        return await getattr(self._driver, engine).launch(
            executable_path=config.get("executable") or _installed(engine),
            headless=config.get("headless", True),
            args=args,
            env={**os.environ, MARK: self._tag, "TMPDIR": _place(self._tag)},
        )

    async def _reach(self, address: str) -> Any:
        """Return a browser that runs already: by its address for debugging, or that of a server of Playwright's."""
        if address.startswith("ws") and "/devtools/" not in address:
            return await self._driver.chromium.connect(address)
        return await self._driver.chromium.connect_over_cdp(address)

    async def _stored(self) -> Any:
        """Return what a context begins with: what is configured, or what somebody has done in the browser reached."""
        storage = self._config.get("storage")
        if not storage and self._config.get("connect") and self._browser.contexts:
            return await self._browser.contexts[0].storage_state()
        return os.path.join(self._base, storage) if isinstance(storage, str) else storage

    async def _settle(self, storage: Any) -> None:
        """Have a context of one's own, with what was stored, and a page in it."""
        self._loop = asyncio.get_running_loop()
        self.console: list[str] = []
        self._done: set[str] = set()
        trusting = bool(self._config.get("ignore_https_errors"))
        self.context = await self._browser.new_context(storage_state=storage, ignore_https_errors=trusting)
        self.context.set_default_timeout(float(self._config.get("timeout") or 30) * 1000)
        if self._config.get("keep"):
            await self.context.tracing.start(screenshots=True, snapshots=True)
        self.page = await self.context.new_page()
        self.page.on("console", lambda message: self.console.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.console.append(f"error: {error}"))
        if self._config.get("url"):
            await self.page.goto(self._config["url"])
        if not self._forked:
            await self._take(self._config.get("steps") or [])
        self.handle = {"url": self.page.url}

    def take(self, steps: list[dict[str, Any]]) -> Any:
        """Take steps: `{goto: url}`, `{fill: {selector: text}}`, `{click: selector}`, `{wait: selector}`, and so on."""
        return settled(self._take(steps), self._loop)

    async def _take(self, steps: list[dict[str, Any]]) -> None:
        for step in steps:
            for what, value in step.items():
                if what not in STEPS:
                    raise ValueError(f"a step is one of {', '.join(STEPS)}, not {what!r}")
                await self._step(what, value)

    async def _step(self, what: str, value: Any) -> None:
        if what in ("goto", "click", "check"):
            await getattr(self.page, what)(value)
        elif what == "wait":
            await self.page.wait_for_selector(value)
        else:
            method = {"select": "select_option"}.get(what, what)
            for selector, text in value.items():
                await getattr(self.page, method)(selector, str(text))

    async def walk(self, script: dict[str, Any]) -> dict[str, Any]:
        """Take the steps of a `browser` provider; see `browser_steps.walk`."""
        return await walk(self.page, script, self._done)

    def texts(self, selector: str) -> Any:
        """Return the texts of all elements that a selector finds; awaited in a coroutine, else at once."""
        return settled(self.look(selector), self._loop)

    async def look(self, expression: str) -> list[str]:
        """Return the texts of all elements that a selector finds."""
        found: list[str] = await self.page.locator(expression).all_inner_texts()
        return found

    async def check(self) -> bool:
        """Ask the page for something."""
        return bool(await self.page.evaluate("1 + 1") == 2)

    async def reset(self) -> None:
        """Begin again, with nothing stored but what was configured."""
        await self.context.close()
        await self._settle(await self._stored())

    async def fork(self) -> Browser:
        """Open a context of its own in the same browser, with the same cookies and storage, at the same URL."""
        child = Browser()
        child._config, child._tag, child._base, child._forked = self._config, self._tag, self._base, True
        child._browser = self._browser
        try:
            await child._settle(await self.context.storage_state())
        except BaseException:
            with contextlib.suppress(AttributeError):  # it may not have come so far
                await child.context.close()
            raise
        return child

    async def evidence(self, trial: str) -> dict[str, Any]:
        """Return what stood in the console; where `keep` names a folder, a picture and a trace are kept there."""
        seen: dict[str, Any] = {"url": self.page.url, "console": self.console[-MOST_SHOWN:]}
        if self._config.get("keep"):
            run, _, own = self._tag.replace(":", "-").partition("/")
            folder = os.path.join(self._base, self._config["keep"], run, own.replace("/", "-"), trial)
            seen |= {"screenshot": os.path.join(folder, "page.png"), "trace": os.path.join(folder, "trace.zip")}
            await self.page.screenshot(path=seen["screenshot"], full_page=True)
            await self.context.tracing.stop(path=seen["trace"])
            await self.context.tracing.start(screenshots=True, snapshots=True)
        return seen

    async def close(self) -> None:
        """Close the context; the one that started the browser ends that, too."""
        if self._forked:
            await self.context.close()
            return
        try:
            with contextlib.suppress(AttributeError):  # it may not have come so far
                await self._browser.close()  # one that it only reached goes on, without what was opened in it
        finally:
            try:
                await self._driver.stop()
            finally:
                await asyncio.to_thread(self.reclaim, self._tag)

    def reclaim(self, tag: str) -> None:
        """End the browser of a session whose process is gone; a fork had none of its own."""
        end_all(tag)
        shutil.rmtree(_place(tag), ignore_errors=True)


def _place(tag: str) -> str:
    """Return a folder for the browser's sockets, whose paths must be short."""
    return f"/tmp/sojourn-{hashlib.blake2b(tag.encode(), digest_size=6).hexdigest()}"  # noqa: S108  it is the run's alone


def _installed(engine: str) -> str | None:
    """Return the system's own Chromium; None lets Playwright find the one that it has installed."""
    names = ("chromium", "chromium-browser", "google-chrome") if engine == "chromium" else ()
    return next((path for name in names if (path := shutil.which(name))), None)
