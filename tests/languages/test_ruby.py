"""Providers and assertions in Ruby, through the real command line; where Ruby is not installed, what is said then."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.acceptance.conftest import evaluate
from tests.acceptance.suites import Evaluate

__all__ = ["evaluate"]  # a fixture that is used by its name

needs_ruby = pytest.mark.skipif(shutil.which("ruby") is None, reason="Ruby is not installed")
BOT = """
def call_api(prompt, options, context)
  puts 'to be seen'
  { output: "#{prompt} #{options['config']['k']} #{context['vars']['q']}", tokenUsage: { total: 3 } }
end
class Bot
  def self.ask(prompt, options, context)
    raise 'no such thing' if prompt == 'b'
    { 'output' => { 'asked' => prompt } }
  end
end
"""
JUDGE = """
def get_assert(output, context)
  output.include?(context['vars']['q'])
end
def half(output, context)
  { 'pass' => true, 'score' => 0.5, 'reason' => 'half' }
end
"""


@needs_ruby
def test_providers_and_assertions_in_ruby(evaluate: Evaluate) -> None:
    """A function or a method of a class answers; files and inline code judge; what is raised is an error or a no."""
    values = ["file://judge.rb", "file://judge.rb:half", "output.to_s.length / 2.0", "n = 1\nreturn n == 1", "nope"]
    config = {
        "prompts": ["{{q}}"],
        "providers": [{"id": "file://bot.rb", "config": {"k": 7}}, "ruby:file://bot.rb:Bot.ask"],
        "tests": [
            {"vars": {"q": "a"}, "assert": [{"type": "ruby", "value": value} for value in values]},
            {"vars": {"q": "b"}},
        ],
    }
    run = evaluate(config, {"bot.rb": BOT, "judge.rb": JUDGE})

    assert run.outputs == ["a 7 a", {"asked": "a"}, "b 7 b", None]
    assert run.outcomes == ["failed", "failed", "passed", "error"]
    parts = run.rows[0]["gradingResult"]["componentResults"]
    assert [(part["pass"], part["score"]) for part in parts] == [
        (True, 1),
        (True, 0.5),
        (True, 2.5),
        (True, 1),
        (False, 0),
    ]
    assert "no such thing" in run.rows[3]["error"]
    assert run.rows[0]["printed"] == "to be seen\n"


def test_without_ruby_the_error_says_so(evaluate: Evaluate, tmp_path: Path) -> None:
    """Where no Ruby is on the PATH, each trial's error says that it is needed."""
    run = evaluate({"prompts": ["x"], "providers": ["file://bot.rb"]}, {"bot.rb": BOT}, PATH=str(tmp_path))

    assert run.outcomes == ["error"]
    assert "Ruby is needed and is not on the PATH" in run.rows[0]["error"]


@needs_ruby
def test_values_of_assertions_in_ruby(evaluate: Evaluate) -> None:
    """What a function in Ruby returns is the value that a plain assertion compares with; what it lacks is an error."""
    code = "def get_assert(output, context) context['vars']['q'] end\ndef all(output, context) [output, 'a'] end\n"
    values = [("equals", "file://want.rb"), ("contains-all", "file://want.rb:all"), ("contains", "file://want.rb:none")]
    claims = [{"type": kind, "value": value} for kind, value in values]
    tests = [{"vars": {"q": "a"}, "assert": claims[:2]}, {"vars": {"q": "a"}, "assert": claims[2:]}]
    run = evaluate({"prompts": ["{{q}}"], "providers": ["echo"], "tests": tests}, {"want.rb": code})

    assert run.outcomes == ["passed", "error"]
    assert "undefined method" in run.rows[1]["error"]
