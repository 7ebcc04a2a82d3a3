"""Entries under `providers`: ids, mappings, ids as keys, and files of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import structs

from sojourn import registry
from sojourn.config import hosted
from sojourn.config.environment import render_env
from sojourn.config.expect import Mismatch, Path, mapping, number, text
from sojourn.config.files import parse_data, read_data, read_text, resolve
from sojourn.config.findings import COMMAND_LINE, Source
from sojourn.config.foresight import EXPRESSIONS, TRANSFORMS, look_for_code
from sojourn.config.keys import PROVIDER
from sojourn.config.reading import Reading
from sojourn.config.references import FILE, load_files
from sojourn.config.sessions import endpoint_session, own_session
from sojourn.config.shape import check_mapping, right, slip
from sojourn.errors import CodeError, ConfigError, ProviderError
from sojourn.languages.packages import packaged
from sojourn.model.reference import Reference
from sojourn.model.suite import JsonDict, ProviderSpec

_DATA = (".yaml", ".yml", ".json")
_READ_THEIR_OWN = ("exec", "javascript", "package")
"""Providers that are given the files that their config names as they are written, as in promptfoo."""
_PLACED = tuple[Any, Source, Path]


def read_provider(entry: Any, base: str, env: Mapping[str, str]) -> ProviderSpec:
    """Read one entry, as it stands on a test or names a grader; raises ConfigError where no provider can be meant."""
    try:
        if _is_file(entry):
            entry = render_env(read_data(resolve(entry, base)), env)
        spec = _spec(_unfolded(entry), base, base)
        check_plug(spec)
    except Mismatch as mismatch:
        raise ConfigError.of(mismatch.what, todo=mismatch.todo) from None
    return spec


async def read_providers(raw: Any, reading: Reading, key: str = "providers") -> list[ProviderSpec]:
    """Read all entries under `key`; mistakes go to the findings. What stands there twice counts once."""
    specs: list[ProviderSpec] = []
    for entry, source, at in _entries(raw, reading, key):
        spec = await _checked(entry, source, at, reading)
        if spec is not None:
            specs.append(_told_apart(spec, specs))
    return specs


def _told_apart(spec: ProviderSpec, others: Sequence[ProviderSpec]) -> ProviderSpec:
    """Number the session of a provider whose name others have as well: each entry's session is its own."""
    same = sum(1 for other in others if other.own is not None and other.name == spec.name)
    if spec.own is None or not same:
        return spec
    own = structs.replace(spec.own, name=f"{spec.own.name} {same + 1}")
    return structs.replace(spec, own=own, sessions=(*spec.sessions[:-1], own.name))


def _entries(raw: Any, reading: Reading, key: str) -> Iterator[_PLACED]:
    """Yield each entry with its place; a file of entries is spliced in where it is named."""
    seen: list[Any] = []
    for index, entry in enumerate(raw if isinstance(raw, list) else [raw]):
        if entry in seen:
            continue
        seen.append(entry)
        at: Path = (key, index) if isinstance(raw, list) else (key,)
        if _is_file(entry):
            yield from _from_file(entry, at, reading)
        else:
            yield entry, reading.source, at


def _from_file(entry: str, at: Path, reading: Reading) -> Iterator[_PLACED]:
    path = resolve(entry, reading.base)
    name = reading.name(path)
    if not os.path.isfile(path):
        reading.findings.wrong(f"no such file: {name}", reading.source, at)
        return
    with reading.findings.gathering():
        source = Source(name=name, text=read_text(path, name))
        data = render_env(parse_data(source.text, path, name), reading.env)
        if isinstance(data, list):
            yield from ((item, source, (index,)) for index, item in enumerate(data))
        else:
            yield data, source, ()


def _is_file(entry: Any) -> bool:
    return isinstance(entry, str) and entry.startswith(FILE) and entry.lower().endswith(_DATA)


async def _checked(entry: Any, source: Source, at: Path, reading: Reading) -> ProviderSpec | None:
    before = len(reading.findings.problems)
    try:
        unfolded = _unfolded(entry)
        inner = (*at, next(iter(entry))) if isinstance(entry, dict) and "id" not in entry else at
        check_mapping(unfolded, PROVIDER, source, inner, reading.findings)
        if len(reading.findings.problems) > before:
            unfolded = right(unfolded, PROVIDER)
        if "id" not in unfolded:
            return None
        spec = _spec(unfolded, reading.base, reading.cwd)
        check_plug(spec)
        _check_answers(spec)
        _look_inside(unfolded, source, inner, reading)
        _doubt_keys(spec, source, inner, reading)
        spec = await _with_config(spec, reading)
        return _with_session(spec, unfolded, inner, structs.replace(reading, source=source))
    except Mismatch as mismatch:
        reading.findings.mismatch(mismatch, source, at)
    except CodeError as error:
        reading.findings.wrong(f"the provider's config cannot be made: {error}", source, at)
    return None


