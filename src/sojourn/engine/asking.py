"""From a trial to a reply: the prompt is made and rendered, the provider is asked, the answer transformed."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from msgspec import structs

from sojourn.config.variables import load_vars
from sojourn.engine.planner import uses_conversation
from sojourn.engine.session_fields import check_fields
from sojourn.engine.setting import Account, Setting, conversation_key
from sojourn.engine.transforming import transformed
from sojourn.errors import CodeError, ProviderError, TemplateError
from sojourn.languages.sharing import MARKER as STATE
from sojourn.model.reference import Reference
from sojourn.model.reply import Reply
from sojourn.model.result import Phase
from sojourn.model.suite import JsonDict
from sojourn.protocols import Question
from sojourn.template.jsontext import json_text


async def render(account: Account, setting: Setting) -> Question:
    """Make the question: file vars, prompt function, prefix and suffix, nested vars, then the template.

    Raises CodeError, TemplateError or ConfigError.
    """
    account.phase = Phase.ASK
    case, column = account.case, account.trial.column
    stored = setting.registers.get(account.trial.repeat, {})
    variables: JsonDict = {**case.vars, **stored}
    if account.sessions:
        variables["sessions"] = account.sessions
    if uses_conversation(column, setting.renderer.names):
        account.history = setting.conversations.setdefault(conversation_key(account.trial, account.case), [])
        if not case.options.get("disableConversationVar"):
            variables["_conversation"] = list(account.history)
    # What models said is data: it is put into other texts, but never rendered itself, nor taken for a file.
    said = {*stored, "_conversation", "sessions"}
    identity = _identity(account)
    variables = await load_vars(variables, column.prompt.raw, identity, setting.suite.base, setting.code, said)
    text = await _prompt_text(account, setting, variables)
    text = f"{case.options.get('prefix') or ''}{text}{case.options.get('suffix') or ''}"
    check_fields(text, account.sessions)
    account.variables, data = setting.renderer.resolve_vars(variables, said)
    account.prompt = setting.renderer.render_prompt(text, account.variables, data)
    deadline = setting.suite.options.timeout_ms
    return Question(
        prompt=account.prompt,
        context=_context(account, setting, text),
        deadline_ms=deadline,
        belongings=setting.belongings.of(account.trial),
        is_turn=_is_turn(account, setting),
    )


def _is_turn(account: Account, setting: Setting) -> bool:
    """Whether a session hears this, or may: what is kept in order because it may share is sent once as well."""
    trial = account.trial
    known = trial.lane or trial.conversation or trial.needs or account.variables.get("sessionId")
    return bool(known or setting.learner.in_order)


def _identity(account: Account) -> JsonDict:
    provider = account.trial.column.provider
    return {"id": provider.id, "label": provider.label}


async def _prompt_text(account: Account, setting: Setting, variables: JsonDict) -> str:
    prompt = account.trial.column.prompt
    if not prompt.function and not prompt.command:
        return prompt.raw
    told = {"vars": variables, "provider": _identity(account), "config": dict(prompt.config or {})}
    if prompt.command:
        return await _program_text(prompt.command, told, setting)
    reference = Reference.parse(prompt.function, base=setting.suite.base, role="prompt")
    if reference is None:
        raise ProviderError(f"the prompt {prompt.function!r} names no Python or JavaScript file")
    called = await setting.code.call(reference, told)
    account.printed.append(called.printed)
    return _as_prompt(called.value, account)


async def _program_text(command: str, told: JsonDict, setting: Setting) -> str:
    """Have a program make the prompt: its standard output is the prompt, its last argument the context as JSON."""
    from sojourn.languages.program import run_program

    code, out, err = await run_program(command, [json_text(told)], setting.suite.base, setting.env)
    if code:
        raise CodeError(f"the prompt's program ended with exit code {code}: {err.strip()}", where=command)
    return out.strip()


def _as_prompt(value: Any, account: Account) -> str:
    """A prompt function returns text, a chat (list or object), or `{prompt, config}`."""
    if isinstance(value, dict) and "prompt" in value:
        account.prompt_config = value.get("config") or {}
        value = value["prompt"]
    if isinstance(value, str):
        return value
    if not isinstance(value, (dict, list)):
        function, said = account.trial.column.prompt.function, json.dumps(value)
        what = f"the prompt function {function} returned {'nothing' if value is None else said}"
        raise ProviderError(
            what, todo="return a text, a chat (a list or an object), or an object with prompt and config"
        )
    return json.dumps(value, ensure_ascii=False)


def _context(account: Account, setting: Setting, template: str) -> JsonDict:
    """Return promptfoo's call context, with the identity keys that it lacks."""
    trial, column = account.trial, account.trial.column
    options = {key: value for key, value in account.case.options.items() if key not in _NOT_CALL_OPTIONS}
    config = {**(column.prompt.config or {}), **account.prompt_config, **options}
    step = f"test-{trial.test_index}-prompt-{column.index}-repeat-{trial.repeat}"
    more: JsonDict = {"sessions": account.markers} if account.markers else {}
    if setting.traces is not None:
        account.trace, more["traceparent"] = setting.traces.begin()
        more["testCaseId"] = str(trial.test_index)
    return {
        **more,
        "vars": {
            **account.variables,
            "__evalId": setting.run_id,
            "__evalStepId": step,
            "__repeatIndex": trial.repeat,
        },
        "prompt": {"raw": column.prompt.raw, "label": column.prompt.label, "template": template, "config": config},
        "test": account.case.raw,
        "repeatIndex": trial.repeat,
        "evaluationId": setting.run_id,
        "testIdx": trial.test_index,
        "promptIdx": column.index,
        "run": {"id": setting.run_id, "tmp": str(setting.folder)},
        "state": STATE,
    }


