from __future__ import annotations

import math

import pytest

from sojourn.engine.deriving import evaluate
from sojourn.errors import ClaimError

NAMES = {"a": 1.0, "b": 3.0, "__count": 2.0}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("a / b", 1 / 3),
        ("a + b * 2 ^ 2", 13),
        ("-a % 7", 6),
        ("b / __count", 1.5),
        ("a > 1 ? 5 : b > 2 ? 6 : 7", 6),
        ("(a > b ? a : b) + 1", 4),
        ("a >= 1 ? (b > 3 ? 1 : 0.5) : 0", 0.5),
        ("max(a, b > 2 ? 9 : 1, (b - a) * (b > a ? 2 : 1))", 9),
        ("mod(b, 2) + median(1, 2, 9) + std(1, 3)", 3 + math.sqrt(2)),
        ("max(a, b) + sqrt(4) + round(2.5) + round(-2.5)", 5),
        ("a / 0", math.inf),
        ("a and b", True),
        ("not a or a == 1", True),
        ("a > b", False),
    ],
)
def test_expressions_are_worked_out_as_mathjs_does(expression: str, value: float) -> None:
    """Arithmetic, comparisons, logic, a choice, functions; division by zero is infinite, halves go away from zero."""
    assert evaluate(expression, NAMES) == value


@pytest.mark.parametrize(
    "expression", ["nope + 1", "a +", "__import__('os')", "a.b", "~a", "a ? b", "[a]", "(a", "a)", "(a ? b)"]
)
def test_what_is_no_arithmetic_is_refused(expression: str) -> None:
    """Unknown names, broken and foreign expressions have no value."""
    with pytest.raises(ClaimError):
        evaluate(expression, NAMES)
