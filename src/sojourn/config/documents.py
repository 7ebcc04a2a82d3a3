"""The configuration files themselves: found, read, `$ref` followed, `{{ env.X }}` rendered, their shape checked."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import structs

from sojourn.config import globbing
from sojourn.config.environment import env_block, named_env_files, render_env
from sojourn.config.expect import Mismatch
from sojourn.config.files import parse_data, read_data, read_text, resolve
from sojourn.config.findings import Findings, Source
from sojourn.config.keys import COMMAND_LINE, EVALUATE, SUITE
from sojourn.config.reading import Reading
from sojourn.config.references import FILE, dereference
from sojourn.config.shape import check_mapping, right
from sojourn.errors import CodeError, ConfigError
from sojourn.model.reference import SUFFIXES, Reference
from sojourn.model.suite import JsonDict
from sojourn.model.switches import is_on

_STEM = "promptfooconfig"
_SUFFIXES = (".yaml", ".yml", ".json", ".cjs", ".cts", ".js", ".mjs", ".mts", ".ts", ".py")


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """One configuration file as data."""

    path: str
    source: Source
    data: JsonDict

    @property
    def folder(self) -> str:
        """The folder that its relative paths start from."""
        return os.path.dirname(self.path)


def find_files(paths: Sequence[str], cwd: str) -> list[str]:
    """Return the absolute paths of the configurations: named, matched, or the usual one in a folder."""
    if not paths:
        return [_usual(cwd, cwd)]
    found: list[str] = []
    for path in paths:
        matched = [resolve(one, cwd) for one in globbing.matches(path, cwd)]
        if not matched:
            raise ConfigError.of("no such configuration file", file=path, todo="name one with -c")
        found += [_usual(one, cwd) if os.path.isdir(one) else one for one in matched]
    return list(dict.fromkeys(found))


def usual(folder: str) -> str:
    """Return the path of a folder's configuration, or an empty text where it has none."""
    paths = (os.path.join(folder, _STEM + suffix) for suffix in _SUFFIXES)
    return next(filter(os.path.isfile, paths), "")


def _usual(folder: str, cwd: str) -> str:
    if found := usual(folder):
        return found
    where = "here" if folder == cwd else f"in {os.path.relpath(folder, cwd)}"
    raise ConfigError.of(f"there is no {_STEM}.yaml {where}", todo="name one with -c, or make one with: sojourn init")


async def read_document(path: str, reading: Reading) -> Document:
    """Read one file as it stands, `$ref` followed; raises ConfigError where it holds no configuration."""
    name = reading.name(path)
    suffix = os.path.splitext(path)[1].lower()
    text = read_text(path, name)
    source = Source(name=name, text="" if suffix in SUFFIXES else text)
    data = (
        await _called(path, name, reading)
        if suffix in SUFFIXES
        else parse_data(text, path, name, reading.findings.problems)
    )
    if data is None:
        raise ConfigError.of("this configuration is empty", file=name)
    if not isinstance(data, dict):
        raise ConfigError.of("a configuration must be a mapping", file=name)
    if ("$ref" in text or suffix in SUFFIXES) and not is_on(reading.env, "PROMPTFOO_DISABLE_REF_PARSER"):
        data = _followed(data, path, source, reading)
    return Document(path=path, source=source, data=_with_env(data, os.path.dirname(path), reading))


async def _called(path: str, name: str, reading: Reading) -> Any:
    reference = Reference.parse(path, base=reading.cwd, role="config")
    if reference is None:
        raise ConfigError.of("no kind of configuration file", file=name)
    try:
        return (await reading.code.call(reference)).value
    except CodeError as error:
        trace = f"\n{error.trace}" if error.trace else ""
        raise ConfigError.of(f"the configuration broke: {error}{trace}", file=name) from None


def _followed(data: JsonDict, path: str, source: Source, reading: Reading) -> JsonDict:
    wrong: list[Mismatch] = []
    whole: JsonDict = dereference(data, path, reading.cwd, wrong)
    for mismatch in wrong:
        reading.findings.pointless(mismatch, source)
    return whole


