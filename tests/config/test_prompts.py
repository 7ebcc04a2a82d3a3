from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from sojourn.model.suite import Suite

Load = Callable[..., Suite]
Mistakes = Callable[..., list[str]]
REST = "\nproviders: [echo]\ntests: [{vars: {x: 1}}]\n"


def pairs(suite: Suite) -> list[tuple[str, str]]:
    return [(prompt.label, prompt.raw) for prompt in suite.prompts]


@pytest.mark.parametrize(
    ("prompts", "files", "found"),
    [
        ("['{{x}}', '{{x}}', b]", {}, [("{{x}}", "{{x}}"), ("b", "b")]),
        ("just one", {}, [("just one", "just one")]),
        ("{'say {{x}}': polite}", {}, [("polite", "say {{x}}")]),
        (
            "['a / b', 'Costs 3.14', 'x*y', 'is it a.py file?']",
            {},
            [(t, t) for t in ("a / b", "Costs 3.14", "x*y", "is it a.py file?")],
        ),
        ("[{raw: 'r', label: 3}]", {}, [("3", "r")]),
        (
            "file://p.txt",
            {"p.txt": "one\n---\n\ntwo\r\nlines\n ---\n"},
            [("p.txt: one", "one"), ("p.txt: two\nlines", "two\nlines")],
        ),
        ("[./a/p.txt]", {"a/p.txt": "\ufeffhi\n"}, [("a/p.txt: hi", "hi")]),
        ("[{id: 'file://p.txt', label: L}]", {"p.txt": "hi"}, [("L: p.txt: hi", "hi")]),
        ("[p.md]", {"p.md": "# T\n---\nx\n"}, [("p.md: # T\n---\nx\n...", "# T\n---\nx\n")]),
        ("[file://p.j2]", {"p.j2": "{{x}}"}, [("p.j2: {{x}}...", "{{x}}")]),
        ("[file://c.json]", {"c.json": '[ {"role": "user"} ]'}, [('c.json: [{"role":"user"}]', '[{"role":"user"}]')]),
        ("[file://c.json]", {"c.json": "{{ m | dump }}"}, [("c.json: {{ m | dump }}", "{{ m | dump }}")]),
        ("[{id: 'file://c.yaml', label: y}]", {"c.yaml": "- role: user\n  n: 1.0"}, [("y", '[{"role":"user","n":1}]')]),
        (
            "[file://p.jsonl]",
            {"p.jsonl": '["a"]\n\n["b"]\n'},
            [('p.jsonl: ["a"]', '["a"]'), ('p.jsonl: ["b"]', '["b"]')],
        ),
        ("file://p.csv", {"p.csv": 'prompt,label\n"a, b",L\n c ,\n'}, [("L", "a, b"), ("Prompt 2 - c", "c")]),
        ("file://p.csv", {"p.csv": "prompt\nsay {{x}}\n"}, [("Prompt 1 - say {{x}}", "say {{x}}")]),
        ("['file://ps/*.txt']", {"ps/b.txt": "b", "ps/a.txt": "a"}, [("ps/a.txt: a", "a"), ("ps/b.txt: b", "b")]),
        ("[file://ps]", {"ps/a.txt": "a"}, [("ps/a.txt: a", "a")]),
    ],
)
def test_prompts_of_every_form(
    load: Load, prompts: str, files: Mapping[str, str], found: list[tuple[str, str]]
) -> None:
    """Texts, mappings, files of each format and patterns become prompts with promptfoo's labels."""
    assert pairs(load(f"prompts: {prompts}{REST}", files)) == found


def test_without_prompts_the_var_prompt_is_asked(load: Load) -> None:
    """A suite that names no prompts asks what the tests put into `prompt`."""
    assert pairs(load(REST)) == [("{{prompt}}", "{{prompt}}")]


def test_functions_become_references(load: Load) -> None:
    """A function in a file is named by its absolute path, and is never read as text."""
    python, script = load(
        f"prompts: ['file://p.py:chat', {{id: 'file://s.js', label: js, config: {{k: 1}}}}]{REST}",
        {"p.py": "def chat(context): ...", "s.js": "module.exports = () => 'x'"},
    ).prompts
    assert (python.label, python.function.endswith("/p.py:chat")) == ("p.py:chat", True)
    assert (script.label, script.function.endswith("/s.js"), script.config) == ("js", True, {"k": 1})


def test_a_python_file_without_a_function_is_a_program(load: Load) -> None:
    """A script that prints its prompt is run; one that defines get_prompt is called, unless it says how it is run."""
    function = "def get_prompt(context): ...\n"
    files = {"a.py": "print('x')", "b.py": function, "c.py": function + "if __name__ == '__main__': print('x')\n"}
    printing, calling, both = load(f"prompts: [file://a.py, file://b.py, file://c.py]{REST}", files).prompts
    assert printing.command.endswith("/a.py")
    assert both.command.endswith("/c.py")
    assert (calling.command, calling.function.endswith("/b.py")) == ("", True)


def test_programs_are_found_from_the_suites_folder(load: Load) -> None:
    """`exec:` and shell scripts become command lines whose program is absolute."""
    first, second = load(
        f"prompts: ['exec:tools/make.sh one', tools/make.sh]{REST}", {"tools/make.sh": "echo x"}
    ).prompts
    assert first.command.endswith("/tools/make.sh one")
    assert (second.label, second.command.endswith("/tools/make.sh")) == ("tools/make.sh", True)


@pytest.mark.parametrize(
    ("prompts", "message"),
    [
        ("[]", "promptfooconfig.yaml:1:10: the suite needs at least one prompt"),
        ("['file://no.txt']", "promptfooconfig.yaml:1:11: no such file: no.txt"),
        ("[a, no.txt]", "promptfooconfig.yaml:1:14: no such file: no.txt"),
        ("['file://no/*.txt']", "promptfooconfig.yaml:1:11: no file matches no/*.txt"),
        ("[{label: x}]", "promptfooconfig.yaml:1:11: a prompt needs raw (its text) or id (its file)"),
        ("[5]", "promptfooconfig.yaml:1:11: a prompt must be a text, or a mapping with raw or id, not the number 5"),
        ("['  ']", "promptfooconfig.yaml:1:11: an empty prompt asks nothing"),
        ("['exec:./no.sh']", "promptfooconfig.yaml:1:11: no such program: no.sh"),
        ("['langfuse://p']", "promptfooconfig.yaml:1:11: prompts kept by langfuse are not supported"),
        (
            "['package:@acme/words:greet']",
            "promptfooconfig.yaml:1:11: prompts kept by an npm package are not supported",
        ),
        ("['pf://help:2']", "promptfooconfig.yaml:1:11: prompts kept by promptfoo's cloud are not supported"),
        ("[{raw: x, lable: y}]", "promptfooconfig.yaml:1:20: there is no key 'lable' here (did you mean 'label'?)"),
        ("['{{ x | uper }}']", "promptfooconfig.yaml:1:10: template syntax, line 1, column 8: filter not found: uper"),
    ],
)
def test_prompts_that_cannot_be_read_are_refused(mistakes: Mistakes, prompts: str, message: str) -> None:
    """A missing file, an unknown key, an unknown filter: each is named with its place."""
    assert mistakes(f"prompts: {prompts}{REST}")[0].startswith(message)


def test_a_broken_file_is_refused_where_it_is_broken(mistakes: Mistakes) -> None:
    """JSON that is none, and holds no template, is a mistake of the prompt's own file."""
    assert mistakes(f"prompts: [file://c.json]{REST}", {"c.json": '[{"a": 1]'})[0].startswith(
        "c.json:1:9: not valid JSON"
    )
