from pathlib import Path

import pytest

from sojourn.cli.init import EXAMPLES, examples, run


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_writes_one_annotated_file_here(capsys: pytest.CaptureFixture[str]) -> None:
    """Without more words, init writes promptfooconfig.yaml and says what to type next."""
    assert run([]) == 0
    assert "prompts:" in Path("promptfooconfig.yaml").read_text(encoding="utf-8")
    assert capsys.readouterr().out == "wrote promptfooconfig.yaml\n\nNext:\n  sojourn eval\n"


def test_copies_an_example_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """An example goes into a folder of its name, with every file, and each of its suites is named."""
    assert run(["--example", "session-hooks-lifecycle"]) == 0

    copied = {path.name for path in Path("session-hooks-lifecycle").iterdir()}
    assert copied == {
        "README.md",
        "promptfooconfig-python.yaml",
        "promptfooconfig.yaml",
        "prompts.txt",
        "sessionHooks.js",
        "sessionProvider.js",
        "sessionService.js",
        "session_hooks.py",
        "session_provider.py",
        "session_service.py",
    }
    assert "cd session-hooks-lifecycle && sojourn eval -c promptfooconfig-python.yaml" in capsys.readouterr().out


def test_never_overwrites(capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is there already is named and kept, and nothing else is written."""
    Path("d").mkdir()
    Path("d/sessionHooks.js").write_text("mine", encoding="utf-8")

    assert run(["--example", "session-hooks-lifecycle", "d"]) == 1
    assert str(Path("d/sessionHooks.js")) in capsys.readouterr().err
    assert [path.name for path in Path("d").iterdir()] == ["sessionHooks.js"]
    assert Path("d/sessionHooks.js").read_text(encoding="utf-8") == "mine"


def test_an_unknown_example_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    """A slip of a name is wrong usage, exit 2, with the right name."""
    assert run(["--example", "session-hook-lifecycle"]) == 2
    assert "did you mean 'session-hooks-lifecycle'?" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_a_message(capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing can be written, that is said, without a trace."""
    Path("file").write_text("", encoding="utf-8")

    assert run(["file/below"]) == 1
    assert "cannot write" in capsys.readouterr().err


def test_every_example_says_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """The list has a line an example, taken from the first line of its README."""
    assert run(["--list"]) == 0
    shown = capsys.readouterr().out.splitlines()

    assert len(shown) == len(list(EXAMPLES.iterdir()))
    assert all(told and told in line for told, line in zip(examples().values(), shown, strict=True))
