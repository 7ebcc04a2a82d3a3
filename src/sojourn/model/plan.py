"""What will run: trials in order, gathered into lanes."""

from __future__ import annotations

import msgspec

from sojourn.model.suite import Case, Prompt, ProviderSpec, Suite


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One provider with one prompt; `index` is promptfoo's promptIdx."""

    index: int
    provider: ProviderSpec
    prompt: Prompt


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One test x one prompt x one provider x one repeat: the unit of result.

    `index` counts in file order over the run; `test_index` is promptfoo's testIdx (it counts repeats and combinations
    too); `test_number` counts the tests as written, `repeat` from 0. `lane` is the key of the declared lane, or empty.
    `conversation` is the key of the conversation that the trial is part of, or empty, `turn` its turn from 1 where the
    test has turns; `test_key` names the test across repeats, providers and prompts, `needs` the sessions it uses.
    `variant` says which combination of its vars it has, where there are several: "city=Bern, season=spring".
    """

    index: int
    test_index: int
    test_number: int
    repeat: int
    column: Column
    case: Case
    lane: str = ""
    conversation: str = ""
    turn: int = 0
    test_key: str = ""
    needs: tuple[str, ...] = ()
    variant: str = ""

    @property
    def test_name(self) -> str:
        """What people call its test."""
        return test_name(self.case.description, self.test_number, self.variant)

    @property
    def name(self) -> str:
        """What people call it: its test, and the turn."""
        return f"{self.test_name}, turn {self.turn}" if self.turn else self.test_name

    @property
    def numbered(self) -> str:
        """Its name with its number, by which no two are alike: people count from 1."""
        return f"{self.name} (trial {self.index + 1})"


def test_name(description: str, number: int, variant: str) -> str:
    """Return what people call a test: its description, or else its number, from 1; and which combination of vars."""
    name = description or f"test {number + 1}"
    return f"{name} ({variant})" if variant else name


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """The ordered trials that share something; `why` says what."""

    key: str
    why: str
    trials: tuple[Trial, ...]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """All lanes in the order of their first trial.

    `learning` is the reason why undeclared sharing has to be learnt during the run, or empty. `first` lanes run
    before all others (promptfoo's runSerially).
    """

    suite: Suite
    columns: tuple[Column, ...]
    lanes: tuple[Lane, ...]
    first: tuple[Lane, ...] = ()
    learning: str = ""
    jobs: int = 4

    __repr__ = object.__repr__  # asyncio writes out what a task returned

    @property
    def trials(self) -> list[Trial]:
        """Every trial, in file order."""
        found = [trial for lane in (*self.first, *self.lanes) for trial in lane.trials]
        return sorted(found, key=lambda trial: trial.index)
