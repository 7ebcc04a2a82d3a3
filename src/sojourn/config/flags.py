"""The flags that shape a suite: one dataclass, from which the command line makes its options.

Each field's metadata holds `flags` (its spellings), `help`, and `argparse` (further arguments of `add_argument`).
`from_options` turns what argparse collected into Flags.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping
from typing import Any

CHANCE = -1
"""The seed that stands for one chosen by chance."""


def _field(*flags: str, help: str, default: Any = None, **options: Any) -> Any:  # noqa: A002  argparse's word
    metadata = {"flags": flags, "help": help, "argparse": options}
    if isinstance(default, dict):
        return dataclasses.field(default_factory=dict, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def _many(*flags: str, help: str, metavar: str) -> Any:  # noqa: A002  argparse's word
    return _field(*flags, help=help, default=(), nargs="+", action="extend", metavar=metavar)


def pair(text: str) -> tuple[str, str]:
    """Split KEY=VALUE; raises argparse.ArgumentTypeError where there is no key."""
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key, value


_PAIRS: dict[str, Any] = {"action": "append", "type": pair, "metavar": "KEY=VALUE"}


def _counted(text: str) -> int:
    if not text.strip().isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)


def _waited(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of milliseconds")
    return value


def _percent(text: str) -> float:
    try:
        value = float(text.removesuffix("%"))
    except ValueError:
        value = -1.0
    if not 0 <= value <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 100")
    return value


def _shard(text: str) -> tuple[int, int]:
    number, sign, count = text.partition("/")
    if not sign or not (number.isascii() and number.isdigit() and count.isascii() and count.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not K/N, such as 2/5")
    if int(count) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: a run has one shard at least")
    if not 1 <= int(number) <= int(count):
        raise argparse.ArgumentTypeError(f"{text!r}: there are the shards 1/{count} to {count}/{count}")
    return int(number), int(count)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """What the command line says about a suite; None, empty and False mean: not said."""

    prompts: tuple[str, ...] = _many("-p", "--prompts", help="prompts to use instead of the suite's", metavar="PATH")
    providers: tuple[str, ...] = _many("-r", "--providers", help="providers to use instead", metavar="ID")
    tests: str | None = _field("-t", "--tests", "-v", "--vars", help="file of tests to use instead", metavar="PATH")
    assertions: str | None = _field("-a", "--assertions", help="assertions for --model-outputs", metavar="PATH")
    model_outputs: str | None = _field("--model-outputs", help="outputs to judge without a provider", metavar="PATH")
    prompt_prefix: str | None = _field("--prompt-prefix", help="put before every prompt", metavar="TEXT")
    prompt_suffix: str | None = _field("--prompt-suffix", help="put after every prompt", metavar="TEXT")
    var: dict[str, str] = _field("--var", help="default value of a var", default={}, **_PAIRS)  # noqa: RUF009  it makes a field
    tag: dict[str, str] = _field("--tag", help="tag of the run", default={}, **_PAIRS)  # noqa: RUF009  it makes a field
    max_concurrency: int | None = _field(
        "-j", "--max-concurrency", help="how many trials run at once (default 4)", type=_counted, metavar="N"
    )
    repeat: int | None = _field("--repeat", help="how often each test runs", type=_counted, metavar="N")
    delay: float | None = _field(
        "--delay", help="wait so long after each call, one call at a time", type=_waited, metavar="MS"
    )
    cache: bool | None = _field("--no-cache", help="ask every provider anew", action="store_const", const=False)
    filter_first_n: int | None = _field(
        "-n", "--filter-first-n", help="only the first N tests", type=_counted, metavar="N"
    )
    filter_pattern: str | None = _field(
        "--filter-pattern", help="only tests whose description matches", metavar="REGEX"
    )
    filter_range: str | None = _field("--filter-range", help="only tests START:END, from 0", metavar="START:END")
    filter_prompts: str | None = _field("--filter-prompts", help="only prompts whose label matches", metavar="REGEX")
    filter_providers: str | None = _field(
        "--filter-providers", "--filter-targets", help="only providers whose id or label matches", metavar="REGEX"
    )
    filter_sample: int | None = _field(
        "--filter-sample", help="only N tests, chosen by chance", type=_counted, metavar="N"
    )
    filter_sample_seed: int | None = _field(
        "--filter-sample-seed", help="make the chance repeatable", type=int, metavar="N"
    )
    filter_failing: str | None = _field(
        "--filter-failing", help="only tests that did not pass in an earlier output, or stored run", metavar="PATH"
    )
    filter_failing_only: str | None = _field(
        "--filter-failing-only", help="only tests that failed, not errors", metavar="PATH"
    )
    filter_errors_only: str | None = _field("--filter-errors-only", help="only tests that were errors", metavar="PATH")
    filter_metadata: tuple[str, ...] = _field(
        "--filter-metadata", help="only tests with this metadata (several: all of it)", default=(), action="append",
        metavar="KEY=VALUE",
    )  # fmt: skip
    extension: tuple[str, ...] = _many(
        "-x", "--extension", help="extensions (file://hooks.py:function), called before the suite's", metavar="PATH"
    )
    description: str | None = _field("--description", help="description of the run", metavar="TEXT")
    output: tuple[str, ...] = _many("-o", "--output", help="files to write the results to", metavar="PATH")
    env_file: tuple[str, ...] = _many(
        "--env-file", "--env-path", help="files of variables to load instead of .env", metavar="PATH"
    )
    grader: str | None = _field("--grader", help="provider that judges model-graded assertions", metavar="ID")
    races: str | None = _field(
        "--races", help="what a session race is: warn (default) or error", choices=("warn", "error")
    )
    keep_sessions: str | None = _field(
        "--keep-sessions", help="keep sessions of tests that do not pass open to be looked at, until you press Enter",
        choices=("on-fail",),
    )  # fmt: skip
    shuffle: int | None = _field(
        "--shuffle", help="run lanes in another order, and tell what depends on it", nargs="?", const=CHANCE, type=int,
        metavar="SEED",
    )  # fmt: skip
    shard: tuple[int, int] | None = _field(
        "--shard", help="run only this part of the suite, such as 2/5; no lane is cut", type=_shard, metavar="K/N"
    )
    fail_under: float | None = _field(
        "--fail-under", help="exit 100 only where fewer per cent passed (default 100)", type=_percent, metavar="PERCENT"
    )
    strict: bool = _field(
        "--strict", help="refuse what is else only warned of, such as unknown keys", default=False, action="store_true"
    )


def from_options(options: Mapping[str, Any]) -> Flags:
    """Make Flags of what argparse collected; options that are none of these fields are left out."""
    values: dict[str, Any] = {}
    for field in dataclasses.fields(Flags):
        value = options.get(field.name)
        if value is not None:
            values[field.name] = _settled(field.default, value)
    return Flags(**values)


def _settled(default: Any, value: Any) -> Any:
    if default is dataclasses.MISSING:
        return dict(value)
    return tuple(value) if isinstance(default, tuple) else value


def spelling(name: str) -> str:
    """Return how the command line spells a flag, in full."""
    [flags] = [field.metadata["flags"] for field in dataclasses.fields(Flags) if field.name == name]
    return str(next(each for each in flags if each.startswith("--")))
