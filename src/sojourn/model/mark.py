"""By what a trial is known again when its suite is read once more."""

from __future__ import annotations

import hashlib

from sojourn.encoding import encode
from sojourn.model.plan import Trial


def mark_of(trial: Trial) -> str:
    """Return what tells a trial's test, prompt and provider from others, however often they are read."""
    column = trial.column
    provider = column.provider
    told = encode([trial.case.raw, column.prompt.id, column.prompt.raw, provider.label, provider.config, trial.needs])
    return hashlib.blake2b(told, digest_size=8).hexdigest()
