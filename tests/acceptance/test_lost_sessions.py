"""A process of users' code that dies takes its sessions along: what that costs, through the real command line."""

from pathlib import Path

import pytest

from tests.acceptance.boxes import Play, asked, player


@pytest.fixture
def play(tmp_path: Path) -> Play:
    return player(tmp_path)


BOT = "prompts: ['{{q}}']\nproviders: [{id: 'file://s.py', sessions: [box]}]\n"


def test_a_crash_costs_the_test_that_caused_it(play: Play) -> None:
    """Those behind it in the lane have another session, and a note that what stood in the first is gone."""
    run = play(BOT + "sessions: {box: {kind: 'file://s.py:Box'}}\n" + asked("before", "exit", "after", "last"))

    assert run.outcomes == ["passed", "error", "passed", "passed"]
    assert "os._exit(3)" in run.rows[1]["error"]
    assert "after; seen 0;" in run.outputs[2]
    assert "last; seen 1;" in run.outputs[3]
    assert "notes" not in run.rows[3]
    assert "box was opened anew, without what earlier tests had left in it" in run.rows[2]["notes"][0]["message"]
    assert run.code == 1


@pytest.mark.parametrize("isolation", ["reset", "rollback", "fork", "fresh"])
def test_a_crash_is_not_noticed_where_nothing_is_shared(play: Play, isolation: str) -> None:
    """Whoever finds a session as new anyway passes in another one, without a note."""
    sessions = f"sessions: {{box: {{kind: 'file://s.py:Box', isolation: {isolation}}}}}\n"
    run = play(BOT + sessions + asked("before", "exit", "after"), "-j", "1")

    assert run.outcomes == ["passed", "error", "passed"]
    assert all("seen 0;" in run.outputs[n] for n in (0, 2))
    assert not any("notes" in row for row in run.rows)
    assert run.code == 100


def test_a_conversation_that_lost_its_session_is_not_continued(play: Play) -> None:
    """Later tests of a conversation whose own turn ended the process are errors that say so; others are not."""
    run = play(
        BOT
        + """
sessions: {box: {kind: 'file://s.py:Box', scope: conversation}}
tests:
  - {vars: {q: before}, metadata: {conversationId: a}}
  - {vars: {q: exit}, metadata: {conversationId: a}}
  - {vars: {q: after}, metadata: {conversationId: a}}
  - {vars: {q: other}, metadata: {conversationId: b}}
""",
        "-j",
        "1",
    )
    assert run.outcomes == ["passed", "error", "error", "passed"]
    assert "a conversation is not continued in another" in run.rows[2]["error"]


BESIDE = """
prompts: ['{{q}}']
providers: [{id: 'file://beside.py', sessions: [thread]}]
sessions: {thread: {kind: 'file://beside.py:thread', scope: conversation}}
tests:
  - turns: [{vars: {q: one}}, {vars: {q: two}}, {vars: {q: three}}]
    assert: [{type: equals, value: one two three}]
  - {vars: {q: exit}}
"""
CODE = """
import asyncio, os, pathlib
HERE = pathlib.Path(__file__).parent
def tell(word):
    with open(HERE / "story", "a") as story: story.write(word + "\\n")
async def thread():
    tell("open")
    yield []
    tell("close")
in_turn = asyncio.Event()
async def call_api(prompt, options, context):
    thread = context["sessions"]["thread"]
    thread.append(prompt)
    tell(f"call {prompt}")
    if prompt == "exit":
        # waits until the conversation is in the middle of its second turn, the first time that there is one
        if (HERE / "over").exists(): os._exit(3)
        (HERE / "over").touch()
        await in_turn.wait()
        os._exit(3)
    if prompt == "two" and (HERE / "over").exists() and not (HERE / "struck").exists():
        (HERE / "struck").touch()
        in_turn.set()
        await asyncio.Event().wait()
    if prompt == "one":
        while not (HERE / "over").exists(): await asyncio.sleep(0.01)
    return {"output": " ".join(thread)}
"""


def test_a_bystanders_conversation_is_run_from_its_start(play: Play, tmp_path: Path) -> None:
    """Whose process others bring down begins again in a fresh session, and passes; each test has one row."""
    (tmp_path / "beside.py").write_text(CODE, encoding="utf-8")
    run = play(BESIDE, "-j", "2")

    assert run.outcomes == ["passed", "passed", "passed", "error"]
    assert run.outputs[:3] == ["one", "one two", "one two three"]
    assert run.story.count("call one") == 2
    assert run.story[-5:] == ["open", "call one", "call two", "call three", "close"]
    assert "3 passed, 0 failed, 1 error, 0 skipped" in run.shown


