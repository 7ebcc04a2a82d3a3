"""What `sojourn validate` says of code that only assertions and transforms name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sojourn.cli.app import run

FILES = {
    "broken.js": "module.exports = (output) => (output",
    "broken.py": "def get_assert(output, context:\n",
    "other.js": "module.exports = { fine: () => true }",
    "needy.js": "module.exports = require('nobody-has-this')",
    "needy.py": "import nobody_has_this",
    "late.py": "open('made-by-a-hook.txt')\n\ndef get_assert(output, context):\n    return True\n",
    "fine.py": "def get_assert(output, context):\n    return True\n",
    "fine.js": "module.exports = (output) => output",
}


def validated(folder: Path, claim: str, *arguments: str) -> int:
    """Validate a suite with one assertion, written as its keys."""
    for name, text in FILES.items():
        (folder / name).write_text(text)
    suite = f"prompts: [hi]\nproviders: [echo]\ntests:\n  - assert:\n      - {{{claim}}}\n"
    (folder / "promptfooconfig.yaml").write_text(suite)
    return run(["validate", *arguments])


def column(claim: str) -> int:
    """Return where the file is named in the suite's fifth line."""
    at = claim.rindex("file://")
    return len("      - {") + at + (0 if claim[at - 1] in "'\"" else 1)


@pytest.mark.parametrize(
    ("claim", "told"),
    [
        ("type: javascript, value: file://broken.js", "broken.js cannot be loaded: SyntaxError"),
        ("type: python, value: file://broken.py", "broken.py cannot be loaded: SyntaxError: '(' was never closed at"),
        ("type: python, value: file://absent.py", "absent.py cannot be loaded: there is no file"),
        ("type: javascript, value: 'file://other.js:other'", "other.js cannot be loaded: "),
        ("type: equals, value: hi, transform: file://broken.js", "broken.js cannot be loaded: SyntaxError"),
        ("type: contains, value: file://broken.py", "broken.py cannot be loaded: SyntaxError"),
        ("type: assert-set, assert: [{type: python, value: file://broken.py}]", "broken.py cannot be loaded: Syntax"),
    ],
)
def test_what_is_no_code_is_a_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], claim: str, told: str
) -> None:
    """A file that is not there, is no code or lacks the function is told where the suite names it."""
    monkeypatch.chdir(tmp_path)

    assert validated(tmp_path, claim) == 1
    assert f"error: promptfooconfig.yaml:5:{column(claim)}: {told}" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["needy.js", "needy.py", "late.py"])
def test_what_may_be_right_in_a_run_is_a_doubt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """A package that is not installed here, or a file that a hook makes first, is warned of; `--strict` refuses it."""
    monkeypatch.chdir(tmp_path)
    claim = f"type: {'python' if name.endswith('py') else 'javascript'}, value: {json.dumps('file://' + name)}"

    assert validated(tmp_path, claim) == 0
    told = f"warning: promptfooconfig.yaml:5:{column(claim)}: {name} cannot be loaded"
    assert told in capsys.readouterr().err
    assert validated(tmp_path, claim, "--strict") == 1


@pytest.mark.parametrize(
    "claim", ["type: python, value: file://fine.py", "type: equals, value: hi, transform: file://fine.js"]
)
def test_what_is_fine_is_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], claim: str
) -> None:
    """Code that can be loaded is loaded, and nothing is said."""
    monkeypatch.chdir(tmp_path)

    assert validated(tmp_path, claim) == 0
    assert capsys.readouterr().err == ""
