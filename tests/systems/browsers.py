"""Browsers on this machine: whether there is one to test with, and which ones the runs of a test have started."""

from __future__ import annotations

import shutil
from pathlib import Path

import psutil

from sojourn.kinds.marked import MARK
from tests.systems.presence import need


def need_chromium() -> None:
    """Go on only where there is a Chromium."""
    need(shutil.which("chromium") or shutil.which("google-chrome"), "chromium")


def browsers(folder: Path) -> list[int]:
    """Return the processes of browsers that sessions of a folder's runs have started."""
    found = []
    for process in psutil.process_iter(["environ", "status"]):
        environ = process.info["environ"] or {}
        is_ours = MARK in environ and environ.get("SOJOURN_HOME", "").startswith(f"{folder}/")
        if is_ours and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process.pid)
    return found