def test_half_of_all_calls_die_in_lanes(play: Play) -> None:
    """Deaths cost as many tests as there are, and no other, however many lanes go at once."""
    tests = "".join(
        f"  - {{vars: {{q: {'exit' if n % 2 else f'say {n}'}}}, metadata: {{conversationId: c{n % 5}}}}}\n"
        for n in range(40)
    )
    run = play(BOT + "sessions: {box: {kind: 'file://s.py:Box', scope: trial}}\ntests:\n" + tests, "-j", "5")
    assert run.outcomes == ["passed", "error"] * 20


ALONE = """
prompts: ['{{q}}']
providers: [file://alone.py]
sessions: {box: {kind: 'file://alone.py:Box', isolation: reset, pool: {max: 1}}}
tests:
  - {vars: {q: one}, sessions: [box], metadata: {conversationId: a}}
  - {vars: {q: two}, sessions: [box], metadata: {conversationId: a}}
  - {vars: {q: last}, sessions: [box], metadata: {conversationId: b}}
  - {vars: {q: exit}}
"""
ALONE_CODE = """
import asyncio, os, pathlib
HERE = pathlib.Path(__file__).parent
def once(name):
    if (HERE / name).exists(): return False
    (HERE / name).touch()
    return True
class Box:
    def open(self): pass
    def reset(self):
        if (HERE / "struck").exists() and once("reset"): raise ValueError("broke once")
async def call_api(prompt, options, context):
    if prompt == "two" and once("struck"):
        await asyncio.Event().wait()
    if prompt == "exit":
        while not (HERE / "struck").exists(): await asyncio.sleep(0.01)
        os._exit(3)
    return {"output": prompt}
"""


def test_a_lane_that_runs_alone_waits_for_nobody(play: Play, tmp_path: Path) -> None:
    """Not even where its session cannot be reset then, and another lane stands in line for it."""
    (tmp_path / "alone.py").write_text(ALONE_CODE, encoding="utf-8")
    run = play(ALONE, "-j", "4")
    assert run.outcomes == ["passed", "passed", "passed", "error"], run.shown
    assert (tmp_path / "reset").exists()


HISTORY = """
prompts: ['{{q}} after {{_conversation | length}}']
providers: [{id: 'file://history.py'}]
tests:
  - {vars: {q: mine}, metadata: {conversationId: a}}
  - {vars: {q: exit}, metadata: {conversationId: b}}
"""
HISTORY_CODE = """
import asyncio, os, pathlib
HERE = pathlib.Path(__file__).parent
here = asyncio.Event()
async def call_api(prompt, options, context):
    with open(HERE / "story", "a") as story: story.write(prompt + "\\n")
    if prompt.startswith("exit"):
        if not (HERE / "over").exists():
            (HERE / "over").touch()
            await here.wait()
        os._exit(3)
    return {"output": prompt}
def judge(output, context):
    if not (HERE / "struck").exists():
        (HERE / "struck").touch()
        here.set_soon()
        import time
        time.sleep(30)
    return True
here.set_soon = lambda: loop().call_soon_threadsafe(here.set)
def loop(): return LOOP[0]
LOOP = []
"""


def test_a_second_try_does_not_know_of_the_first(play: Play, tmp_path: Path) -> None:
    """A bystander that had its answer already when it was struck is asked as if for the first time."""
    code = HISTORY_CODE.replace(
        "async def call_api(prompt, options, context):\n",
        "async def call_api(prompt, options, context):\n    LOOP.append(asyncio.get_running_loop())\n",
    )
    (tmp_path / "history.py").write_text(code, encoding="utf-8")
    suite = HISTORY + "defaultTest: {assert: [{type: python, value: 'file://history.py:judge'}]}\n"
    run = play(suite, "-j", "2")
    assert run.outcomes == ["passed", "error"]
    assert [line for line in run.story if line.startswith("mine")] == ["mine after 0"] * 2


HOOKS = """
import pathlib
def hook(name, context):
    if name != "afterEach": return
    with open(pathlib.Path(__file__).parent / "story", "a") as story:
        story.write(f"afterEach {context['test']['vars']['q']} {sorted(context['sessions'])}\\n")
"""


def test_after_hooks_run_without_what_was_lost(play: Play, tmp_path: Path) -> None:
    """A session that went with its process is not among those that an after-hook is handed; it runs all the same."""
    (tmp_path / "hooks.py").write_text(HOOKS, encoding="utf-8")
    (tmp_path / "there.js").write_text("exports.there = class { open() { return { id: 1 }; } };", encoding="utf-8")
    run = play(
        BOT.replace("[box]", "[box, there]")
        + "extensions: ['file://hooks.py:hook']\n"
        + "sessions: {box: {kind: 'file://s.py:Box'}, there: {kind: 'file://there.js:there'}}\n"
        + asked("before", "exit", "after")
    )
    assert run.outcomes == ["passed", "error", "passed"]
    assert [line for line in run.story if line.startswith("afterEach")] == [
        "afterEach before ['box', 'there']",
        "afterEach exit ['there']",
        "afterEach after ['box', 'there']",
    ]
    assert "notes" not in run.rows[1]
