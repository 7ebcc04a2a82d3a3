"""The program `sojourn`; `--version` answers before anything else is imported."""

import gc
import sys


def main() -> int:
    """Run the command line and return its exit code."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from sojourn._version import __version__

        sys.stdout.write(f"{__version__}\n")
        return 0
    try:
        from sojourn.cli.app import run
        from sojourn.cli.pipes import lasting

        sys.stdout, sys.stderr = lasting(sys.stdout), lasting(sys.stderr)
        return run(sys.argv[1:])
    except KeyboardInterrupt:
        return 130
    finally:
        gc.freeze()  # the process is about to end: what is left needs no last look for cycles


if __name__ == "__main__":
    sys.exit(main())
