"""What promptfoo's command line has and Sojourn's has not yet: refused by its name, not as a slip of the pen."""

from __future__ import annotations

COMMANDS = frozenset(
    [
        "auth",
        "code-scans",
        "config",
        "debug",
        "feedback",
        "generate",
        "logs",
        "mcp",
        "optimize",
        "redteam",
        "retry",
        "scan-model",
        "share",
    ]
)
OPTIONS = frozenset(
    [
        "--remote",
        "--share",
        "--suggest-prompts",
        "--table-cell-max-length",
    ]
)
MEANT_ANYWAY = ("--no-share", "--verbose")
"""Options of `eval` that ask for what is done without them."""


def refusal(name: str) -> str:
    """Say that a command or an option is known, and that there is none yet."""
    return f"{name} is not there yet: promptfoo has it, Sojourn does not"
