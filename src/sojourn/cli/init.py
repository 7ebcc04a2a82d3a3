"""`sojourn init`: start from an annotated file, or from a packaged example."""

from __future__ import annotations

import argparse
import shlex
import shutil
import sys
from pathlib import Path

from sojourn.registry import nearest

EXAMPLES = Path(__file__).parent.parent / "examples"
STARTER = EXAMPLES / "getting-started" / "promptfooconfig.yaml"


def run(argv: list[str]) -> int:
    """Write a starting point for a suite, or list the examples; return the exit code."""
    options = _parser().parse_args(argv)
    known = examples()
    if options.list:
        sys.stdout.writelines(f"{name:{max(map(len, known))}}  {told}\n" for name, told in known.items())
        return 0
    if options.example is None:
        return _write({STARTER: Path(STARTER.name)}, Path(options.dir or "."))
    if options.example not in known:
        close = nearest(options.example, known)
        hint = f"did you mean {close!r}? " if close else ""
        return _refuse(f"unknown example {options.example!r} ({hint}sojourn init --list shows them)", code=2)
    source = EXAMPLES / options.example
    files = {path: path.relative_to(source) for path in sorted(source.rglob("*")) if _is_part(path)}
    return _write(files, Path(options.dir or options.example))


def examples() -> dict[str, str]:
    """Return every packaged example's name with what the first line of its README says of it."""
    found = {}
    for readme in sorted(EXAMPLES.glob("*/README.md")):
        with readme.open(encoding="utf-8") as lines:
            found[readme.parent.name] = next(lines).removeprefix(f"# {readme.parent.name}:").strip()
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sojourn init", description="Start a suite, from an example if you like.")
    parser.add_argument("--example", metavar="NAME", help="copy this example instead of a single annotated file")
    parser.add_argument("--list", action="store_true", help="show the examples and exit")
    parser.add_argument(
        "dir", metavar="DIR", nargs="?", help="where to (default: here, or a folder named as the example)"
    )
    return parser


def _is_part(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts


def _write(files: dict[Path, Path], folder: Path) -> int:
    present = [folder / place for place in files.values() if (folder / place).exists()]
    if present:
        return _refuse(f"{present[0]} is there already and would be overwritten (name another folder, or move it away)")
    try:
        for source, place in files.items():
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, folder / place)
    except OSError as error:
        return _refuse(f"cannot write {error.filename or folder}: {error.strerror}")
    sys.stdout.writelines(f"wrote {folder / place}\n" for place in files.values())
    sys.stdout.write("\nNext:\n" + "".join(f"  {command}\n" for command in _next(files, folder)))
    return 0


def _next(files: dict[Path, Path], folder: Path) -> list[str]:
    start = f"cd {shlex.quote(str(folder))} && " if str(folder) != "." else ""
    configs = [place.name for place in files.values() if place.name.startswith("promptfooconfig")]
    others = [f"{start}sojourn eval -c {name}" for name in configs if name != STARTER.name]
    return [f"{start}sojourn eval", *others]


def _refuse(why: str, *, code: int = 1) -> int:
    sys.stderr.write(f"sojourn init: {why}\n")
    return code
