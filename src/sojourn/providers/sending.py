"""Sends requests for every provider that speaks HTTP: retries by status codes, `Retry-After`, cookies, time limits.

A turn of a conversation is never sent twice, unless its provider's `config.resend` is true: the first one may have
been taken. What never reached the service (a connection refused) is sent again in any case.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import random
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import msgspec

from sojourn.errors import ProviderError
from sojourn.model.redaction import quoted
from sojourn.protocols import Question

BUSY = frozenset({429, 502, 503, 504})
"""Answers by which a service says that it did not take the request and may take it later."""

LONGEST = 60.0
RETRIES = 3
TIMEOUT_MS = 300_000.0

_BLANKS = " \t\r\n"
"""What is no part of a header's value where it stands at its ends, as of a token that was read from a file."""

HERE = ("all://127.0.0.1", "all://localhost", "all://[::1]")
"""This machine's own addresses."""


class SendingError(Exception):
    """No answer came; the text is for the user."""


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A request. `content` is text or bytes, `json` plain data; `files` the parts of a form, as httpx2 takes them."""

    method: str
    url: str
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    content: str | bytes | None = None
    json: Any = None
    files: Any = None

    def fields(self) -> dict[str, Any]:
        """Return what there is to say, by httpx2's names."""
        named = {name: getattr(self, name) for name in ("method", "url", "content", "json", "files")}
        named["headers"] = {name: value.strip(_BLANKS) for name, value in self.headers.items()}
        return {name: value for name, value in named.items() if value is not None}


class Manner(msgspec.Struct, frozen=True, kw_only=True):
    """How requests are sent. `verify` is an SSL context; without one everybody's certificates are trusted.

    `server_name` is what the server is asked to be, where that is not the host of the address.
    """

    timeout_s: float = TIMEOUT_MS / 1000
    retries: int = RETRIES
    resend: bool = False
    verify: Any = None
    server_name: str = ""

    @classmethod
    def of(cls, config: Mapping[str, Any], env: Mapping[str, str], verify: Any = None) -> Manner:
        """Read `timeoutMs`, `maxRetries` and `resend` of a provider's configuration; raises ProviderError."""
        timeout = _number(config.get("timeoutMs", config.get("timeout")), "timeoutMs")
        if timeout is None:
            timeout = _number(env.get("REQUEST_TIMEOUT_MS") or TIMEOUT_MS, "REQUEST_TIMEOUT_MS")
        retries = _number(config.get("maxRetries"), "maxRetries")
        return cls(
            timeout_s=(timeout or TIMEOUT_MS) / 1000,
            retries=RETRIES if retries is None else int(retries),
            resend=config.get("resend") is True,
            verify=verify,
            server_name=str((config.get("tls") or {}).get("servername") or ""),
        )


def _number(value: Any, name: str) -> float | None:
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if isinstance(value, bool) or not 0 <= number < float("inf"):
        raise ProviderError(f"{name} must be a number, 0 or more, not {value!r}")
    return number