def _with_session(spec: ProviderSpec, entry: JsonDict, at: Path, reading: Reading) -> ProviderSpec:
    """Give a provider the session of its own that its entry describes."""
    block, place = entry.get("session"), at
    if block is None and registry.provider_name(spec.id) in ("http", "https") and "session" in spec.config:
        block, place = endpoint_session(spec), (*at, "config")
    if block is None and not spec.sessions:
        block = getattr(registry.find("provider", registry.provider_name(spec.id)), "own_session", lambda _: None)(spec)
    own = own_session(spec, block, place, reading) if isinstance(block, dict) else None
    return spec if own is None else structs.replace(spec, own=own, sessions=(*spec.sessions, own.name))


def _unfolded(entry: Any) -> JsonDict:
    """Return an entry as a mapping with its id in it."""
    if isinstance(entry, str):
        return {"id": entry}
    if not isinstance(entry, dict):
        raise Mismatch("a provider must be an id or a mapping with an id", got=entry)
    if "id" in entry:
        return entry
    if len(entry) == 1:
        name, inner = next(iter(entry.items()))
        if name not in PROVIDER and (inner is None or isinstance(inner, dict)):
            return _renamed(name, inner or {})
    raise Mismatch("a provider needs an id", todo="for example id: echo")


def _renamed(name: str, inner: JsonDict) -> JsonDict:
    """Return `{echo: {id: mine}}` with what is asked as its id; the id within is what it is called, unless labelled."""
    own = inner.get("id")
    if own is None or not registry.knows("provider", registry.provider_name(name)):
        return {"id": name, **inner}
    return {"label": own, **inner, "id": name}


def _spec(entry: JsonDict, base: str, cwd: str) -> ProviderSpec:
    label = entry.get("label")
    name = text(entry.get("id"), "id")
    config = entry.get("config")
    if isinstance(config, str) or registry.provider_name(name) not in _READ_THEIR_OWN:
        kept = _read_later(name, config)
        later = [key for key, value in kept.items() if "{{" in value]
        fixed = (
            {key: value for key, value in config.items() if key not in later} if isinstance(config, dict) else config
        )
        config = load_files(fixed, base, cwd, at=("config",))
        config = {**config, **kept} if kept else config
    return ProviderSpec(
        id=name,
        label="" if label is None else str(label),
        config=mapping(config, "config"),
        prompts=_prompts(entry.get("prompts")),
        transform=text(entry.get("transform"), "transform"),
        delay_ms=number(entry.get("delay"), "delay") or 0,
        env={str(key): str(value) for key, value in mapping(entry.get("env"), "env").items()},
        base=base,
        sessions=tuple(entry.get("sessions") or ()),
    )


def _prompts(value: Any) -> tuple[str, ...]:
    if isinstance(value, list) and not value:
        raise Mismatch("an empty list of prompts leaves the provider nothing to do", path=("prompts",))
    return tuple(value or ())


def _read_later(name: str, config: Any) -> dict[str, str]:
    """Return the files under `config` that the provider reads itself, for each question anew."""
    plug = registry.provider_name(name)
    if not isinstance(config, dict) or not registry.knows("provider", plug):
        return {}
    reads = getattr(registry.find("provider", plug), "reads", ())
    found = {key: config.get(key) for key in reads}
    return {key: value for key, value in found.items() if isinstance(value, str) and value.startswith(FILE)}


def _check_answers(spec: ProviderSpec) -> None:
    """Raise Mismatch where a provider that is to be asked can only grade."""
    can_answer = getattr(registry.find("provider", registry.provider_name(spec.id)), "can_answer", None)
    if can_answer is not None and not can_answer(spec):
        todo = "name it as provider of an assertion, or under options of a test"
        raise Mismatch(f"{spec.id!r} answers no prompts; it can only grade", path=("id",), todo=todo)


