"""`kind: workspace`: a folder with files, for agents that read and change files."""

from __future__ import annotations

import contextlib
import difflib
import fnmatch
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from typing import Any, ClassVar

CLONE = 0x40049409
"""Linux's FICLONE: a copy that shares its blocks until one of the two is changed."""

MOST_SHOWN = 20_000
KINDS = {stat.S_IFIFO: "pipe", stat.S_IFSOCK: "socket"}


class Workspace:
    """`path` is the folder; a workspace is itself a path, so `open(workspace / "a.txt")` works."""

    tells: ClassVar[tuple[str, ...]] = ("path",)
    keys: ClassVar[dict[str, Any]] = {"from": str, "keep": str}

    def open(self, config: dict[str, Any], tag: str, base: str) -> None:
        """Make the folder: a copy of `from`, or empty."""
        source = os.path.join(base, config["from"]) if config.get("from") else ""
        if source and not os.path.isdir(source):
            raise NotADirectoryError(f"there is no folder {source}")
        self._keep = os.path.join(base, config["keep"]) if config.get("keep") else ""
        self._settle(tag, source)

    def _settle(self, tag: str, source: str, *, first: str = "") -> None:
        """Fill the folder from `source`; what it is compared with in the end stands in a folder beside it."""
        self._place = _place(tag)
        self._trace = _trace(tag)
        self.path = os.path.join(self._place, "files")
        self.handle = {"path": self.path}
        os.mkdir(self._place)
        try:
            _copy(source, self.path)
            _copy(first or source, self._kept("first"))
        except BaseException:
            self.close()
            raise

    def _kept(self, name: str) -> str:
        return os.path.join(self._place, name)

    def __fspath__(self) -> str:
        return self.path

    def __truediv__(self, name: str) -> str:
        return os.path.join(self.path, name)

    def diff(self) -> str:
        """Return what was changed since it was opened, as a unified diff."""
        before, after = _files(self._kept("first")), _files(self.path)
        told: list[str] = []
        for name in sorted({*before, *after}):
            told += _changed(name, before.get(name), after.get(name))
        return "".join(told)

    def look(self, expression: str) -> Any:
        """Return the text of the file of this name, or else the names of all files that match the pattern."""
        if os.path.isfile(self / expression):
            with open(self / expression, encoding="utf-8", errors="replace") as file:
                return file.read()
        return sorted(name for name in _files(self.path) if fnmatch.fnmatchcase(name, expression))

    def evidence(self, trial: str) -> dict[str, str]:
        """Return what was changed; where `keep` names a folder the whole diff is kept there."""
        diff = self.diff()
        if not self._keep:
            return {"diff": diff[:MOST_SHOWN]}
        os.makedirs(os.path.join(self._keep, self._trace), exist_ok=True)
        path = os.path.join(self._keep, self._trace, f"{trial}.diff")
        with open(path, "w", encoding="utf-8") as out:
            out.write(diff)
        return {"diff": diff[:MOST_SHOWN], "file": path}

    def check(self) -> bool:
        """Tell whether the folder is there."""
        return os.path.isdir(self.path)

    def reset(self) -> None:
        """Make it as it was opened."""
        self._restore("first")

    def begin(self) -> None:
        """Remember all that is in it."""
        _remove(self._kept("begun"))
        _copy(self.path, self._kept("begun"))

    def rollback(self) -> None:
        """Put back what was in it."""
        self._restore("begun")

    def _restore(self, name: str) -> None:
        """Put back what was kept; the folder itself stays, for somebody may be in it."""
        for entry in os.scandir(self.path):
            _remove(entry.path)
        _copy(self._kept(name), self.path)

    def fork(self, tag: str) -> Workspace:
        """Copy it, as it is, to a folder of its own; its diff is against what it was forked from."""
        child = Workspace()
        child._keep = self._keep
        child._settle(tag, self.path)
        return child

    def attach(self, handle: dict[str, str], config: dict[str, Any], tag: str, base: str) -> None:
        """Use a folder that another process has made, and removes."""
        self._keep = os.path.join(base, config["keep"]) if config.get("keep") else ""
        self._place, self._trace = os.path.dirname(handle["path"]), _trace(tag)
        self.path, self.handle = handle["path"], handle

    def close(self) -> None:
        """Remove the folder."""
        _remove(self._place)

    def reclaim(self, tag: str) -> None:
        """Remove the folder of a session whose process is gone."""
        _remove(_place(tag))


def _place(tag: str) -> str:
    return os.path.join(tempfile.gettempdir(), "workspace-" + tag.replace("/", "-").replace(":", "-"))


def _trace(tag: str) -> str:
    """Return the folder for what is kept of one session: its run's, and in it its own."""
    run, _, own = tag.replace(":", "-").partition("/")
    return os.path.join(run, own.replace("/", "-"))


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def _copy(source: str, target: str) -> None:
    """Copy a folder with all that is in it; without a source, make an empty one."""
    if source:
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True, copy_function=_copy_file)
    else:
        os.makedirs(target, exist_ok=True)


def _copy_file(source: str, target: str) -> str:
    """Copy a file, sharing its blocks where the file system can. A hard link would share changes, too.

    What is no file, such as a pipe or a socket, is left out: to read it could take for ever.
    """
    if not os.path.isfile(source):
        return target
    if not (sys.platform == "linux" and _cloned(source, target)):
        shutil.copyfile(source, target)
    shutil.copystat(source, target)
    return target


def _cloned(source: str, target: str) -> bool:
    import fcntl

    with open(source, "rb") as old, open(target, "wb") as new:
        try:
            fcntl.ioctl(new.fileno(), CLONE, old.fileno())
        except OSError:
            return False
    return True


def _files(folder: str) -> dict[str, str]:
    """Return all files below a folder, by their names in it."""
    return {os.path.relpath(path, folder).replace(os.sep, "/"): path for path in _walk(folder)}


def _walk(folder: str) -> Iterator[str]:
    for here, _, names in os.walk(folder):
        for name in names:
            yield os.path.join(here, name)


def _changed(name: str, before: str | None, after: str | None) -> list[str]:
    """Compare one file with what it was; of what is no text only is said that it changed."""
    old, new = _read(before), _read(after)
    if old == new and (before is None) == (after is None):
        return []
    try:
        was, is_now = (text.decode().splitlines(keepends=True) for text in (old, new))
    except UnicodeDecodeError:
        return [f"Binary file {name} changed\n"]
    there, here = f"a/{name}" if before else "/dev/null", f"b/{name}" if after else "/dev/null"
    lines = difflib.unified_diff(was, is_now, there, here)
    told = [line if line.endswith("\n") else f"{line}\n" for line in lines]
    return told or [f"Empty file {name} {'added' if after else 'removed'}\n"]


def _read(path: str | None) -> bytes:
    if path is None:
        return b""
    if os.path.islink(path):
        return f"link to {os.readlink(path)}\n".encode()
    if not os.path.isfile(path):
        return f"{KINDS.get(stat.S_IFMT(os.lstat(path).st_mode), 'no file')}\n".encode()
    with open(path, "rb") as file:
        return file.read()
