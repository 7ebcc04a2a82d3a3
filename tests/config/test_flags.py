from __future__ import annotations

import argparse
import dataclasses

import pytest

from sojourn.config.flags import Flags, from_options


def read(*words: str) -> Flags:
    parser = argparse.ArgumentParser(exit_on_error=False)
    for field in dataclasses.fields(Flags):
        parser.add_argument(*field.metadata["flags"], dest=field.name, **field.metadata["argparse"])
    return from_options(vars(parser.parse_args(words)))


def test_options_are_made_of_the_fields() -> None:
    """Every field is an option, and what argparse collects becomes Flags."""
    flags = read(
        "-p", "a", "b", "-r", "echo", "-j", "3", "--var", "a=b=c", "--var", "d=", "--no-cache",
        "--filter-metadata", "k=v", "--filter-metadata", "l=w", "-o", "x.json", "-o", "y.csv", "--filter-targets", "e",
        "--vars", "t.csv", "--strict",
    )  # fmt: skip
    assert flags == Flags(
        prompts=("a", "b"), providers=("echo",), max_concurrency=3, var={"a": "b=c", "d": ""}, cache=False,
        filter_metadata=("k=v", "l=w"), output=("x.json", "y.csv"), filter_providers="e", tests="t.csv", strict=True,
    )  # fmt: skip


def test_nothing_said_is_nothing() -> None:
    """Without words, nothing is said."""
    assert read() == Flags()


@pytest.mark.parametrize("words", [("-j", "0"), ("-j", "many"), ("--repeat", "-1"), ("--delay", "-1"), ("--var", "x")])
def test_nonsense_is_refused(words: tuple[str, ...]) -> None:
    """Limits must be whole and positive, pairs must be pairs."""
    with pytest.raises(argparse.ArgumentError):
        read(*words)
