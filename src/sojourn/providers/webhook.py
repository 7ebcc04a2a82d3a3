"""`webhook:https://...`: a service that is sent `{prompt, config}` and answers `{output}`."""

from __future__ import annotations

from sojourn.errors import ProviderError
from sojourn.model.reply import Reply
from sojourn.model.suite import JsonDict, ProviderSpec
from sojourn.protocols import Question, Tools
from sojourn.providers.service import NotAnsweredError, Service, data_of


class Webhook:
    """Posts each prompt."""

    def __init__(self, spec: ProviderSpec, tools: Tools) -> None:
        self._url = _url(spec.id)
        self._config = dict(spec.config)
        self._service = Service(spec, tools)

    @staticmethod
    def check(spec: ProviderSpec) -> None:
        """Raise ProviderError where the id has no address."""
        _url(spec.id)

    async def ask(self, question: Question) -> Reply:
        """Answer with the `output` that came back."""
        body: JsonDict = {"prompt": question.prompt, **({"config": self._config} if self._config else {})}
        try:
            answer = await self._service.post(self._url, {}, body, question)
            data = data_of(answer)
        except NotAnsweredError as error:
            return error.reply
        if "output" not in data:
            return Reply(error=f"the webhook answered without output: {answer.text[:200]}")
        return Reply(output=data["output"], cached=answer.cached, metadata={"http": answer.http()})

    async def close(self) -> None:
        """Close all connections."""
        await self._service.close()


def _url(written: str) -> str:
    url = written.removeprefix("webhook:")
    if not url.startswith(("http://", "https://")):
        raise ProviderError(f"{written!r} has no address", todo="write webhook:https://...")
    return url
