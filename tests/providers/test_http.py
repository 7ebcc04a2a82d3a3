from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from sojourn.errors import ConfigError
from tests.acceptance.suites import Evaluate, asked
from tests.providers.conftest import Ask
from tests.providers.endpoints import JSON, VALUES, entry
from tests.providers.service import Service


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        ({"a": "{{n}}", "b": "{{data}}"}, {"a": "123", "b": {"k": 1}}),
        ({"a": "x {{quoted}}"}, {"a": 'x he "q" & \nx'}),
        ('{"a": "{{quoted}}", "p": "{{prompt}}"}', {"a": 'he "q" & \nx', "p": "hello"}),
        ('{"a": {{quoted | dump}}}', {"a": 'he "q" & \nx'}),
        ([{"role": "user", "content": "{{prompt}}"}], [{"role": "user", "content": "hello"}]),
        ({"{{name}}": 1}, {"K": 1}),
    ],
)
def test_json_bodies_are_filled_in_text_by_text(ask: Ask, service: Service, body: Any, sent: Any) -> None:
    """Whatever a value holds, the body stays JSON; a text that becomes a JSON object or list is one."""
    ask(entry(service, method="POST", headers=JSON, body=body), "hello", **VALUES)

    assert service.bodies == [sent]


def test_url_query_and_headers_are_templates(ask: Ask, service: Service) -> None:
    """URL, query parameters and headers, names as well as values, are filled in; the query that is there stays."""
    config = {"queryParams": {"a": "{{quoted}}"}, "headers": {"X-{{name}}": "v {{n}}"}, "method": "GET"}
    ask(entry(service, "/{{name}}?s=1", **config), "hello", **VALUES)

    assert service.seen[0]["path"] == "/K?s=1&a=he+%22q%22+%26+%0Ax"
    assert service.seen[0]["headers"]["x-k"] == "v 123"


def test_blanks_around_a_header_are_no_part_of_it(ask: Ask, service: Service) -> None:
    """A token that is empty, or was read from a file with its line's end, makes no request that cannot be sent."""
    ask(entry(service, headers={"Authorization": "Bearer {{token}}", "X-Key": "k\n"}), "hello", token="")

    assert [service.seen[0]["headers"][name] for name in ("authorization", "x-key")] == ["Bearer", "k"]


def test_what_values_hold_does_not_break_an_address(ask: Ask, service: Service) -> None:
    """White space and quotes in a URL are encoded."""
    ask(entry(service, "/x?z={{quoted}}"), "hello", quoted='a "b"\nc')

    assert service.seen[0]["path"] == "/x?z=a%20%22b%22%0Ac"


def test_tools_can_be_put_into_a_body(ask: Ask, service: Service) -> None:
    """`tools` and `tool_choice` of the configuration are variables of the request."""
    config: dict[str, Any] = {
        "tools": [{"name": "t"}],
        "tool_choice": "auto",
        "body": {"x": "{{tools}}", "y": "{{tool_choice}}"},
    }
    ask(entry(service, **config), "hello")

    assert service.bodies == [{"x": [{"name": "t"}], "y": "auto"}]


def test_tools_take_the_form_that_a_service_wants(ask: Ask, service: Service) -> None:
    """`transformToolsFormat` names it; a form that nobody knows is refused beforehand."""
    tool = {"type": "function", "function": {"name": "t", "parameters": {"type": "object"}}}
    body = {"x": "{{tools}}", "y": "{{tool_choice}}"}
    said = entry(service, tools=[tool], tool_choice="required", body=body, transformToolsFormat="anthropic")
    ask(said, "hello")

    assert service.bodies == [{"x": [{"name": "t", "input_schema": {"type": "object"}}], "y": {"type": "any"}}]
    with pytest.raises(ConfigError, match=r"cannot be 'opeanai' \(there are openai, anthropic, bedrock, google\)"):
        ask(entry(service, transformToolsFormat="opeanai"), "hello")


