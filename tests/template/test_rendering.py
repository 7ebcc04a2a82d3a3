from __future__ import annotations

from typing import Any

import pytest

from sojourn.errors import TemplateError
from sojourn.template.engine import Renderer

ITEMS = [{"k": "a", "v": 1}, {"k": "b", "v": 2}, {"k": "a", "v": 3}]


def render(text: str, **variables: Any) -> str:
    return Renderer({"HOME": "/h"}).render(text, variables)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("{{ o.yes }}|{{ o.nothing }}|{{ o.empty }}|{{ o.nested }}|{{ o.object }}", "true|||1,,true|[object Object]"),
        ("{{ 1.0 }} {{ 0.1 + 0.2 }} {{ 1/3 }}", "1 0.30000000000000004 0.3333333333333333"),
        ("{{ 1/0 }} {{ 0/0 }} {{ -1/0 }}", "Infinity NaN -Infinity"),
        ("{{ 2**53 + 1 }} {{ 100000000000000000000 }}", "9007199254740992 100000000000000000000"),
        ("{{ 1000000000000000000000 }} {{ 123456789012345678901234567890 }}", "1e+21 1.2345678901234568e+29"),
        ("{{ 0.000001 }} {{ 0.0000001 }}", "0.000001 1e-7"),
        ("x{{ missing }}y{{ a.b.c }}z{{ o.nothing.deep }}", "xyz"),
        ("{{ [o.object, 1] }}", "[object Object],1"),
        ("{{ 'a' + missing }} {{ 'a' ~ none }}", "aundefined anull"),
        ("{{ true }}{{ True }}{{ none }}{{ undefined }}{{ NaN }}", "true"),
        ("{{ env.HOME }}{{ env.NOPE }}", "/h"),
    ],
)
def test_values_print_as_in_javascript(text: str, shown: str) -> None:
    """Null and undefined are empty, whole numbers have no fraction, arrays are joined, objects have no text."""
    o: dict[str, Any] = {"yes": True, "nothing": None, "empty": [], "nested": [[1, None], [True]], "object": {}}
    assert render(text, o=o) == shown


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + '2'", "12"),
        ("'3' * '4'", "12"),
        ("'a' - 1", "NaN"),
        ("[1] + [2]", "12"),
        ("null + 1", "1"),
        ("x + 1", "NaN"),
        ("7 // 2", "3"),
        ("-7 // 2", "-4"),
        ("-7 % 3", "-1"),
        ("2 ** 3 ** 2", "64"),
        ("-2 ** 2", "4"),
        ("2 * 3 // 4", "0"),
        ("10 % 4 * 2", "4"),
        ("10 * 1 / 3", "3.3333333333333335"),
        ("10 / 3 * 1", "3.3333333333333335"),
        ("2 - 3 + 4", "3"),
        ("1 ~ 2 + 3", "123"),
        ("1 ~ 2 - 3", "9"),
        ("'a' + 5 - 3", "NaN"),
        ("5 % 0", "NaN"),
        ("1 == '1'", "true"),
        ("1 === '1'", "false"),
        ("1 !== '1'", "true"),
        ("null == undefined", "true"),
        ("null === undefined", "false"),
        ("[] == ''", "true"),
        ("[1] == 1", "true"),
        ("3 > 2 > 1", "false"),
        ("'10' < '9'", "true"),
        ("'10' < 9", "false"),
        ("1 == 1 < 2", "true"),
        ("1 in [1, 2]", "true"),
        ("'a' in {a: 1}", "true"),
        ("3 not in [1]", "true"),
        ("not a in [1]", "true"),
        ("not 1 == 2", "false"),
        ("not 0 == 1", "true"),
        ("not not 1", "true"),
        ("not (1 == 2)", "true"),
        ("'' or 'b'", "b"),
        ("'a' and 'b'", "b"),
        ("[] and 'full'", "full"),
        ("'x' if 0", ""),
        ("4 is divisibleby(2)", "true"),
        ("3 is not odd", "false"),
        ("x is defined", "false"),
        ("{} is mapping", "true"),
        ("none is null", "true"),
        ("-1 | abs + 2", "3"),
        ("'a' ~ 'b' | upper", "aB"),
        ("(1, 2)", "2"),
        ("{a: 1, 'b': 2} | dump", '{"a":1,"b":2}'),
        ("'a\\n\\t\\\\\\'\\x'", "a\n\t\\'x"),
    ],
)
def test_operators_follow_javascript(expression: str, value: str) -> None:
    """Operators convert, compare and bind as in the JavaScript that nunjucks writes."""
    assert render("{{ " + expression + " }}") == value


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("{% set x = 1 %}{% for i in [1,2,3] %}{% set x = x + i %}{% endfor %}{{ x }}", "7"),
        ("{% for i in [1,2] %}{% set y = i %}{% endfor %}[{{ y }}]", "[]"),
        ("{% if true %}{% set y = 5 %}{% endif %}[{{ y }}]", "[5]"),
        ("{% for i in [1] %}{% set q = 2 %}{{ q }}{% endfor %}{{ q }}", "21"),
        ("{% set a, b = 1 %}{{ a }}{{ b }}", "11"),
        ("{% set x %}abc {{ 1+1 }}{% endset %}{{ x | upper }}", "ABC 2"),
        ("{% for k, v in {a:1,b:2} %}{{k}}={{v}};{% endfor %}", "a=1;b=2;"),
        ("{% for a, b in [[1,2],[3]] %}{{a}}+{{b}};{% endfor %}", "1+2;3+;"),
        ("{% for c in 'ab' %}{{c}};{% endfor %}{% for k, c in 'ab' %}{{k}}{{c}}{% endfor %}", "a;b;0a1b"),
        ("{% for c in nothing %}{{c}}{% else %}none{% endfor %}", "none"),
        ("{% for c in {a:1} %}{{c}}{% else %}none{% endfor %}", "none"),
        ("{% for i in [1,2] %}{{loop.index}}{{loop.revindex0}}{{loop.last}} {% endfor %}", "11false 20true "),
        (
            "{% for r in [[1],[2]] %}{% set o = loop %}{% for c in r %}{{ o.index0 }}{{ c }}{% endfor %}{% endfor %}",
            "0112",
        ),
        (
            "{% if [] %}t{% endif %}{% if '' %}f{% elif {} %}u{% endif %}{% if 0 %}{% elseif 0 %}{% else %}v{%endif%}",
            "tuv",
        ),
        (
            "{% macro m(a, b=2) %}{{a}}-{{b}} {% endmacro %}{{ m(1) }}{{ m(1, 5) }}{{ m(b=1, a=2) }}{{ m() }}",
            "1-2 1-5 2-1 -2 ",
        ),
        ("{% macro m() %}{{ q }}{% set q = 9 %}{{ q }}{% endmacro %}{{ m() }}{{ q }}", "191"),
        ("{% macro m() %}<{{ caller('x') }}>{% endmacro %}{% call(v) m() %}hi {{v}}{% endcall %}", "<hi x>"),
        ("{% macro f(n) %}{% if n > 0 %}{{ n }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}", "321"),
        ("{% switch 1 %}{% case 1 %}{% case 2 %}b{% default %}c{% endswitch %}", "b"),
        ("{% switch 9 %}{% case 1 %}a{% default %}c{% endswitch %}", "c"),
        ("{% raw %}{{ x }}{% if %}{% endraw %}|{% verbatim %}{{ y }}{% endverbatim %}", "{{ x }}{% if %}|{{ y }}"),
        ("{% raw %}{% raw %}x{% endraw %}y{% endraw %}", "{% raw %}x{% endraw %}y"),
        ("{% filter replace('a','b') %}aca{% endfilter %}", "bcb"),
        ("{% block x %}in{% endblock %}", "in"),
        ("a {#- {{ no }} -#} b", "ab"),
        ("a\n  {%- if true %} x {% endif -%}\n b", "a x b"),
        (" {{- 1 -}} \n {{- 2 }}", "12"),
        ("{% if 1 %}\nx\n{% endif %}\ny", "\nx\n\ny"),
        ("{% set c = cycler('a','b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}", "aba"),
        ("{% set j = joiner(', ') %}{{ j() }}a{{ j() }}b", "a, b"),
        ("{{ range(3) }} {{ range(5,0,-2) }}", "0,1,2 5,3,1"),
        ("{% set a = [1] %}{{ a.push(2) }}{{ a }}", "21,2"),
        ("} %} }} { {x} } $", "} %} }} { {x} } $"),
    ],
)
def test_statements(text: str, shown: str) -> None:
    """Tags do what nunjucks does with them, scopes and white space included."""
    assert render(text, q=1) == shown


