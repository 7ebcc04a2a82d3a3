"""What a run leaves with others while it lives, so that they can clean up after it should it be killed.

Only a suite with sessions or hooks has anything to leave: a ledger, a watchdog, and a last will with the processes in
which its hooks live.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import structs

from sojourn.languages.process import Heir
from sojourn.languages.runner import CodeRunner
from sojourn.languages.will import Will, Willed
from sojourn.lifecycle import watchdog
from sojourn.lifecycle.hooks import Extension
from sojourn.lifecycle.ledger import RunLedger, home, no_record
from sojourn.model.redaction import redacted
from sojourn.model.secrecy import Secrets
from sojourn.model.suite import JsonDict, Suite


class Safekeeping(msgspec.Struct, frozen=True):
    """A run's ledger, and what its language processes inherit."""

    ledger: RunLedger
    heir: Heir

    def leave_will(self, extensions: tuple[Extension, ...], context: JsonDict, code: CodeRunner) -> None:
        """Leave the afterAll hooks with the processes of their languages, and in the ledger."""
        if not self.ledger.exists:
            return
        calls: list[Willed] = []
        for extension in extensions:
            if extension.handles("afterAll"):
                mark, needs = f"afterAll:{extension.index}", "" if extension.moment else f"beforeAll:{extension.index}"
                arguments = (context, {"hookName": "afterAll"}) if extension.moment else ("afterAll", context)
                calls.append((mark, needs, extension.reference, arguments))
                reference = structs.asdict(extension.reference)
                told = {
                    "after_all": mark,
                    "needs": needs,
                    "reference": reference,
                    "args": self.ledger.secrets.clean(redacted(list(arguments))),
                }
                self.ledger.write(told)
        code.leave_will(calls)


@contextlib.contextmanager
def safekept(suite: Suite, run_id: str, folder: Path, secrets: Secrets) -> Iterator[Safekeeping]:
    """Keep a ledger and a watchdog for as long as a run lives."""
    ledger = RunLedger(home(os.environ), run_id, folder, secrets)
    if not suite.sessions and not suite.extensions:
        yield Safekeeping(ledger, Heir())
        return
    try:
        ledger.create()
    except OSError as error:
        raise no_record(ledger.path.parent.parent, error) from error

    def born(pid: int) -> None:
        import psutil

        with contextlib.suppress(psutil.Error):  # one that died at once needs nobody to end it
            ledger.note({"process": pid, "born": psutil.Process(pid).create_time()})

    lifeline = watchdog.start(ledger.path)
    try:
        yield Safekeeping(ledger, Heir(descriptors=(ledger.lock,), on_start=born, will=Will(ledger=str(ledger.file))))
    finally:
        ledger.close()
        os.close(lifeline)
