"""Options are generated from the fields of `config.flags.Flags`, for every command that reads a suite."""

from __future__ import annotations

import argparse
import dataclasses
import os
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NoReturn

from sojourn.cli import absent
from sojourn.config.findings import SAID
from sojourn.config.flags import Flags, from_options
from sojourn.errors import ConfigError, SojournError, UsageError
from sojourn.registry import nearest

_SHOWN = 100
"""So many mistakes are told; whoever mends these will find the rest."""


_WHOLE = re.compile(r"invalid int value: ('.*')")


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line, with the nearest option."""

    def error(self, message: str) -> NoReturn:
        """Complain and end."""
        unknown = message.removeprefix("unrecognized arguments: ").split()
        if len(unknown) < len(message.split()):
            name = unknown[0].partition("=")[0]
            close = nearest(name, self._option_string_actions)
            message = f"there is no option {name}" if name.startswith("-") else f"nothing takes the argument {name!r}"
            message += f"; did you mean {close}?" if close else ""
            message = absent.refusal(name) if name in absent.OPTIONS else message
        message = _WHOLE.sub(r"\1 is no whole number", message)
        self.exit(2, f"error: {message.removeprefix('argument ')} (`{self.prog} --help` shows the options)\n")


class Formatter(argparse.RawDescriptionHelpFormatter):
    """Names an option's value once, however many spellings the option has."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=34)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        value = action.metavar or "{" + ",".join(map(str, action.choices or ())) + "}"
        value = f"[{value}]" if action.nargs == "?" else f"{value} ..." if action.nargs == "+" else str(value)
        return f"{', '.join(action.option_strings)} {value}"


def parser(command: str, description: str, epilog: str = "") -> argparse.ArgumentParser:
    """Return a parser with `-c` and one option for each field of Flags."""
    made = Parser(
        prog=f"sojourn {command}",
        usage=f"sojourn {command} [-c PATH ...] [options]",
        description=description,
        epilog=epilog,
        allow_abbrev=False,
        formatter_class=Formatter,
    )
    files = "configuration files (default: promptfooconfig.yaml and the like, here)"
    made.add_argument("-c", "--config", nargs="+", action="extend", default=[], metavar="PATH", help=files)
    for field in dataclasses.fields(Flags):
        options = dict(field.metadata["argparse"])
        made.add_argument(*field.metadata["flags"], dest=field.name, help=field.metadata["help"], **options)
    return made


def wrong_verb(command: str, argv: Sequence[str], verbs: Iterable[str]) -> int:
    """Say that a command has no such verb, or needs one; returns the exit code for wrong usage."""
    known = list(verbs)
    named = argv[0] if argv else ""
    close = nearest(named, known)
    what = f"there is no `sojourn {command} {named}`" if named else f"`sojourn {command}` needs to be told what to do"
    hint = f"did you mean {close}?" if close else f"there are {', '.join(known)}"
    sys.stderr.write(f"error: {what}; {hint} (`sojourn {command} --help` tells more)\n")
    return 2


def flags_of(options: argparse.Namespace) -> Flags:
    """Return the Flags that the command line gave."""
    return from_options(vars(options))


def warn(warnings: Iterable[str]) -> None:
    """Tell the user what is doubtful."""
    sys.stderr.writelines(f"warning: {warning}\n" for warning in warnings)


def surroundings() -> tuple[Path, dict[str, str]]:
    """Return the working folder and the environment."""
    return Path.cwd(), dict(os.environ)


def complain(error: SojournError) -> int:
    """Tell the user what is wrong; returns the exit code that says so."""
    from sojourn.model.secrecy import Secrets

    secrets = Secrets.of(os.environ)
    if isinstance(error, ConfigError):
        warn(map(secrets.text, error.warnings))
        for problem in error.problems[:_SHOWN]:
            sys.stderr.write(f"error: {secrets.text(str(problem))}\n")
        if len(error.problems) > _SHOWN:
            sys.stderr.write(f"error: and {len(error.problems) - _SHOWN} more\n")
        return 2 if any(problem.file == SAID for problem in error.problems) else 1
    sys.stderr.write(f"error: {secrets.text(str(error))}\n")
    return 2 if isinstance(error, UsageError) else 1