@pytest.mark.parametrize(
    ("call", "value"),
    [
        ("s.split(',')[1]", "b"),
        ("s.slice(-3, -1)", "b,"),
        ("s.replace('b', '$&X')", "a,bX,c"),
        ("s.indexOf('c')", "4"),
        ("s.includes('b,')", "true"),
        ("s.padEnd(7, '.-')", "a,b,c.-"),
        ("s.padStart(7, 'xy')", "xya,b,c"),
        ("s.charAt(9)", ""),
        ("s.charCodeAt(0)", "97"),
        ("s.at(-1)", "c"),
        ("s.substring(3, 1)", ",b"),
        ("s.substr(-3, 2)", "b,"),
        ("s.toUpperCase().startsWith('A')", "true"),
        ("s.match(r/[ab]/g)", "a,b"),
        ("s.replace(r/(\\w),(\\w)/, '$2;$1')", "b;a,c"),
        ("r/B/i.test(s)", "true"),
        ("'a,b;c'.split(r/[,;]/)", "a,b,c"),
        ("'😀'.length", "2"),
        ("'😀a'.slice(2)", "a"),
        ("s.length", "5"),
        ("s[0]", "a"),
        ("s[-1]", ""),
        ("list.join('+')", "3+10+2"),
        ("list.sort()", "10,2,3"),
        ("list.reverse()", "2,10,3"),
        ("list.indexOf(10)", "1"),
        ("list.concat([9], 8)", "3,10,2,9,8"),
        ("[1,[2,[3]]].flat() | dump", "[1,2,[3]]"),
        ("list.length", "3"),
        ("n.toFixed(2)", "3.14"),
        ("2.5.toPrecision(1)", "3"),
        ("(-2.5).toPrecision(1)", "-3"),
        ("(0).toPrecision(3)", "0.00"),
        ("1234.5.toPrecision(2)", "1.2e+3"),
        ("(1.005).toFixed(2)", "1.00"),
        ("(255).toString(16)", "ff"),
        ("(123.456).toPrecision(4)", "123.5"),
        ("(1234567.891).toLocaleString()", "1,234,567.891"),
        ("o.hasOwnProperty('a key')", "true"),
        ("o['a key']", "1"),
        ("o.length", "7"),
        ("o['2']", "two"),
        ("s.toString", "function toString() { }"),
    ],
)
def test_methods(call: str, value: str) -> None:
    """Strings, arrays, numbers and objects have the methods that people call on them in templates."""
    o = {"a key": 1, "length": 7, 2: "two"}
    assert render("{{ " + call + " }}", s="a,b,c", list=[3, 10, 2], n=3.14159, o=o) == value


