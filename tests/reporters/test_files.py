"""Every output format, with ordinary runs and with whatever a stranger may answer."""

import csv
import io
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from sojourn import registry
from sojourn.catalog import REPORTERS
from sojourn.model.reply import Reply
from sojourn.model.result import Outcome, Phase, TrialResult, Trouble
from sojourn.model.run_result import RunResult
from sojourn.reporters.cells import rows

Make = Callable[..., TrialResult]
Run = Callable[..., RunResult]

WILD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(), max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
MANY = settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])


def written(result: RunResult, suffix: str) -> bytes:
    """Write the run in the format of this suffix."""
    out = io.BytesIO()
    registry.find("output format", suffix)(result, out)
    return out.getvalue()


def table(result: RunResult) -> list[list[str]]:
    """Read the run's CSV back."""
    return list(csv.reader(io.StringIO(written(result, ".csv").decode(), newline="")))


@pytest.mark.parametrize("suffix", sorted(REPORTERS.keys() - {".parquet"}))
@MANY
@given(answer=WILD, words=st.text(st.characters(), max_size=20))
def test_every_format_carries_whatever_is_answered(run: Run, trial: Make, suffix: str, answer: Any, words: str) -> None:
    """Half characters, control characters, NaN and odd keys make no format fail, and its file stays readable."""
    strange = trial(
        raw={"vars": {words or "v": answer}, "description": words},
        reply=Reply(output=answer, metadata={"told": answer}),
        outcome=Outcome.FAILED,
        reason=words,
        printed=words,
    )
    data = written(run(strange, trial(1)), suffix).decode()

    if suffix == ".json":
        assert len(json.loads(data)["results"]["results"]) == 2
    elif suffix == ".jsonl":
        assert [json.loads(line)["testIdx"] for line in data.split("\n")[:-1]] == [0, 1]
    elif suffix in {".yaml", ".yml", ".txt"}:
        assert len(yaml.safe_load(data)["results"]["results"]) == 2
    elif suffix.endswith(".xml"):
        assert ET.fromstring(data).tag in {"promptfoo", "testsuites"}
    elif suffix == ".csv":
        rows = list(csv.reader(io.StringIO(data, newline="")))
        assert len(rows) == 3
        assert len({len(row) for row in rows}) == 1


@MANY
@given(answer=WILD)
def test_yaml_and_json_tell_the_same(run: Run, trial: Make, answer: Any) -> None:
    """YAML is the JSON document in another notation."""
    result = run(trial(reply=Reply(output=answer)))
    from_json, from_yaml = json.loads(written(result, ".json")), yaml.safe_load(written(result, ".yaml"))

    assert from_yaml["results"] == from_json["results"]


def test_a_run_without_trials_is_a_whole_file(run: Run) -> None:
    """A run in which nothing was tried is still written, in every format."""
    result = run()

    assert json.loads(written(result, ".json"))["results"]["results"] == []
    assert yaml.safe_load(written(result, ".yaml"))["results"]["results"] == []
    assert ET.fromstring(written(result, ".junit.xml")).get("tests") == "0"
    assert written(result, ".jsonl") == b""
    assert Page(written(result, ".html").decode()).tags.count("tr") == 1
    assert "0 passed, 0 failed" in written(result, ".md").decode()


def test_json_has_a_row_a_line(run: Run, trial: Make) -> None:
    """Each row of the JSON file stands on a line of its own, for eyes and for diffs."""
    lines = written(run(trial(0), trial(1)), ".json").decode().split("\n")

    assert sum(line.startswith('{"id":') for line in lines) == 2


@pytest.mark.parametrize("start", ["=1+1", "+cmd", "-cmd", "@sum", "\tx", "\nx"])
def test_csv_cells_are_no_formulas(run: Run, trial: Make, start: str) -> None:
    """A cell that a spreadsheet would run is written with an apostrophe; a number is left alone."""
    lines = table(run(trial(raw={"vars": {"x": start}}), trial(1, raw={"vars": {"x": -5}})))

    assert lines[1][0] == "'" + start
    assert lines[2][0] == "-5"


def test_csv_has_promptfoos_columns(run: Run, trial: Make) -> None:
    """Description, vars, and for each column its output, status, score, metrics and reason."""
    first = trial(0, raw={"description": "told"}, named_scores={"m": 0.5})
    broken = trial(1, outcome=Outcome.ERROR, reply=None, trouble=Trouble(phase=Phase.ASK, what="boom"))
    head, one, two = table(run(first, broken))

    named = ["Description", "x", "[bot] Say {{x}}", "Status", "Score", "Named Scores", "Metric: m"]
    assert head == [*named, "Grader Reason", "Comment"]
    assert one == ["told", "word 0", "word 0", "PASS", "1.00", '{"m":0.5}', "0.50", "All assertions passed", ""]
    assert two[2:4] == ["", "ERROR"]
    assert two[7] == "boom"