def test_sessions_are_there_for_templates(ask: Ask, service: Service) -> None:
    """A session's handle can be used in URL, headers and body."""
    config = {"url": "{{sessions.it.url}}/{{sessions.it.id}}", "headers": {"x-s": "{{sessions.it.id}}"}}
    own = {"id": "http", "config": {**config, "body": {"s": "{{sessions.it.id}}"}}}
    ask(own, "hello", sessions={"it": {"url": service.url, "id": "s1"}})

    assert (service.seen[0]["path"], service.seen[0]["headers"]["x-s"], service.bodies) == ("/s1", "s1", [{"s": "s1"}])


@pytest.mark.parametrize(("more", "method"), [({}, "GET"), ({"body": {"a": 1}}, "POST"), ({"method": "put"}, "PUT")])
def test_a_body_is_sent_unless_it_says_get(ask: Ask, service: Service, more: dict[str, Any], method: str) -> None:
    """Without a method it is POST where there is a body, and GET otherwise."""
    ask(entry(service, **more), "hello")

    assert service.seen[0]["method"] == method


def test_a_form_is_encoded(ask: Ask, service: Service) -> None:
    """An object as the body of a form is encoded as one; a text is sent as it is."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    ask(entry(service, headers=form, body={"a": "{{quoted}}"}), "hello", **VALUES)
    ask(entry(service, headers=form, body="a={{n}}"), "hello", **VALUES)

    assert [each["body"] for each in service.seen] == ["a=he+%22q%22+%26+%0Ax", "a=123"]


def test_a_raw_request_is_sent(ask: Ask, service: Service) -> None:
    """A request may be written as it goes over the wire; what values hold does not break its JSON."""
    host = service.url.removeprefix("http://")
    raw = f'POST /raw/{{{{n}}}} HTTP/1.1\nHost: {host}\nContent-Type: application/json\n\n{{"a": "{{{{quoted}}}}"}}'
    ask({"id": "http", "config": {"request": raw}}, "hello", **VALUES)

    assert (service.seen[0]["method"], service.seen[0]["path"]) == ("POST", "/raw/123")
    assert service.bodies == [{"a": 'he "q" & \nx'}]


def test_files_are_uploaded(ask: Ask, service: Service, tmp_path: Path) -> None:
    """Parts of a form are fields, filled in, and files."""
    (tmp_path / "a.txt").write_text("content")
    file = {"kind": "file", "name": "up", "source": {"type": "path", "path": "file://a.txt"}}
    field = {"kind": "field", "name": "f", "value": "{{prompt}}"}
    ask(entry(service, multipart={"parts": [field, file]}), "hello")

    body = service.seen[0]["body"]
    assert 'name="f"\r\n\r\nhello\r\n' in body
    assert 'name="up"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\ncontent\r\n' in body


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("JSON.stringify({text: prompt})", {"x": {"text": "hello"}}),
        ("{text: prompt}", {"x": "hello", "text": "hello"}),
        ("(p, vars) => ({x: vars.n})", {"x": 123}),
        ("function(p) { return {t: p} }", {"x": "hello", "t": "hello"}),
        ("return {t: prompt}", {"x": "hello", "t": "hello"}),
        ("const t = prompt;\nreturn {t}", {"x": "hello", "t": "hello"}),
        ("{{prompt}}!", {"x": "hello!"}),
        ('{"text": "{{prompt}}"}', {"x": "hello", "text": "hello"}),
        ("file://change.py", {"x": "HELLO"}),
        ("file://change.js:named", {"x": "hello", "n": 1}),
    ],
)
def test_transform_request_changes_what_is_sent(
    ask: Ask, service: Service, tmp_path: Path, written: str, sent: Any
) -> None:
    """A text takes the prompt's place, an object is laid over the body; it is JavaScript, a template or a file."""
    (tmp_path / "change.py").write_text("def get_transform(prompt, vars, context): return prompt.upper()")
    (tmp_path / "change.js").write_text("module.exports = { named: (prompt) => ({ n: 1 }) };")
    ask(entry(service, headers=JSON, body={"x": "{{prompt}}"}, transformRequest=written), "hello", **VALUES)

    assert service.bodies == [sent]


