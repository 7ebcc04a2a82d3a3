"""Calls and filters: the two ways in which a template makes something run."""

from __future__ import annotations

from typing import Any

from sojourn.errors import TemplateError
from sojourn.template.scope import Run, guarded
from sojourn.template.values import Function, Safe, truthy


def call(run: Run, function: Any, label: str, positional: list[Any], named: dict[str, Any]) -> Any:
    """Call what a template names; raises TemplateError where it is no function or breaks."""
    if not isinstance(function, Function):
        state = "which is not a function" if truthy(function) else "which is undefined or falsey"
        raise TemplateError(f"unable to call `{label}`, {state}")
    run.step()
    return run.make(guarded(label, lambda: function.body(*positional, **named)))


def filtered(run: Run, name: str, value: Any, positional: list[Any], named: dict[str, Any]) -> Any:
    """Send a value through a filter; raises TemplateError where it is unknown or breaks."""
    run.step()
    custom = run.filters.get(name)
    if custom is not None:
        return run.make(guarded(f"filter {name}", lambda: custom(value, *positional, **named)))
    from sojourn.template.filters import FILTERS, KEEP_SAFE

    known = FILTERS.get(name)
    if known is None:
        raise TemplateError(f"filter not found: {name}")
    made = run.make(guarded(f"filter {name}", lambda: known(value, *positional, **named)))
    return Safe(made) if name in KEEP_SAFE and isinstance(value, Safe) and isinstance(made, str) else made
