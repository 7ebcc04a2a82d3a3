"""Output files are whole or absent, and a result that cannot be written loses nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Evaluate = Callable[..., Any]

HOOKS = "from telling import tell\ndef hook(name, context): tell(name)\n"
SUITE = "prompts: ['{{n}}']\nproviders: [echo]\nextensions: ['file://hooks.py:hook']\ntests:\n"
TESTS = "".join(f"  - vars: {{n: {n}, text: {'x' * 500}}}\n" for n in range(50))


def test_where_no_record_of_the_run_can_be_kept_nothing_is_opened(evaluate: Evaluate) -> None:
    """Without a ledger a killed run could not be cleaned up: no hook is called, and every test says why."""
    ended = evaluate({"promptfooconfig.yaml": SUITE + TESTS, "hooks.py": HOOKS}, BEFORE="ulimit -f 8; ")

    assert ended.code == 1
    assert "Error (before): no record of the run can be kept in " in ended.shown
    assert "Traceback" not in ended.shown
    assert ended.story == []


@pytest.mark.parametrize("kilobytes", [40, 80])
def test_a_full_disk_leaves_no_half_file(evaluate: Evaluate, tmp_path: Path, kilobytes: int) -> None:
    """Where there is no room the file is absent, nothing lies beside it, all hooks have run, and one line says so."""
    files = {"promptfooconfig.yaml": SUITE + TESTS, "hooks.py": HOOKS}
    ended = evaluate(files, "-o", "small.csv", "--no-table", BEFORE=f"ulimit -f {kilobytes * 2}; ")

    assert ended.code == 1
    assert ended.document is None
    assert "error: out.json cannot be written: File too large (make room, or choose another place)" in ended.shown
    assert "Traceback" not in ended.shown
    assert not list(tmp_path.glob(".sojourn-*"))
    assert (ended.story.count("afterEach"), ended.story.count("afterAll")) == (50, 1)


def test_an_earlier_result_stays_until_the_new_one_is_whole(evaluate: Evaluate, tmp_path: Path) -> None:
    """A run that cannot write its results does not take away those of the run before."""
    (tmp_path / "out.json").write_text('{"results": "earlier"}', encoding="utf-8")
    ended = evaluate({"promptfooconfig.yaml": SUITE + TESTS, "hooks.py": HOOKS}, BEFORE="ulimit -f 80; ")

    assert ended.code == 1
    assert ended.document == {"results": "earlier"}


def test_results_are_for_their_owner_alone(evaluate: Evaluate, tmp_path: Path) -> None:
    """What models said is nobody else's business."""
    ended = evaluate({"promptfooconfig.yaml": SUITE + TESTS, "hooks.py": HOOKS})

    assert ended.code == 0
    assert (tmp_path / "out.json").stat().st_mode & 0o777 == 0o600


def test_a_screen_that_takes_nothing_costs_only_what_is_shown(evaluate: Evaluate) -> None:
    """With standard output full and standard error closed, the run goes on and its results are written."""
    ended = evaluate({"promptfooconfig.yaml": SUITE + TESTS, "hooks.py": HOOKS}, BEFORE="exec 2>&-; exec >/dev/full; ")

    assert ended.code == 0
    assert ended.outcomes == ["passed"] * 50
    assert ended.story[-1] == "afterAll"
