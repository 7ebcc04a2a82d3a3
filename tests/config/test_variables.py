from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from sojourn.config.variables import load_vars
from sojourn.errors import CodeError, ConfigError
from sojourn.languages.runner import CodeRunner

Write = Callable[[Mapping[str, str]], Path]


def loaded(folder: Path, variables: dict[str, Any], data: tuple[str, ...] = ()) -> dict[str, Any]:
    async def go() -> dict[str, Any]:
        code = CodeRunner(dict(os.environ), lambda _text: None)
        try:
            return await load_vars(variables, "the prompt", {"id": "echo", "label": ""}, str(folder), code, data)
        finally:
            await code.close()

    return asyncio.run(go())


def test_files_become_their_content(write: Write) -> None:
    """Text is trimmed, YAML becomes JSON, JSON stays its text."""
    folder = write({"t.txt": " text \n", "y.yaml": "k: [zero, 1.0]", "j.json": '{"a": 1}\n', "m.md": "# T\n"})
    names = {"t": "t.txt", "y": "y.yaml", "j": "j.json", "m": "m.md"}
    found = loaded(folder, {name: f"file://{file}" for name, file in names.items()} | {"n": 1})
    assert found == {"t": "text", "y": '{"k":["zero",1]}', "j": '{"a": 1}', "m": "# T", "n": 1}


def test_pictures_become_data_uris(tmp_path: Path) -> None:
    """An image is told apart by its first bytes; sound becomes base64."""
    (tmp_path / "a.jpg").write_bytes(b"\x89PNG\r\n")
    (tmp_path / "a.mp3").write_bytes(b"ID3")
    found = loaded(tmp_path, {"p": "file://a.jpg", "s": "file://a.mp3"})
    assert found == {"p": "data:image/png;base64,iVBORw0K", "s": "SUQz"}


def test_functions_are_called(write: Write) -> None:
    """Python and JavaScript functions are told the var's name, the prompt and the other vars."""
    folder = write(
        {
            "v.py": "def get_var(name, prompt, other):\n    return {'output': f' {name} {prompt} {other[\"x\"]} '}\n",
            "v.js": "module.exports = (name, prompt, vars, by) => ({ output: `${name} ${by.id} ${vars.x}` });",
        }
    )
    found = loaded(folder, {"x": 1, "p": "file://v.py", "j": "file://v.js"})
    assert (found["p"], found["j"]) == ("p the prompt 1", "j echo 1")


@pytest.mark.parametrize(
    ("answer", "message"),
    [("{'error': 'no such role'}", "no such role"), ("{}", "returned no output"), ("5", "must return")],
)
def test_a_function_that_answers_no_output_is_an_error(write: Write, answer: str, message: str) -> None:
    """An error that a function reports, and an answer that is none, are CodeErrors."""
    folder = write({"v.py": f"def get_var(name, prompt, other):\n    return {answer}\n"})
    with pytest.raises(CodeError, match=message):
        loaded(folder, {"p": "file://v.py"})


def test_what_a_model_said_is_never_a_file(write: Write) -> None:
    """Values named as data are left alone, whatever they look like."""
    folder = write({"secret.txt": "s3cret"})
    assert loaded(folder, {"said": "file://secret.txt"}, data=("said",)) == {"said": "file://secret.txt"}


def test_a_pdf_is_its_text(tmp_path: Path) -> None:
    """The text of every page is read."""
    page = b"BT /F1 12 Tf 20 20 Td (Read me) Tj ET"
    parts = [
        b"%PDF-1.4",
        b"1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj",
        b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj",
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>endobj",
        b"4 0 obj<</Length " + str(len(page)).encode() + b">>stream\n" + page + b"\nendstream endobj",
        b"5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj",
        b"trailer<</Root 1 0 R>>",
        b"startxref\n0",
        b"%%EOF",
    ]
    (tmp_path / "a.pdf").write_bytes(b"\n".join(parts))
    assert loaded(tmp_path, {"v": "file://a.pdf"}) == {"v": "Read me"}


@pytest.mark.parametrize(("value", "message"), [("file://no.txt", "no such file"), ("file://a.pdf", "not a PDF")])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, value: str, message: str) -> None:
    """Missing files and formats that nobody reads are ConfigErrors."""
    with pytest.raises(ConfigError, match=message):
        loaded(tmp_path, {"v": value})


def test_vars_without_files_are_returned_as_they_are(tmp_path: Path) -> None:
    """Nothing is copied where no file is named."""
    variables = {"a": 1}
    assert loaded(tmp_path, variables) is variables
