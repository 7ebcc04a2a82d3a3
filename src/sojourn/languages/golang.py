"""Functions in Go: a file is compiled once a run, with a host that calls the function for as long as the run lasts."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from sojourn.errors import CodeError
from sojourn.languages.program import Ran, run_program
from sojourn.model.reference import Reference

NO_GO = "Go is needed and is not on the PATH"
USUAL = "CallApi"
_HOST = Path(__file__).parent / "go_host" / "sojourn_host.go"
_ENTRY = "sojourn_entry.go"
_OURS = (_ENTRY, _HOST.name)
_WRITTEN = re.compile(r"(?:golang:)?(?:file://)?(?P<path>.+\.go)(?::(?P<name>[^:/\\]+))?")
_PACKAGE = re.compile(r"^package\s+(?P<name>\w+)", re.MULTILINE)
_FUNCTIONS = re.compile(r"^func\s+(\w+)\s*\(", re.MULTILINE)
_COMPLAINT = re.compile(r"^(?P<file>[^\s:][^:\n]*\.go):(?P<line>\d+)(?::(?P<column>\d+))?: (?P<what>.+)$", re.MULTILINE)


def go_function(text: str, base: str, executable: str = "") -> Reference | None:
    """Read `file://x.go:Name` or `golang:x.go`, without a name CallApi; None where no file in Go is named."""
    found = _WRITTEN.fullmatch(text)
    if found is None:
        return None
    name = found["name"] or USUAL
    return Reference(
        tongue="go",
        role="provider",
        path=os.path.abspath(os.path.join(base, found["path"])),
        name=USUAL if name == "call_api" else name,
        executable=executable,
    )


class GoPrograms:
    """The programs that functions in Go were compiled to, in a folder that is gone with `close`."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self._folder = ""
        self._building: dict[Reference, asyncio.Task[str]] = {}

    async def build(self, reference: Reference) -> str:
        """Return the program of a function, compiled when it is first asked for; raises CodeError."""
        if reference not in self._building:
            self._building[reference] = asyncio.create_task(self._built(reference))
        return await asyncio.shield(self._building[reference])

    def program(self, reference: Reference) -> str:
        """Return the program of a function that was built."""
        return self._building[reference].result()

    async def close(self) -> None:
        """Give up what is being compiled, and remove the programs."""
        for task in self._building.values():
            task.cancel()
        await asyncio.gather(*self._building.values(), return_exceptions=True)
        self._building.clear()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _built(self, reference: Reference) -> str:
        go = reference.executable or shutil.which("go", path=self._env.get("PATH"))
        if not go:
            raise CodeError(f"{NO_GO}; install Go 1.18 or newer (https://go.dev/dl)", where=str(reference))
        if not reference.name.isidentifier():
            raise CodeError(f"{reference.name!r} is no name of a function in Go", where=str(reference))
        try:
            self._folder = self._folder or tempfile.mkdtemp(prefix="sojourn-go-", dir=self._env.get("TMPDIR"))
            folder = Path(tempfile.mkdtemp(dir=self._folder))
        except OSError as error:
            raise CodeError(f"there is no room to compile it: {error}", where=str(reference)) from error
        return await _Compilation(reference, go, folder, self._env).run()


class _Compilation:
    """One function's way to a program. The host lies in the provider's own package, as far as the compiler can see."""

    def __init__(self, reference: Reference, go: str, folder: Path, env: Mapping[str, str]) -> None:
        self._reference = reference
        self._go = go
        self._folder = folder
        self._env = env
        self._home = os.path.dirname(reference.path)
        self._source = _read(reference)

    async def run(self) -> str:
        """Compile it; raises CodeError with the place of the first mistake."""
        package = _PACKAGE.search(self._source)
        if package is None or package["name"] == "main":
            await self._compile_main()
        else:
            await self._compile_importing()
        return str(self._folder / "program")

    async def _compile_main(self) -> None:
        """Compile a file of a package main: alone, as promptfoo does, or else with the others in its folder."""
        added = self._add(self._home, f"func main() {{ sojournServe({self._reference.name}) }}\n")
        ran = await self._build([os.path.basename(self._reference.path), *map(os.path.basename, added)])
        if ran.code and "undefined: " in ran.err:
            together = await self._build(["."])
            ran = ran if "redeclared in this block" in together.err else together
        self._judge(ran)

    async def _compile_importing(self) -> None:
        """Compile a program that imports the provider's package, which a go.mod above it names."""
        named = await run_program(shlex.quote(self._go), ["list", "-f", "{{.ImportPath}}", "."], self._home, self._env)
        if named.code:
            self._judge(named)
        place = os.path.join(self._home, "sojourn_host")
        imported = f"import sojournProvider {json.dumps(named.out.strip())}\n"
        self._add(place, f"{imported}func main() {{ sojournServe(sojournProvider.{self._reference.name}) }}\n")
        self._judge(await self._build(["./sojourn_host"]))

    def _add(self, place: str, entry: str) -> list[str]:
        """Let the compiler see the host and its entry in a folder of users' code, where nothing is written."""
        (self._folder / _ENTRY).write_text(f"package main\n{entry}", encoding="utf-8")
        seen = {
            os.path.join(place, _HOST.name): str(_HOST),
            os.path.join(place, _ENTRY): str(self._folder / _ENTRY),
        }
        (self._folder / "overlay.json").write_text(json.dumps({"Replace": seen}), encoding="utf-8")
        return list(seen)

    async def _build(self, what: list[str]) -> Ran:
        overlay, program = str(self._folder / "overlay.json"), str(self._folder / "program")
        words = ["build", "-buildvcs=false", "-overlay", overlay, "-o", program, *what]
        return await run_program(shlex.quote(self._go), words, self._home, self._env)

    def _judge(self, ran: Ran) -> None:
        """Raise CodeError where it could not be compiled."""
        if not ran.code:
            return
        told = list(_COMPLAINT.finditer(ran.err))
        own = [each for each in told if os.path.basename(each["file"]) not in _OURS]
        if told and not own:
            raise self._nameless(told[0]["what"])
        if not own:
            raise CodeError(f"it cannot be compiled: {ran.err.strip()}", where=str(self._reference))
        first = own[0]
        more = f" (and {len(own) - 1} more)" if own[1:] else ""
        place = [os.path.normpath(os.path.join(self._home, first["file"])), first["line"], first["column"]]
        raise CodeError(first["what"] + more, where=":".join(filter(None, place)))

    def _nameless(self, what: str) -> CodeError:
        """Say that there is no such function: it is our own line that names it, and that cannot be compiled."""
        is_absent = what.startswith("undefined: ") or "not declared by package" in what or "not exported" in what
        text = f"it defines no function {self._reference.name}" if is_absent else what
        error = CodeError(text, where=str(self._reference))
        error.known = tuple(_FUNCTIONS.findall(self._source))
        return error


def _read(reference: Reference) -> str:
    try:
        return Path(reference.path).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise CodeError(f"it cannot be read: {error.strerror}", where=str(reference)) from error