def check_plug(spec: ProviderSpec) -> None:
    """Raise Mismatch where no plug answers to a provider's id, or its file does not exist."""
    name = registry.provider_name(spec.id)
    is_known = registry.knows("provider", name)
    needs, todo = hosted.refusal(spec.id, is_known=is_known)
    if needs:
        raise Mismatch(needs, path=("id",), todo=todo)
    if not is_known:
        close = registry.nearest(name, registry.names("provider"))
        todo = f"did you mean {close!r}?" if close else "known: " + ", ".join(registry.names("provider"))
        raise Mismatch(f"unknown provider {spec.id!r}", path=("id",), todo=todo)
    check = getattr(registry.find("provider", name), "check", None)
    if check is not None:
        try:
            check(spec)
        except ProviderError as error:
            raise Mismatch(error.what, todo=error.todo) from None
    if name == "exec":
        _check_program(spec.id)
    if name in ("python", "javascript", "package"):
        try:
            reference = packaged(spec.id, spec.base, "provider")
        except CodeError as error:
            raise Mismatch(str(error), path=("id",)) from None
        reference = reference or Reference.parse(spec.id, base=spec.base, role="provider")
        if reference is None or not os.path.isfile(reference.path):
            raise Mismatch(f"no such file: {spec.id}", path=("id",))
        workers = number(spec.config.get("workers"), "workers")
        if workers is not None and (workers < 1 or workers % 1):
            raise Mismatch("workers must be a whole number of 1 or more", path=("config", "workers"), got=workers)


def _doubt_keys(spec: ProviderSpec, source: Source, at: Path, reading: Reading) -> None:
    """Warn of keys under `config` that look like slips of those that the provider reads."""
    keys = getattr(registry.find("provider", registry.provider_name(spec.id)), "keys", ())
    for key in [key for key in spec.config if keys and key not in keys]:
        if meant := slip(str(key), tuple(sorted(keys))):
            what = f"{spec.id} does not read the key {key!r}; did you mean {meant!r}?"
            reading.findings.doubt(what, source, (*at, "config", key))


def _look_inside(entry: JsonDict, source: Source, at: Path, reading: Reading) -> None:
    """Note the code that stands in an entry."""
    look_for_code(entry, TRANSFORMS, source, at, reading.findings)
    speaks = registry.provider_name(entry["id"] or "") in ("http", "https", "ws", "wss", "websocket")
    if speaks and isinstance(entry.get("config"), dict):
        look_for_code(entry["config"], EXPRESSIONS, source, (*at, "config"), reading.findings)


def _check_program(written: str) -> None:
    import shlex

    try:
        words = shlex.split(written.removeprefix("exec:"))
    except ValueError as error:
        raise Mismatch(f"{written!r} cannot be read as a command: {error}", path=("id",)) from None
    if not words:
        raise Mismatch(f"{written!r} names no program", path=("id",), todo="write it as exec: program arguments")


async def _with_config(spec: ProviderSpec, reading: Reading) -> ProviderSpec:
    """Call what the config of a Python provider names as `file://x.py:fn`, as promptfoo does for these alone."""
    if registry.provider_name(spec.id) != "python" or FILE not in str(spec.config):
        return spec
    return structs.replace(spec, config=await _called(spec.config, reading))


async def _called(value: Any, reading: Reading) -> Any:
    if isinstance(value, Mapping):
        return {key: await _called(item, reading) for key, item in value.items()}
    if isinstance(value, list):
        return [await _called(item, reading) for item in value]
    if isinstance(value, str) and value.startswith(FILE):
        reference = Reference.parse(value, base=reading.base, role="config")
        if reference is not None:
            return (await reading.code.call(reference)).value
    return value


async def choose(wanted: Sequence[str], specs: Sequence[ProviderSpec], reading: Reading) -> list[ProviderSpec]:
    """Return what `-r` names: a provider of the suite by its id, label or the end of its id, or a new one."""
    said = structs.replace(reading, source=COMMAND_LINE)
    chosen: list[ProviderSpec] = []
    for name in wanted:
        known = _named(name, specs)
        chosen += [known] if known else await read_providers(name, said)
    return chosen


def _named(name: str, specs: Sequence[ProviderSpec]) -> ProviderSpec | None:
    for matching in (
        lambda spec: spec.id == name,
        lambda spec: spec.label == name,
        lambda spec: spec.id.endswith(f":{name}"),
    ):
        found = next(filter(matching, specs), None)
        if found is not None:
            return found
    return None
