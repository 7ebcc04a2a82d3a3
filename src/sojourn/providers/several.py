"""Providers that ask another one several times for one trial: `sequence`, and `promptfoo:simulated-user`."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from msgspec import structs

from sojourn.errors import ProviderError
from sojourn.model.reply import Reply
from sojourn.model.suite import JsonDict, ProviderSpec
from sojourn.model.usual import usual
from sojourn.protocols import Belongings, Question, Tools
from sojourn.providers.service import messages_of

STOP = "###STOP###"
_BETWEEN = "\n---\n"
_USER = """You play a person who talks with an assistant. Write only what this person says next, one message, as text.
Never answer for the assistant, and never say that you play. This is who you are and what you want:

{instructions}

Once you have what you want, or see that you will not get it, write {stop} and nothing else."""

Asked = Callable[[Question], Awaitable[Reply]]


class Sequence:
    """Sends `inputs`, filled in, one after another; the outputs joined are the answer. The first error ends it."""

    def __init__(self, spec: ProviderSpec, tools: Tools) -> None:
        self._config = spec.config
        self._tools = tools

    @staticmethod
    def check(spec: ProviderSpec) -> None:
        """Raise ProviderError where there is nothing to send."""
        inputs = spec.config.get("inputs")
        if not isinstance(inputs, list) or not inputs or not all(isinstance(each, str) for each in inputs):
            raise ProviderError("sequence needs inputs: a list of texts", todo="write inputs: under config")

    async def ask(self, question: Question) -> Reply:
        """Answer with all outputs."""
        target = _target(question, self._config, self._tools)
        variables = {**(question.context.get("vars") or {}), "prompt": question.prompt}
        replies: list[Reply] = []
        for written in self._config["inputs"]:
            prompt = self._tools.render(written, variables)
            replies.append(await target(structs.replace(question, prompt=prompt, is_turn=True)))
            if replies[-1].error:
                return replies[-1]
        outputs = [_text(each.output) for each in replies]
        return _sum(replies, str(self._config.get("separator") or _BETWEEN).join(outputs), {})


class SimulatedUser:
    """Has a model play a user who talks with the provider under test; the transcript is the answer."""

    def __init__(self, spec: ProviderSpec, tools: Tools) -> None:
        self._config = spec.config
        self._tools = tools
        self._user = spec.config.get("provider") or usual("text", tools.env)

    async def ask(self, question: Question) -> Reply:
        """Answer with the conversation, until the user has what it wants or `maxTurns` (10) have been taken."""
        if self._user is None:
            todo = "write provider: under config, or set OPENAI_API_KEY"
            raise ProviderError("promptfoo:simulated-user needs a model that plays the user", todo=todo)
        target = _target(question, self._config, self._tools)
        variables = dict(question.context.get("vars") or {})
        messages = self._begun(variables)
        replies: list[Reply] = []
        for turn in range(int(self._config.get("maxTurns") or 10)):
            if turn or not messages or messages[-1]["role"] != "user":
                said = await self._said(messages, variables)
                if said.error:
                    return structs.replace(said, error=f"the simulated user broke: {said.error}")
                if STOP in _text(said.output):
                    break
                messages.append({"role": "user", "content": _text(said.output)})
            reply = await target(self._turn(question, messages, variables))
            if reply.error:
                return reply
            replies.append(reply)
            messages.append({"role": "assistant", "content": _text(reply.output)})
            if reply.session_id:
                variables["sessionId"] = reply.session_id
            if reply.extra.get("conversationEnded"):
                break
        names = {"user": "User", "assistant": "Assistant", "system": "System"}
        transcript = _BETWEEN.join(f"{names.get(each['role'], each['role'])}: {each['content']}" for each in messages)
        return _sum(replies, transcript, {"messages": messages})

    def _begun(self, variables: Mapping[str, Any]) -> list[JsonDict]:
        given = variables.get("initialMessages") or self._config.get("initialMessages") or []
        if isinstance(given, str):
            given = messages_of(self._tools.render(given, variables))
        return [{**each, "content": self._tools.render(_text(each.get("content")), variables)} for each in given]

    async def _said(self, messages: list[JsonDict], variables: Mapping[str, Any]) -> Reply:
        """Have the user's model say something: for it the parts are the other way round."""
        instructions = self._tools.render(str(self._config.get("instructions") or "{{instructions}}"), variables)
        turned = [
            {"role": "assistant" if each["role"] == "user" else "user", "content": each["content"]} for each in messages
        ]
        first = {"role": "system", "content": _USER.format(instructions=instructions, stop=STOP)}
        chat = [first, {"role": "user", "content": "The assistant is listening."}, *turned]
        assert self._tools.find is not None
        plays = self._tools.find(self._user)
        context = {"vars": dict(variables), "prompt": {"raw": "", "label": "simulated user"}}
        prompt = json.dumps(chat, ensure_ascii=False)
        async with Belongings() as belongings:
            reply: Reply = await plays.ask(Question(prompt=prompt, context=context, belongings=belongings))
        return reply

    def _turn(self, question: Question, messages: list[JsonDict], variables: Mapping[str, Any]) -> Question:
        """Return what the provider under test is asked: the last message if it remembers the others, else all."""
        context = {**question.context, "vars": variables}
        if self._config.get("stateful") is True and variables.get("sessionId"):
            prompt = messages[-1]["content"]
        else:
            chat = [{"role": "system", "content": question.prompt}, *messages] if question.prompt else messages
            prompt = json.dumps(chat, ensure_ascii=False)
        return structs.replace(question, prompt=prompt, context=context, is_turn=True)


def _target(question: Question, config: Mapping[str, Any], tools: Tools) -> Asked:
    """Return who is asked: the provider of the column where this one stands on a test, or the one in `target`."""
    if question.target is not None:
        return question.target
    if config.get("target") is None or tools.find is None:
        todo = "make it the provider of a test, or of defaultTest; or write target: under config"
        raise ProviderError("this provider asks another one, and none is there", todo=todo)
    asked: Asked = tools.find(config["target"]).ask
    return asked


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)


def _sum(replies: list[Reply], output: str, metadata: JsonDict) -> Reply:
    """Return one reply for several: their costs and tokens added, the last one's session."""
    costs = [each.cost for each in replies if each.cost is not None]
    tokens: JsonDict = {"numRequests": len(replies)}
    for reply in replies:
        for key in ("total", "prompt", "completion", "cached"):
            if isinstance(reply.tokens.get(key), int | float):
                tokens[key] = tokens.get(key, 0) + reply.tokens[key]
    session = next((each.session_id for each in reversed(replies) if each.session_id), "")
    return Reply(
        output=output,
        session_id=session,
        cost=sum(costs) if costs else None,
        metadata={**metadata, **({"sessionId": session} if session and metadata else {})},
        extra={"tokenUsage": tokens},
        printed="".join(each.printed for each in replies),
    )
