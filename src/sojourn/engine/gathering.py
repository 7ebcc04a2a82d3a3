"""Trials that share something are gathered into lanes: one lane for all who share, directly or through others."""

from __future__ import annotations

import random
from collections.abc import Iterable

from msgspec import structs

from sojourn.config.places import placed
from sojourn.errors import ConfigError
from sojourn.lifecycle.keeper import Stay
from sojourn.lifecycle.kinship import Family
from sojourn.model.plan import Lane, Trial
from sojourn.model.session import Scope
from sojourn.model.suite import JsonDict, Suite

Declared = tuple[Trial, str]

SERIAL = "runSerially"
"""The lane that runs before all others; whoever is in it shares with nobody who runs later."""


def check_family(suite: Suite, tests: Iterable[JsonDict]) -> None:
    """Raise ConfigError where sessions are asked for, or live in each other, as cannot be."""
    needed = [name for spec in suite.providers for name in spec.sessions]
    needed += [name for test in tests for name in test.get("sessions") or ()]
    problems = Family(suite.sessions).problems(dict.fromkeys(needed))
    if problems:
        raise ConfigError([placed(each, suite.files) for each in problems])


def gathered(trials: list[Declared], suite: Suite) -> list[Lane]:
    """Return the lanes in the order of their first trials, or shuffled; each trial is told the lane that it is in."""
    family = Family(suite.sessions)
    groups = Groups()
    reasons: dict[str, dict[str, None]] = {}
    for trial, why in trials:
        own = trial.lane or f"trial:{trial.index}"
        if why:
            reasons.setdefault(own, {})[why] = None
        if trial.conversation and trial.lane != SERIAL:
            groups.join(own, trial.conversation)
        for name, shared in _exclusive(trial, family, suite):
            groups.join(own, shared)
            reasons.setdefault(shared, {})[f"session {name}"] = None
    lanes = list(_lanes(trials, groups, reasons))
    if suite.options.shuffle is not None:
        random.Random(suite.options.shuffle).shuffle(lanes)  # noqa: S311  a repeatable order, no secret
    return lanes


def _exclusive(trial: Trial, family: Family, suite: Suite) -> Iterable[tuple[str, str]]:
    """Yield the sessions that only one trial at a time may use, each with the key of the instance."""
    for spec in family.lineage(trial.needs) if trial.needs else ():
        key = family.key(spec, place_of(trial, suite))
        if spec.exclusive and not any(scope == Scope.TRIAL.value for scope, _ in key.place):
            yield spec.name, f"uses:{key}"


def place_of(trial: Trial, suite: Suite) -> dict[Scope, str]:
    """Return where a trial is in every scope."""
    provider = next(n for n, spec in enumerate(suite.providers) if spec is trial.column.provider)
    return {
        Scope.PROVIDER: str(provider),
        Scope.CONVERSATION: trial.conversation or f"trial:{trial.index}",
        Scope.TEST: trial.test_key,
        Scope.TRIAL: str(trial.index),
    }


def stay_of(trial: Trial, suite: Suite) -> Stay:
    """Return what a trial needs of the keeper."""
    place = place_of(trial, suite) if trial.needs else {}
    return Stay(trial.numbered, trial.lane or f"trial:{trial.index}", place, trial.needs)


class Groups:
    """Keys that belong together, however they were joined; the group's name is its first key."""

    def __init__(self) -> None:
        self._leads: dict[str, str] = {}

    def lead(self, key: str) -> str:
        """Return the name of a key's group."""
        path = []
        while (above := self._leads.setdefault(key, key)) != key:
            path.append(key)
            key = above
        for each in path:
            self._leads[each] = key
        return key

    def join(self, one: str, other: str) -> None:
        """Make one group of two."""
        self._leads[self.lead(other)] = self.lead(one)


def _lanes(trials: list[Declared], groups: Groups, reasons: dict[str, dict[str, None]]) -> Iterable[Lane]:
    members: dict[str, list[Trial]] = {}
    for trial, _ in trials:
        members.setdefault(groups.lead(trial.lane or f"trial:{trial.index}"), []).append(trial)
    whys: dict[str, dict[str, None]] = {}
    for key, why in reasons.items():
        whys.setdefault(groups.lead(key), {}).update(why)
    for key, found in members.items():
        declared = key in whys or any(trial.needs for trial in found)
        told = [structs.replace(trial, lane=key) if declared else trial for trial in found]
        yield Lane(key=key, why=", ".join(whys.get(key, ())) if len(found) > 1 else "", trials=tuple(told))
