"""Commands and options of promptfoo that Sojourn does not have."""

from pathlib import Path

import pytest

from sojourn.cli.app import run

SUITE = "prompts: [hi]\nproviders: [echo]\ncommandLineOptions: {table: false}\n"


@pytest.mark.parametrize("command", ["redteam", "share"])
def test_a_command_that_is_not_there_is_refused_by_name(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever comes from promptfoo is told that it is no slip."""
    assert run([command, "--yes"]) == 2
    told = (
        f"error: {command} is not there yet: promptfoo has it, Sojourn does not (`sojourn --help` shows the commands)"
    )
    assert capsys.readouterr().err == told + "\n"


@pytest.mark.parametrize("option", ["--remote=x", "--table-cell-max-length"])
def test_an_option_that_is_not_there_is_refused_by_name(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    """So is an option, whatever stands behind it."""
    with pytest.raises(SystemExit) as ended:
        run(["eval", option, "20"])
    assert ended.value.code == 2
    assert f"error: {option.partition('=')[0]} is not there yet" in capsys.readouterr().err


def test_what_is_done_anyway_may_be_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Scripts pass `--no-share` and `--verbose`; `--table` is heard where the suite wants none."""
    (tmp_path / "promptfooconfig.yaml").write_text(SUITE)
    monkeypatch.chdir(tmp_path)

    assert run(["eval", "--no-share", "--verbose"]) == 0
    without = capsys.readouterr().out
    assert run(["eval", "--table"]) == 0
    assert len(capsys.readouterr().out) > len(without)
