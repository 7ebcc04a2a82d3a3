"""Parents, scopes and abilities, checked before anything opens.

A session lives as long as its own scope and those of all its parents together say: one for each test inside one for
each provider is one for each test and provider. Its instances are named by a `Key`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import msgspec

from sojourn.errors import Problem
from sojourn.model.session import Isolation, Scope, SessionSpec
from sojourn.registry import nearest

NEEDED_FOR = {
    Isolation.RESET: ("reset",),
    Isolation.ROLLBACK: ("begin", "rollback"),
    Isolation.FORK: ("fork",),
}


class Key(msgspec.Struct, frozen=True):
    """One instance of a session: its name, and for each scope that it lives in, which one (`test` 3, `trial` 7)."""

    name: str
    place: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        inside = ", ".join(f"{scope} {_counted(which)}" for scope, which in self.place)
        return f"{self.name} ({inside})" if inside else self.name


def _counted(which: str) -> str:
    """Return the place that is numbered as people count, from 1."""
    return str(int(which) + 1) if which.isdecimal() else which


class Family:
    """The sessions of a suite by name, with everything that follows from who is inside whom."""

    def __init__(self, specs: Iterable[SessionSpec]) -> None:
        self.specs: Mapping[str, SessionSpec] = {spec.name: spec for spec in specs}
        self._lineages: dict[tuple[str, ...], tuple[SessionSpec, ...]] = {}
        self._scopes: dict[str, list[tuple[Scope, str]]] = {}

    def lineage(self, names: Iterable[str]) -> tuple[SessionSpec, ...]:
        """Return these sessions and all that they live in, parents before children, each once."""
        wanted = tuple(names)
        if wanted not in self._lineages:
            self._lineages[wanted] = self._find_lineage(wanted)
        return self._lineages[wanted]

    def _find_lineage(self, names: tuple[str, ...]) -> tuple[SessionSpec, ...]:
        found: dict[str, SessionSpec] = {}

        def add(name: str) -> None:
            if name not in found:
                for parent in self.specs[name].parents:
                    add(parent)
                found[name] = self.specs[name]

        for name in names:
            add(name)
        return tuple(found.values())

    def key(self, spec: SessionSpec, place: Mapping[Scope, str]) -> Key:
        """Return which instance of a session a trial at `place` uses."""
        if spec.name not in self._scopes:
            scopes = {scope for each in self.lineage([spec.name]) for scope in _scopes(each)}
            self._scopes[spec.name] = [(scope, scope.value) for scope in Scope if scope in scopes]
        return Key(spec.name, tuple((word, place[scope]) for scope, word in self._scopes[spec.name]))

    def problems(self, needed: Iterable[str] = ()) -> list[Problem]:
        """Return what is wrong with the family, and with `needed` names that nobody has."""
        return [*self._strangers(needed), *self.contradictions()]

    def contradictions(self) -> list[Problem]:
        """Return where sessions live in each other as cannot be."""
        return [*self._circles(), *self._pooled_parents()]

    def _strangers(self, needed: Iterable[str]) -> Iterable[Problem]:
        named: list[tuple[str, str, tuple[str, ...]]] = [
            (f"session {spec.name!r} has a parent", parent, ("sessions", spec.name, "parent"))
            for spec in self.specs.values()
            for parent in spec.parents
        ]
        named += [("a provider or test asks for the session", name, ()) for name in needed]
        for who, name, about in named:
            if name not in self.specs:
                near = nearest(name, self.specs)
                what = f"{who} {name!r}, which is not under sessions"
                yield Problem(what=what, todo=f"did you mean {near!r}?" if near else "", about=about)

    def _circles(self) -> Iterable[Problem]:
        for name in self.specs:
            way = self._way_back(name, (name,))
            if way:
                what = f"session {name!r} is its own ancestor: {' > '.join(way)}"
                yield Problem(what=what, about=("sessions", name, "parent"))
                return

    def _way_back(self, name: str, way: tuple[str, ...]) -> tuple[str, ...]:
        for parent in self.specs[way[-1]].parents:
            if parent == name:
                return (*way, parent)
            if parent in self.specs and parent not in way:
                found = self._way_back(name, (*way, parent))
                if found:
                    return found
        return ()

    def _pooled_parents(self) -> Iterable[Problem]:
        for spec in self.specs.values():
            for parent in spec.parents:
                above = self.specs.get(parent)
                if above is not None and spec.scope in _outlives(above):
                    what = (
                        f"session {spec.name!r} (scope {spec.scope.value}) would outlive what it is lent of {parent!r}"
                    )
                    todo = "give it the scope trial" + (" or conversation" * above.pooled)
                    yield Problem(what=what, todo=todo, about=("sessions", spec.name, "scope"))


def _outlives(parent: SessionSpec) -> tuple[Scope, ...]:
    """Return the scopes that are longer than what a parent lends: a fork for a trial, one of a pool for a lane."""
    if parent.isolation is Isolation.FORK:
        return (Scope.RUN, Scope.PROVIDER, Scope.CONVERSATION, Scope.TEST)
    return (Scope.RUN, Scope.PROVIDER, Scope.TEST) if parent.pooled else ()


def _scopes(spec: SessionSpec) -> list[Scope]:
    """Return the scopes that make an instance of its own; a fresh one is the trial's alone."""
    if spec.isolation is Isolation.FRESH:
        return [Scope.TRIAL]
    return [] if spec.scope is Scope.RUN else [spec.scope]


def inability(spec: SessionSpec, abilities: Collection[str]) -> Problem | None:
    """Say what a session is asked for that its kind cannot do, or None."""
    isolation = spec.isolation
    lacking = [wanted for wanted in NEEDED_FOR.get(isolation, ()) if wanted not in abilities] if isolation else []
    if isolation and lacking:
        what = f"session {spec.name!r} asks for isolation {isolation.value!r}, and {spec.kind} cannot {lacking[0]}"
        todo = f"use isolation: fresh, or write {' and '.join(lacking)} for it"
        return Problem(what=what, todo=todo, about=("sessions", spec.name, "isolation"))
    if spec.limits.check and "check" not in abilities:
        what = f"session {spec.name!r} asks for a check, and {spec.kind} has none"
        return Problem(what=what, todo="leave check out", about=("sessions", spec.name, "pool", "check"))
    return None