@pytest.mark.parametrize(
    ("filtered", "value"),
    [
        ("o | dump", '{"2":1,"b":[1,2.5,null],"é":"q\\"<"}'),
        ("[1] | dump(2)", "[\n  1\n]"),
        ("[] | dump(2)", "[]"),
        ("x | dump", ""),
        ("none | dump", "null"),
        ("'{\"a\":[1]}' | load | dump", '{"a":[1]}'),
        ("x | default('d')", "d"),
        ("'' | default('d')", ""),
        ("'' | default('d', true)", "d"),
        ("'' | d('d', boolean=true)", "d"),
        ("-2.5 | round", "-2"),
        ("2.345 | round(2)", "2.35"),
        ("2.349 | round(2, 'floor')", "2.34"),
        ("'12px' | int", "12"),
        ("'x' | int(5)", "5"),
        ("'1.5x' | float", "1.5"),
        ("[3,1,2] | sort", "1,2,3"),
        ("['b','A','c','B'] | sort", "A,b,B,c"),
        ("['b','A','c','B'] | sort(false, true)", "A,B,b,c"),
        ("items | sort(attribute='v') | join(',', 'v')", "1,2,3"),
        ("items | groupby('k') | dump", '{"a":[{"k":"a","v":1},{"k":"a","v":3}],"b":[{"k":"b","v":2}]}'),
        ("items | selectattr('v') | length", "3"),
        ("[0,1,2] | select('odd')", "1"),
        ("[0,1,2] | reject", "0"),
        ("items | sum('v', 10)", "16"),
        ("[1,2,3,4,5] | batch(2, 'x') | dump", '[[1,2],[3,4],[5,"x"]]'),
        ("[1,2,3,4,5] | slice(3) | dump", "[[1,2],[3,4],[5]]"),
        ("{b:1,a:2} | dictsort | dump", '[["a",2],["b",1]]'),
        ("{a:1} | list | dump", '[{"key":"a","value":1}]'),
        ("[1,2] | join", "12"),
        ("'aBC dE' | capitalize", "Abc de"),
        ("'foo bar-baz QUX' | title", "Foo Bar-baz Qux"),
        ("'ab' | center(6)", "  ab  "),
        ("'a\nb' | indent(2)", "a\n  b"),
        ("'foo bar baz qux' | truncate(9)", "foo bar..."),
        ("'foo bar baz qux' | truncate(9, true)", "foo bar b..."),
        ("'<b>x</b>  y' | striptags", "x y"),
        ("'a b&c/d' | urlencode", "a%20b%26c%2Fd"),
        ("{a:1,b:'x y'} | urlencode", "a=1&b=x%20y"),
        ("'<a href=\"x\">' | escape", "&lt;a href=&quot;x&quot;&gt;"),
        ("'<b>' | escape | escape", "&lt;b&gt;"),
        ("'<b>' | safe | escape", "<b>"),
        ("'<b>' | escape | trim | replace('b', 'i') | escape", "&lt;i&gt;"),
        ("'<b>' | escape | upper | escape", "&amp;LT;B&amp;GT;"),
        ("'<b>' | escape | forceescape", "&amp;lt;b&amp;gt;"),
        ("(('<b>' | escape) ~ '<') | escape", "&amp;lt;b&amp;gt;&lt;"),
        (
            "'see www.example.com' | urlize(10, true)",
            'see <a href="http://www.example.com" rel="nofollow">www.exampl</a>',
        ),
        (
            "'(http://a.b/c), x@y.de' | urlize",
            '<a href="http://a.b/c)">http://a.b/c)</a> <a href="mailto:x@y.de">x@y.de</a>',
        ),
        ("'a.com no.where' | urlize(3)", '<a href="http://a.com">a.c</a> no.where'),
        ("'a\nb' | nl2br", "a<br />\nb"),
        ("'foo bar baz' | wordcount", "3"),
        ("'abab' | replace('a', 'x', 1)", "xbab"),
        ("'abc' | replace('', '-')", "-a-b-c-"),
        ("'abc' | replace('', '-', 2)", "-a-b-c-"),
        ("'aaa' | replace('a', 'x', -2)", "aaa"),
        ("'aaa' | replace('a', 'x', none)", "aaa"),
        ("'abc' | reverse", "cba"),
        ("'abc' | first ~ 'abc' | last", "ac"),
        ("x | upper", ""),
        ("x | length", "0"),
        ("o | length", "3"),
    ],
)
def test_filters(filtered: str, value: str) -> None:
    """The filters of nunjucks, and `load`, take and give what they do there."""
    o = {"b": [1, 2.5, None], "2": 1, "é": 'q"<'}
    assert render("{{ " + filtered + " }}", o=o, items=ITEMS) == value


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{{ a b }}", "line 1, column 6"),
        ("one\ntwo {{ | }}", "line 2, column 8"),
        ("{{}}", "expected a value"),
        ("{{ 1 if 0 else 2 if 0 else 3 }}", "expected }}, found 'if'"),
        ("{{ [1,] }}", "expected a value"),
        ("{% if x %}a", "expected elif or elseif or else or endif, found the end"),
        ("{% endif %}", "unknown tag 'endif'"),
        ("{% include 'secret.txt' %}", "would read another file"),
        ("{{ x | nofilter }}", "filter not found: nofilter"),
        ("{% if false %}{{ x | nofilter }}{% endif %}", "filter not found: nofilter"),
        ("{{ x is nosuch }}", "test not found: nosuch"),
        ("{{ a.b() }}", 'unable to call `a["b"]`, which is undefined or falsey'),
        ("{{ 'x' in nothing }}", "looks for 'x'"),
        ("{{ nothing | join }}", "filter join: needs an array"),
        ("{{ '{a' | load }}", "filter load"),
        ("{{ list.push(4) }}", "would change a variable of the test"),
        ("{{ 'a' | upper(1, 2, 3) }}", "filter upper"),
    ],
)
def test_mistakes_are_told_with_their_place(text: str, says: str) -> None:
    """What nunjucks refuses is a TemplateError that says what and where."""
    with pytest.raises(TemplateError) as caught:
        render(text, list=[1])
    assert says in str(caught.value)


