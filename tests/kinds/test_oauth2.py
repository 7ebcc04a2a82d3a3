import asyncio
import http.server
import json
import threading
import time
import urllib.parse
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from sojourn.kinds import oauth2
from sojourn.kinds.oauth2 import Oauth2
from sojourn.testing import KindContract
from tests.acceptance.suites import Evaluate, asked
from tests.systems.oidc import MODULES, Issuer, issuer
from tests.systems.presence import need

SECRET = "robot-secret-1b7"
VERIFIER = "a-verifier-that-is-long-enough-for-the-standard-0123456789"
CODE = """
import asyncio
async def call_api(prompt, options, context):
    it = context["sessions"]["it"]
    url = it._urls["token"].replace("/token", "/me")
    answer = await it.request("GET", url)
    if prompt.startswith("bad"):
        await it.request("GET", url + "?bad=1")
        await asyncio.sleep(0)
    return {"output": answer.status_code}
"""


@pytest.fixture(scope="module")
def provider() -> Iterator[Issuer]:
    """Run an OpenID provider."""
    need((MODULES / "oidc-provider").is_dir(), "oidc-provider")
    with issuer(600) as running:
        yield running


@pytest.fixture(autouse=True)
def _counted(provider: Issuer) -> None:
    provider.ask("forget")


def left(provider: Issuer) -> list[str]:
    """Return what was given out since the test began, and not revoked."""
    found: list[str] = provider.ask("left")
    return found


def config(provider: Issuer, **more: Any) -> dict[str, Any]:
    """Make the configuration of a client."""
    return {"issuer": provider.url, "client_id": "robot", "client_secret": SECRET, **more}


