"""`kind: oauth2`: a token that many use, fetched once, renewed before it is too old, revoked in the end."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any, ClassVar

from sojourn.kinds.parents import told
from sojourn.kinds.proxies import reached
from sojourn.kinds.waiting import settled

GRANTS = {
    "client_credentials": "client_credentials",
    "authorization_code": "authorization_code",
    "refresh_token": "refresh_token",
    "device_code": "urn:ietf:params:oauth:grant-type:device_code",
    "token_exchange": "urn:ietf:params:oauth:grant-type:token-exchange",
}
GIVEN = ("scope", "code", "code_verifier", "redirect_uri", "refresh_token", "subject_token", "subject_token_type")
UNAUTHORIZED = 401
SLOWER = 5.0
"""By how many seconds each `slow_down` lengthens the pause between two questions, for good (RFC 8628, 3.5)."""


class Oauth2:
    """`access_token`, `headers`, and `request` which sends them; what is lent is good for another while."""

    tells: ClassVar[tuple[str, ...]] = ("access_token", "authorization")
    keys: ClassVar[dict[str, Any]] = {
        "issuer": str,
        "token_url": str,
        "revoke_url": str,
        "device_url": str,
        "client_id": str,
        "client_secret": str,
        "auth": str,
        "grant": str,
        **dict.fromkeys(GIVEN, str),
        "params": dict,
        "leeway": float,
    }
    needs: ClassVar[tuple[str, ...]] = ("client_id",)

    async def open(self, config: dict[str, Any], parents: dict[str, Any]) -> None:
        """Fetch the first token."""
        import httpx2

        if not config.get("token_url"):
            config = {**config, "issuer": config.get("issuer") or told({}, "url", parents)}
        self._config, self._loop, self._lock = config, asyncio.get_running_loop(), asyncio.Lock()
        self._grant = config.get("grant") or "client_credentials"
        if self._grant not in GRANTS:
            raise ValueError(f"grant may be one of {', '.join(GRANTS)}, not {self._grant!r}")
        self._leeway = float(config.get("leeway", 30))
        self._token: dict[str, Any] = {}
        self._old: list[str] = []
        known = config.get("issuer") or config["token_url"]
        self.client = httpx2.AsyncClient(follow_redirects=True, timeout=30, **reached(known))
        try:
            self._urls = await self._find_urls()
            await self._obtain()
        except BaseException:
            await self.client.aclose()
            raise
        self.handle = self.lent()

    async def _find_urls(self) -> dict[str, str]:
        """Take the URLs that are given, and the issuer's own word for those that are not."""
        names = {"token": "token_endpoint", "revoke": "revocation_endpoint", "device": "device_authorization_endpoint"}
        said: dict[str, Any] = {}
        if self._config.get("issuer"):
            url = self._config["issuer"].rstrip("/") + "/.well-known/openid-configuration"
            said = (await self.client.get(url)).raise_for_status().json()
        urls = {name: self._config.get(f"{name}_url") or said.get(key, "") for name, key in names.items()}
        if not urls["token"]:
            raise ValueError("it needs a token_url, or an issuer that tells it")
        return urls

    # --- tokens ------------------------------------------------------------------------------------------------

    @property
    def access_token(self) -> str:
        """The token as it is now."""
        return str(self._token["access_token"])

    @property
    def headers(self) -> dict[str, str]:
        """What a request carries."""
        return {"Authorization": f"Bearer {self.access_token}"}

    def lent(self) -> dict[str, Any]:
        """Return what others may know: the ledger and the results blank all of these."""
        return {"access_token": self.access_token, "authorization": f"Bearer {self.access_token}"}

    async def lend(self) -> dict[str, Any]:
        """Return the token, renewed where it would soon be too old."""
        await self._renew(self._token, only_if_old=True)
        return self.lent()

    async def _renew(self, seen: dict[str, Any], *, only_if_old: bool = False) -> None:
        """Get another token instead of the one that was seen; of many who ask at once one does."""
        async with self._lock:
            is_old = self._token["expires_at"] - time.monotonic() < self._token["leeway"]
            if self._token is seen and (is_old or not only_if_old):
                await self._obtain()

    async def _obtain(self) -> None:
        """Fetch a token: by the refresh token if there is one, or else as the first."""
        refresh = self._token.get("refresh_token")
        if refresh:
            answer = await self._ask("token", {"grant_type": "refresh_token", "refresh_token": refresh})
        elif self._token and self._grant in ("authorization_code", "device_code"):
            raise PermissionError(
                "the token is too old, and there is no refresh token: ask for the scope offline_access"
            )
        elif self._grant == "device_code":
            answer = await self._by_device()
        else:
            answer = await self._ask("token", {"grant_type": GRANTS[self._grant], **self._given()})
        lives = float(answer.get("expires_in") or 3600)
        # A token that lives no longer than twice the leeway would be renewed all the time.
        more = {"expires_at": time.monotonic() + lives, "leeway": min(self._leeway, lives / 2)}
        if self._token:
            self._old.append(self.access_token)  # somebody may still be using it: it is revoked with the others
        if refresh and answer.get("refresh_token", refresh) != refresh:
            self._old.append(refresh)
        self._token = {"refresh_token": refresh, **answer, **more}

    def _given(self) -> dict[str, Any]:
        given = {key: self._config[key] for key in GIVEN if self._config.get(key)}
        return {**given, **(self._config.get("params") or {})}

    async def _by_device(self) -> dict[str, Any]:
        """Show where to allow it, and wait until somebody has."""
        asked = await self._ask("device", self._given())
        where = asked.get("verification_uri_complete") or f"{asked['verification_uri']} (code {asked['user_code']})"
        print(f"oauth2: allow access at {where}", flush=True)  # noqa: T201  its user has to read it
        pause = float(asked.get("interval") or 5)
        form = {"grant_type": GRANTS["device_code"], "device_code": asked["device_code"]}
        while True:
            try:
                return await self._ask("token", form)
            except _PendingError as pending:
                pause += SLOWER if pending.args == ("slow_down",) else 0
            await asyncio.sleep(pause)

    async def _ask(self, url: str, form: dict[str, Any]) -> dict[str, Any]:
        """Post a form with the client's own credentials; what is refused says why, and no secret."""
        client, secret = self._config["client_id"], self._config.get("client_secret") or ""
        by_header = bool(secret) and self._config.get("auth", "basic") == "basic"
        own = {} if by_header else {"client_id": client, **({"client_secret": secret} if secret else {})}
        own_auth: Any = (client, secret) if by_header else None
        answer = await self.client.post(self._urls[url], data={**form, **own}, auth=own_auth)
        if answer.is_success:
            fields: dict[str, Any] = answer.json() if answer.content else {}
            return fields
        why = _error(answer)
        if why.get("error") in ("authorization_pending", "slow_down"):
            raise _PendingError(why["error"])
        said = " ".join(str(why[key]) for key in ("error", "error_description") if why.get(key))
        raise PermissionError(f"{self._urls[url]} answers {answer.status_code} {said or answer.reason_phrase}")

    # --- use ---------------------------------------------------------------------------------------------------

    def request(self, method: str, url: str, **more: Any) -> Any:
        """Send a request with the token; on a 401 once more with another. Awaited in a coroutine only."""
        return settled(self._request(method, url, more), self._loop)

    async def _request(self, method: str, url: str, more: dict[str, Any]) -> Any:
        await self.lend()
        headers, seen = more.pop("headers", {}), self._token
        answer = await self.client.request(method, url, headers={**headers, **self.headers}, **more)
        if answer.status_code == UNAUTHORIZED:
            await self._renew(seen)
            answer = await self.client.request(method, url, headers={**headers, **self.headers}, **more)
        return answer

    def check(self) -> bool:
        """Tell whether the token is not too old."""
        return bool(self._token["expires_at"] > time.monotonic())

    async def close(self) -> None:
        """Revoke what was fetched, where the server can."""
        failed: list[Exception] = []
        try:
            for token in (self._token.get("refresh_token"), self.access_token, *self._old):
                try:
                    if token and self._urls["revoke"]:
                        await self._ask("revoke", {"token": token})
                except Exception as error:  # noqa: BLE001  the others are revoked all the same; it is raised below
                    failed.append(error)
        finally:
            await self.client.aclose()
        if failed:
            raise failed[0]


class _PendingError(Exception):
    """Nobody has allowed it yet."""


def _error(answer: Any) -> dict[str, Any]:
    with contextlib.suppress(ValueError):
        fields = answer.json()
        return fields if isinstance(fields, dict) else {}
    return {}