def _with_env(data: JsonDict, folder: str, reading: Reading) -> JsonDict:
    """Put what a file says in the place of an `env` that names it."""
    named = data.get("env")
    if not (isinstance(named, str) and named.startswith(FILE)):
        return data
    path = resolve(named, folder)
    said: Any = None
    with reading.findings.gathering():
        said = read_data(path, reading.name(path))
    return {**data, "env": said}


def env_of_options(document: Document) -> dict[str, str]:
    """Return the variables of the env files that commandLineOptions.envPath names."""
    options = document.data.get("commandLineOptions")
    named = options.get("envPath") if isinstance(options, dict) else None
    if not named:
        return {}
    paths = [named] if isinstance(named, str) else [str(path) for path in named]
    return named_env_files(paths, document.folder)


def rendered(document: Document, reading: Reading) -> tuple[Document, dict[str, str]]:
    """Render `{{ env.X }}` with the environment and the file's own `env`, check the shape; also return that `env`.

    Values of a wrong kind are noted and left out, so that the rest can still be looked at.
    """
    seen = {} if is_on(reading.env, "PROMPTFOO_DISABLE_TEMPLATE_ENV_VARS") else reading.env
    block = env_block(document.data.get("env"), seen)
    text = document.source.text
    plain = bool(text) and "env" not in text and "$ref" not in text
    plain = plain or is_on(reading.env, "PROMPTFOO_DISABLE_TEMPLATING")
    data = document.data if plain else render_env(document.data, {**seen, **block})
    before = len(reading.findings.problems)
    check_mapping(data, SUITE, document.source, (), reading.findings)
    _check_within(data, document.source, reading)
    if len(reading.findings.problems) > before:
        reading.findings.lost |= data.keys() - (data := right(data, SUITE)).keys()
        for key, table in (("evaluateOptions", EVALUATE), ("commandLineOptions", COMMAND_LINE)):
            data |= {key: right(data[key], table)} if data.get(key) else {}
    return structs.replace(document, data=data), block


def _check_within(data: JsonDict, source: Source, reading: Reading) -> None:
    findings = reading.findings
    if isinstance(data.get("evaluateOptions"), dict):
        check_mapping(data["evaluateOptions"], EVALUATE, source, ("evaluateOptions",), findings)
    if isinstance(data.get("commandLineOptions"), dict):
        check_mapping(data["commandLineOptions"], COMMAND_LINE, source, ("commandLineOptions",), findings)
    _check_red_team(data, source, reading)
    if data.get("sharing"):
        findings.doubt("sharing has no effect: results stay on this machine", source, ("sharing",))
    _check_tracing(data.get("tracing"), source, findings)
    if data.get("providers") is not None and data.get("targets") is not None:
        findings.wrong("providers and targets are the same thing: name one", source, ("targets",), key=True)


def _check_tracing(asked: Any, source: Source, findings: Findings) -> None:
    """Say what of tracing has no effect: spans are received, and neither fetched nor sent on."""
    if not isinstance(asked, dict) or not asked.get("enabled"):
        return
    if asked.get("provider"):
        what = "spans are received, none are fetched from a store of traces: send them to tracing.otlp.http"
        findings.doubt(f"tracing.provider has no effect: {what}", source, ("tracing", "provider"))
    forwarding = asked.get("forwarding")
    if isinstance(forwarding, dict) and forwarding.get("enabled"):
        findings.doubt("tracing.forwarding has no effect", source, ("tracing", "forwarding"))


def _check_red_team(data: JsonDict, source: Source, reading: Reading) -> None:
    """Red teaming stands beside the tests and does not touch them: they run; a suite without any is refused."""
    tested = bool(data.get("tests") or data.get("scenarios"))
    for key in ("redteam", "plugins", "strategies"):
        if data.get(key) is None:
            continue
        what = f"{key}: red teaming is no part of Sojourn"
        if tested:
            reading.findings.doubt(f"{what}; the tests run without it", source, (key,))
        else:
            todo = "add tests, or make them with promptfoo and name their file"
            reading.findings.wrong(what, source, (key,), todo=todo, key=True)
