"""Entries under `sessions`: names of the user's own, each of a kind, with a scope, a pool, parents, an isolation."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, TypeVar

from msgspec import structs

from sojourn import registry
from sojourn.config.cases import sessions_of_own
from sojourn.config.expect import Mismatch, Path, mapping, text
from sojourn.config.findings import Source
from sojourn.config.inherited import texts, untaken
from sojourn.config.keys import POOL, SESSION
from sojourn.config.kinds import config_mistakes
from sojourn.config.reading import Reading
from sojourn.config.references import load_files
from sojourn.config.shape import check_own, right
from sojourn.config.tests import Placed
from sojourn.model.reference import Reference
from sojourn.model.session import Isolation, PoolLimits, Scope, SessionSpec, unclear
from sojourn.model.suite import JsonDict, ProviderSpec, Suite

Word = TypeVar("Word", bound=Enum)
_Attempt = Callable[[Callable[[], Any], Any], Any]

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)?")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_NAME = re.compile(r"[A-Za-z_][\w-]*")


def read_sessions(config: JsonDict, tests: Sequence[Placed], reading: Reading) -> tuple[SessionSpec, ...]:
    """Read all entries, and hold against them what asks for them; mistakes go to the findings."""
    entries = config.get("sessions") or {}
    found = []
    for name, entry in entries.items():
        at: Path = ("sessions", name)
        try:
            found.append(_spec(str(name), dict(mapping(entry, name)), at, reading))
        except Mismatch as mismatch:
            reading.findings.mismatch(mismatch, reading.source, at)
    for spec in found:
        for taken in untaken(spec, found) if registry.knows("session kind", spec.kind) else ():
            reading.findings.mismatch(taken, reading.source, ("sessions", spec.name))
    for name, source, at in _asked_for(config, tests, reading):
        if name not in entries:
            what = f"there is no session {name!r} under sessions"
            reading.findings.wrong(what, source, at, todo=_offer(name, entries))
    return tuple(found)


def _asked_for(config: JsonDict, tests: Sequence[Placed], reading: Reading) -> Iterator[tuple[str, Source, Path]]:
    """Yield each name of a session that a session, a provider or a test asks for, with its place."""
    for name, entry in (config.get("sessions") or {}).items():
        for parent in _names(entry.get("parent")) if isinstance(entry, dict) else ():
            yield parent, reading.source, ("sessions", name, "parent")
    asking = [(entry, reading.source, at) for entry, at in _entries(config)]
    asking += [(placed.test, placed.source, placed.at) for placed in tests]
    asking += [(placed.test.get("provider"), placed.source, (*placed.at, "provider")) for placed in tests]
    for entry, source, at in asking:
        names = entry.get("sessions") if isinstance(entry, dict) else None
        for index, name in enumerate(names if isinstance(names, list) else ()):
            yield str(name), source, (*at, "sessions", index)
        if reading.findings.looks:
            yield from ((name, source, (*at, *inner)) for name, inner in _looked_at(entry))
    if config.get("sessions"):
        for entry, at in _entries(config):
            inner = texts(entry.get("config"), (*at, "config")) if isinstance(entry, dict) else ()
            yield from ((name, reading.source, at) for at, text in inner for name in _spoken(text))
        for text, at in _prompt_texts(config.get("prompts")):
            yield from ((name, reading.source, at) for name in _spoken(text))


def check_lookers(suite: Suite, tests: Sequence[Placed], reading: Reading) -> None:
    """Note every assertion on a session that its test does not have, or where it has several and none is named.

    What hooks, prompts and providers may add is left open.
    """
    if not reading.findings.looks or (suite.sessions and suite.extensions):
        return
    added = {name for spec in suite.providers for name in spec.sessions}
    added |= {name for prompt in suite.prompts for name in _SPOKEN.findall(prompt.raw)}
    known = {spec.name for spec in suite.sessions}
    for placed in tests:
        test = {**suite.default_test, **placed.test}
        own = _with_parents([*(test.get("sessions") or ()), *sessions_of_own(test.get("provider"), suite)], suite)
        for at, named in _lookers(placed.test):
            is_open = named not in known if named else added and not own[1:]
            if not is_open and (mistake := unclear(named, _with_parents([*own, *sorted(added)], suite))):
                what, todo = mistake
                reading.findings.wrong(what, placed.source, (*placed.at, *at), todo=todo)


def _with_parents(names: Iterable[str], suite: Suite) -> list[str]:
    """Return sessions with those that they are opened in, each once."""
    parents = {spec.name: spec.parents for spec in suite.sessions}
    found = [*dict.fromkeys(names)]
    for name in found:
        found += [parent for parent in parents.get(name, ()) if parent not in found]
    return found


def _lookers(entry: Any, inside: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield the assertions on a session in a test, its turns and sets: where each is, and which it names."""
    for key in ("assert", "turns"):
        inner = entry.get(key)
        for index, each in enumerate(inner if isinstance(inner, list) else ()):
            if isinstance(each, dict):
                at = (*inside, key, index)
                if key == "assert" and str(each.get("type")).removeprefix("not-") == "session":
                    yield at, each.get("session")
                yield from _lookers(each, at)


