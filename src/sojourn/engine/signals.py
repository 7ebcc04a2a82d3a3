"""Signals are ours until the last close: the first asks the run to stop, the second to hurry."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GRACE = 5.0


@contextlib.contextmanager
def listening(stop: Callable[[str, bool], None], tell: Callable[[str], None]) -> Iterator[None]:
    """Call `stop(reason, now)` on a signal; after a grace, or on the second signal, with `now`."""
    loop = asyncio.get_running_loop()
    seen: list[signal.Signals] = []
    timers: list[asyncio.TimerHandle] = []

    def heard(number: signal.Signals) -> None:
        seen.append(number)
        if len(seen) == 1:
            tell(
                f"{number.name}: no new tests; those under way have {GRACE:g} s, then after-hooks run. Again: at once."
            )
            stop(number.name, False)
            timers.append(loop.call_later(GRACE, stop, number.name, True))
        else:
            tell(f"{number.name}: cutting short what is under way; after-hooks still run.")
            stop(number.name, True)

    for number in SIGNALS:
        loop.add_signal_handler(number, heard, number)
    try:
        yield
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
        for timer in timers:
            timer.cancel()
