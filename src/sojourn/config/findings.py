"""What was found while a suite is read: every mistake with its place, and what deserves a warning."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import msgspec

from sojourn.config.expect import Mismatch, Path
from sojourn.config.positions import NOWHERE, Place, locate
from sojourn.errors import ConfigError, Problem
from sojourn.model.reference import Reference, Role

Read = TypeVar("Read")

_MANY = 200
SAID = "command line"
"""What people are told that a mistake stands in which they typed."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A file that values came from: its name for people, its text, and for rows the line of each."""

    name: str
    text: str = ""
    lines: tuple[int, ...] = ()

    def place(self, path: Path, *, key: bool = False) -> Place:
        """Return the line and column of a value in the file, zeros where nobody can say."""
        if self.lines and path and isinstance(path[0], int) and path[0] < len(self.lines):
            return self.lines[path[0]], 0
        return locate(self.text, path, key=key) if self.text else NOWHERE


COMMAND_LINE = Source(name=SAID)


class Findings(msgspec.Struct):
    """Collects problems and warnings; nothing is raised before everything was looked at.

    `vain` is what can never be judged, or never be called, as it stands: its tests tell so when they run, as in
    promptfoo. `looks`: some assertion is on a session. `snippets` are the pieces of code that stand in the suite
    itself, `code` what names files of it for assertions and transforms, each where it stands first. `lost` are the
    keys of a configuration whose values were of a wrong kind and left out, `unread` the places of values that could
    not be had: what else is wrong there follows from that.
    """

    strict: bool = False
    problems: list[Problem] = msgspec.field(default_factory=list)
    warnings: list[str] = msgspec.field(default_factory=list)
    vain: list[Problem] = msgspec.field(default_factory=list)
    snippets: dict[Reference, tuple[Source, Path]] = msgspec.field(default_factory=dict)
    code: dict[tuple[str, Role], tuple[Source, Path]] = msgspec.field(default_factory=dict)
    looks: bool = False
    lost: set[str] = msgspec.field(default_factory=set)
    unread: dict[tuple[str, int, int], Problem] = msgspec.field(default_factory=dict)

    def wrong(self, what: str, source: Source, path: Path = (), *, todo: str = "", key: bool = False) -> None:
        """Note a mistake at a place."""
        self.problems.append(_problem(what, source, path, todo=todo, key=key))

    def futile(self, what: str, source: Source, path: Path = (), *, todo: str = "") -> None:
        """Note what can never be judged or called: a mistake, but in a run only of the tests that meet it."""
        self.vain.append(_problem(what, source, path, todo=todo))

    def doubt(self, what: str, source: Source, path: Path = ()) -> None:
        """Note a warning about a key; under `strict` it is a mistake."""
        if self.strict:
            self.wrong(what, source, path, key=True)
        elif len(self.warnings) < _MANY:
            line, column = source.place(path, key=True)
            self.warnings.append(str(Problem(what=what, file=source.name, line=line, column=column)))

    def mismatch(self, mismatch: Mismatch, source: Source, path: Path = ()) -> None:
        """Note what a reader was disappointed by."""
        self.wrong(mismatch.what, source, path + mismatch.path, todo=mismatch.todo)

    def pointless(self, mismatch: Mismatch, source: Source) -> None:
        """Note a pointer that leads nowhere."""
        self.mismatch(mismatch, source)
        problem = self.problems[-1]
        self.unread[(problem.file, problem.line, problem.column)] = problem

    def attempt(self, read: Callable[[], Read], otherwise: Read, source: Source, path: Path = ()) -> Read:
        """Return what a reader reads; where it is disappointed, note that, and return what serves instead."""
        try:
            return read()
        except Mismatch as mismatch:
            self.mismatch(mismatch, source, path)
            return otherwise

    @contextlib.contextmanager
    def gathering(self) -> Iterator[None]:
        """Take in the problems of a ConfigError raised inside, and go on."""
        try:
            yield
        except ConfigError as error:
            self.problems.extend(error.problems)

    def settle(self, files: Sequence[str] = ()) -> None:
        """Raise ConfigError with everything found, in file order, if anything was wrong; `files` come first."""
        if self.problems:
            own = [each for each in self.problems if self.unread.get((each.file, each.line, each.column), each) is each]
            raise ConfigError(in_order([*own, *self.vain], files), tuple(self.warnings))


def in_order(problems: Iterable[Problem], files: Sequence[str] = ()) -> list[Problem]:
    """Return each problem once, file by file, from top to bottom; those of `files` come first."""
    once = list(dict.fromkeys(problems))
    names = list(dict.fromkeys([*files, *(problem.file for problem in once)]))
    return sorted(once, key=lambda problem: (names.index(problem.file), problem.line, problem.column))


def _problem(what: str, source: Source, path: Path, *, todo: str, key: bool = False) -> Problem:
    line, column = source.place(path, key=key)
    return Problem(what=what, file=source.name, line=line, column=column, todo=todo)
