from __future__ import annotations

import pytest

from sojourn.config.columns import allowed, columns
from sojourn.model.suite import Prompt, ProviderSpec, Suite

PROMPTS = tuple(Prompt(raw=label, label=label, id=f"id-{label}") for label in ("team:red", "team:blue", "other"))


def suite(*providers: ProviderSpec) -> Suite:
    return Suite(base="/", prompts=PROMPTS, providers=providers, tests=())


def test_columns_are_providers_then_prompts() -> None:
    """Each provider meets every prompt, numbered through."""
    found = columns(suite(ProviderSpec(id="a"), ProviderSpec(id="b")))
    assert [(column.index, column.provider.id, column.prompt.label) for column in found] == [
        (0, "a", "team:red"),
        (1, "a", "team:blue"),
        (2, "a", "other"),
        (3, "b", "team:red"),
        (4, "b", "team:blue"),
        (5, "b", "other"),
    ]


@pytest.mark.parametrize(
    ("wanted", "labels"),
    [
        (("team:*",), ["team:red", "team:blue"]),
        (("team",), ["team:red", "team:blue"]),
        (("team:blue", "other"), ["team:blue", "other"]),
        (("id-other",), ["other"]),
        (("tea",), []),
    ],
)
def test_a_provider_may_choose_its_prompts(wanted: tuple[str, ...], labels: list[str]) -> None:
    """Labels, ids, prefixes and groups name prompts."""
    found = columns(suite(ProviderSpec(id="a", prompts=wanted)))
    assert [column.prompt.label for column in found] == labels


def test_a_choice_does_not_leak_to_a_provider_of_the_same_id() -> None:
    """Two entries with one id keep lists of their own."""
    found = columns(suite(ProviderSpec(id="a", label="one", prompts=("other",)), ProviderSpec(id="a", label="two")))
    assert [column.provider.label for column in found] == ["one", "two", "two", "two"]


def test_a_test_may_choose_its_columns() -> None:
    """`prompts` and `providers` of a test name the columns that it runs in; nothing said is everywhere."""
    red, blue, other = columns(suite(ProviderSpec(id="a:b", label="x")))
    assert allowed({}, red)
    assert allowed({"prompts": ["team"], "providers": ["a"]}, blue)
    assert not allowed({"prompts": ["team"]}, other)
    assert not allowed({"providers": ["y"]}, red)
    assert not allowed({"prompts": []}, red)
