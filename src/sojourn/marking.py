"""How a function or class says what it is for, where it is written: `@sojourn.session(scope="conversation")`."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any, TypeVar, overload

Marked = TypeVar("Marked", bound=Callable[..., Any])

SETTINGS = (
    "capacity",
    "close_timeout",
    "config",
    "isolation",
    "open_timeout",
    "parent",
    "pool",
    "scope",
)
MARK = "sojourn_session"


@overload
def session(opener: Marked, /) -> Marked: ...


@overload
def session(**settings: Any) -> Callable[[Marked], Marked]: ...


def session(opener: Any = None, /, **settings: Any) -> Any:
    """Mark a generator function or a class as a session, with any key of an entry under `sessions` but its kind.

    `sessions: file://sessions.py` takes all that are marked in a file; an entry that names one adds to what stands
    here, and wins. Parameters named after other sessions are its parents, unless `parent` says otherwise.
    Raises TypeError for a key that there is not.
    """
    for name in settings:
        if name not in SETTINGS:
            close = difflib.get_close_matches(name, SETTINGS, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(SETTINGS)}"
            raise TypeError(f"a session has no setting {name!r}; {hint}")

    def mark(marked: Any) -> Any:
        setattr(marked, MARK, settings)
        return marked

    return mark if opener is None else mark(opener)
