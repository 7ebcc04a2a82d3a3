"""Expressions: from tokens to functions of a frame.

There is no tree in between: each rule returns an `Expression` that, given a frame, gives the value. Precedence, from
loose to tight: `if`, `or`, `and`, `not`, `in`, `is`, `==`, `<`, sums (`~` too), products, `//`, `**`, signs, filters,
and what stands behind a value: `.name`, `[key]`, `(arguments)`. nunjucks translates to JavaScript without parentheses,
so JavaScript's precedence holds, even where it surprises: `not a == b` is `(not a) == b`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import msgspec

from sojourn.errors import TemplateError
from sojourn.template import calling, lookup, operators
from sojourn.template.lexer import Token, broken, tokenize
from sojourn.template.predicates import tested
from sojourn.template.scope import Frame
from sojourn.template.values import UNDEFINED, Array, Object, to_text, truthy, whole

Evaluate = Callable[[Frame], Any]
CONSTANTS = {"true": True, "false": False, "none": None, "null": None}


class Expression(msgspec.Struct, frozen=True):
    """An expression ready to run; `label` is how messages name it, `chained` that operators join several values."""

    run: Evaluate
    label: str = "the expression"
    chained: bool = False


class Arguments(msgspec.Struct, frozen=True):
    """What stands between a call's parentheses."""

    positional: tuple[Evaluate, ...] = ()
    named: tuple[tuple[str, Evaluate], ...] = ()

    def values(self, frame: Frame) -> tuple[list[Any], dict[str, Any]]:
        """Work the arguments out."""
        return [run(frame) for run in self.positional], {name: run(frame) for name, run in self.named}