def suite(provider: Issuer, *words: str, session: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Make a suite whose trials call the provider's resource."""
    entry = {"kind": "oauth2", "capacity": 50, "config": config(provider, **more), **(session or {})}
    return asked(*words, providers=[{"id": "file://code.py", "sessions": ["it"]}], sessions={"it": entry})


class TestOauth2(KindContract):
    kind = "oauth2"
    use = "async def use(it, word): return '' if it.access_token else 'none'\n"
    can = ("check",)
    remembers = False
    secret = SECRET

    @pytest.fixture(autouse=True)
    def _place(self, provider: Issuer) -> None:
        self.provider = provider

    def config(self) -> Mapping[str, Any]:
        return config(self.provider)

    def left(self) -> Collection[Any]:
        return left(self.provider)


def test_fifty_users_need_one_fetch(evaluate: Evaluate, provider: Issuer) -> None:
    """However many use a token at once, it is fetched once, and revoked when all have gone."""
    run = evaluate(suite(provider, *(str(n) for n in range(50))), {"code.py": CODE}, "-j", "50")

    assert set(run.outputs) == {200}, run.shown
    assert provider.ask("count") == {"grants": 1, "calls": 50}


def test_a_token_that_is_refused_is_renewed_once(evaluate: Evaluate, provider: Issuer) -> None:
    """On a 401 one of all who were refused fetches another token, and each asks once more."""
    code = """
import asyncio
async def call_api(prompt, options, context):
    it = context["sessions"]["it"]
    url = it._urls["token"].replace("/token", "/me")
    if "bad" not in it.__dict__:
        it.bad = asyncio.create_task(it.client.get(url + "?bad=1", headers=it.headers))
    await it.bad
    return {"output": (await it.request("GET", url)).status_code}
"""
    run = evaluate(suite(provider, *(str(n) for n in range(20))), {"code.py": code}, "-j", "20")

    assert set(run.outputs) == {200}, run.shown
    assert provider.ask("count")["grants"] == 2


def test_a_token_is_renewed_before_it_is_too_old(evaluate: Evaluate) -> None:
    """What a trial is lent is good for a while yet: with a leeway as long as its life, half of that."""
    need((MODULES / "oidc-provider").is_dir(), "oidc-provider")
    slow = CODE.replace("return {", "await asyncio.sleep(1.1)\n    return {")
    with issuer(2) as provider:
        run = evaluate(suite(provider, "a", "b", "c", session={"capacity": 1}), {"code.py": slow}, "-j", "1")
        assert run.outputs == [200, 200, 200], run.shown
        assert provider.ask("count")["grants"] == 3


def test_a_code_is_exchanged_with_its_verifier(evaluate: Evaluate, provider: Issuer) -> None:
    """An authorisation code and its PKCE verifier give a token, and one that renews it; all are revoked."""
    known = {"grant": "authorization_code", "redirect_uri": "https://robot.example/back", "code_verifier": VERIFIER}
    more = {**known, **provider.ask(f"code?verifier={VERIFIER}")}
    code = CODE.replace("return {", "await it._renew(it._token)\n    return {")
    run = evaluate(suite(provider, "a", **more), {"code.py": code})

    assert run.outputs == [200], run.shown
    assert provider.ask("count")["grants"] == 2
    assert left(provider) == []
    assert VERIFIER not in (run.folder / "out.json").read_text()


def test_a_wrong_verifier_is_refused_with_the_servers_words(evaluate: Evaluate, provider: Issuer) -> None:
    """What the server says is the cause; nothing secret is in it."""
    known = {"grant": "authorization_code", "redirect_uri": "https://robot.example/back", "code_verifier": VERIFIER}
    run = evaluate(suite(provider, "a", **{**known, **provider.ask("code?verifier=another")}), {"code.py": CODE})

    assert run.outcomes == ["error"]
    assert "/token answers 400 invalid_grant" in run.rows[0]["error"]
    assert SECRET not in run.shown


def test_a_token_is_exchanged(evaluate: Evaluate, provider: Issuer) -> None:
    """A token of somebody else is exchanged for one of the client's."""
    kind = "urn:ietf:params:oauth:token-type:access_token"
    more: dict[str, Any] = {"grant": "token_exchange", "subject_token": "subject-5c2", "subject_token_type": kind}
    run = evaluate(suite(provider, "a", **more), {"code.py": CODE})

    assert run.outcomes == ["passed"], run.shown
    assert run.outputs == [200]
    assert "subject-5c2" not in (run.folder / "out.json").read_text()


def test_a_device_waits_until_somebody_allows_it(evaluate: Evaluate, provider: Issuer, tmp_path: Path) -> None:
    """It says where to allow it, and goes on when that has happened."""
    code = (
        CODE
        + """
import urllib.parse, urllib.request, builtins
def allow():
    import sys, sojourn.kinds.oauth2 as kind
    def told(text, **_):
        user_code = urllib.parse.parse_qs(urllib.parse.urlparse(text.split()[-1]).query)["user_code"][0]
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        opener.open(text.split()[-1].split("/device")[0] + "/test/allow?user_code=" + user_code).read()
    kind.print = told
allow()
"""
    )
    more: dict[str, Any] = {"grant": "device_code", "scope": "openid offline_access"}
    run = evaluate(suite(provider, "a", **more), {"code.py": code})

    assert run.outputs == [200], run.shown
    assert left(provider) == []


def test_its_handle_is_in_no_file(evaluate: Evaluate, provider: Issuer) -> None:
    """Other languages and headers get the token; results and ledger have it blanked."""
    told = {"id": "file://code.py:show", "sessions": ["it"]}
    config = suite(provider, "a")
    config["providers"] = [told]
    code = """
import json, os, glob
def show(prompt, options, context):
    it = context["sessions"]["it"]
    ledgers = glob.glob(os.environ["SOJOURN_HOME"] + "/runs/*/ledger.jsonl")
    return {"output": [it.access_token in open(path).read() for path in ledgers], "metadata": {"headers": it.lent()}}
"""
    run = evaluate(config, {"code.py": code})

    assert run.outputs == [[False]], run.shown
    assert run.rows[0]["metadata"]["headers"] == dict.fromkeys(Oauth2.tells, "[REDACTED]")


class Refusing(http.server.BaseHTTPRequestHandler):
    """Gives a new refresh token with each token, and fails to revoke the first that it is asked to."""

    asked: ClassVar[list[dict[str, str]]] = []

    def do_POST(self) -> None:
        form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        self.asked.append({"path": self.path, **form})
        n = sum(each["path"] == self.path for each in self.asked)
        said: dict[str, Any] = {"access_token": f"access-{n}", "refresh_token": f"refresh-{n}"}
        if self.path == "/device":
            said = {"device_code": "d", "user_code": "u", "verification_uri": "here", "interval": 0.01}
        waits = form.get("device_code") and n < 2
        refused = waits or (self.path == "/revoke" and n == 1)
        text = json.dumps({"error": "slow_down" if waits else "broken"} if refused else said).encode()
        self.send_response(400 if refused else 200)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def refusing() -> Iterator[dict[str, str]]:
    """Serve it; returns what a session needs of it."""
    Refusing.asked.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        here = f"http://127.0.0.1:{server.server_port}"
        urls = {name: f"{here}/{name.split('_')[0]}" for name in ("token_url", "revoke_url", "device_url")}
        yield {**urls, "client_id": "robot"}
        server.shutdown()


def test_every_token_is_revoked_whatever_the_server_says(refusing: dict[str, str]) -> None:
    """A revocation that fails is told in the end, and the others are done; so are refresh tokens that were rotated."""

    async def used() -> None:
        session = Oauth2()
        await session.open(refusing, {})
        await session._renew(session._token)
        await session.close()

    with pytest.raises(PermissionError, match="/revoke answers 400 broken"):
        asyncio.run(used())
    revoked = {each["token"] for each in Refusing.asked if each["path"] == "/revoke"}
    assert revoked == {"refresh-1", "refresh-2", "access-1", "access-2"}


def test_it_slows_down_when_it_is_told_to(refusing: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """After `slow_down` the pause is longer by what the standard says."""
    monkeypatch.setattr(oauth2, "SLOWER", 0.3)
    before = time.monotonic()
    asyncio.run(Oauth2().open({**refusing, "grant": "device_code"}, {}))

    assert time.monotonic() - before > 0.3


def test_a_leeway_of_none_is_none(refusing: dict[str, str]) -> None:
    """An explicit 0 is not the default."""
    session = Oauth2()
    asyncio.run(session.open({**refusing, "leeway": 0}, {}))

    assert session._token["leeway"] == 0
