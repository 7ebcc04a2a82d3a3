"""What names something elsewhere in the suite, held against what is there: prompts, providers, graders, hooks."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from sojourn import registry
from sojourn.config import globbing, hosted
from sojourn.config.cases import passes_mistake
from sojourn.config.columns import names_prompt, names_provider
from sojourn.config.expect import Mismatch, Path
from sojourn.config.findings import Source
from sojourn.config.keys import OPTIONS
from sojourn.config.providers import read_provider
from sojourn.config.reading import Reading
from sojourn.config.references import FILE
from sojourn.config.shape import right
from sojourn.config.tests import Placed
from sojourn.errors import ConfigError, TemplateError
from sojourn.model.reference import Reference
from sojourn.model.suite import JsonDict, Prompt, ProviderSpec

if TYPE_CHECKING:  # start-up need not wait for it
    from sojourn.template.engine import Renderer

_Text = tuple[str, Source, Path]
_GRADES = ("text", "embedding", "classification", "moderation")


class Names(msgspec.Struct):
    """What a suite has to offer to references; `good` remembers the entries that were looked at already.

    `whole`: all that it offers could be read, so that a name which is not there leads nowhere.
    """

    prompts: Sequence[Prompt]
    providers: Sequence[ProviderSpec]
    reading: Reading
    whole: bool = True
    good: set[str] = msgspec.field(default_factory=set)

    def check(self, tests: Iterable[Placed]) -> None:
        """Note every reference of the tests that leads nowhere."""
        for placed in tests:
            for at, what, todo in self._wrong(placed.test):
                self.reading.findings.wrong(what, placed.source, (*placed.at, *at), todo=todo)

    def check_choices(self) -> None:
        """Note every prompt that a provider chooses and that does not exist."""
        for provider in self.providers if self.whole else ():
            for name in provider.prompts:
                if not any(names_prompt([name], prompt) for prompt in self.prompts):
                    what = f"the provider {provider.name!r} chooses a prompt {name!r} that does not exist"
                    todo = _offer(name, [prompt.label[:40] for prompt in self.prompts])
                    self.reading.findings.wrong(what, self.reading.source, ("providers",), todo=todo)

    def check_grader(self, entry: Any) -> None:
        """Note a `--grader` that nobody knows."""
        for at, what, todo in self._wrong_grader(entry, ()):
            self.reading.findings.wrong(f"--grader: {what}", self.reading.source, at, todo=todo)

    def _wrong(self, test: Mapping[str, Any]) -> Iterator[tuple[Path, str, str]]:
        for index, name in enumerate((self.whole and test.get("prompts")) or ()):
            if not any(names_prompt([name], prompt) for prompt in self.prompts):
                labels = [prompt.label[:40] for prompt in self.prompts]
                yield ("prompts", index), f"there is no prompt {name!r}", _offer(name, labels)
        for index, name in enumerate((self.whole and test.get("providers")) or ()):
            if not any(names_provider([name], provider) for provider in self.providers):
                known = [provider.name for provider in self.providers]
                yield ("providers", index), f"there is no provider {name!r} in this suite", _offer(name, known)
        if test.get("provider") is not None:
            yield from self._wrong_provider(test["provider"], ("provider",))
        grader = (test.get("options") or {}).get("provider")
        yield from self._wrong_grader(grader, ("options", "provider"))
        for index, claim in enumerate(test.get("assert") or ()):
            if isinstance(claim, dict) and ("provider" in claim or "assert" in claim):
                yield from self._wrong_claim(claim, ("assert", index))

    def _wrong_claim(self, claim: Mapping[str, Any], at: Path) -> Iterator[tuple[Path, str, str]]:
        yield from self._wrong_grader(claim.get("provider"), (*at, "provider"))
        members = claim.get("assert")
        for index, member in enumerate(members if isinstance(members, list) else ()):
            if isinstance(member, dict):
                yield from self._wrong_grader(member.get("provider"), (*at, "assert", index, "provider"))

    def _wrong_grader(self, entry: Any, at: Path) -> Iterator[tuple[Path, str, str]]:
        if isinstance(entry, dict) and "id" not in entry and set(entry) & set(_GRADES):
            for kind, inner in entry.items():
                yield from self._wrong_provider(inner, (*at, kind), lenient=True)
        elif entry is not None:
            yield from self._wrong_provider(entry, at, lenient=True)

    def _wrong_provider(self, entry: Any, at: Path, *, lenient: bool = False) -> Iterator[tuple[Path, str, str]]:
        """Yield what is wrong with an entry of its own; `lenient`: a grader's missing file breaks its verdict alone."""
        key = str(entry)
        if key in self.good or any(entry in (spec.id, spec.label) for spec in self.providers):
            return
        if not self.whole and _may_be_a_label(entry):
            return
        try:
            if not (lenient and _names_code(entry, self.reading)):
                read_provider(entry, self.reading.base, self.reading.env)
            self.good.add(key)
        except ConfigError as error:
            yield at, error.problems[0].what, error.problems[0].todo


def _may_be_a_label(entry: Any) -> bool:
    """Tell whether an entry is no id that anybody knows, so that it may name a provider that could not be read."""
    if not isinstance(entry, str) or ":" in entry:
        return False
    is_known = registry.knows("provider", registry.provider_name(entry))
    return not (is_known or hosted.refusal(entry, is_known=is_known)[0])


def _names_code(entry: Any, reading: Reading) -> bool:
    name = entry.get("id") if isinstance(entry, dict) else entry
    if not isinstance(name, str):
        return False
    known = registry.provider_name(name) in ("python", "javascript")
    return known and Reference.parse(name, base=reading.base, role="provider") is not None