@pytest.mark.parametrize(
    "told", [{"output": "x", "sessionId": "s"}, {"output": None}, {"error": "boom"}, {"a": 1}, [1], '"t"', "t", "null"]
)
def test_without_transform_response_the_output_is_all_that_came(ask: Ask, service: Service, told: Any) -> None:
    """The whole JSON, also where it looks like a reply, or the text."""
    service.will(body=told)
    [reply] = ask(entry(service), "hello")

    assert (reply.error, reply.session_id) == ("", "")
    assert reply.output == ("t" if told == '"t"' else told)


def test_json_that_is_a_text_is_json(ask: Ask, service: Service) -> None:
    """An expression has it as `json`, and nothing there where the answer is no JSON."""
    for told in ('"t"', "t"):
        service.will(body=told)
    replies = ask(entry(service, transformResponse="({output: [json ?? 'none', text]})"), "hello", "hello")

    assert [reply.output for reply in replies] == [["t", '"t"'], ["none", "t"]]


@pytest.mark.parametrize(
    ("written", "output"),
    [
        ("json.a.b", 7),
        ("{\n  output: json.a.b,\n  metadata: {z: 1}\n}", 7),
        ("(json, text, context) => text.length + context.response.status", 215),
        ("const x = json.a;\nreturn x.b", 7),
        ("({output: {deep: json.a}})", {"deep": {"b": 7}}),
        ("file://read.py", 7),
        ("file://read.py:whole", '{"a": {"b": 7}}'),
        ("file://read.js", 7),
    ],
)
@pytest.mark.parametrize("key", ["transformResponse", "responseParser"])
def test_transform_response_reads_the_answer(
    ask: Ask, service: Service, tmp_path: Path, written: str, output: Any, key: str
) -> None:
    """An expression, function or file makes the output, or a whole reply, of the answer."""
    python = (
        "def get_transform(json, text, context): return json['a']['b']\ndef whole(json, text, context): return text\n"
    )
    (tmp_path / "read.py").write_text(python)
    (tmp_path / "read.js").write_text("module.exports = (json) => json.a.b;")
    service.will(body={"a": {"b": 7}})
    [reply] = ask(entry(service, **{key: written}), "hello")

    assert (reply.error, reply.output) == ("", output)
    assert reply.metadata["http"]["status"] == 200


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"transformResponse": "json.nope.deeper"}, "transformResponse broke: inline javascript: TypeError"),
        ({"transformResponse": "json.nope"}, "transformResponse returned nothing"),
        ({"transformResponse": "({error: 'no such thread'})"}, "no such thread"),
        ({"sessionParser": "data.headers.get('x')"}, "sessionParser broke"),
        ({"validateStatus": "status < 200"}, "HTTP 200 OK"),
        ({"validateStatus": "file://status.py"}, "HTTP 200 OK"),
    ],
)
def test_an_answer_that_cannot_be_read_is_an_error(
    ask: Ask, service: Service, tmp_path: Path, config: dict[str, Any], told: str
) -> None:
    """An expression that breaks, or finds nothing, or an answer that is not accepted, is the reply's error."""
    (tmp_path / "status.py").write_text("def get_transform(status): return status != 200")
    [reply] = ask(entry(service, **config), "hello")

    assert told in reply.error


@pytest.mark.parametrize("reads", ["json.answer.text", "undefined"])
@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("", "no JSON, so that `json` is null: (empty)"),
        ("<html>", "no JSON, so that `json` is null: <html>"),
        ({"a": 1}, 'JSON: {"a": 1}'),
        ("x" * 1000, "no JSON, so that `json` is null: " + "x" * 500 + "…"),
    ],
)
def test_what_an_expression_could_not_read_is_shown(
    ask: Ask, service: Service, reads: str, said: Any, told: str
) -> None:
    """An expression that breaks or finds nothing is told with the beginning of the answer that it was for."""
    service.will(body=said)
    [reply] = ask(entry(service, transformResponse=reads), "hello")

    assert reply.error.endswith(f"\nthe answer was {told} (GET {service.url}/x)")
    assert (reply.metadata["http"]["status"], bool(reply.extra["raw"])) == (200, bool(said))