def test_junit_carries_the_reasons(run: Run, trial: Make) -> None:
    """Failures, errors and skips are told apart, with why, and so is what broke the run as a whole."""
    trials = [
        trial(0, raw={"description": "good"}),
        trial(1, outcome=Outcome.FAILED, reason='Expected "a < b"'),
        trial(2, outcome=Outcome.ERROR, trouble=Trouble(phase=Phase.ASK, what="no answer")),
        trial(3, outcome=Outcome.SKIPPED, reason="not today"),
    ]
    trouble = Trouble(phase=Phase.CLOSE, what="afterAll broke")
    root = ET.fromstring(written(run(*trials, troubles=[trouble]), ".junit.xml"))

    totals = [root.get(key) for key in ("tests", "failures", "errors", "skipped")]
    assert totals == ["5", "1", "2", "1"]
    assert [case.get("name") for case in root.iter("testcase")][:2] == ["test 1: good", "test 2"]
    [failure] = root.iter("failure")
    assert failure.get("message") == 'Expected "a < b"'
    assert "Score: 1" in str(failure.text)
    assert [error.get("message") for error in root.iter("error")] == ["no answer", "afterAll broke"]
    assert [skip.get("message") for skip in root.iter("skipped")] == ["Skipped: not today"]


def test_junit_names_lane_and_session(run: Run, trial: Make) -> None:
    """A case has the lane and the session that it ran in as properties, and says what was left unclean."""
    note = Trouble(phase=Phase.AFTER, what="afterEach broke")
    one = trial(0, session_id="thread-1", notes=(note,), printed="hello\n")
    one = replace(one, trial=replace(one.trial, lane="conversation:a"))
    root = ET.fromstring(written(run(one), ".junit.xml"))

    found = [(each.get("name"), each.get("value")) for each in root.iter("property")]
    assert found == [("lane", "conversation:a"), ("session", "thread-1")]
    assert root.findtext(".//system-out") == "hello\nunclean: afterEach broke\n"


class Page(HTMLParser):
    """Collects the tags of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the tag."""
        self.tags.append(tag)
        assert not any(name.startswith("on") for name, _ in attrs)


@MANY
@given(words=st.sampled_from(["<script>alert(1)</script>", '"><img src=x onerror=a>', "</pre></td>", "{title}"]))
def test_html_shows_answers_as_text(run: Run, trial: Make, words: str) -> None:
    """Nothing that an answer, a var, a reason or a description holds becomes markup."""
    result = run(
        trial(
            raw={"vars": {words: words}, "description": words},
            reply=Reply(output=words),
            outcome=Outcome.FAILED,
            reason=words,
            session_id=words,
            printed=words,
            named_scores={words: 1.0},
        )
    )
    tags = Page(written(result, ".html").decode()).tags

    assert "img" not in tags
    assert tags.count("script") == 1
    assert tags.count("tr") == 2


def test_xml_names_odd_keys(run: Run, trial: Make) -> None:
    """A key that is no XML name keeps its own spelling in an attribute."""
    text = written(run(trial(raw={"vars": {"two words": 1, "1st": 2}})), ".xml").decode()

    assert '<two_words key="two words">1</two_words>' in text
    assert '<_1st key="1st">2</_1st>' in text


def test_no_format_tells_a_secret(run: Run, trial: Make) -> None:
    """A credential in vars is in no file of any format."""
    result = run(trial(raw={"vars": {"api_key": "hush-hush"}}))

    for suffix in REPORTERS:
        assert not re.search(rb"hush-hush", written(result, suffix)), suffix


@pytest.mark.parametrize("suffix", [".csv", ".html", ".md", ".junit.xml"])
def test_what_people_read_moves_no_cursor_and_turns_nothing_round(run: Run, trial: Make, suffix: str) -> None:
    """Escape sequences, NUL, marks that turn text round: none of them is in a file that is looked at."""
    odd = "a\x1b[31mred\x1b]0;title\x07\x00\u202egnp.exe\u2066b\r\n"
    result = run(
        trial(
            raw={"vars": {odd: odd}, "description": odd},
            reply=Reply(output=odd),
            outcome=Outcome.FAILED,
            reason=odd,
            session_id=odd,
            printed=odd,
        ),
        troubles=[Trouble(phase=Phase.CLOSE, what=odd)],
    )
    text = written(result, suffix).decode()
    assert not set("\x1b\x00\x07\u202e\u2066") & set(text)
    assert "ared" in text


def test_ten_megabytes_are_written_in_every_format(run: Run, trial: Make) -> None:
    """A huge answer makes a large file, and no failure."""
    huge = trial(reply=Reply(output="x<&| \n" * 1_700_000), outcome=Outcome.FAILED, reason="too long")
    for suffix in REPORTERS:
        data = written(run(huge), suffix)
        assert len(data) > 10_000_000 or suffix in (".junit.xml", ".md", ".parquet"), suffix


def test_a_row_says_which_turn_it_is(trial: Make, run: Run) -> None:
    """Each turn of a test has a row of its own in every format, and none looks like another."""
    first, second = trial(0, raw={"description": "refund"}), trial(1, raw={"description": "refund"})
    turns = [replace(each, trial=replace(each.trial, turn=n)) for n, each in enumerate((first, second), 1)]
    assert [row.description for row in rows(run(*turns))] == ["refund, turn 1", "refund, turn 2"]