def _offer(name: str, known: Sequence[str]) -> str:
    close = registry.nearest(name, known)
    return f"did you mean {close!r}?" if close else "known: " + ", ".join(known[:10])


def check_extensions(extensions: Sequence[str], reading: Reading) -> None:
    """Note every hook that does not name a Python or JavaScript file that exists."""
    for index, written in enumerate(extensions):
        try:
            _check_extension(written, reading)
        except Mismatch as mismatch:
            reading.findings.mismatch(mismatch, reading.source, ("extensions", index))


def _check_extension(written: str, reading: Reading) -> None:
    reference = Reference.parse(written, base=reading.base, role="hook") if written.startswith(FILE) else None
    if reference is None:
        todo = "write it as file://hooks.py:function or file://hooks.js:function"
        raise Mismatch(f"{written!r} names no hook", todo=todo)
    if not os.path.isfile(reference.path):
        raise Mismatch(f"no such file: {reading.name(reference.path)}")


def read_template_filters(raw: Any, reading: Reading) -> dict[str, str]:
    """Return each of nunjucksFilters as an absolute reference; mistakes go to the findings."""
    found: dict[str, str] = {}
    for name, written in (raw or {}).items():
        reference = Reference.parse(str(written), base=reading.base, role="filter")
        if reference is None or not os.path.isfile(reference.path):
            at = ("nunjucksFilters", name)
            reading.findings.wrong(f"the filter {name!r} needs a JavaScript or Python file", reading.source, at)
        else:
            found[name] = str(reference)
    return found


def check_templates(tests: Iterable[Placed], prompts: Sequence[Prompt], names: Iterable[str], reading: Reading) -> None:
    """Note every template that uses a filter which nobody knows (`names` are the suite's), or cannot be rendered."""
    prompted = [(one.raw, reading.source, ("prompts",)) for one in prompts if not one.function and "{" in one.raw]
    texts = list(_claim_texts(tests))
    if not (prompted or texts):
        return
    from sojourn.template.engine import Renderer

    renderer = Renderer({}, dict.fromkeys(names, str))
    for text, source, at in (*prompted, *texts):
        if not (mistake := renderer.check(text)):
            continue
        if "filter not found" in mistake:
            reading.findings.wrong(mistake, source, at)
        elif at == ("prompts",) and not _renders(renderer, text):
            reading.findings.futile(mistake, source, at)


def _renders(renderer: Renderer, text: str) -> bool:
    try:
        renderer.render(text, {})
    except TemplateError:
        return False
    return True


def _claim_texts(tests: Iterable[Placed]) -> Iterator[_Text]:
    """Yield the templates of assertions that may use a filter."""
    for placed in tests:
        for index, claim in enumerate(placed.test.get("assert") or ()):
            if not isinstance(claim, dict):
                continue
            for key in ("value", "metric"):
                text = claim.get(key)
                if type(text) is str and "|" in text and "{" in text:
                    yield text, placed.source, (*placed.at, "assert", index, key)


def check_vars(tests: Iterable[Placed], reading: Reading, *, hooked: bool) -> None:
    """Note every var that names a file which does not exist; one that is no pattern, a hook may still make."""
    for placed in tests:
        variables = placed.test.get("vars")
        for name, value in variables.items() if isinstance(variables, dict) else ():
            if isinstance(value, str) and value.startswith(FILE) and "{{" not in value and _misses(value, reading):
                what = f"no such file: {value.removeprefix(FILE)}, the value of the var {name!r}"
                at = (*placed.at, "vars", name)
                if hooked and not globbing.has_pattern(value):
                    reading.findings.doubt(f"{what} (unless a hook makes it)", placed.source, at)
                else:
                    reading.findings.wrong(what, placed.source, at)


def _misses(value: str, reading: Reading) -> bool:
    reference = Reference.parse(value, base=reading.base, role="variable")
    if reference is not None:
        return not os.path.isfile(reference.path)
    return not globbing.matches(value.removeprefix(FILE), reading.base)


def check_passes(tests: Iterable[Placed], default: JsonDict, usual: int, reading: Reading) -> None:
    """Note every test of whose repeats more must pass than there are; `usual` is how often a test runs."""
    inherited = default.get("options") or {}
    for placed in tests:
        own = placed.test.get("options") or {}
        if "minPasses" not in own and "minPasses" not in inherited and "turns" not in placed.test:
            continue
        turns = [turn for turn in placed.test.get("turns") or () if isinstance(turn, dict)]
        test: JsonDict = {"options": _sound({**inherited, **own})}
        test["turns"] = [{"options": _sound(turn.get("options"))} for turn in turns]
        if mismatch := passes_mistake(test, int(float(test["options"].get("repeat") or usual))):
            at = (*placed.at, "options", "minPasses")
            reading.findings.wrong(mismatch.what, placed.source, at, todo=mismatch.todo)


def _sound(options: Any) -> JsonDict:
    return right(options, OPTIONS) if isinstance(options, dict) else {}


def check_outputs(outputs: Sequence[str], reading: Reading) -> None:
    """Note every output whose suffix no reporter writes."""
    for output in outputs:
        if output.startswith(("http://", "https://")):
            what = f"results are not written to the web (Google Sheets and others): {output!r}"
            reading.findings.wrong(what, reading.source, ("outputPath",), todo="write a .csv file")
        elif not any(registry.knows("output format", ending) for ending in _endings(output)):
            todo = "known: " + " ".join(registry.names("output format"))
            reading.findings.wrong(f"nobody writes {output!r}", reading.source, ("outputPath",), todo=todo)


def _endings(output: str) -> Iterator[str]:
    """Yield `.xml`, then `.junit.xml`: most names are found with the first."""
    parts = os.path.basename(output).lower().split(".")
    return ("." + ".".join(parts[index:]) for index in range(len(parts) - 1, 0, -1))
