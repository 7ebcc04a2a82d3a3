"""What was found while a suite is read: every mistake with its place, and what deserves a warning."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator

from sojourn.config.expect import Mismatch, Path
from sojourn.config.positions import NOWHERE, Place, locate
from sojourn.errors import ConfigError, Problem

_MANY = 200


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file that values came from: its name for people, its text, and for rows the line of each."""

    name: str
    text: str = dataclasses.field(default="", repr=False)
    lines: tuple[int, ...] = ()

    def place(self, path: Path, *, key: bool = False) -> Place:
        """Return the line and column of a value in the file, zeros where nobody can say."""
        if self.lines and path and isinstance(path[0], int) and path[0] < len(self.lines):
            return self.lines[path[0]], 0
        return locate(self.text, path, key=key) if self.text else NOWHERE


COMMAND_LINE = Source(name="command line")


@dataclasses.dataclass(slots=True)
class Findings:
    """Collects problems and warnings; nothing is raised before everything was looked at."""

    strict: bool = False
    problems: list[Problem] = dataclasses.field(default_factory=list)
    warnings: list[str] = dataclasses.field(default_factory=list)

    def wrong(self, what: str, source: Source, path: Path = (), *, todo: str = "", key: bool = False) -> None:
        """Note a mistake at a place."""
        line, column = source.place(path, key=key) if len(self.problems) < _MANY else NOWHERE
        self.problems.append(Problem(what=what, file=source.name, line=line, column=column, todo=todo))

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

    @contextlib.contextmanager
    def gathering(self) -> Iterator[None]:
        """Take in the problems of a ConfigError raised inside, and go on."""
        try:
            yield
        except ConfigError as error:
            self.problems.extend(error.problems)

    def settle(self) -> None:
        """Raise ConfigError with everything found, in file order, if anything was wrong."""
        if not self.problems:
            return
        files = list(dict.fromkeys(problem.file for problem in self.problems))
        placed = {problem: (files.index(problem.file), problem.line, problem.column) for problem in self.problems}
        raise ConfigError(sorted(placed, key=placed.__getitem__))
