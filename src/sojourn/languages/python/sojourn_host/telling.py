"""What users' code answered or what went wrong in it, told so that the engine, or its author, can use it."""

from __future__ import annotations

import concurrent.futures
import os
import traceback
from typing import Any

from .loading import UnanswerableError

HERE = os.path.dirname(os.path.abspath(__file__))
BETWEEN = (HERE, os.path.dirname(concurrent.futures.__file__))
"""Where the frames between a call and users' code come from."""

LIBRARY = os.path.dirname(os.__file__)
KINDS = os.path.abspath(os.path.join(HERE, "..", "..", "..", "kinds"))
"""Our kinds of session: whoever hears of them says where the suite names one."""


HOOKS_CHANGE = ("suite", "test", "result")


def meant(role: str, value: Any) -> Any:
    """Return what of a function's answer is meant for the engine: of a hook's context, what it may change."""
    if role == "hook" and isinstance(value, dict):
        return {key: value[key] for key in HOOKS_CHANGE if key in value}
    return value


def problem(error: BaseException, where: str = "") -> dict[str, Any]:
    """Describe an exception: what it says, and the trace through the user's own frames."""
    if isinstance(error, UnanswerableError):
        return {"what": str(error), "trace": "", "where": where, "known": error.known}
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith(BETWEEN) and "importlib" not in frame.filename]
    trace = "".join(traceback.format_list(own)) + "".join(traceback.format_exception_only(type(error), error))
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, SystemExit):
        what = f"it called sys.exit({error.code!r})"
    place = _place(own) or where
    if isinstance(error, SyntaxError) and error.filename:
        place, what = f"{error.filename}:{error.lineno}:{error.offset or 1}", f"{type(error).__name__}: {error.msg}"
    return {"what": safe(what), "trace": safe(trace), "where": place, "type": type(error).__name__}


def _place(frames: list[traceback.FrameSummary]) -> str:
    """Return the last line of the author's own: what broke in a library is mended where it was called."""
    for frame in reversed(frames):
        file = frame.filename
        if file.startswith(KINDS) or not (file.startswith((LIBRARY, "<")) or "site-packages" in file):
            return f"{file}:{frame.lineno}"
    return ""


def safe(text: str) -> str:
    """Make text that UTF-8 can carry."""
    return text.encode("utf-8", "replace").decode()
