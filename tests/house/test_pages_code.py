"""The rules of the house hold for what runs in the browser, too."""

import re
from pathlib import Path

import pytest

from tests.house.test_contracts import MOST_LINES, MOST_LINES_OF_A_FUNCTION, ROOT

STATIC = ROOT / "src" / "sojourn" / "viewer" / "static"
SCRIPTS = sorted(STATIC.glob("*.js"))
FUNCTION = re.compile(r"^(?:export )?(?:async )?function (\w+).*?^\}", re.MULTILINE | re.DOTALL)
MARKUP = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|text/html|\beval\("
)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_small_enough_to_hold(path: Path) -> None:
    """Files, functions and lines have the same limits as in Python; a file says first what it is for."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    assert lines[0].startswith("// ")
    assert len(lines) <= MOST_LINES
    assert max(map(len, lines)) <= 120
    long = [found[1] for found in FUNCTION.finditer(text) if found[0].count("\n") >= MOST_LINES_OF_A_FUNCTION]
    assert long == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_text_becomes_markup(path: Path) -> None:
    """Nothing in a page's code reads a text as HTML or as code."""
    assert MARKUP.findall(path.read_text(encoding="utf-8")) == []
    assert "style=" not in path.read_text(encoding="utf-8")


def test_what_is_looked_for_is_found() -> None:
    """The patterns see what they forbid."""
    assert MARKUP.search("node.innerHTML = answer")
    assert FUNCTION.search("export async function show(main) {\n  return 1;\n}\n")
    assert len(SCRIPTS) > 10
