"""Markdown, as GitHub reads it."""

import io
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from msgspec import structs
from msgspec.structs import replace

from sojourn.drawing.plain import one_line
from sojourn.model.result import Outcome, Phase, TrialResult, Trouble
from sojourn.model.run_result import Race, RunResult
from sojourn.reporters import markdown

Make = Callable[..., TrialResult]
Run = Callable[..., RunResult]

TAGS = {"h2", "h3", "p", "strong", "table", "thead", "tbody", "tr", "th", "td", "code", "pre", "ul", "li", "details"}
MARKUP = st.text(st.sampled_from("<>&|`*_[](){}#@!~-+=:/\\\"'\n\t $1a."), max_size=30) | st.sampled_from(
    ["</pre><script>alert(1)</script>", "](javascript:alert(1))", "@everyone #1", "\n\n# big", "</details>", "$$x$$"]
)


class Page(HTMLParser):
    """Collects the tags of a page, and what stands in `code` and `pre`."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.shown: list[str] = []
        self._inside = False
        self.outside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the tag."""
        assert not [name for name, _ in attrs if name != "style"]
        self.tags.add(tag)
        if tag in ("code", "pre"):
            self.shown.append("")
            self._inside = True

    def handle_endtag(self, tag: str) -> None:
        """Leave code."""
        self._inside = self._inside and tag not in ("code", "pre")

    def handle_data(self, data: str) -> None:
        """Keep what is shown."""
        if self._inside:
            self.shown[-1] += data
        else:
            self.outside += data


def rendered(text: str) -> Page:
    """Read Markdown with tables and raw HTML, as GitHub does."""
    return Page(MarkdownIt("commonmark").enable("table").render(text))


def written(result: RunResult) -> str:
    """Write the run."""
    out = io.BytesIO()
    markdown.report(result, out)
    return out.getvalue().decode()


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=MARKUP)
def test_what_strangers_wrote_is_shown_as_text(run: Run, trial: Make, words: str) -> None:
    """Whatever names, answers and reasons hold, it stands in code as it is, and no markup comes of it."""
    bad = trial(
        raw={"description": f"x{words}x"},
        outcome=Outcome.FAILED,
        reason=f"r{words}r",
        printed=words,
        session_id=words,
    )
    race = Race(session_id=words, first=bad.trial, second=bad.trial)
    trouble = Trouble(phase=Phase.CLOSE, what=f"t{words}t")
    page = rendered(written(run(bad, races=[race], leaks=[words], troubles=[trouble])))

    assert page.tags <= TAGS | {"summary"}
    assert one_line(f"x{words}x", 200) in page.shown
    assert f"r{words}r" in page.shown
    assert one_line(f"t{words}t", 200) in page.shown
    assert not set("@#<>") & set(page.outside.replace("&", ""))


def test_the_report_says_what_came_of_the_run(run: Run, trial: Make) -> None:
    """Counts by column, and what did not pass with its reason and answer; what passed is not listed."""
    good = trial(0, raw={"description": "the good one"})
    bad = trial(1, raw={"description": "the bad one"}, outcome=Outcome.FAILED, reason="it was rude")
    text = written(run(good, bad, unrun=2))

    assert "| <code>&#91;bot&#93; Say &#123;&#123;x&#125;&#125;</code> | 1 | 1 | 0 | 0 | 12 ms |" in text
    assert "**1 passed, 1 failed, 0 errors, 0 skipped** in 1.5 s" in text
    assert "FAIL <code>the bad one</code>" in text
    assert "<pre>it was rude</pre>" in text
    assert "<pre>word 1</pre>" in text
    assert "the good one" not in text
    assert "not run: 2 trials" in text


def test_the_report_fits_a_comment(run: Run, trial: Make) -> None:
    """A long run is cut between trials, says so, and is still whole Markdown."""
    trials = [trial(index, outcome=Outcome.FAILED, reason="x" * 1_500) for index in range(200)]
    text = written(run(*trials))

    assert 60_000 < len(text.encode()) <= markdown.COMMENT
    assert text.endswith("is left out.*\n")
    assert text.count("<details>") == text.count("</details>")


def test_a_summary_is_added_to_what_stands_there(run: Run, trial: Make, tmp_path: Path) -> None:
    """Two runs of one step share the summary; together they stay under what GitHub takes."""
    trials = [trial(index, outcome=Outcome.FAILED, reason="x" * 1_500) for index in range(500)]
    path = tmp_path / "summary"
    path.write_text("# Before\n")
    sizes = []
    for _ in range(4):
        markdown.append_summary(run(*trials), str(path))
        sizes.append(path.stat().st_size)

    assert path.read_text().startswith("# Before\n\n## ")
    assert sizes[0] < sizes[1] <= sizes[3] <= markdown.SUMMARY
    assert path.read_text().count("left out") >= 1


def repeated(make: Make, told: str, wanted: int) -> list[TrialResult]:
    """Make the repeats of a test, a letter for each, of which so many must pass."""
    outcomes = {"p": Outcome.PASSED, "f": Outcome.FAILED, "s": Outcome.SKIPPED}
    found = []
    for index, letter in enumerate(told):
        one = make(index, outcome=outcomes[letter])
        case = structs.replace(one.case, options={"minPasses": wanted})
        found.append(
            structs.replace(one, trial=structs.replace(one.trial, repeat=index, test_key="t", case=case), case=case)
        )
    return found


def test_a_repeat_that_failed_of_a_test_that_passed_is_no_failure(trial: Make, run: Run) -> None:
    """Where enough passed, the others are told apart from what did not pass; where too few did, they are that."""
    enough, few = (written(run(*repeated(trial, "pfp", wanted))) for wanted in (2, 3))
    assert "### Repeats that did not pass, of tests that did" in enough
    assert "### Not passed" not in enough
    assert enough.startswith("\n## ✅")
    assert "### Repeats that" not in few
    assert "### Not passed" in few
    assert few.startswith("\n## ❌")


def test_a_test_that_was_left_out_has_no_count_of_repeats(trial: Make, run: Run) -> None:
    """Of repeats that were all skipped nothing is said."""
    assert "0 of 0" not in written(run(*repeated(trial, "ss", 1)))


def test_a_pass_rate_that_is_wanted_is_told(trial: Make, run: Run) -> None:
    """The summary that is marked as passed says why, although something failed."""
    made = run(trial(), trial(1, outcome=Outcome.FAILED))
    options = replace(made.plan.suite.options, pass_rate=50)
    made.plan = replace(made.plan, suite=replace(made.plan.suite, options=options))
    assert "- ✅ pass rate: 50.0 %, 50 % wanted\n" in written(made)
