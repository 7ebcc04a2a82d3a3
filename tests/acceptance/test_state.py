"""`context["state"]`: one dictionary for every hook and provider of a run, in whatever language."""

from __future__ import annotations

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