_NOT_CALL_OPTIONS = {
    "disableConversationVar",
    "disableDefaultAsserts",
    "disableVarExpansion",
    "factuality",
    "postprocess",
    "prefix",
    "provider",
    "minPasses",
    "repeat",
    "rubricPrompt",
    "runSerially",
    "storeOutputAs",
    "suffix",
    "transform",
    "transformVars",
}


async def ask(account: Account, setting: Setting, question: Question) -> Reply:
    """Ask the provider of the test or of the column, and transform its answer.

    Raises CodeDiedError where its process died; every other trouble is in the reply's `error`.
    """
    reply = await _asked(account, setting, question)
    account.printed.append(reply.printed)
    account.reply = reply
    _remember(account, reply)
    if reply.error:
        return reply
    if reply.output is None:
        return structs.replace(reply, error="No output")
    try:
        reply = await transformed(account, setting, reply)
    except (CodeError, TemplateError) as error:
        account.broke(f"the transform broke: {error}", getattr(error, "trace", ""))
        return reply
    _store(account, setting, reply)
    turn = {"prompt": account.prompt, "output": reply.output, "vars": dict(account.case.vars)}
    account.turns = setting.turns.setdefault(account.trial.conversation, []) if account.trial.conversation else []
    account.turns.append(turn)
    return reply


async def _asked(account: Account, setting: Setting, question: Question) -> Reply:
    case, column = account.case, account.trial.column
    if case.provider_output not in (None, ""):
        return Reply(output=case.provider_output)
    spec = setting.providers.named(case.provider) if case.provider else column.provider
    plug = setting.providers.of(spec)
    if case.provider:
        question = structs.replace(question, target=setting.providers.of(column.provider).ask)
    began = setting.clock()
    try:
        with setting.spans.call(account.trial, spec.name) as call:
            reply = await plug.ask(_traced(question, call.traceparent))
            call.answered(reply)
    except TimeoutError as error:
        raise ProviderError(f"the provider {spec.id} gave up waiting: {str(error) or 'TimeoutError'}") from error
    account.latency_ms = (setting.clock() - began) * 1000
    if reply.latency_ms is not None:
        account.latency_ms = reply.latency_ms
    delay = spec.delay_ms or setting.suite.options.delay_ms
    if delay and not reply.cached:
        await asyncio.sleep(delay / 1000)
    return reply


def _traced(question: Question, traceparent: str) -> Question:
    """Tell the provider which span its own spans belong to; those that assertions look at have a trace for them."""
    if not traceparent or "traceparent" in question.context:
        return question
    return structs.replace(question, context={**question.context, "traceparent": traceparent})


def _remember(account: Account, reply: Reply) -> None:
    """Add this turn to the conversation so far, which transforms and assertions see with it after the first."""
    if account.history is None:
        return
    try:
        prompt: Any = json.loads(account.prompt)
    except ValueError:
        prompt = account.prompt
    last = prompt[-1] if isinstance(prompt, list) and prompt else None
    said = last.get("content") if isinstance(last, dict) else account.prompt
    turn = {"prompt": prompt, "input": said, "output": reply.output or "", "metadata": dict(reply.metadata)}
    account.history.append(turn)
    if account.variables.get("_conversation"):  # as in promptfoo, a first turn sees none, not itself either
        account.variables = {**account.variables, "_conversation": list(account.history)}


def _store(account: Account, setting: Setting, reply: Reply) -> None:
    name = account.case.options.get("storeOutputAs")
    if name:
        setting.registers.setdefault(account.trial.repeat, {})[name] = reply.output
