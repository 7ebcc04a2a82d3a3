"""The `sessions:` block through the real command line: what opens when, who shares what with whom."""

from pathlib import Path

import pytest

from tests.acceptance.boxes import BOT, Play, asked, begin, ended, player


@pytest.fixture
def play(tmp_path: Path) -> Play:
    return player(tmp_path)


# --- turns ----------------------------------------------------------------------------------------------------------

TURNS = """
prompts: ['{{q}}']
providers: [{id: 'file://s.py', sessions: [box]}]
sessions: {box: {kind: 'file://s.py:Box', scope: conversation}}
tests:
  - turns:
      - {vars: {q: one}, assert: [{type: contains, value: seen 0}]}
      - {vars: {q: fail}}
      - {vars: {q: three}}
      - {vars: {q: four}}
  - turns:
      - {vars: {q: uno}, assert: [{type: contains, value: nothing}]}
      - {vars: {q: due}, assert: [{type: contains, value: seen 1}]}
    assert: [{type: python, value: "len(context['sessions']['box'].marks) == 2"}]
  - {vars: {q: alone}, assert: [{type: contains, value: seen 0}]}
"""


@pytest.mark.parametrize("jobs", ["1", "8"])
def test_turns_are_one_conversation(play: Play, jobs: str) -> None:
    """Turns share their session in order; an error skips what comes after it, a failure does not; others go on."""
    run = play(TURNS, "-j", jobs)

    assert run.outcomes == ["passed", "error", "skipped", "skipped", "failed", "passed", "passed"]
    assert all("turn 2 was an error" in row["error"] for row in run.rows[2:4])
    assert "call three" not in run.story
    assert run.count("open box") == run.count("close box") == 3


def test_every_conversation_has_its_own_history(play: Play) -> None:
    """What `_conversation` tells a prompt is what was said in the same turns, not in others of the column."""
    run = play("""
prompts: ['{{q}} after {{_conversation | length}}']
providers: [echo]
tests:
  - turns: [{vars: {q: a}}, {vars: {q: b}}]
  - turns: [{vars: {q: c}}, {vars: {q: d}}, {vars: {q: e}}]
""")
    assert run.outputs == ["a after 0", "b after 1", "c after 0", "d after 1", "e after 2"]


# --- sharing --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "times"),
    [("run", 1), ("provider", 2), ("conversation", 24), ("test", 3), ("trial", 24)],
)
@pytest.mark.parametrize("jobs", ["1", "16"])
def test_a_scope_says_how_often_a_session_opens(play: Play, scope: str, times: int, jobs: str) -> None:
    """Three tests, two providers, two prompts, two repeats: `test` opens once a test across all of these."""
    suite = f"""
prompts: ['{{{{q}}}}', 'again {{{{q}}}}']
providers:
  - {{id: 'file://s.py', label: one, sessions: [box]}}
  - {{id: 'file://s.py', label: two, sessions: [box]}}
sessions: {{box: {{kind: 'file://s.py:Box', scope: {scope}}}}}
{asked(*"123")}"""
    run = play(suite, "--repeat", "2", "-j", jobs)

    assert run.outcomes == ["passed"] * 24
    assert run.count("open box") == run.count("close box") == times


@pytest.mark.parametrize("capacity", [1, 2, 3])
def test_as_many_as_the_capacity_says_use_a_session_at_once(play: Play, capacity: int) -> None:
    """Six tests meet in groups of that size in one session: fewer would wait for ever, and there are never more."""
    suite = f"""
prompts: ['{{{{q}}}}']
providers: [{{id: 'file://s.py:meet', sessions: [box]}}]
sessions: {{box: {{kind: 'file://s.py:Box', capacity: {capacity}}}}}
defaultTest: {{vars: {{together: {capacity}}}}}
{asked(*"123456")}"""
    run = play(suite, "-j", "6")

    assert set(run.outputs) == {f"most {capacity}"}
    assert run.count("open box") == 1


def test_a_pool_is_never_larger_than_its_maximum(play: Play) -> None:
    """A broken one is replaced only when it is closed, however long that takes; the next user finds a sound one."""
    pool = "sessions: {box: {kind: 'file://s.py:Box', pool: {max: 2, check: true}, config: {slow: true}}}\n"
    run = play(BOT + pool + asked("break", "break", "a", "b", "c"), "-j", "5")

    assert run.outcomes == ["passed"] * 5
    assert all("seen 0" in output for output in run.outputs)
    assert all("most 3" not in output for output in run.outputs)


