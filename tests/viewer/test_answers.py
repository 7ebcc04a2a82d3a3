"""What the pages are told, by the real application."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from sojourn.viewer.app import app
from sojourn.viewer.texts import SHOWN


@pytest.fixture(scope="module")
def client(home: Path) -> Iterator[TestClient]:
    """Ask the application that the server serves."""
    with TestClient(app(home), base_url="http://127.0.0.1") as made:
        yield made


def told(client: TestClient, path: str, status: int = 200, **query: Any) -> Any:
    """Return an answer's data."""
    answer = client.get(f"/api/{path}", params=query)
    assert answer.status_code == status, answer.text
    return answer.json()


def number(client: TestClient, name: str) -> int:
    """Return the number of a trial of the newest run."""
    tests = told(client, "tests", run="latest", q=name)["tests"]
    return int(tests[0]["cells"][0]["number"])


def test_runs_are_told_the_newest_first(client: TestClient) -> None:
    """A run has its state and its counts."""
    runs = told(client, "runs")["runs"]
    assert [run["description"] for run in runs] == ["Refunds <b>bold</b>", "Refunds <b>bold</b>", "Racing"]
    assert (runs[0]["state"], runs[0]["passed"], runs[0]["failed"], runs[0]["errors"]) == ("done", 4, 1, 1)


def test_a_race_is_told_with_its_trials(client: TestClient) -> None:
    """Both trials of a race bear a mark, and the run's notice leads to them."""
    race = told(client, "run", run=told(client, "runs")["runs"][2]["id"])
    [notice] = race["notices"]
    assert (notice["kind"], sorted(notice["trials"])) == ("race", [0, 1])
    assert set(race["flags"]) == {"0", "1"}
    svg = told(client, "timeline", run=race["run"]["id"])["svg"]
    assert svg.count("race: session shared") >= 2


def test_a_long_text_comes_in_pieces(client: TestClient) -> None:
    """Ten million characters are not in the page's data, and can be had piece by piece or whole."""
    asked = number(client, "a long answer")
    answer = client.get("/api/trial", params={"run": "latest", "n": asked})
    assert len(answer.content) < 200_000
    output = next(text for text in answer.json()["texts"] if text["name"] == "output")
    assert (len(output["text"]), output["length"]) == (SHOWN, 10_000_007)
    where: dict[str, Any] = {"run": "latest", "n": asked, "name": "output"}
    assert client.get("/api/text", params={**where, "from": 10_000_000, "size": 50}).text == "the end"
    whole = client.get("/api/text", params=where)
    assert len(whole.text) == 10_000_007
    assert whole.headers["content-type"] == "text/plain; charset=utf-8"
    assert len(client.get("/api/tests", params={"run": "latest"}).content) < 50_000


def test_a_trial_is_told_whole(client: TestClient) -> None:
    """Prompt, answer, verdicts with reasons, what was printed, lane and neighbours."""
    trial = told(client, "trial", run="latest", n=number(client, "wording"))
    texts = {text["name"]: text["text"] for text in trial["texts"]}
    assert texts["output"] == "Hi 1: hello"
    assert texts["prompt"] == texts["var say"] == "hello"
    assert texts["printed"] == "asked hello\n"
    [verdict] = trial["verdicts"]
    assert (verdict["type"], verdict["passed"], verdict["value"]["text"]) == ("contains", False, "Dear")
    assert "Dear" in verdict["reason"]["text"]
    assert (trial["before"], trial["after"]) == (1, 3)


def test_a_lane_is_told_turn_by_turn(client: TestClient) -> None:
    """The turns of a conversation come in the order in which they were said."""
    cell = told(client, "tests", run="latest", q="money back")["tests"][0]["cells"][0]
    assert cell["is_shared"]
    turns = told(client, "lane", run="latest", lane=cell["lane"])["turns"]
    assert [(turn["asked"]["text"], turn["answer"]["text"]) for turn in turns] == [
        ("money back", "Hi 1: money back"),
        ("it is A-17", "Hi 2: it is A-17"),
    ]


def test_a_timeline_links_lanes_and_trials(client: TestClient) -> None:
    """The picture has the lane, the sessions' bars, and a link for each trial that ran."""
    svg = told(client, "timeline", run="latest")["svg"]
    assert "refund in turns" in svg
    assert "thread: 5 sessions" in svg
    assert svg.count("/trial?run=") == 6
    assert "/lane?run=" in svg
    assert "<i>name" not in svg


def test_two_runs_are_compared(client: TestClient) -> None:
    """The regression comes first; what is the same is counted, and shown to who asks for it."""
    after, before = (run["id"] for run in told(client, "runs")["runs"][:2])
    found = told(client, "compare", a=before, b=after)
    assert (found["twins"][0]["change"], found["twins"][0]["name"]) == ("regression", "wording")
    assert found["changes"]["output"] == 2
    assert found["total"] == 3
    assert [twins["change"] for twins in told(client, "compare", a=before, b=after, change="same")["twins"]] == [
        "same"
    ] * 3


@pytest.mark.parametrize(
    ("path", "query", "status", "said"),
    [
        ("run", {"run": "nothing"}, 404, "no run 'nothing' is stored"),
        ("run", {}, 400, "run"),
        ("tests", {"run": "latest", "sort": "row; DROP"}, 400, "tests are sorted by"),
        ("tests", {"run": "latest", "outcome": "odd"}, 400, "chosen by"),
        ("tests", {"run": "latest", "offset": "x"}, 400, "invalid literal"),
        ("trial", {"run": "latest", "n": 99}, 404, "no trial 100"),
        ("text", {"run": "latest", "n": 0, "name": "none"}, 404, "no text 'none'"),
    ],
)
def test_what_is_not_there_is_said(
    client: TestClient, path: str, query: dict[str, Any], status: int, said: str
) -> None:
    """A wrong question is answered in words."""
    assert said in told(client, path, status, **query)["error"]


def test_an_offset_beyond_the_end_is_an_empty_page(client: TestClient) -> None:
    """Nothing breaks where nothing is left."""
    found = told(client, "tests", run="latest", offset=10**30)
    assert (found["total"], found["tests"]) == (6, [])


def test_a_store_that_is_no_store_is_told_of(tmp_path: Path) -> None:
    """A file that is damaged is an answer, not a crash."""
    (tmp_path / "runs.sqlite").write_bytes(b"nothing that SQLite knows" * 100)
    with pytest.raises(sqlite3.Error), sqlite3.connect(tmp_path / "runs.sqlite") as broken:
        broken.execute("SELECT 1 FROM runs")
    with TestClient(app(tmp_path), base_url="http://127.0.0.1") as client:
        assert "cannot be " in told(client, "runs", 404)["error"]
