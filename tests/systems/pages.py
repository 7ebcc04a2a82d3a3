"""Pages of ours in a real browser."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import sync_playwright

from tests.systems.presence import need

Scheme = Literal["light", "dark"]
AXE = Path(__file__).parents[2] / ".venv" / "systems" / "node_modules" / "axe-core" / "axe.min.js"


@contextlib.contextmanager
def opened(
    url: str, *, site: str = "", scheme: Scheme = "light", policed: bool = True, expected: str = "nothing"
) -> Iterator[Any]:
    """Open a page; what it complains of, or asks for outside of its `site`, fails the test, unless it is `expected`.

    Not `policed`: tools may be put into it.
    """
    program = shutil.which("chromium") or shutil.which("google-chrome")
    need(program, "chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        context = browser.new_context(color_scheme=scheme, bypass_csp=not policed)
        page = context.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: None if _is_own(request.url, page.url, site) else said.append(request.url))
        page.goto(url)
        yield page
        browser.close()
        assert not [each for each in said if each.partition("#")[0] != url and expected not in each]


def _is_own(asked: str, page: str, site: str) -> bool:
    return asked == page or bool(site and asked.startswith(f"{site}/"))


def faults(scheme: Scheme, *urls: str, site: str = "", ready: str = "body") -> list[str]:
    """Return what axe-core finds wrong with pages, for those who see them otherwise or use them without a mouse."""
    need(AXE.exists(), "axe-core")
    found = []
    with opened(urls[0], site=site, scheme=scheme, policed=False) as page:
        for url in urls:
            page.goto(url)
            page.wait_for_selector(ready)
            page.add_script_tag(content=AXE.read_text(encoding="utf-8"))
            told = page.evaluate("axe.run()")
            assert told["passes"]
            found += [f"{url}: {each['id']}: {each['nodes'][0]['html']}" for each in told["violations"]]
    return found
