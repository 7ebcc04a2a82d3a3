"""Variables that a prompt uses and nothing in the suite sets: most often a slip of the pen."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sojourn import registry
from sojourn.config.reading import Reading
from sojourn.config.tests import Placed
from sojourn.model.suite import Prompt

_PROVIDED = frozenset({"env", "range", "cycler", "joiner", "_conversation", "sessions"})
_ASSIGNED = re.compile(r"\{%-?\s*(?:set|macro|import)\s+(\w+)")
_OPTIONAL = r"\b{0}\b\s*(?:\||\bor\b|\bis\b)|\b(?:if|elif|not|and|or)\s+{0}\b"


def check_prompt_names(
    prompts: Sequence[Prompt], tests: Sequence[Placed], more: Iterable[str], reading: Reading, *, is_written: bool
) -> None:
    """Warn of each variable of a prompt that no test sets; `more` are set elsewhere. A use that minds is no slip.

    `is_written`: the prompts are the author's own, not the usual one.
    """
    texts = [prompt.raw for prompt in prompts if not prompt.function and not prompt.command and "{{" in prompt.raw]
    known = _set_by(tests)
    if not texts or known is None:
        return
    from sojourn.template.engine import Renderer

    renderer = Renderer({})
    known |= {*more, *_PROVIDED}
    for text in texts:
        for name in sorted(renderer.names(text) - known - set(_ASSIGNED.findall(text))):
            if not re.search(_OPTIONAL.format(re.escape(name)), text):
                close = registry.nearest(name, known - _PROVIDED)
                hint = f" (did you mean {close!r}?)" if close else ""
                who = "a prompt uses" if is_written else "there are no prompts, so that each test asks"
                what = f"{who} {{{{ {name} }}}}, which no test sets{hint}"
                reading.findings.doubt(what, reading.source, ("prompts",))


def _set_by(tests: Sequence[Placed]) -> set[str] | None:
    """Return the names that tests set, or None where code of theirs may set any."""
    known: set[str] = set()
    tables = [table for placed in tests for table in (placed.test, *_turns(placed.test))]
    for table in tables:
        variables, options = table.get("vars"), table.get("options") or {}
        if not isinstance(variables or {}, dict) or options.get("transformVars"):
            return None
        known |= {str(name) for name in variables or {}} | {str(options.get("storeOutputAs"))}
    return known


def _turns(test: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    turns = test.get("turns")
    return [turn for turn in turns if isinstance(turn, dict)] if isinstance(turns, list) else []