class ExpressionParser:
    """Reads expressions, and notes which variables, filters and tests they name."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.tokens = tokenize(source)
        self.index = 0
        self.bound: list[str] = []
        self.pending: _Negation | None = None
        self.names: set[str] = set()
        self.filters: dict[str, int] = {}
        self.tests: dict[str, int] = {}

    @property
    def token(self) -> Token:
        """The token to read next."""
        return self.tokens[self.index]

    def next(self) -> Token:
        """Take the next token; the end is never passed."""
        token = self.tokens[self.index]
        if token.kind != "end":
            self.index += 1
        return token

    def accept(self, *texts: str) -> str:
        """Take the next token if it is one of these operators or words; returns it, or an empty string."""
        token = self.token
        if token.kind in ("operator", "word") and token.text in texts:
            self.index += 1
            return token.text
        return ""

    def expect(self, text: str) -> None:
        """Take this operator or word, or raise TemplateError."""
        if not self.accept(text):
            raise self.error(f"expected {text}")

    def word(self) -> str:
        """Take a name, or raise TemplateError."""
        if self.token.kind != "word":
            raise self.error("expected a name")
        return self.next().text

    def error(self, what: str) -> TemplateError:
        """Make the error for a mistake at the next token."""
        token = self.token
        seen = "the end" if token.kind == "end" else f"{token.text!r}"
        return broken(self.source, token.at, f"{what}, found {seen}")

    def expression(self) -> Expression:
        """Read one whole expression."""
        body = self._or()
        if not self.accept("if"):
            return body
        test = self._or().run
        other = self._or().run if self.accept("else") else _nothing
        yes = body.run
        return Expression(lambda frame: yes(frame) if truthy(test(frame)) else other(frame))

    def _or(self) -> Expression:
        left = self._and()
        while self.accept("or"):
            left = _either(left.run, self._and().run)
        return left

    def _and(self) -> Expression:
        left = self._not()
        while self.accept("and"):
            left = _both(left.run, self._not().run)
        return left

    def _not(self) -> Expression:
        if not self.accept("not"):
            return self._in()
        pending = self.pending = _Negation()
        while self.accept("not"):
            pending.twice = not pending.twice
        inner = self._in()
        pending.first_only = inner.chained
        return inner if inner.chained else Expression(lambda frame: pending.flip(inner.run(frame)))

    def _in(self) -> Expression:
        left = self._is()
        while True:
            negated = self.token.text == "not" and self.tokens[self.index + 1].text == "in"
            if negated:
                self.next()
            if not self.accept("in"):
                return left
            left = _within(left.run, self._is().run, negated=negated)

    def _is(self) -> Expression:
        left = self._compare()
        if not self.accept("is"):
            return left
        negated = bool(self.accept("not"))
        at = self.token.at
        name = self.word()
        self.tests.setdefault(name, at)
        arguments = self._arguments() if self.accept("(") else Arguments()
        return _tested(left.run, name, arguments, negated=negated)

    def _compare(self) -> Expression:
        left = self._order()
        while sign := self.accept("==", "===", "!=", "!=="):
            left = _joined(operators.COMPARE[sign], left.run, self._order().run)
        return left

    def _order(self) -> Expression:
        left = self._sum()
        while sign := self.accept("<", ">", "<=", ">="):
            left = _joined(operators.COMPARE[sign], left.run, self._sum().run)
        return left

    def _sum(self) -> Expression:
        left = self._product()
        while sign := self.accept("+", "-", "~"):
            left = _joined(operators.ARITHMETIC[sign], left.run, self._product().run)
        return left

    def _product(self) -> Expression:
        negation, self.pending = self.pending, None
        first, *rest = self._factors()
        left = Expression(negation.guarding(first[1].run)) if negation else first[1]
        while sign := self.accept("*", "/"):
            (_, factor), *more = self._factors()
            rest += [(sign, factor), *more]
        return _folded(left, rest)

    def _factors(self) -> list[tuple[str, Expression]]:
        """Read what `%` joins; `//` makes one value of it."""
        factors = self._remainders()
        while self.accept("//"):
            (_, divisor), *more = self._remainders()
            (_, first), *rest = factors
            factors = [("", _floored(_folded(first, [*rest, ("/", divisor), *more])))]
        return factors

    def _remainders(self) -> list[tuple[str, Expression]]:
        factors = [("", self._power())]
        while self.accept("%"):
            factors.append(("%", self._power()))
        return factors

    def _power(self) -> Expression:
        left = self._filtered(self._signed())
        while self.accept("**"):
            joined = _joined(operators.ARITHMETIC["**"], left.run, self._filtered(self._signed()).run)
            left = Expression(joined.run)
        return left

    def _signed(self) -> Expression:
        sign = self.accept("-", "+")
        if not sign:
            return self._postfix(self._primary())
        inner = self._signed().run
        operate = operators.SIGNS[sign]
        return Expression(lambda frame: operate(inner(frame)))

    def _filtered(self, value: Expression) -> Expression:
        while self.accept("|"):
            value = _filter(*self.filter_call(), value.run)
        return value

    def filter_call(self) -> tuple[str, Arguments]:
        """Read a filter's name, which may be dotted, and its arguments."""
        at = self.token.at
        name = self.word()
        while self.accept("."):
            name += "." + self.word()
        self.filters.setdefault(name, at)
        return name, self._arguments() if self.accept("(") else Arguments()

    def _primary(self) -> Expression:
        token = self.next()
        if token.kind == "string":
            return _constant(token.text)
        if token.kind == "number":
            return _constant(whole(float(token.text)))
        if token.kind == "regex":
            return _constant(operators.regex(token.text, token.flags))
        if token.kind == "word":
            return self._name(token.text)
        if token.kind == "operator" and token.text in "([{":
            return self._aggregate(token.text)
        self.index -= token.kind != "end"
        raise self.error("expected a value")

    def _name(self, name: str) -> Expression:
        if name in CONSTANTS:
            return _constant(CONSTANTS[name])
        if name not in self.bound:
            self.names.add(name)
        return Expression(lambda frame: frame.lookup(name), name)

    def _postfix(self, value: Expression) -> Expression:
        while sign := self.accept(".", "[", "("):
            if sign == "(":
                value = _call(value, self._arguments())
            elif sign == ".":
                value = _member(value, _constant(self.word()))
            else:
                value = _member(value, self.expression())
                self.expect("]")
        return value

    def _arguments(self) -> Arguments:
        positional: list[Evaluate] = []
        named: list[tuple[str, Evaluate]] = []
        while not self.accept(")"):
            if positional or named:
                self.expect(",")
            if self.token.kind == "word" and self.tokens[self.index + 1].text == "=":
                name = self.word()
                self.expect("=")
                named.append((name, self.expression().run))
            else:
                positional.append(self.expression().run)
        return Arguments(tuple(positional), tuple(named))

    def _aggregate(self, opening: str) -> Expression:
        if opening == "{":
            return self._object()
        closing = ")" if opening == "(" else "]"
        items: list[Expression] = []
        while not self.accept(closing):
            if items:
                self.expect(",")
            items.append(self.expression())
        if opening == "[":
            runs = [item.run for item in items]
            return Expression(lambda frame: Array([run(frame) for run in runs]))
        return items[-1] if items else _constant(UNDEFINED)

    def _object(self) -> Expression:
        pairs: list[tuple[Evaluate, Evaluate]] = []
        while not self.accept("}"):
            if pairs:
                self.expect(",")
            key = _constant(self.next().text) if self.token.kind == "word" else self._primary()
            self.expect(":")
            pairs.append((key.run, self.expression().run))
        return Expression(lambda frame: Object({to_text(key(frame)): value(frame) for key, value in pairs}))


