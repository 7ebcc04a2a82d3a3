"""Where in a suite's files a mistake stands that was found when they had all been read."""

from __future__ import annotations

import os
from collections.abc import Sequence

from msgspec import structs

from sojourn.config.files import read_text, shown
from sojourn.config.positions import NOWHERE, locate
from sojourn.errors import ConfigError, Problem


def placed(problem: Problem, files: Sequence[str]) -> Problem:
    """Return a problem with the place of what it is about, in the first file that has it; else as it is."""
    for path in files if problem.about else ():
        try:
            text = read_text(path)
        except ConfigError:
            continue
        whole = locate(text, problem.about[:1])
        owner = locate(text, problem.about[:2])
        if owner not in (NOWHERE, whole):
            line, column = locate(text, problem.about)
            return structs.replace(problem, file=shown(path, os.getcwd()), line=line, column=column)
    return problem
