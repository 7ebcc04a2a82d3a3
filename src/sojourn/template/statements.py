"""Statements: `{% if %}`, loops, `set`, macros and their like, from tokens to functions of a frame and an output."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from sojourn.template.calling import call
from sojourn.template.expressions import Evaluate, ExpressionParser, filtering
from sojourn.template.lexer import broken
from sojourn.template.scope import Frame, Run
from sojourn.template.values import UNDEFINED, Function, Object, Safe, keys, printed, same, to_text, truthy

Work = Callable[[Frame, list[str]], None]
_FOREIGN: Final = frozenset({"include", "extends", "import", "from"})


class Parser(ExpressionParser):
    """Reads a whole template."""

    def template(self) -> Work:
        """Read to the end; raises TemplateError at the first mistake."""
        body, _ = self._body()
        return body

    def _body(self, *ends: str) -> tuple[Work, str]:
        """Read until one of the closing tags, which is taken; returns what was read and the tag."""
        works: list[Work] = []
        while True:
            token = self.next()
            if token.kind == "data":
                works.append(_data(token.text))
            elif token.kind == "end":
                if ends:
                    raise self.error(f"expected {' or '.join(ends)}")
                return _sequence(works), ""
            elif token.text == "{{":
                works.append(_output(self.expression().run))
                self._close("}}")
            elif self.token.kind == "word" and self.token.text in ends:
                return _sequence(works), self.next().text
            else:
                works.append(self._statement())

    def _close(self, mark: str = "%}") -> None:
        token = self.next()
        if token.kind != "close" or token.text != mark:
            self.index -= token.kind != "end"
            raise self.error(f"expected {mark}")

    def _statement(self) -> Work:
        token = self.token
        name = self.word()
        reader = _READERS.get(name)
        if reader:
            return reader(self)
        if name in _FOREIGN:
            raise broken(self.source, token.at, f"{{% {name} %}} would read another file, which templates may not")
        raise broken(self.source, token.at, f"unknown tag {name!r}")

    def read_if(self) -> Work:
        """Read `if` to `endif`."""
        test = self.expression().run
        self._close()
        yes, end = self._body("elif", "elseif", "else", "endif")
        no: Work = _sequence([])
        if end in ("elif", "elseif"):
            return _choice(test, yes, self.read_if())
        self._close()
        if end == "else":
            no, _ = self._body("endif")
            self._close()
        return _choice(test, yes, no)

    def read_for(self) -> Work:
        """Read `for` (or asyncEach, asyncAll) to its end."""
        names = [self.word()]
        while self.accept(","):
            names.append(self.word())
        self.expect("in")
        collection = self.expression().run
        self._close()
        before = len(self.bound)
        self.bound += [*names, "loop"]
        ends = ("endfor", "endeach", "endall")
        body, end = self._body("else", *ends)
        self._close()
        del self.bound[before:]
        other: Work = _sequence([])
        if end == "else":
            other, _ = self._body(*ends)
            self._close()
        return _loop(names, collection, body, other)

    def read_set(self) -> Work:
        """Read `set a, b = value`, or `set a` to `endset`."""
        names = [self.word()]
        while self.accept(","):
            names.append(self.word())
        if self.accept("="):
            value = self.expression().run
            self._close()
        else:
            self._close()
            body, _ = self._body("endset")
            self._close()
            value = _captured(body)
        return _assignment(names, value)

    def read_macro(self) -> Work:
        """Read `macro` to `endmacro`."""
        name = self.word()
        self.expect("(")
        names, defaults = self._parameters()
        self._close()
        body = self._function_body([*names, "caller"], "endmacro")

        def work(frame: Frame, _out: list[str]) -> None:
            frame.assign(name, Function(name, _Macro(frame.run, None, names, defaults, body)))

        return work

    def read_call(self) -> Work:
        """Read `call` to `endcall`: a macro called with a body as its `caller`."""
        names, defaults = self._parameters() if self.accept("(") else ([], {})
        target = self._name(self.word())
        self.expect("(")
        arguments = self._arguments()
        self._close()
        body = self._function_body(names, "endcall")

        def work(frame: Frame, out: list[str]) -> None:
            positional, named = arguments.values(frame)
            named["caller"] = Function("caller", _Macro(frame.run, frame, names, defaults, body))
            out.append(printed(call(frame.run, target.run(frame), target.label, positional, named)))

        return work

    def _parameters(self) -> tuple[list[str], dict[str, Evaluate]]:
        names: list[str] = []
        defaults: dict[str, Evaluate] = {}
        while not self.accept(")"):
            if names:
                self.expect(",")
            names.append(self.word())
            if self.accept("="):
                defaults[names[-1]] = self.expression().run
        return names, defaults

    def _function_body(self, bound: list[str], end: str) -> Work:
        before = len(self.bound)
        self.bound += bound
        body, _ = self._body(end)
        self._close()
        del self.bound[before:]
        return body

    def read_switch(self) -> Work:
        """Read `switch` to `endswitch`; an empty case falls through to the next."""
        subject = self.expression().run
        self._close()
        ends = ("case", "default", "endswitch")
        _, end = self._body(*ends)
        cases: list[tuple[Evaluate, Work, bool]] = []
        while end == "case":
            value = self.expression().run
            self._close()
            start = self.index
            body, end = self._body(*ends)
            cases.append((value, body, self.index - start == 2))  # only the mark and the name of the next tag
        self._close()
        other: Work = _sequence([])
        if end == "default":
            other, _ = self._body("endswitch")
            self._close()
        return _switch(subject, cases, other)

    def read_filter(self) -> Work:
        """Read `filter` to `endfilter`: a body that goes through a filter."""
        name, arguments = self.filter_call()
        self._close()
        body, _ = self._body("endfilter")
        self._close()
        return _output(filtering(name, arguments, _captured(body)))

    def read_block(self) -> Work:
        """Read `block` to `endblock`; nothing can be extended, so a block is its body."""
        self.word()
        self._close()
        body, _ = self._body("endblock")
        self._close()
        return body


_READERS: Final[dict[str, Callable[[Parser], Work]]] = {
    "if": Parser.read_if,
    "ifAsync": Parser.read_if,
    "for": Parser.read_for,
    "asyncEach": Parser.read_for,
    "asyncAll": Parser.read_for,
    "set": Parser.read_set,
    "macro": Parser.read_macro,
    "call": Parser.read_call,
    "switch": Parser.read_switch,
    "filter": Parser.read_filter,
    "block": Parser.read_block,
}


def _data(text: str) -> Work:
    return lambda frame, out: out.append(frame.run.make(text))


def _output(value: Evaluate) -> Work:
    return lambda frame, out: out.append(frame.run.make(printed(value(frame))))


def _sequence(works: list[Work]) -> Work:
    if len(works) == 1:
        return works[0]

    def work(frame: Frame, out: list[str]) -> None:
        for each in works:
            each(frame, out)

    return work


def _choice(test: Evaluate, yes: Work, no: Work) -> Work:
    return lambda frame, out: yes(frame, out) if truthy(test(frame)) else no(frame, out)


def _captured(body: Work) -> Evaluate:
    def run(frame: Frame) -> str:
        out: list[str] = []
        body(frame, out)
        return "".join(out)

    return run


def _assignment(names: list[str], value: Evaluate) -> Work:
    def work(frame: Frame, _out: list[str]) -> None:
        made = value(frame)
        for name in names:
            frame.assign(name, made)

    return work


def _switch(subject: Evaluate, cases: list[tuple[Evaluate, Work, bool]], other: Work) -> Work:
    def work(frame: Frame, out: list[str]) -> None:
        wanted = subject(frame)
        falling = False
        for value, body, empty in cases:
            falling = falling or same(value(frame), wanted)
            if falling and not empty:
                body(frame, out)
                return
        other(frame, out)

    return work


def _loop(names: list[str], collection: Evaluate, body: Work, other: Work) -> Work:
    def work(frame: Frame, out: list[str]) -> None:
        turns = list(_turns(collection(frame), names))
        inner = Frame(frame.run, frame)
        for index, values in enumerate(turns):
            frame.run.step()
            inner.values.update(zip(names, values, strict=True), loop=_place(index, len(turns)))
            body(inner, out)
        if not turns:
            other(frame, out)

    return work


def _place(index: int, count: int) -> Object:
    return Object(
        index=index + 1,
        index0=index,
        revindex=count - index,
        revindex0=count - index - 1,
        first=index == 0,
        last=index == count - 1,
        length=count,
    )


def _turns(collection: Any, names: list[str]) -> Iterable[list[Any]]:
    """Give the values of the loop's names for each turn."""
    if isinstance(collection, list | tuple):
        return ([item] if len(names) == 1 else _spread(item, len(names)) for item in collection)
    if len(names) == 1:
        return ([item] for item in collection) if isinstance(collection, str) else ()
    if isinstance(collection, str):
        return (_padded([str(index), item], len(names)) for index, item in enumerate(collection))
    if isinstance(collection, dict):
        return (_padded([to_text(key), collection[key]], len(names)) for key in keys(collection))
    return ()


def _spread(item: Any, count: int) -> list[Any]:
    parts = list(item[:count]) if isinstance(item, str | list | tuple) else []
    return _padded(parts, count)


def _padded(parts: list[Any], count: int) -> list[Any]:
    return parts + [UNDEFINED] * (count - len(parts))


class _Macro:
    """A macro's function: its own bracket for each call; a `caller` keeps the bracket that it stands in."""

    def __init__(
        self, run: Run, parent: Frame | None, names: list[str], defaults: dict[str, Evaluate], body: Work
    ) -> None:
        self.run = run
        self.parent = parent
        self.names = names
        self.defaults = defaults
        self.body = body

    def __call__(self, *positional: Any, **named: Any) -> str:
        frame = Frame(self.run, self.parent, isolated=True)
        given = dict(zip(self.names, positional, strict=False)) | named
        for name in self.names:
            default = self.defaults.get(name)
            missing = default(frame) if default and name not in given else UNDEFINED
            frame.values[name] = given.get(name, missing)
        frame.values["caller"] = given.get("caller", UNDEFINED)
        out: list[str] = []
        self.body(frame, out)
        return Safe("".join(out))
