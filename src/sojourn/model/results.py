"""The results of a run: in memory, or on a shelf from which they are read back, so that a long run stays small."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import overload

from sojourn.errors import StoreError
from sojourn.model.plan import Trial
from sojourn.model.result import TrialResult
from sojourn.model.tally import Tally

READ_AT_ONCE = 500

Read = Callable[[Sequence[Trial]], Iterable[TrialResult]]
"""Gives back the results of some trials, in whatever order."""


class Results(Sequence[TrialResult]):
    """The results of a run, in the order in which trials ended; one a trial.

    What is shelved is read anew whenever it is asked for, so two readings are equal, but not the same object.
    """

    def __init__(self, results: Iterable[TrialResult] = (), read: Read | None = None) -> None:
        self._entries: dict[int, TrialResult | Trial] = {}
        self._read = read
        self._tally: Tally | None = Tally()
        self._is_whole = True
        for each in results:
            self.append(each)

    # --- what came of trials -----------------------------------------------------------------------------------

    def append(self, result: TrialResult, seen: TrialResult | None = None) -> None:
        """Take what came of a further trial; what others may see of it is counted, where that is not the same."""
        self._entries[result.trial.index] = result
        if self._tally is not None:
            self._tally.add(seen or result)

    def replace(self, result: TrialResult) -> None:
        """Let this be what came of its trial."""
        self._entries[result.trial.index] = result
        self._recount()

    def withdraw(self, index: int) -> TrialResult:
        """Take back what came of a trial, and return it."""
        [result] = self._of([self._entries.pop(index)])
        self._recount()
        return result

    def _recount(self) -> None:
        """Count anew, when it is asked for: what is in memory may hold what nobody else may see."""
        self._tally, self._is_whole = None, False

    @property
    def tally(self) -> Tally:
        """What is counted of them."""
        if self._tally is None:
            self._tally = Tally()
            for each in self:
                self._tally.add(each)
        return self._tally

    # --- the shelf ---------------------------------------------------------------------------------------------

    def shelve_with(self, read: Read) -> None:
        """Have results read by this from now on once they are shelved."""
        self._read = read

    def shelve(self, result: TrialResult) -> bool:
        """Let go of a result that can be read from now on; False where another has taken its place."""
        held = self._entries.get(result.trial.index)
        if self._read is None or held is None or isinstance(held, Trial) or held.ended != result.ended:
            return False
        self._entries[result.trial.index] = result.trial  # as it may be shown
        return True

    @property
    def held(self) -> list[TrialResult]:
        """Those that are in memory."""
        return [each for each in self._entries.values() if not isinstance(each, Trial)]

    def changed(self, change: Callable[[TrialResult], TrialResult]) -> Results:
        """Return these results with those changed that are in memory."""
        made = Results(read=self._read)
        made._entries = {
            index: each if isinstance(each, Trial) else change(each) for index, each in self._entries.items()
        }
        made._tally, made._is_whole = (self._tally if self._is_whole else None), self._is_whole
        return made

    # --- reading -----------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[TrialResult]:
        return self._of([*self._entries.values()])

    @overload
    def __getitem__(self, place: int) -> TrialResult: ...

    @overload
    def __getitem__(self, place: slice) -> list[TrialResult]: ...

    def __getitem__(self, place: int | slice) -> TrialResult | list[TrialResult]:
        found = [*self._entries.values()][place]
        if isinstance(found, list):
            return [*self._of(found)]
        [result] = self._of([found])
        return result

    def in_order(self) -> Iterator[TrialResult]:
        """Yield them in the order of the plan."""
        return self.picked(sorted(self._entries))

    def picked(self, indices: Iterable[int]) -> Iterator[TrialResult]:
        """Yield those of some trials, in the order in which these are given by their index."""
        return self._of([self._entries[index] for index in indices])

    def trials(self) -> Iterator[Trial]:
        """Yield the trials that have a result, without reading it."""
        return (each if isinstance(each, Trial) else each.trial for each in self._entries.values())

    def _of(self, entries: list[TrialResult | Trial]) -> Iterator[TrialResult]:
        for start in range(0, len(entries), READ_AT_ONCE):
            some = entries[start : start + READ_AT_ONCE]
            shelved = [each for each in some if isinstance(each, Trial)]
            read = {each.trial.index: each for each in self._read(shelved)} if shelved and self._read else {}
            if len(read) < len(shelved):
                raise StoreError("rows of the run are gone from the store", todo="was it deleted while it was read?")
            yield from (read[each.index] if isinstance(each, Trial) else each for each in some)
