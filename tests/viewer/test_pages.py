"""The pages in a real browser: by mouse, by keys alone, while a run goes on, and with hostile content."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.systems.pages import Scheme, faults, opened

READY = "html[data-ready]"


@pytest.fixture
def tab(site: str) -> Iterator[Any]:
    """A browser tab with the list of runs; an error in the console, or a request elsewhere, fails the test."""
    with opened(site, site=site) as page:
        page.wait_for_selector(READY)
        yield page


def newest(tab: Any) -> None:
    """Follow the link to the newest run."""
    tab.click("tbody tr:first-child a")
    tab.wait_for_selector(".matrix tbody tr")


def names(tab: Any) -> list[str]:
    """Return the names of the tests that are shown."""
    return [str(name) for name in tab.locator(".matrix th[scope=row] > bdi").all_inner_texts()]


def test_tests_are_filtered_and_a_trial_is_opened(tab: Any) -> None:
    """An outcome and words choose tests; the choice stands in the address; a result leads to its trial."""
    newest(tab)
    assert len(names(tab)) == 6
    tab.check("input[name=failed]")
    tab.wait_for_selector(".matrix tbody tr:only-child")
    assert names(tab) == ["wording"]
    assert "outcome=failed" in tab.url
    tab.uncheck("input[name=failed]")
    tab.wait_for_selector(".matrix tbody tr:nth-child(6)")
    tab.fill("#words", "A-17")
    tab.wait_for_selector(".matrix tbody tr:only-child")
    assert names(tab) == ["refund in turns, turn 2"]
    tab.reload()
    tab.wait_for_selector(READY)
    assert names(tab) == ["refund in turns, turn 2"]
    tab.click(".result")
    tab.wait_for_selector(READY + " details")
    assert tab.inner_text("[data-text=output] pre") == "Hi 2: it is A-17"
    assert "contains" in tab.inner_text(".verdict")
    assert tab.inner_text("[data-text=printed] pre").strip() == "asked it is A-17"


def test_the_timeline_leads_to_a_trial_and_a_lane_reads_as_a_conversation(tab: Any) -> None:
    """A block of the timeline opens its trial; from there the lane is read, turn by turn."""
    newest(tab)
    tab.click(".tabs a:has-text('Timeline')")
    tab.wait_for_selector("svg.timeline")
    tab.locator("svg.timeline a[aria-label*='refund in turns, turn 2']").click()
    tab.wait_for_selector(READY + " details")
    assert "refund in turns, turn 2" in tab.inner_text("h1")
    tab.click("text=read it as a conversation")
    tab.wait_for_selector(".turn")
    said = tab.locator(".bubble p").all_inner_texts()
    assert said == ["money back", "Hi 1: money back", "it is A-17", "Hi 2: it is A-17"]


def test_a_race_is_marked_wherever_its_trials_are_shown(tab: Any) -> None:
    """The run's notice leads to the trials; in the table and on its page each bears the mark."""
    tab.click("tr:has-text('Racing') a")
    tab.wait_for_selector(".notices")
    tab.wait_for_selector(".matrix .flag")
    assert tab.locator(".matrix .flag").count() == 2
    assert "race: session shared" in tab.inner_text(".matrix .flag >> nth=0")
    assert "session shared was used at the same time by trial" in tab.inner_text(".notices")
    raced = tab.locator(".notices a").all_inner_texts()
    assert sorted(raced) == ["trial 1", "trial 2"]
    tab.click(".notices a")
    tab.wait_for_selector(READY + " details")
    assert f"race: session shared was used by {raced[1]} at the same time" in tab.inner_text("main .flag")


def test_two_runs_are_compared(tab: Any) -> None:
    """Two ticked runs stand side by side, the regression first, with what differs marked."""
    for box in tab.locator("tbody input").all()[:2]:
        box.check()
    tab.click("text=Compare these two")
    tab.wait_for_selector(".change")
    assert tab.locator(".change").all_inner_texts()[0].endswith("regression")
    assert tab.locator("tbody tr").first.locator("del").inner_text() == "Dear customer"
    assert tab.locator("tbody tr").first.locator("ins").inner_text() == "Hi"
    tab.check("input[name=same]")
    tab.wait_for_selector("tr:nth-child(3):last-child .change:text('same')")
    assert set(tab.locator(".change").all_inner_texts()) == {"same"}


def test_two_runs_of_one_minute_are_told_apart(tab: Any, site: str) -> None:
    """In the lists each run has its seconds and its id; beside a run stands the one before of its suite."""
    runs = httpx2.get(f"{site}/api/runs", trust_env=False).json()["runs"]
    newest(tab)
    tab.click(".tabs a:has-text('Compare')")
    tab.wait_for_selector(".change")
    assert [tab.input_value(name) for name in ("#before", "#after")] == [runs[1]["id"], runs[0]["id"]]
    told = tab.locator("#before option").all_inner_texts()
    assert len(set(told)) == len(runs)
    assert all(run["id"][:11] in each for run, each in zip(runs, told, strict=True))
    assert runs[0]["id"] in tab.inner_text("thead")


