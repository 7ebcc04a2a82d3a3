"""`context["state"]`: one dictionary for every hook and provider of a run, in whatever language."""

from __future__ import annotations

from typing import Any

from tests.acceptance.suites import Evaluate, asked

STATE = {
    "hooks.py": """
import threading
def begin(hook_name, context):
    if hook_name == "beforeAll":
        context["state"].update(order=["python hook"], lock=threading.Lock(), dropped=1)
""",
    "hooks.js": """
const fs = require('node:fs');
class Client { constructor() { this.url = 'somewhere'; } ask() { return 'the live client'; } }
module.exports = async (hookName, context) => {
  if (hookName === 'beforeAll') {
    context.state.order.push('javascript hook');
    context.state.client = new Client();
    context.state.ask = () => 'the live function';
    context.state.names = new Map([['a', 1]]);
  }
  if (hookName === 'afterAll') fs.writeFileSync('order.log', context.state.order.join('\\n'));
};
""",
    "ask.py": """
def call_api(prompt, options, context):
    state = context["state"]
    state["order"].append("python provider")
    state.pop("dropped", None)
    lock = state["lock"]
    with lock:
        return {"output": {"keys": sorted(state)}}
""",
    "ask.js": """
module.exports = class {
  id() { return 'js'; }
  async callApi(prompt, context) {
    const { state } = context;
    state.order.push('javascript provider');
    const live = [state.client.ask(), state.ask(), state.names.get('a')];
    return { output: { keys: Object.keys(state).sort(), live } };
  }
};
""",
}


def test_state_is_one_dictionary_for_hooks_and_providers_of_both_languages(evaluate: Evaluate) -> None:
    """What a hook or provider puts into the state, or takes out of it, every later one sees, in either language."""
    hooks = ["file://hooks.py:begin", "file://hooks.js"]
    run = evaluate(asked("one", providers=["file://ask.py", "file://ask.js"], extensions=hooks), STATE, "-j", "1")

    assert run.code == 0, run.shown
    assert run.lines("order.log") == ["python hook", "javascript hook", "python provider", "javascript provider"]
    assert "dropped" not in run.outputs[1]["keys"]


def test_a_live_value_of_the_state_stays_in_its_language(evaluate: Evaluate) -> None:
    """What JSON cannot carry whole is the same object for all of its own language, and no half of it goes elsewhere."""
    hooks = ["file://hooks.py:begin", "file://hooks.js"]
    run = evaluate(asked("one", providers=["file://ask.py", "file://ask.js"], extensions=hooks), STATE, "-j", "1")

    assert run.code == 0, run.shown
    assert run.outputs[0]["keys"] == ["lock", "order"]
    assert run.outputs[1]["keys"] == ["ask", "client", "names", "order"]
    assert run.outputs[1]["live"] == ["the live client", "the live function", 1]


COUNTING = {
    "count.py": """
import asyncio, os
async def call_api(prompt, options, context):
    state, rounds = context["state"], int(prompt)
    for number in range(rounds):
        state.incr("sum")
        while not state.compare_and_set("turns", now := state.get("turns"), (now or 0) + 1):
            await asyncio.sleep(0)
        if context["vars"].get("dies") and number == rounds // 2: os._exit(3)
    return {"output": "done"}
def plain(prompt, options, context):
    for _ in range(int(prompt)): context["state"].incr("sum", 2)
    return {"output": context["state"].incr("sum", 0)}
def wrong(prompt, options, context):
    context["state"]["word"] = "abc"
    context["state"].incr("word")
def hook(name, context):
    if name == "afterAll":
        with open("told", "w") as out: print(context["state"]["sum"], context["state"].get("turns"), file=out)
""",
    "count.js": """
module.exports = class {
  id() { return 'js'; }
  async callApi(prompt, { state }) {
    for (let n = 0; n < Number(prompt); n++) {
      await state.incr('sum');
      while (!await state.compareAndSet('turns', state.turns ?? null, (state.turns ?? 0) + 1));
    }
    return { output: 'done' };
  }
};
""",
}
TURN = "file://count.py"


def counting(*prompts: str, workers: int = 4, **more: Any) -> dict[str, Any]:
    providers = [{"id": TURN, "config": {"workers": workers}}, "file://count.js"]
    return asked(*prompts, **{"providers": providers, "extensions": ["file://count.py:hook"], **more})


def test_what_all_count_at_once_loses_nothing(evaluate: Evaluate) -> None:
    """4 Python workers and JavaScript count 100 each and take 100 turns each at once: every single one is there."""
    tests = [{"vars": {"q": "100"}, "metadata": {"conversationId": str(n)}} for n in range(4)]
    run = evaluate({**counting(), "tests": tests}, COUNTING, "-j", "8")

    assert run.outputs == ["done"] * 8
    assert run.lines("told") == ["800 800"]


def test_who_dies_while_counting_loses_nothing_of_the_others(evaluate: Evaluate) -> None:
    """A worker that is killed midway has counted what it had counted: no more, no less."""
    tests = [
        {"vars": {"q": "100", "dies": dies}, "metadata": {"conversationId": str(n)}}
        for n, dies in enumerate([False, True, True, False])
    ]
    providers = [{"id": TURN, "config": {"workers": 4}}]
    run = evaluate({**counting(providers=providers), "tests": tests}, COUNTING, "-j", "4")

    assert [row["outcome"] for row in run.rows] == ["passed", "error", "error", "passed"]
    assert run.lines("told") == ["302 302"]


def test_plain_functions_count_too(evaluate: Evaluate) -> None:
    """`incr` is called as any function, returns the sum, and refuses what is no number."""
    run = evaluate(counting("3", providers=["file://count.py:plain", "file://count.py:wrong"]), COUNTING, "-j", "1")

    assert run.rows[0]["response"]["output"] == 6
    assert "state.incr: under 'word' stands str, not a number" in run.rows[1]["error"]


def test_what_utf8_cannot_carry_stays_where_it_is(evaluate: Evaluate) -> None:
    """Half a character in the state costs nobody anything: it is not told to others."""
    code = "def call_api(prompt, options, context):\n    context['state']['x'] = '\\ud83d'\n    return {'output': 1}\n"
    files = {"odd.py": code}
    run = evaluate(asked("a", "b", providers=["file://odd.py"]), files)
    assert run.outcomes == ["passed", "passed"], run.shown