class Sender:
    """One client for all of a provider's requests; cookies are kept for each conversation apart."""

    def __init__(self, manner: Manner) -> None:
        self._manner = manner
        self._client: Any = None

    def _opened(self) -> Any:
        if self._client is None:
            import httpx2

            from sojourn.trust import trust

            nobody = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
            timeout = httpx2.Timeout(self._manner.timeout_s)
            limits = httpx2.Limits(max_connections=None, max_keepalive_connections=100)
            self._client = httpx2.AsyncClient(
                cookies=nobody,
                timeout=timeout,
                limits=limits,
                verify=self._manner.verify or trust(),
                follow_redirects=True,
                mounts=dict.fromkeys(HERE),  # a server that a session has started is behind no proxy
            )
        return self._client

    async def send(self, outgoing: Outgoing, question: Question) -> Any:
        """Return the answer (an httpx2.Response that is read), or raise SendingError."""
        may_resend = self._manner.resend or not question.is_turn
        for attempt in range(self._manner.retries + 1):
            is_last = attempt == self._manner.retries
            try:
                answer = await self._once(outgoing, question)
            except _Unsent as error:
                if is_last or not (may_resend or error.is_unsent):
                    note = _note(attempt, sends_again=may_resend or error.is_unsent)
                    raise SendingError("; ".join(filter(None, [str(error), note]))) from error
                wait: float | None = backoff(attempt)
            else:
                wait = wait_for(answer.headers.get("retry-after"), attempt)
                if is_last or answer.status_code not in BUSY or not may_resend or wait is None:
                    if answer.status_code in BUSY:
                        answer.extensions["note"] = _note(attempt, sends_again=may_resend)
                    return answer
            await asyncio.sleep(wait or 0)
        raise AssertionError

    async def _once(self, outgoing: Outgoing, question: Question) -> Any:
        import httpx2

        client = self._opened()
        cookies = question.belongings.kept.setdefault("cookies", httpx2.Cookies())
        try:
            more = {"extensions": {"sni_hostname": self._manner.server_name}} if self._manner.server_name else {}
            request = client.build_request(**outgoing.fields(), **more)
            if "cookie" not in request.headers:
                cookies.set_cookie_header(request)
            answer = await client.send(request)
        except httpx2.TimeoutException as error:
            raise SendingError(f"{outgoing.url} did not answer within {self._manner.timeout_s:g} s") from error
        except (
            *(httpx2.ConnectError, httpx2.ReadError, httpx2.WriteError, httpx2.RemoteProtocolError),
            OSError,  # what TLS refuses after the handshake comes as it is
        ) as error:
            # A connection that fails behind a redirect comes after what was asked has been heard.
            is_unsent = isinstance(error, httpx2.ConnectError) and error.request.url == request.url
            raise _Unsent(outgoing.url, error, is_unsent=is_unsent) from error
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, TypeError) as error:
            raise SendingError(f"{outgoing.url} cannot be asked: {str(error) or type(error).__name__}") from error
        for each in (*answer.history, answer):
            cookies.extract_cookies(each)
        return answer

    async def close(self) -> None:
        """Close all connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None


def _note(attempt: int, *, sends_again: bool) -> str:
    """Say how often a request was sent, where that was more than once, or why it was not sent again."""
    if not sends_again:
        return "not sent again, for a session hears a turn once (resend: true sends it again)"
    return f"after {attempt + 1} attempts" if attempt else ""


class _Unsent(Exception):  # noqa: N818  a step on the way to SendingError
    """The connection failed; `is_unsent`: before anything was sent."""

    def __init__(self, url: str, error: Exception, *, is_unsent: bool) -> None:
        super().__init__(f"{url} cannot be reached: {_why(error)}")
        self.is_unsent = is_unsent


def _why(error: BaseException) -> str:
    """Return what an error says, or what it came of, where it says nothing itself (TLS does not)."""
    step: BaseException | None = error
    while step is not None and not str(step):
        step = step.__cause__ or step.__context__
    return str(step) if step is not None else type(error).__name__


def backoff(attempt: int) -> float:
    """Return seconds to wait before the next attempt: half a second, doubling, spread so that not all come at once."""
    return float(min(LONGEST, 0.5 * 2**attempt)) * random.uniform(0.5, 1)  # noqa: S311  no secret


def wait_for(retry_after: str | None, attempt: int, now: dt.datetime | None = None) -> float | None:
    """Return what a service's `Retry-After` asks for, in seconds or as a date; None where it is more than a minute."""
    if not retry_after:
        return backoff(attempt)
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            then = parsedate_to_datetime(retry_after)
        except ValueError:
            return backoff(attempt)
        then = then if then.tzinfo else then.replace(tzinfo=dt.UTC)
        seconds = (then - (now or dt.datetime.now(dt.UTC))).total_seconds()
    return max(0.0, seconds) if seconds <= LONGEST else None


def refusal(answer: Any) -> str:
    """Say what a service answered, for an error: its status and the beginning of what it says."""
    told = quoted(answer.text, 500).strip()
    asked = f"; it asks to wait {late}" if (late := answer.headers.get("retry-after")) else ""
    asked += f"; {note}" if (note := getattr(answer, "note", "")) else ""
    return f"HTTP {answer.status_code} {answer.reason_phrase}{asked}" + (f": {told}" if told else "")
