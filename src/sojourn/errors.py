"""Every exception that Sojourn raises.

SojournError                what, where, what to do
|-- UsageError              the command line is wrong                     exit 2
|-- ConfigError             the suite's files are wrong, with all problems exit 1
|-- UnknownNameError        a plug that nobody knows, with the nearest name
|-- CodeError               users' code raised, exited, hung or answered nonsense
|   `-- CodeDiedError       its whole process died under it
|-- ClaimError              an assertion cannot be judged (not: it said no)
|-- HookError               a hook broke; carries hook and extension
|-- SessionError            a session could not be opened, lent or used
|   `-- SessionLostError    it went with its process, and with it what a lane's earlier trials left in it
|-- TemplateError           a template cannot be rendered
|-- ProviderError           a provider cannot be asked at all
|-- OutputError             a result file cannot be written
|-- StoreError              what is stored of earlier runs cannot be read, or is not there
|-- SkipTrial               a hook asks that this trial be skipped
`-- StopRun                 a hook asks that nothing more be started

Each message is composed from attributes, and each error survives pickling.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Self

import msgspec


class SojournError(Exception):
    """Something is wrong: `what` happened, `where`, and what `todo` about it."""

    def __init__(self, what: str, *, where: str = "", todo: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.todo = todo

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text} ({self.todo})" if self.todo else text

    def __reduce__(self) -> tuple[Any, ...]:
        return _revive, (type(self), self.args, self.__dict__)

    @classmethod
    def revive(cls, args: tuple[Any, ...], state: dict[str, Any]) -> Self:
        """Make the error again from what pickling kept."""
        error = cls.__new__(cls)
        Exception.__init__(error, *args)
        error.__dict__.update(state)
        return error


def _revive(cls: type[SojournError], args: tuple[Any, ...], state: dict[str, Any]) -> SojournError:
    return cls.revive(args, state)


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong in a file; `line` and `column` count from 1, 0 means unknown.

    `about` is the path to it in a configuration, where its place is still to be found.
    """

    what: str
    file: str = ""
    line: int = 0
    column: int = 0
    todo: str = ""
    about: tuple[str, ...] = ()

    def __str__(self) -> str:
        place = self.file
        if self.line:
            place += f":{self.line}:{self.column}" if self.column else f":{self.line}"
        text = f"{place}: {self.what}" if place else self.what
        return f"{text} ({self.todo})" if self.todo else text


class UsageError(SojournError):
    """The command line asks for something that does not exist."""


class ConfigError(SojournError):
    """The suite's files are wrong; `problems` holds every mistake found, in file order, `warnings` what is doubtful."""

    def __init__(self, problems: list[Problem], warnings: tuple[str, ...] = ()) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems
        self.warnings = warnings

    @classmethod
    def of(cls, what: str, *, file: str = "", line: int = 0, column: int = 0, todo: str = "") -> ConfigError:
        """Make the error for a single problem."""
        return cls([Problem(what=what, file=file, line=line, column=column, todo=todo)])


class UnknownNameError(SojournError):
    """No plug has this name; `nearest` is the closest one known, or empty."""

    def __init__(self, family: str, name: str, nearest: str = "") -> None:
        hint = f"did you mean {nearest!r}?" if nearest else ""
        super().__init__(f"unknown {family} {name!r}", todo=hint)
        self.family = family
        self.name = name
        self.nearest = nearest


class CodeError(SojournError):
    """Users' code broke: `trace` is its traceback, `printed` what it had printed; `overdue`: it was given up.

    `known` holds what there is instead where a function was not found.
    """

    overdue = False
    known: tuple[str, ...] = ()

    def __init__(self, what: str, *, where: str = "", trace: str = "", printed: str = "") -> None:
        super().__init__(what, where=where)
        self.trace = trace
        self.printed = printed


class CodeDiedError(CodeError):
    """The process in which users' code ran died; `guilty` says whether this very call is known to be the cause.

    Where it had died before the call, `lost` names the lent sessions that went with it.
    """

    def __init__(
        self, what: str, *, where: str = "", printed: str = "", guilty: bool = False, lost: Collection[str] = ()
    ) -> None:
        super().__init__(what, where=where, printed=printed)
        self.guilty = guilty
        self.lost = lost


class ClaimError(SojournError):
    """An assertion cannot be judged: its value is missing, its grader is broken."""


class HookError(SojournError):
    """A hook broke; `hook` is its moment, `extension` the entry as written in the suite."""

    def __init__(self, hook: str, extension: str, cause: str) -> None:
        super().__init__(f"{hook} of {extension} broke: {cause}")
        self.hook = hook
        self.extension = extension
        self.cause = cause


class SessionError(SojournError):
    """A session could not be opened, lent or used; `session` is its name, `cause` what happened."""

    def __init__(self, session: str, cause: str) -> None:
        super().__init__(f"session {session!r}: {cause}")
        self.session = session
        self.cause = cause


class SessionLostError(SessionError):
    """A session went with its process in the middle of a lane: what earlier trials left in it is gone.

    `undone`: nothing of it is left outside either.
    """

    undone = False


class TemplateError(SojournError):
    """A template cannot be rendered."""


class ProviderError(SojournError):
    """A provider cannot be asked at all; the trial is an error."""


class StoreError(SojournError):
    """What is stored of earlier runs cannot be read, or is not there."""


class OutputError(SojournError):
    """A result file cannot be written."""


class SkipTrial(SojournError):  # noqa: N818  a request, named as the user writes it
    """A hook asks that this trial be skipped; `what` is the reason."""


class StopRun(SojournError):  # noqa: N818  as SkipTrial
    """A hook asks that no further trial be started; `what` is the reason."""
