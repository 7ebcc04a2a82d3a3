"""`sojourn import`: store a run that was written to a file, by Sojourn or by promptfoo."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from sojourn.cli.stored import command, stored
from sojourn.drawing.plain import one_line
from sojourn.errors import StoreError
from sojourn.model.adopting import adopted
from sojourn.model.redaction import redacted
from sojourn.model.secrecy import Secrets


def run(argv: list[str]) -> int:
    """Run the command; returns the exit code."""
    made = command("import", "PATH ...", "Store runs that `eval -o` wrote as JSON; promptfoo's are understood, too.")
    made.add_argument("paths", nargs="+", metavar="PATH", help="JSON files")
    paths = made.parse_args(argv).paths
    read = [(path, *adopted(_read(path))) for path in paths]
    with stored() as store:
        for path, document, rows in read:
            secrets = Secrets.of(os.environ, document.get("config"))
            seen, told = secrets.clean(redacted(document)), secrets.clean(redacted(rows))
            store.put(seen, told, str(Path(path).absolute().parent))
            sys.stdout.write(f"stored: {one_line(document['evalId'], 100)} ({len(rows)} results)\n")
    return 0


def _read(path: str) -> dict[str, Any]:
    try:
        told = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{path} is no JSON: {error}") from error
    return told if isinstance(told, dict) else {}