def _nothing(_frame: Frame) -> Any:
    return ""


def _constant(value: Any) -> Expression:
    return Expression(lambda _frame: value, to_text(value))


def _either(left: Evaluate, right: Evaluate) -> Expression:
    def run(frame: Frame) -> Any:
        value = left(frame)
        return value if truthy(value) else right(frame)

    return Expression(run)


def _both(left: Evaluate, right: Evaluate) -> Expression:
    def run(frame: Frame) -> Any:
        value = left(frame)
        return right(frame) if truthy(value) else value

    return Expression(run)


def _within(left: Evaluate, right: Evaluate, *, negated: bool) -> Expression:
    return Expression(lambda frame: lookup.within(left(frame), right(frame)) is not negated)


class _Negation:
    """`not` before several joined values falls on the first alone; how many there are shows only behind them."""

    def __init__(self) -> None:
        self.twice = False
        self.first_only = False

    def flip(self, value: Any) -> bool:
        return truthy(value) is self.twice

    def guarding(self, first: Evaluate) -> Evaluate:
        return lambda frame: self.flip(first(frame)) if self.first_only else first(frame)


def _joined(operate: Callable[[Any, Any], Any], left: Evaluate, right: Evaluate) -> Expression:
    def run(frame: Frame) -> Any:
        value = operate(left(frame), right(frame))
        return frame.run.make(value) if isinstance(value, str | bool) else _settled(value)

    return Expression(run, chained=True)


def _folded(first: Expression, rest: list[tuple[str, Expression]]) -> Expression:
    for sign, factor in rest:
        first = _joined(operators.ARITHMETIC[sign], first.run, factor.run)
    return first


def _floored(quotient: Expression) -> Expression:
    return Expression(lambda frame: operators.floor(quotient.run(frame)))


def _settled(value: float) -> float:
    """Keep numbers as a double would: whole ones exact up to 2**53."""
    if isinstance(value, int):
        return value if -(2**53) <= value <= 2**53 else float(value)
    return whole(value) if math.isfinite(value) else value


def _tested(value: Evaluate, name: str, arguments: Arguments, *, negated: bool) -> Expression:
    def run(frame: Frame) -> Any:
        positional, _ = arguments.values(frame)
        return tested(name, value(frame), positional) is not negated

    return Expression(run)


def _filter(name: str, arguments: Arguments, value: Evaluate) -> Expression:
    return Expression(lambda frame: calling.filtered(frame.run, name, value(frame), *arguments.values(frame)))


def filtering(name: str, arguments: Arguments, value: Evaluate) -> Evaluate:
    """Make the evaluation of a value that goes through a filter."""
    return _filter(name, arguments, value).run


def _member(value: Expression, key: Expression) -> Expression:
    owner, name = value.run, key.run
    label = f'{value.label}["{key.label}"]'
    return Expression(lambda frame: lookup.member(owner(frame), name(frame)), label)


def _call(value: Expression, arguments: Arguments) -> Expression:
    function, label = value.run, value.label
    return Expression(lambda frame: calling.call(frame.run, function(frame), label, *arguments.values(frame)), label)