def test_an_answer_that_was_no_success_is_told_with_its_status(ask: Ask, service: Service) -> None:
    """Where an expression breaks on an error of the service, the status says so, and credentials are blanked."""
    service.will(500, {"token": "live-3f0a9c", "a": 1})
    [reply] = ask(entry(service, transformResponse="json.answer.text"), "hello")

    told = 'the answer was HTTP 500 Internal Server Error, JSON: {"token": "[REDACTED]", "a": 1}'
    assert told in reply.error


@pytest.mark.parametrize("told", ["no such session", {"error": "no such session"}])
@pytest.mark.parametrize("status", [200, 400, 500, 401, 403, 404, 501])
def test_refusals_are_errors(ask: Ask, service: Service, status: int, told: Any) -> None:
    """401, 403, 404 and 501 are errors; other answers are outputs, as in promptfoo."""
    service.will(status, told)
    [reply] = ask(entry(service), "hello")

    assert bool(reply.error) is (status in (401, 403, 404, 501))
    assert "no such session" in (reply.error or str(reply.output))
    assert reply.metadata["http"]["status"] == status


def test_validate_status_decides(ask: Ask, service: Service) -> None:
    """What validateStatus takes is an output, a 404 as well."""
    service.will(404, "nothing here")
    [reply] = ask(entry(service, validateStatus="(s) => s === 404"), "hello")

    assert reply.output == "nothing here"


@pytest.mark.parametrize(("parser", "session"), [("data.body.id", "s7"), ("data.headers['x-s']", "head")])
def test_session_parser_names_the_session(ask: Ask, service: Service, parser: str, session: str) -> None:
    """The session is named by the answer's body or headers."""
    service.will(200, {"id": "s7"}, x_s="head")
    [reply] = ask(entry(service, sessionParser=parser), "hello")

    assert reply.session_id == session


def test_cookies_are_kept_over_a_conversation(ask: Ask, service: Service) -> None:
    """What the service sets as a cookie comes back with the next turn of the same conversation, and no other."""
    service.will(200, "hi", set_cookie="s=1")
    ask(entry(service), "one", "two")
    ask(entry(service), "three")

    assert [each["headers"].get("cookie") for each in service.seen] == [None, "s=1", None]


@pytest.mark.parametrize(
    ("auth", "header", "path"),
    [
        ({"type": "bearer", "token": "t-{{name}}"}, ("authorization", "Bearer t-K"), "/x"),
        ({"type": "basic", "username": "u", "password": "p"}, ("authorization", "Basic dTpw"), "/x"),
        ({"type": "api_key", "keyName": "X-K", "value": "v"}, ("x-k", "v"), "/x"),
        ({"type": "api_key", "placement": "query", "keyName": "k", "value": "v"}, ("x-k", None), "/x?k=v"),
        ({"type": "file", "path": "file://token.py"}, ("x-t", "made"), "/x"),
    ],
)
def test_requests_prove_who_they_are(
    ask: Ask, service: Service, tmp_path: Path, auth: dict[str, str], header: tuple[str, Any], path: str
) -> None:
    """Each way of `auth` puts its header or query parameter in."""
    (tmp_path / "token.py").write_text("def get_transform(context): return {'token': 'made'}")
    ask(entry(service, auth=auth, headers={"x-t": "{{token}}"}), "hello", name="K")

    assert (service.seen[0]["headers"].get(header[0]), service.seen[0]["path"]) == (header[1], path)


def test_a_token_is_fetched_once_for_its_time(ask: Ask, service: Service) -> None:
    """An OAuth token is used until a minute before its end."""
    auth = {"type": "oauth", "tokenUrl": service.url + "/token", "clientId": "i", "clientSecret": "s", "scopes": ["a"]}
    service.will(200, {"access_token": "T1", "expires_in": 3600})
    ask(entry(service, auth=auth), "one", "two")

    assert service.seen[0]["body"] == "grant_type=client_credentials&client_id=i&client_secret=s&scope=a"
    assert [each["headers"].get("authorization") for each in service.seen] == [None, "Bearer T1", "Bearer T1"]