@pytest.mark.parametrize("isolation", ["shared", "fresh", "reset", "rollback", "fork"])
@pytest.mark.parametrize("jobs", ["1", "6"])
def test_isolation_says_what_the_next_test_finds(play: Play, isolation: str, jobs: str) -> None:
    """Only in a shared session is there a trace of the tests before."""
    run = play(
        f"{BOT}sessions: {{box: {{kind: 'file://s.py:Box', isolation: {isolation}}}}}\n{asked(*'123456')}", "-j", jobs
    )

    seen = [output.split(";")[1] for output in run.outputs]
    assert seen == [f" seen {number if isolation == 'shared' else 0}" for number in range(6)]
    assert run.count("open box") == (6 if isolation == "fresh" else 1)
    assert run.count("close fork of box-1") == (6 if isolation == "fork" else 0)
    assert run.story[-1].startswith("close box-")


def test_parents_open_first_and_close_last(play: Play) -> None:
    """A session is handed its live parents, and is closed before them; all as soon as the last user has gone."""
    run = play(
        """
prompts: ['{{q}}']
providers: [file://s.py]
sessions:
  box: {kind: 'file://s.py:Box', capacity: 4}
  child: {kind: 'file://s.py:child', parent: [box], scope: trial}
tests: [{vars: {q: '1'}, sessions: [child]}, {vars: {q: '2'}}]
""",
        "-j",
        "1",
    )
    assert run.story == [
        "open box-1",
        "open child in box-1",
        "call 1",
        "close child in box-1",
        "close box-1",
        "call 2",
    ]


SHARED = "sessions:\n" + "".join(
    f"  {name}: {{kind: 'file://s.py:Box', config: {{name: {name}}}}}\n" for name in "abcd"
)


@pytest.mark.parametrize(
    ("flags", "opened"),
    [
        ((), ["a-1", "b-1", "c-1"]),
        (("-n", "1"), ["a-1"]),
        (("--filter-pattern", "second"), ["b-1"]),
        (("--filter-providers", "three"), ["c-1"]),
    ],
)
def test_only_what_the_selected_tests_need_is_opened(play: Play, flags: tuple[str, ...], opened: list[str]) -> None:
    """What nobody asks for, or only those who are left out, stays closed."""
    run = play(
        f"""
prompts: ['{{{{q}}}}']
providers: [{{id: 'file://s.py', label: two}}, {{id: 'file://s.py', label: three, sessions: [c]}}]
{SHARED}
tests:
  - {{description: first, vars: {{q: '1'}}, sessions: [a], providers: [two]}}
  - {{description: second, vars: {{q: '2'}}, sessions: [b], providers: [two]}}
  - {{description: third, vars: {{q: '3'}}, providers: [three]}}
""",
        *flags,
    )
    assert sorted(line.removeprefix("open ") for line in run.story if line.startswith("open ")) == opened
    assert set(run.outcomes) == {"passed"}


def test_a_session_reaches_prompts_hooks_providers_and_assertions(play: Play) -> None:
    """It is the live object in its own language, its handle in others and in templates."""
    run = play("""
prompts: ['{{q}} {{sessions.box.id}} {{sessions.value.id}}']
providers: [{id: 'file://s.py', sessions: [box]}]
extensions: [file://s.py:hook]
sessions: {box: {kind: 'file://s.py:Box'}, value: {kind: 'file://s.py:value'}}
tests:
  - vars: {q: ask}
    assert:
      - {type: contains, value: 'ask box-1 plain'}
      - {type: contains, value: '{{sessions.box.id}}'}
      - {type: python, value: file://s.py:finds}
      - {type: javascript, value: file://s.js:finds}
      - {type: javascript, value: "context.sessions.box.id === 'box-1'"}
""")
    assert run.outcomes == ["passed"], run.shown
    assert "hook finds box-1" in run.story
    assert "{'box': {'id': 'box-1'}, 'value': 'plain'}" in run.outputs[0]


# --- at any concurrency, and side by side ---------------------------------------------------------------------------

MIXED = """
prompts: ['{{q}}', 'please {{q}}']
providers:
  - {id: 'file://s.py', label: one, sessions: [box, pooled]}
  - {id: 'file://s.py', label: two, sessions: [box, child]}
sessions:
  box: {kind: 'file://s.py:Box', scope: conversation}
  pooled: {kind: 'file://s.py:Box', pool: {max: 2}, config: {name: pooled}}
  child: {kind: 'file://s.py:child', parent: box, scope: trial}
tests:
  - turns:
      - {vars: {q: a}, assert: [{type: contains, value: seen 0}]}
      - {vars: {q: b}, assert: [{type: contains, value: seen 0}]}
      - {vars: {q: c}, assert: [{type: contains, value: seen 2}]}
  - turns:
      - {vars: {q: d}}
      - {vars: {q: fail}}
      - {vars: {q: f}, assert: [{type: contains, value: seen 2}]}
  - {vars: {q: [g, h, i, j]}, assert: [{type: contains, value: seen 0}]}
  - {vars: {q: fail}}
"""