_SPOKEN = re.compile(r"\{\{[^}]*?\bsessions\.(\w+)")


def _spoken(text: str) -> Iterator[str]:
    """Yield the sessions of which a template puts fields in; `session` is a provider's own."""
    yield from (name for name in _SPOKEN.findall(text) if name != "session")


def _prompt_texts(prompts: Any) -> Iterator[tuple[str, Path]]:
    """Yield the prompts that stand in the configuration itself."""
    for index, prompt in enumerate(prompts if isinstance(prompts, list) else [prompts]):
        text = prompt.get("raw") if isinstance(prompt, dict) else prompt
        if isinstance(text, str):
            yield text, ("prompts", index) if isinstance(prompts, list) else ("prompts",)


def _looked_at(entry: Any, inside: Path = ()) -> Iterator[tuple[str, Path]]:
    """Yield the sessions that the assertions of a test, of its turns and of sets name, each with its place."""
    if not isinstance(entry, dict):
        return
    for index, claim in enumerate(entry["assert"] if isinstance(entry.get("assert"), list) else ()):
        at = (*inside, "assert", index)
        if isinstance(claim, dict) and isinstance(claim.get("session"), str) and claim["session"] != "session":
            yield claim["session"], (*at, "session")
        yield from _looked_at(claim, at)
    for number, turn in enumerate(entry["turns"] if isinstance(entry.get("turns"), list) else ()):
        yield from _looked_at(turn, (*inside, "turns", number))


def _entries(config: JsonDict) -> Iterator[tuple[Any, Path]]:
    """Yield defaultTest and the providers' entries, an id that is a key looked through."""
    yield config.get("defaultTest"), ("defaultTest",)
    providers = config.get("providers")
    for index, entry in enumerate(providers if isinstance(providers, list) else ()):
        if isinstance(entry, dict) and len(entry) == 1:
            name, inner = next(iter(entry.items()))
            yield inner, ("providers", index, name)
        else:
            yield entry, ("providers", index)


def _offer(name: str, known: Iterable[str]) -> str:
    close = registry.nearest(name, known)
    return f"did you mean {close!r}?" if close else ""


def own_session(provider: ProviderSpec, block: JsonDict, at: Path, reading: Reading) -> SessionSpec | None:
    """Read the `session` block of a provider's entry: its kind is the provider's own class where it names no other."""
    at = (*at, "session")
    try:
        entry = {"kind": _own_kind(provider, block), "scope": "provider", **block}
        if not registry.knows("session kind", str(entry["kind"])):
            entry = {"config": dict(provider.config), **entry}
        spec = _spec("session", entry, at, reading)
    except Mismatch as mismatch:
        reading.findings.mismatch(mismatch, reading.source, at)
        return None
    return structs.replace(spec, name=f"{provider.name} (own)", own=True)


_ENDPOINT = os.path.join(os.path.dirname(os.path.dirname(__file__)), "kinds", "endpoint.js")


def endpoint_session(provider: ProviderSpec) -> JsonDict:
    """Return promptfoo's `config.session` of an HTTP provider as a `session` block; raises Mismatch.

    It is opened for each conversation, not before each request, and closed by what `close` says.
    """
    told = mapping(provider.config.get("session"), "session")
    at = ("config", "session")
    missing = next((key for key in ("url", "responseParser") if not isinstance(told.get(key), str)), "")
    if missing:
        todo = "write url: and responseParser:, for example data.body.sessionId"
        raise Mismatch(f"the session of {provider.name!r} needs a {missing}", path=at, todo=todo)
    parser = told["responseParser"]
    if parser.startswith("file://"):
        found = Reference.parse(parser, base=provider.base, role="parser")
        if found is None or found.tongue != "javascript":
            raise Mismatch(f"responseParser is JavaScript, not {parser}", path=(*at, "responseParser"))
        parser = str(found)
    config = {**{key: value for key, value in told.items() if key not in ("scope", "parent")}, "responseParser": parser}
    block = {"kind": f"file://{_ENDPOINT}", "scope": told.get("scope", Scope.CONVERSATION.value), "config": config}
    return {**block, "parent": told["parent"]} if "parent" in told else block


