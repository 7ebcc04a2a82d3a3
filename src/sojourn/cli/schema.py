"""`sojourn schema`: the JSON schema of a configuration, for editors."""

from __future__ import annotations

import json
import sys

from sojourn.cli.options import Parser
from sojourn.config.schema import schema


def run(argv: list[str]) -> int:
    """Print the schema; returns 0."""
    about = "Print the JSON schema of a configuration, by which editors complete keys and point out slips."
    Parser(prog="sojourn schema", description=about).parse_args(argv)
    json.dump(schema(), sys.stdout, indent=1)
    sys.stdout.write("\n")
    return 0