def test_a_token_that_is_refused_is_the_error(ask: Ask, service: Service) -> None:
    """An authorization service that says no is why there is no answer."""
    service.will(400, {"error": "invalid_client"})
    auth = {"type": "oauth", "tokenUrl": service.url + "/token", "clientId": "i", "clientSecret": "s"}
    [reply] = ask(entry(service, auth=auth), "one")

    assert "no token: HTTP 400" in reply.error
    assert "invalid_client" in reply.error


def test_tokens_are_estimated_by_words(ask: Ask, service: Service) -> None:
    """1.3 tokens a word, where the suite asks for it."""
    service.will(200, "one two three")
    [reply] = ask(entry(service, tokenEstimation={"enabled": True}), "one two")

    assert reply.tokens == {"prompt": 3, "completion": 4, "total": 7}


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({}, "needs an address"),
        ({"url": "http://x", "signatureAuth": {"type": "pem"}}, "signatureAuth needs a key"),
        ({"url": "http://x", "signatureAuth": {"keystorePath": "k.jks"}}, "the Java keystore cannot be read: .*k.jks"),
    ],
)
def test_a_request_that_cannot_be_is_found_before_the_run(ask: Ask, config: dict[str, Any], told: str) -> None:
    """A provider without an address, or with what is not there, is an error of the configuration."""
    with pytest.raises(ConfigError, match=told):
        ask({"id": "http", "config": config}, "hello")


def test_a_refusal_costs_its_trial_and_the_run_goes_on(evaluate: Evaluate, service: Service) -> None:
    """A 404 is one trial's error: the others are asked, cookies stay with their conversations, afterAll runs."""
    for status in (200, 404, 200):
        service.will(status, f"answer {status}", set_cookie=f"s={status}")
    hooks = "def end(hook_name, context):\n    if hook_name == 'afterAll': open('ended', 'w').close()\n"
    config = asked("a", "b", "c", providers=[service.url + "/chat"], extensions=["file://hooks.py:end"])
    for test in config["tests"]:
        test["metadata"] = {"conversationId": "one"}
    run = evaluate(config, {"hooks.py": hooks}, NO_PROXY="127.0.0.1")

    assert run.outcomes == ["passed", "error", "passed"], run.shown
    assert "HTTP 404 Not Found: answer 404" in run.rows[1]["error"]
    assert [each["headers"].get("cookie") for each in service.seen] == [None, "s=200", "s=404"]
    assert (run.folder / "ended").exists()


def test_a_turn_behind_a_redirect_is_sent_once(ask: Ask, service: Service) -> None:
    """What answered with a redirect has heard the turn; that nobody is where it points changes nothing of that."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        gone = f"http://127.0.0.1:{nobody.getsockname()[1]}/"
    service.will(303, location=gone)
    entry = {"id": service.url, "config": {"method": "POST", "body": "{{prompt}}", "maxRetries": 3}}
    [reply] = ask(entry, "turn", is_turn=True)
    assert "cannot be reached" in reply.error
    assert len(service.seen) == 1


@pytest.mark.parametrize("status", [400, 404, 500])
def test_an_error_says_what_was_asked_and_what_came(ask: Ask, service: Service, status: int) -> None:
    """The status, what the service says, and the address without its query, which may hold what nobody is to see."""
    for _ in range(5):
        service.will(status, {"error": "no such thread"})
    [reply] = ask(
        {"id": f"{service.url}/a", "config": {"queryParams": {"key": "secret"}, "transformResponse": "json"}}, "hi"
    )
    assert f"HTTP {status}" in reply.error
    assert "no such thread" in reply.error
    assert reply.error.endswith(f"(GET {service.url}/a)")
    assert "secret" not in reply.error