def _own_kind(provider: ProviderSpec, block: JsonDict) -> str:
    reference = Reference.parse(provider.id, base=provider.base, role="session")
    if "kind" not in block and (reference is None or (reference.tongue == "python" and not reference.name)):
        todo = "write id: file://agent.py:Agent, a class with open, call_api and close; or name a kind here"
        raise Mismatch(f"{provider.id!r} is no class that could be opened", todo=todo)
    return provider.id


def _spec(name: str, entry: JsonDict, at: Path, reading: Reading) -> SessionSpec:
    if not _NAME.fullmatch(name):
        raise Mismatch(f"{name!r} is no name for a session", todo="use letters, digits, _ and -")
    check_own(entry, SESSION, reading.source, at, reading.findings)
    entry = right(entry, SESSION)
    pool = entry.get("pool")
    if isinstance(pool, dict):
        check_own(pool, POOL, reading.source, (*at, "pool"), reading.findings)
        pool = right(pool, POOL)
    attempt: _Attempt = lambda read, otherwise: reading.findings.attempt(read, otherwise, reading.source, at)  # noqa: E731  used for each setting
    kind = attempt(lambda: _kind(entry, reading), "")
    config = attempt(lambda: _config(entry, reading), {})
    if kind and registry.knows("session kind", kind):
        for mismatch in config_mistakes(kind, config):
            reading.findings.mismatch(mismatch, reading.source, at)
    isolation = entry.get("isolation")
    return SessionSpec(
        name=name,
        kind=kind,
        scope=attempt(lambda: _word(Scope, entry.get("scope", "run"), "scope"), Scope.RUN),
        isolation=attempt(lambda: _word(Isolation, isolation, "isolation") if isolation is not None else None, None),
        limits=attempt(lambda: _limits(entry, pool if isinstance(pool, dict) else {}), PoolLimits()),
        pooled=pool is not None,
        parents=_names(entry.get("parent")),
        open_timeout=attempt(lambda: duration(entry.get("open_timeout", 60), "open_timeout"), 0.0) or math.inf,
        close_timeout=attempt(lambda: duration(entry.get("close_timeout", 30), "close_timeout"), 0.0) or math.inf,
        config=config,
        base=reading.base,
        place=_place((*at, "config") if "config" in entry else at, reading),
    )


def _place(at: Path, reading: Reading) -> str:
    line, _ = reading.source.place(at)
    return f"{reading.source.name}:{line}" if line else reading.source.name


def _config(entry: JsonDict, reading: Reading) -> Mapping[str, Any]:
    return mapping(load_files(entry.get("config"), reading.base, reading.cwd, at=("config",)), "config")


def _kind(entry: JsonDict, reading: Reading) -> str:
    kind = text(entry.get("kind"), "kind")
    if not kind:
        raise Mismatch("a session needs a kind", todo=f"one of {_known()}, or file://sessions.py:name")
    reference = Reference.parse(kind, base=reading.base, role="session") if ":" in kind or "." in kind else None
    if reference is not None:
        if not os.path.isfile(reference.path):
            raise Mismatch(f"no such file: {kind}", path=("kind",))
        return str(reference)
    if not registry.knows("session kind", kind):
        close = registry.nearest(kind, registry.names("session kind"))
        todo = f"did you mean {close!r}?" if close else f"known: {_known()}, or file://sessions.py:name"
        raise Mismatch(f"unknown kind of session {kind!r}", path=("kind",), todo=todo)
    return kind


def _known() -> str:
    return ", ".join(registry.names("session kind"))


def _word(words: type[Word], value: Any, name: str) -> Word:
    for word in words:
        if word.value == value:
            return word
    choice = ", ".join(str(word.value) for word in words)
    raise Mismatch(f"{name} must be one of {choice}", path=(name,), got=value)


def _limits(entry: JsonDict, pool: JsonDict) -> PoolLimits:
    most = int(pool.get("max", 1))
    least = int(pool.get("min", 0))
    if least > most:
        raise Mismatch(f"min {least} is more than max {most}", path=("pool", "min"))
    return PoolLimits(
        max=most,
        min=least,
        capacity=int(entry.get("capacity", 1)),
        max_lifetime=duration(pool.get("max_lifetime", 0), "max_lifetime"),
        max_uses=int(pool.get("max_uses", 0)),
        check=pool.get("check") is True,
        wait=duration(pool.get("timeout", 0), "timeout"),
    )


def duration(value: Any, name: str) -> float:
    """Read a duration in seconds: a number, or a text such as 500ms, 30s, 10m, 1h."""
    match = _DURATION.fullmatch(str(value).strip()) if not isinstance(value, bool) else None
    if match is None:
        raise Mismatch(f"{name} must be a duration such as 500ms, 30s or 10m", path=(name,), got=value)
    return float(match[1]) * _UNITS[match[2] or "s"]


def _names(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(map(str, value)) if isinstance(value, list) else ()
