"""Who wrote a result file, where and when."""

from __future__ import annotations

import platform
import sys
from datetime import UTC, datetime
from typing import Any

from sojourn._version import __version__


def stamp() -> dict[str, Any]:
    """Return a result document's `metadata`."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "sojournVersion": __version__,
        "pythonVersion": platform.python_version(),
        "platform": sys.platform,
        "arch": platform.machine(),
        "exportedAt": now,
    }
