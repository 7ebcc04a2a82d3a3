"""Derived metrics: arithmetic over a column's named scores, in mathjs's notation.

Only arithmetic is understood (numbers, names, + - * / % ^, comparisons, and or not, `a ? b : c`, and the functions
below): the expression is parsed, never run as code.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sojourn.errors import ClaimError, CodeError
from sojourn.model.reference import Reference
from sojourn.model.run_result import RunResult
from sojourn.model.suite import JsonDict, Suite
from sojourn.model.tally import ColumnTally
from sojourn.protocols import Code


def _rounded(value: float, digits: int) -> float:
    """Round halves away from zero, as mathjs does."""
    return math.copysign(math.floor(abs(value) * 10**digits + 0.5) / 10**digits, value)


def _divided(left: float, right: float) -> float:
    """Divide as JavaScript does: by zero, too."""
    if right:
        return left / right
    return math.nan if not left or math.isnan(left) else math.copysign(math.inf, left)


def _statistic(name: str, values: Sequence[float]) -> float:
    import statistics  # heavy, and seldom asked for

    return float(getattr(statistics, name)(values))


_FUNCTIONS: dict[str, Callable[..., float]] = {
    "abs": abs,
    "cbrt": math.cbrt,
    "ceil": math.ceil,
    "exp": math.exp,
    "floor": math.floor,
    "log": math.log,
    "log10": math.log10,
    "log2": math.log2,
    "max": max,
    "median": lambda *values: _statistic("median", values),
    "min": min,
    "mod": operator.mod,
    "pow": math.pow,
    "round": lambda value, digits=0: _rounded(value, int(digits)),
    "sign": lambda value: float((value > 0) - (value < 0)),
    "sqrt": math.sqrt,
    "std": lambda *values: _statistic("stdev", values),
    "sum": lambda *values: math.fsum(values),
    "mean": lambda *values: math.fsum(values) / len(values),
}
_BINARY: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: _divided,
    ast.Mod: operator.mod,
    ast.Pow: math.pow,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_CONSTANTS = {"pi": math.pi, "e": math.e, "true": 1.0, "false": 0.0}


_FILE = "file://"


def without_code(metrics: Sequence[JsonDict]) -> tuple[tuple[JsonDict, ...], list[str]]:
    """Part the metrics that are arithmetic from the names of those that need code, themselves or for what they name."""
    kept: list[JsonDict] = []
    left_out: list[str] = []
    for metric in metrics:
        written = str(metric.get("value"))
        if written.startswith(_FILE) or not set(left_out).isdisjoint(re.findall(r"\w+", written)):
            left_out.append(str(metric.get("name")))
        else:
            kept.append(metric)
    return tuple(kept), left_out


async def derive(result: RunResult, code: Code | None) -> dict[int, dict[str, float]]:
    """Return each column's derived metrics; later ones see earlier ones, and one that cannot be had is 0.

    Where no `code` is given, none is run.
    """
    suite = result.plan.suite
    if not suite.derived_metrics:
        return {}
    tally = result.results.tally
    return {each.index: await _column(tally.column(each.index), suite, code) for each in result.columns}


async def _column(column: ColumnTally, suite: Suite, code: Code | None) -> dict[str, float]:
    known: dict[str, float] = {**column.named_scores, "__count": float(column.outcomes.total())}
    derived: dict[str, float] = {}
    for metric in suite.derived_metrics:
        name, written = str(metric.get("name")), str(metric.get("value"))
        reference = Reference.parse(written, base=suite.base, role="scoring") if written.startswith(_FILE) else None
        try:
            if code is None or reference is None:
                derived[name] = evaluate(written, {**known, **derived})
            else:
                derived[name] = _number((await code.call(reference, {**known, **derived}, {})).value)
        except (ClaimError, CodeError):
            derived[name] = known.get(name, 0.0)
    return derived


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ClaimError(f"a derived metric is a number, not {value!r}")
    return float(value)


def evaluate(expression: str, names: Mapping[str, float]) -> float:
    """Work out an arithmetic expression; raises ClaimError where it is no arithmetic."""
    try:
        return _value(ast.parse(_in_python(expression).replace("^", "**").strip(), mode="eval").body, names)
    except (SyntaxError, ArithmeticError, ValueError, TypeError, RecursionError, MemoryError) as error:
        raise ClaimError(f"{expression!r} has no value: {error}") from error


def _in_python(text: str) -> str:
    """Return an expression with each choice, `a ? b : c`, as Python writes it, in parentheses and arguments too."""
    comma = _top_level(text, ",")
    if comma >= 0:
        return f"{_in_python(text[:comma])},{_in_python(text[comma + 1 :])}"
    question = _top_level(text, "?")
    if question >= 0:
        colon = question + 1 + _top_level(text[question + 1 :], ":")
        if colon <= question:
            raise ClaimError(f"{text!r} has a ? without a :")
        parts = text[:question], text[question + 1 : colon], text[colon + 1 :]
        asked, chosen, other = (_in_python(part.strip()) for part in parts)
        return f"(({chosen}) if ({asked}) else ({other}))"
    opening = text.find("(")
    if opening < 0:
        return text
    inner = text[opening + 1 :]
    closing = _top_level(inner, ")")
    if closing < 0:
        return text
    return f"{text[:opening]}({_in_python(inner[:closing])}){_in_python(inner[closing + 1 :])}"


def _top_level(text: str, mark: str) -> int:
    """Find a mark outside parentheses; for `:` the one that belongs to no inner `?`."""
    depth = inner = 0
    for place, letter in enumerate(text):
        if depth == 0 and letter == mark and not inner:
            return place
        depth += (letter == "(") - (letter == ")")
        inner += (letter == "?") - (letter == ":" and inner > 0) if depth == 0 and mark == ":" else 0
    return -1


def _value(node: ast.expr, names: Mapping[str, float]) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return float(node.value)
    if isinstance(node, ast.Name):
        return _named(node.id, names)
    if isinstance(node, ast.UnaryOp):
        return _signed(node, names)
    if isinstance(node, ast.BoolOp):
        settled = all if isinstance(node.op, ast.And) else any
        return settled(_value(each, names) for each in node.values)
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        return _BINARY[type(node.op)](_value(node.left, names), _value(node.right, names))
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _COMPARE:
        compare = _COMPARE[type(node.ops[0])]
        return compare(_value(node.left, names), _value(node.comparators[0], names))
    if isinstance(node, ast.IfExp):
        return _value(node.body if _value(node.test, names) else node.orelse, names)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS:
        return _FUNCTIONS[node.func.id](*(_value(argument, names) for argument in node.args))
    raise ClaimError("only arithmetic is understood")


def _signed(node: ast.UnaryOp, names: Mapping[str, float]) -> float:
    value = _value(node.operand, names)
    if isinstance(node.op, ast.Not):
        return not value
    if isinstance(node.op, ast.Invert):
        raise ClaimError("only arithmetic is understood")
    return -value if isinstance(node.op, ast.USub) else value


def _named(name: str, names: Mapping[str, float]) -> float:
    found = names.get(name, _CONSTANTS.get(name))
    if found is None:
        raise ClaimError(f"no metric is called {name!r}")
    return found
