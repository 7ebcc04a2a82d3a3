from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sojourn.config.environment import parse_env, render_env


def test_lines_of_an_env_file() -> None:
    """Comments, quotes, `export`, values of several lines and blanks are read as dotenv reads them."""
    text = """\
# a comment
A=plain   # behind
B="two words" # c
C='single # kept'
export D=exported
E=
F="line\\nbreak"
G='raw\\n'
H="first
second"
I: colon
not a line
"""
    assert parse_env(text) == {
        "A": "plain", "B": "two words", "C": "single # kept", "D": "exported", "E": "",
        "F": "line\nbreak", "G": "raw\\n", "H": "first\nsecond", "I": "colon",
    }  # fmt: skip


def test_only_the_environment_is_rendered() -> None:
    """Templates of anything else stay as they are, at any depth."""
    data = {"a": ["{{ env.X }} {{ x }} {{environment}}", {"b": "{{-env.X-}}"}], "n": 1, "_conversation": "{{ env.X }}"}
    rendered = render_env(data, {"X": "v"})
    assert rendered == {"a": ["v {{ x }} {{environment}}", {"b": "v"}], "n": 1, "_conversation": "{{ env.X }}"}


def test_data_without_templates_is_returned_as_it_is() -> None:
    """Nothing is copied where nothing changes."""
    data = {"a": ["b", {"c": 1}]}
    assert render_env(data, {}) is data


@given(st.dictionaries(st.from_regex(r"[A-Z_]{1,8}", fullmatch=True), st.text("abc xyz#=$", max_size=10)))
def test_quoted_values_survive(values: dict[str, str]) -> None:
    """What stands in double quotes is kept character by character."""
    assert parse_env("\n".join(f'{key}="{value}"' for key, value in values.items())) == values
