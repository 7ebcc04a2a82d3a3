"""Signals are ours until the process ends: the first asks the run to stop, the next to hurry."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interruption:
    """What a signal asks for: until a run takes it over, that the task is cancelled which began to listen.

    `reason` is the name of the first signal heard, or empty; whoever takes over sets `stop(reason, again)`.
    """

    def __init__(self, task: asyncio.Task[object]) -> None:
        self.reason = ""
        self._task = task
        self.stop: Callable[[str, bool], None] = self._cancel

    def release(self) -> None:
        """Take back what a run took over: it has ended."""
        self.stop = self._cancel

    def heard(self, number: signal.Signals) -> None:
        """Pass a signal on."""
        again = bool(self.reason)
        self.reason = self.reason or number.name
        self.stop(self.reason, again)

    def _cancel(self, _reason: str, again: bool) -> None:  # noqa: FBT001  what `stop` is called with
        if not again:
            self._task.cancel()


@contextlib.contextmanager
def listening() -> Iterator[Interruption]:
    """Hear signals in the current task, and afterwards ignore them: only the command line, which then ends, calls this.

    A SIGHUP that whoever started us has had ignored (as nohup does) stays so.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    interruption = Interruption(task)
    hung_up = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN
    heard = [number for number in SIGNALS if number is not signal.SIGHUP or hung_up]
    for number in heard:
        loop.add_signal_handler(number, interruption.heard, number)
    try:
        yield interruption
    finally:
        for number in heard:  # all is done but to end: a signal that comes now must not change how
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)
