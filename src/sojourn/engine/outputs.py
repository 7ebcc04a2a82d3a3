"""Output files: found to be writable before the first call, whole or absent afterwards."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from sojourn import registry
from sojourn.errors import OutputError
from sojourn.model.run_result import RunResult


def format_of(path: str) -> str:
    """Return the longest known suffix of a file's name; raises OutputError with the known ones."""
    name = os.path.basename(path).lower()
    suffixes = [name[place:] for place, letter in enumerate(name) if letter == "."]
    for suffix in suffixes:
        if registry.knows("output format", suffix):
            return suffix
    known = " ".join(registry.names("output format"))
    raise OutputError(f"{path} has no known output format", todo=f"end it with one of {known}")


def check_outputs(paths: Iterable[str]) -> None:
    """Raise OutputError where a file cannot be written in the end; folders that are missing are made."""
    for path in paths:
        registry.find("output format", format_of(path))
        folder = Path(path).absolute().parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=folder, prefix=".sojourn-"):
                pass
        except OSError as error:
            raise OutputError(f"{path} cannot be written: {error.strerror}", todo="choose another place") from error
        if Path(path).is_dir():
            raise OutputError(f"{path} is a folder", todo="name a file")


def write_output(result: RunResult, path: str) -> None:
    """Write one output file beside its place, then move it there; raises OutputError."""
    report = registry.find("output format", format_of(path))
    target = Path(path).absolute()
    try:
        descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=".sojourn-")
        try:
            with os.fdopen(descriptor, "wb") as out:
                report(result, out)
                out.flush()
                os.fsync(out.fileno())
            os.chmod(temporary, 0o600)
            os.replace(temporary, target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written: {error.strerror}", todo="make room, or choose another place"
        ) from error