@pytest.mark.parametrize("text", ["Hi {{ name", "a {{q and {{ name", "{% if x", "x {# never closed", "{{ a\nb }} {{ c"])
def test_a_tag_that_never_closes_is_text(text: str) -> None:
    """A text with a tag that its line never closes was not meant as a template."""
    assert render(text, name="Bo") == text
    assert Renderer({}).check(text) is None


def test_own_filters_are_called_with_the_value_and_arguments() -> None:
    """A suite's own filter takes the value, then what stands in its parentheses; it may replace a built-in one."""
    renderer = Renderer({}, {"shout": lambda text, mark="!": text + mark, "upper": lambda text: f"<{text}>"})
    assert renderer.render("{{ w | shout }} {{ w | shout('?') }} {{ w | upper }}", {"w": "hi"}) == "hi! hi? <hi>"
    assert renderer.check("{{ w | shout }}") is None


def test_environment_switches() -> None:
    """Templates, their view of the environment, and string-wise JSON can each be switched off."""
    chat = '["{{ x }}"]'
    assert Renderer({"PROMPTFOO_DISABLE_TEMPLATING": "true"}).render("{{ x }}", {"x": 1}) == "{{ x }}"
    hidden = Renderer({"PROMPTFOO_DISABLE_TEMPLATE_ENV_VARS": "1", "KEY": "k"})
    assert hidden.render("[{{ env.KEY }}]", {}) == "[]"
    assert Renderer({"PROMPTFOO_DISABLE_JSON_AUTOESCAPE": "1"}).render_prompt(chat, {"x": '"'}) == '["""]'


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("{{ a }} {{ b.c | default(d) }} {{ f(g) }}", {"a", "b", "d", "f", "g"}),
        ("{# _conversation #}{{ '_conversation' }}{% raw %}{{ _conversation }}{% endraw %}", set()),
        ("{% for c in _conversation %}{{ c.output }}{{ loop.index }}{% endfor %}", {"_conversation"}),
        ("{% macro m(a) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}", {"b", "m"}),
        ("{{ x[y] if z else w }}", {"x", "y", "z", "w"}),
        ('[{"content": "{{ a }}"}, {"content": "{{ broken"}]', {"a"}),
        ("{{ a b }}", set()),
        ("no template", set()),
    ],
)
def test_names_are_the_variables_really_used(text: str, names: set[str]) -> None:
    """Comments, strings, raw text and names bound by loops and macros do not count."""
    assert Renderer({}).names(text) == names
