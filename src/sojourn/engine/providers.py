"""The providers of a run: each entry's plug is made once, and so is each override that a test names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgspec import structs

from sojourn import registry
from sojourn.config.providers import read_provider
from sojourn.engine.belonging import GRACE
from sojourn.errors import ConfigError, ProviderError, UnknownNameError
from sojourn.lifecycle.closing import Closer, Unclosed, close_all
from sojourn.model.suite import ProviderSpec
from sojourn.protocols import Provider, Tools


class ProviderPool:
    """Gives the plug for a column's entry, a test's own `provider`, or a grader's."""

    def __init__(self, specs: tuple[ProviderSpec, ...], tools: Tools) -> None:
        self._specs = specs
        self._tools = structs.replace(tools, find=lambda entry: self.of(self.named(entry)))
        self._made: dict[str, Provider] = {}
        self._known: dict[int, tuple[ProviderSpec, Provider]] = {}

    @property
    def env(self) -> Mapping[str, str]:
        """The environment that providers see."""
        return self._tools.env

    def of(self, spec: ProviderSpec) -> Provider:
        """Return the plug for an entry; raises ProviderError where none can be made."""
        known = self._known.get(id(spec))
        if known is None:
            known = self._known[id(spec)] = (spec, self._plug(spec))  # with its entry, whose id is then nobody else's
        return known[1]

    def _plug(self, spec: ProviderSpec) -> Provider:
        """Return one plug for all entries that say the same."""
        key = f"{spec.name}\0{spec.id}\0{json.dumps(spec.config, sort_keys=True, default=str)}"
        if key not in self._made:
            try:
                plug = registry.find("provider", registry.provider_name(spec.id))
            except UnknownNameError as error:
                raise ProviderError(str(error)) from error
            self._made[key] = plug(spec, self._tools)
        return self._made[key]

    async def close(self) -> list[Unclosed]:
        """Close those that have something to close, at the end of the run; return what could not be closed."""
        closers = [
            Closer(key.partition("\0")[0], plug.close, GRACE)
            for key, plug in self._made.items()
            if hasattr(plug, "close")
        ]
        return await close_all(closers)

    def named(self, entry: Any) -> ProviderSpec:
        """Return the entry that a test or a grader names: an id or label of the suite's, or an entry of its own."""
        if isinstance(entry, ProviderSpec):
            return entry
        if isinstance(entry, str):
            for spec in self._specs:
                if entry in (spec.label, spec.id):
                    return spec
        try:
            return read_provider(entry, str(self._tools.base), self._tools.env)
        except ConfigError as error:
            raise ProviderError(str(error)) from error
