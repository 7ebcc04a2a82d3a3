"""`http`, `https://...`: a service under test, by a request of the suite's own making."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar
from urllib.parse import quote

from msgspec import structs

from sojourn.errors import ProviderError
from sojourn.model.redaction import quoted
from sojourn.model.reply import Reply
from sojourn.model.suite import JsonDict, ProviderSpec
from sojourn.protocols import Question, Tools
from sojourn.providers.answer import read_answer
from sojourn.providers.certificates import certificates, check_tls
from sojourn.providers.credentials import Credentials
from sojourn.providers.exchange import Answer, Exchange
from sojourn.providers.expressions import Broken, expression
from sojourn.providers.request_body import Fill, encoded, filled_json, filled_text, multipart, raw_request
from sojourn.providers.sending import BUSY, Manner, Outgoing, SendingError, refusal
from sojourn.providers.signing import Signing, check_signing
from sojourn.providers.tool_formats import FORMATS, shaped_choice, shaped_tools
from sojourn.template.jsontext import json_text

REFUSED = BUSY | {401, 403, 404, 501}
"""Answers that are errors unless validateStatus takes them: the service did not do what it was asked."""

_TOKENS_A_WORD = 1.3
_MOST_SAID = 500
_IN_NO_URL = re.compile(r'[\x00-\x20"<>\x7f]')


_READ = """
auth body headers maxRetries method multipart queryParams replay request resend responseParser session
sessionParser sessionSource signatureAuth stateful timeoutMs tls tokenEstimation tool_choice tools
transformRequest transformResponse transformToolsFormat url useHttps validateStatus
"""
"""The keys under `config` that are read."""


class Http:
    """Fills the suite's request in with a question, sends it, and reads the answer as the suite says."""

    keys: ClassVar[frozenset[str]] = frozenset(_READ.split())

    def __init__(self, spec: ProviderSpec, tools: Tools) -> None:
        config = spec.config
        base = spec.base or str(tools.base)
        self._config = config
        self._base = base
        self._tools = tools
        self._url = str(config.get("url") or (spec.id if "://" in spec.id else ""))
        self._request = expression(config, "transformRequest", "request", tools, base) if _is_code(config) else None
        key = "transformResponse" if "transformResponse" in config else "responseParser"
        self._response = expression(config, key, "response", tools, base)
        self._session = expression(config, "sessionParser", "parser", tools, base)
        self._status = expression(config, "validateStatus", "status", tools, base)
        self._auth = Credentials(config["auth"], tools, base) if config.get("auth") else None
        env = {**tools.env, **spec.env}
        self._signing: Signing | None = None
        if config.get("signatureAuth"):
            self._signing = Signing(config["signatureAuth"], base, env, tools.render)
        is_live = any(config.get(key) for key in ("session", "sessionParser", "stateful"))
        manner = Manner.of(config, env, certificates(config.get("tls"), base, env))
        self._exchange = Exchange(spec, tools, manner, is_live=is_live)

    @staticmethod
    def check(spec: ProviderSpec) -> None:
        """Raise ProviderError where a request can never be made."""
        if "://" not in spec.id and not spec.config.get("url") and not spec.config.get("request"):
            raise ProviderError(f"{spec.id!r} needs an address", todo="write url: under config")
        if (form := spec.config.get("transformToolsFormat")) not in (None, *FORMATS):
            raise ProviderError(f"transformToolsFormat cannot be {form!r}", todo=f"there are {', '.join(FORMATS)}")
        check_tls(spec.config.get("tls"), spec.base)
        if spec.config.get("signatureAuth"):
            check_signing(spec.config["signatureAuth"], spec.base)

    async def ask(self, question: Question) -> Reply:
        """Answer with what the service did; a refusal, or an expression that breaks, is the reply's error."""
        try:
            variables = self._variables(question)
            outgoing = await self._outgoing(question, variables)
            answer = await self._exchange.send(outgoing, question)
        except (Broken, ProviderError, SendingError) as error:
            return Reply(error=str(error))
        address = outgoing.url.partition("?")[0]  # a query may hold what nobody is to see
        asked = f"({outgoing.method} {address})"
        try:
            reply = await self._read(answer, question, variables)
        except (Broken, ProviderError) as error:
            return Reply(error=f"{error} {asked}", metadata={"http": answer.http()}, extra={"raw": answer.text})
        if not reply.error or not answer.is_error:
            return reply
        told = reply.error if reply.error.startswith("HTTP ") else refusal(answer)
        return structs.replace(reply, error=f"{told} {asked}")

    async def close(self) -> None:
        """Close all connections."""
        await self._exchange.close()

    def _variables(self, question: Question) -> JsonDict:
        variables = dict(question.context.get("vars") or {})
        own = (variables.get("sessions") or {}).get("session") if "sessions" in variables else None
        if isinstance(own, Mapping) and own.get("id") is not None:
            variables.setdefault("sessionId", own["id"])
        form = str(self._config.get("transformToolsFormat") or "openai")
        for key, shaped in (("tools", shaped_tools), ("tool_choice", shaped_choice)):
            said = shaped(self._config.get(key), form)
            if said is not None:
                variables[key] = said if isinstance(said, str) else json_text(said)
        evaluation = question.context.get("evaluationId")
        return {**variables, "prompt": question.prompt, "evaluationId": evaluation}

    async def _outgoing(self, question: Question, variables: JsonDict) -> Outgoing:
        def fill(text: str) -> str:
            return self._tools.render(text, variables)

        if self._auth is not None:
            variables |= await self._auth.prepare(fill, self._exchange.sender)
        if self._signing is not None:
            variables |= self._signing.variables(fill)
        over: Any = None
        if self._config.get("transformRequest"):
            made = await self._transformed(question, variables, fill)
            over = made if isinstance(made, Mapping) else None
            variables = variables if over is not None else {**variables, "prompt": made}
        return self._addressed(fill, over)

    async def _transformed(self, question: Question, variables: JsonDict, fill: Fill) -> Any:
        if self._request is None:
            made = filled_json(str(self._config["transformRequest"]), fill)
        else:
            made = await self._request(question.prompt, variables, question.context)
        if made is None:
            raise Broken("transformRequest returned nothing")
        return made

    def _addressed(self, fill: Fill, over: Any) -> Outgoing:
        """Return the request with everything filled in."""
        import httpx2

        config = self._config
        method, url, body = str(config.get("method") or ""), self._url, config.get("body")
        headers = {fill(str(k)).lower(): fill(str(v)) for k, v in (config.get("headers") or {}).items()}
        if config.get("request"):
            method, url, headers, body = self._raw(fill)
        query = {fill(str(k)): fill(str(v)) for k, v in (config.get("queryParams") or {}).items()}
        if self._auth is not None:
            headers = {**self._auth.headers(fill), **headers}
            query |= self._auth.query(fill)
        target = _IN_NO_URL.sub(lambda match: quote(match[0]), fill(url).strip())
        try:
            target = str(httpx2.URL(target).copy_merge_params(query)) if query else target
        except httpx2.InvalidURL as error:
            raise SendingError(f"{target!r} is no address: {error}") from error
        parts = (config.get("multipart") or {}).get("parts")
        says = body is not None or over is not None or parts
        method = (method or ("POST" if says else "GET")).upper()
        if parts:
            headers.pop("content-type", None)
            return Outgoing(method=method, url=target, headers=headers, files=multipart(parts, fill, self._base))
        content = None
        if says and method not in ("GET", "HEAD"):
            is_written = config.get("request") and over is None and "json" in headers.get("content-type", "")
            content = filled_text(body or "", fill) if is_written else encoded(body, headers, fill, over)
        return Outgoing(method=method, url=target, headers=headers, content=content)

    def _raw(self, fill: Fill) -> tuple[str, str, dict[str, str], str | None]:
        method, target, headers, body = raw_request(str(self._config["request"]))
        headers = {fill(key): fill(value) for key, value in headers.items() if key != "content-length"}
        host = headers.pop("host", "")
        scheme = "https" if self._config.get("useHttps") is True else "http"
        return method, target if "://" in target else f"{scheme}://{host}{target}", headers, body or None

    async def _read(self, answer: Answer, question: Question, variables: JsonDict) -> Reply:
        status = answer.status_code
        taken = status not in REFUSED if self._status is None else bool(await self._status(status))
        if not taken:
            return Reply(error=refusal(answer), metadata={"http": answer.http()})
        body = _body(answer)
        session = variables.get("sessionId")
        if self._session is not None:
            session = await self._session({"headers": dict(answer.headers), "body": body})
        made = await self._made(answer, body, variables)
        if not _is_reply(made):
            made = {"output": made}
        extra = {"raw": answer.text, **self._tokens(question, answer)}
        told = {
            "sessionId": session,
            "cached": answer.cached,
            **extra,
            **made,
            "metadata": {"http": answer.http(), **(made.get("metadata") or {})},
        }
        return read_answer(told)

    async def _made(self, answer: Answer, body: Any, variables: JsonDict) -> Any:
        if self._response is None:
            return {"output": answer.text if body is None else body}
        response = {
            "data": body,
            "status": answer.status_code,
            "statusText": answer.reason_phrase,
            "headers": dict(answer.headers),
            "cached": answer.cached,
        }
        json = body if body != answer.text else None
        try:
            made = await self._response(json, answer.text, {"response": response, "vars": variables})
        except Broken as broken:
            raise Broken(f"{broken}\n{_said(answer, json)}") from broken
        if made is None:
            raise Broken(f"transformResponse returned nothing\n{_said(answer, json)}")
        return made

    def _tokens(self, question: Question, answer: Answer) -> JsonDict:
        """Estimate the tokens by the words, where the suite asks for that."""
        said = self._config.get("tokenEstimation") or {}
        if said.get("enabled") is not True:
            return {}
        factor = float(said.get("multiplier") or _TOKENS_A_WORD)
        prompt, completion = (math.ceil(len(text.split()) * factor) for text in (question.prompt, answer.text))
        return {"tokenUsage": {"prompt": prompt, "completion": completion, "total": prompt + completion}}


def _is_code(config: Mapping[str, Any]) -> bool:
    """Whether transformRequest is code; a text with `{{` in it that is no function is a template."""
    written = config.get("transformRequest")
    if not isinstance(written, str) or "{{" not in written or written.startswith("file://"):
        return written is not None
    return "=>" in written or written.lstrip().startswith("function") or "return " in written


def _is_reply(made: Any) -> bool:
    """Whether code made a whole reply, and not only its output."""
    return isinstance(made, Mapping) and ("output" in made or (isinstance(made.get("error"), str) and made["error"]))


def _said(answer: Answer, json: Any) -> str:
    status = f"HTTP {answer.status_code} {answer.reason_phrase}, " if answer.status_code != HTTPStatus.OK else ""
    kind = "no JSON, so that `json` is null" if json is None else "JSON"
    text = quoted(answer.text, _MOST_SAID) + ("…" if len(answer.text) > _MOST_SAID else "")
    return f"the answer was {status}{kind}: {text or '(empty)'}"


def _body(answer: Answer) -> Any:
    try:
        return answer.json()
    except ValueError:
        return answer.text
