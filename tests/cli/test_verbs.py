"""Commands that have verbs of their own, or take nothing."""

from __future__ import annotations

import pytest

from sojourn.cli.app import run


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "sessions lst",
            "there is no `sojourn sessions lst`; did you mean list? (`sojourn sessions --help` tells more)",
        ),
        ("sessions", "`sojourn sessions` needs to be told what to do; there are list, reap, forget, up, down"),
        ("sessions list now", "nothing takes the argument 'now' ("),
        ("sessions --all", "there is no option --all ("),
        ("cache clean", "there is no `sojourn cache clean`; did you mean clear? (`sojourn cache --help` tells more)"),
        ("cache", "`sojourn cache` needs to be told what to do; there are stats, clear"),
        ("list -n x", "-n: 'x' is no whole number ("),
        ("eval --shard 1/0", "--shard: '1/0': a run has one shard at least ("),
        ("schema foo", "nothing takes the argument 'foo' (`sojourn schema --help` shows the options)"),
    ],
)
def test_a_slip_is_said_in_a_line(line: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is wrong, the nearest right word, and where more stands; the exit code is that of wrong usage."""
    try:
        code: object = run(line.split())
    except SystemExit as end:
        code = end.code
    shown = capsys.readouterr()
    assert (code, shown.out) == (2, "")
    assert shown.err.startswith(f"error: {said}")
    assert shown.err.count("\n") == 1