def test_the_verdicts_are_the_same_at_any_concurrency(play: Play) -> None:
    """One at a time, sixteen or sixty-four: passed, failed, errors and skipped are the same tests."""
    runs = [play(MIXED, "-j", jobs, "--repeat", "2") for jobs in ("1", "16", "64")]

    assert {"passed", "failed", "error", "skipped"} == set(runs[0].outcomes)
    assert runs[0].outcomes == runs[1].outcomes == runs[2].outcomes
    assert all(run.count("open ") == run.count("close ") for run in runs)


@pytest.mark.parametrize("provider", ["w.py", "{id: 'file://w.py', config: {workers: 3}}"])
def test_the_verdicts_are_the_same_in_workers(play: Play, tmp_path: Path, provider: str) -> None:
    """In one process or in three, each conversation finds what its own turns left in their worker."""
    (tmp_path / "w.py").write_text(
        "said = {}\n"
        "def call_api(prompt, options, context):\n"
        "    turns = said.setdefault(context['test']['metadata']['conversationId'], [])\n"
        "    turns.append(prompt)\n"
        "    return {'output': ' '.join(turns)}\n"
    )
    entry = provider if provider.startswith("{") else f"file://{provider}"
    tests = "".join(
        f"  - {{vars: {{q: '{n}'}}, metadata: {{conversationId: c{c}}}, assert: [{{type: equals, value: '{want}'}}]}}\n"
        for n, want in enumerate(("0", "0 1", "0 1 2"))
        for c in range(6)
    )
    for jobs in ("1", "16"):
        run = play(f"prompts: ['{{{{q}}}}']\nproviders: [{entry}]\ntests:\n{tests}", "-j", jobs)
        assert run.outcomes == ["passed"] * 18, run.shown


@pytest.mark.parametrize("count", [2, 6])
def test_runs_side_by_side_never_meet(play: Play, tmp_path: Path, count: int) -> None:
    """Started at once in one folder, each run has sessions of its own, its own verdicts, and no trouble with locks."""
    play(MIXED)
    (tmp_path / "story").unlink()
    names = [f"{number}.json" for number in range(count)]
    processes = [begin(tmp_path, "eval", "-j", "8", "-o", name) for name in names]
    runs = [ended(process, tmp_path, name) for process, name in zip(processes, names, strict=True)]

    assert len({tuple(run.outcomes) for run in runs}) == 1
    assert "lock" not in "".join(run.shown for run in runs)
    assert runs[-1].count("open ") == runs[-1].count("close ")
    assert not list((tmp_path / "home").glob("runs/*"))


def test_explain_draws_the_lifetimes(play: Play) -> None:
    """Without running anything it tells each session's scope, its place under its parents, and how often it opens."""
    run = play(MIXED, verb="explain")

    assert run.story == []
    for line in (
        "box (file://",
        "scope conversation): opens 28 times; one trial at a time for all that live in it (capacity 1)",
        "  child (file://",
        "scope trial): opens 22 times",
        "pooled (file://",
        "a pool of up to 2",
        "3 trials in order: turns of one conversation, session box",
    ):
        assert line in run.shown, run.shown


def test_explain_names_no_file_that_the_suite_does_not_name(play: Play) -> None:
    """The session that an HTTP provider's `config.session` asks for is told by a word, not by a path."""
    run = play(
        "prompts: [hi]\nproviders: [{id: 'http://127.0.0.1:9', config: {body: x, session: {url: 'http://127.0.0.1:9/s',"
        " responseParser: data.body.id}}}]\n",
        verb="explain",
    )
    assert "(own) (endpoint, scope conversation): opens once" in run.shown


def test_what_sessions_print_is_shown(play: Play) -> None:
    """It belongs to no test, so it is shown as it comes."""
    run = play("""
prompts: ['{{q}}']
providers: [{id: 'echo', sessions: [loud]}]
sessions: {loud: {kind: 'file://s.py:loud'}}
tests: [{vars: {q: '1'}}]
""")
    assert run.shown.startswith("hello from the session\ngoodbye from the session\n")