def test_keys_alone_suffice(tab: Any) -> None:
    """From the list to a trial, to the next one, up again, into the search and to the help: no mouse is needed."""
    tab.keyboard.press("j")
    tab.keyboard.press("Enter")
    tab.wait_for_selector(".matrix tbody tr")
    for _ in range(3):
        tab.keyboard.press("j")
    tab.keyboard.press("Enter")
    tab.wait_for_selector(READY + " details")
    assert "wording" in tab.inner_text("h1")
    tab.keyboard.press("n")
    tab.wait_for_selector("h1:has-text('the service is down')")
    tab.wait_for_selector(READY)
    tab.keyboard.press("u")
    tab.wait_for_selector(".matrix tbody tr")
    tab.keyboard.press("/")
    tab.keyboard.type("jk?")  # in a field, letters are letters
    assert tab.input_value("#words") == "jk?"
    tab.keyboard.press("Escape")
    tab.keyboard.press("?")
    assert tab.locator("#help").is_visible()
    tab.keyboard.press("Escape")
    assert not tab.locator("#help").is_visible()


def test_hostile_content_is_text(tab: Any) -> None:
    """Markup, escapes, marks that turn text round and NUL are shown as what they are, in lists and on their page."""
    newest(tab)
    row = tab.locator("tr:has-text('hostile')")
    assert row.locator("th > bdi").inner_text() == "hostile <i>name</i>"
    assert "<script>document.title" in row.inner_text()
    row.locator(".result").click()
    tab.wait_for_selector(READY + " details")
    shown = tab.inner_text("[data-text=output] pre")
    assert "<img src=x onerror=alert(1)>" in shown
    assert "ESC[31mred" in shown
    assert "U+202E" in shown
    assert "nul:NUL" in shown
    assert "\u202e" not in tab.inner_text("body")
    assert "taken" not in tab.title()
    assert tab.locator("main img, main script, main i, main b:text('bold')").count() == 0


def test_a_long_answer_is_read_on_piece_by_piece(tab: Any) -> None:
    """Ten million characters: the page has the beginning, and more of it when asked."""
    newest(tab)
    tab.locator("tr:has-text('a long answer') .result").click()
    tab.wait_for_selector(READY + " details")
    length = "document.querySelector('[data-text=output] pre').textContent.length"
    assert tab.evaluate(length) == 20_000
    tab.click("[data-text=output] button")
    tab.wait_for_selector(".more:has-text('220,000 characters of 10.0 million')")
    assert tab.evaluate(length) == 220_000


def test_what_is_not_there_is_said(site: str) -> None:
    """An address of nothing says so in words."""
    with opened(f"{site}/run?run=nothing", site=site, expected="404") as page:
        page.wait_for_selector(READY)
        assert "no run 'nothing' is stored" in page.inner_text("[role=alert]")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_can_be_used_by_all(site: str, scheme: Scheme) -> None:
    """axe-core finds no fault on any page, in light and in dark."""
    runs = httpx2.get(f"{site}/api/runs", trust_env=False).json()["runs"]
    lane = httpx2.get(f"{site}/api/trial?run=latest&n=0", trust_env=False).json()["cell"]["lane"]
    pages = ["/", "/run?run=latest", "/trial?run=latest&n=4", "/timeline?run=latest"]
    pages += [f"/lane?{httpx2.QueryParams(run='latest', lane=lane)}", f"/run?run={runs[2]['id']}"]
    pages += [f"/compare?a={runs[1]['id']}&b={runs[0]['id']}"]
    assert faults(scheme, *(f"{site}{page}" for page in pages), site=site, ready=READY) == []


LIVE = {
    "description": "Live",
    "prompts": ["{{say}}"],
    "providers": ["file://slow.py:answer"],
    "tests": [{"vars": {"say": word}} for word in ("first", "second", "third")],
}
SLOW = "def answer(prompt, options, context):\n    return {'output': 'said ' + open(prompt).read()}\n"


def release(pipe: Path) -> None:
    """Let the provider answer that waits at a pipe."""
    pipe.write_text(pipe.name, encoding="utf-8")


@pytest.fixture
def going(home: Path, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A run that goes on as pipes are written to; it is gone afterwards."""
    for name in ("first", "second", "third"):
        os.mkfifo(tmp_path / name)
    (tmp_path / "slow.py").write_text(SLOW, encoding="utf-8")
    (tmp_path / "promptfooconfig.yaml").write_text(json.dumps(LIVE), encoding="utf-8")
    command = [sys.executable, "-m", "sojourn"]
    environ = {**os.environ, "SOJOURN_HOME": str(home)}
    quiet = subprocess.DEVNULL
    began = [*command, "eval", "-j", "1", "--no-cache"]
    with subprocess.Popen(began, cwd=tmp_path, env=environ, stdin=quiet, stdout=quiet, stderr=quiet) as process:
        yield process
        process.kill()
    subprocess.run([*command, "delete", "latest"], env=environ, check=True, stdout=quiet)


def test_a_run_is_seen_while_it_goes_on_and_when_it_is_killed(
    site: str, going: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    """Its results come to the page as they are made, without a reload; when it dies, the page says so."""
    with opened(site, site=site) as page:
        page.click("tr:has-text('Live'):has(.running) a")
        page.wait_for_selector(READY)
        for count, name in enumerate(("first", "second"), 1):
            release(tmp_path / name)
            page.wait_for_selector(f".answer:has-text('said {name}')")
            page.wait_for_selector(f".counts:has-text('{count} of 3')")
            page.evaluate("window.stays = true")
        going.kill()
        page.wait_for_selector(".state.killed")
        assert page.evaluate("window.stays")
        assert "said second" in page.inner_text(".matrix")
