"""Fills a store with many trials and measures how quickly it is written, and how quickly the viewer answers.

    python bench/view.py [TRIALS]

Prints one line a figure. Times are the best of five: the first asks the disk, too.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import psutil
from starlette.testclient import TestClient

from sojourn.model.event import Event
from sojourn.model.plan import Column, Lane, Plan, Trial
from sojourn.model.reply import Reply
from sojourn.model.result import Outcome, TrialResult
from sojourn.model.run_result import RunResult
from sojourn.model.suite import Case, Claim, Prompt, ProviderSpec, Suite
from sojourn.model.verdict import Verdict
from sojourn.store.recorder import Recorder
from sojourn.viewer.app import app

COLUMNS = tuple(
    Column(index=n, provider=ProviderSpec(id=f"model-{n}"), prompt=Prompt(raw="Tell {{x}}", label="Tell", id="p"))
    for n in range(2)
)
BATCH = 2_000
LANE = 5


def trials(count: int) -> list[TrialResult]:
    """Make results with answers of some 600 characters, in lanes of five."""
    chance = random.Random(7)
    words = ["".join(chance.choices("abcdefghijklmnop", k=chance.randint(2, 9))) for _ in range(5_000)]
    claims = (Claim(type="contains", raw={"type": "contains", "value": "a"}),)
    made = []
    for index in range(count):
        test, place = divmod(index, len(COLUMNS))
        passed = chance.random() < 0.9
        raw = {"vars": {"x": f"word {test}"}, "assert": [{"type": "contains", "value": "a"}]}
        case = Case(raw=raw, vars=raw["vars"], claims=claims, description=f"test of {words[test % 5_000]}")
        column, lane = COLUMNS[place], f"lane-{test // LANE}-{place}"
        trial = Trial(
            index=index, test_index=test, test_number=test, repeat=0, column=column, case=case, lane=lane, test_key="k"
        )
        made.append(
            TrialResult(
                trial=trial,
                case=case,
                prompt=f"Tell word {test}",
                outcome=Outcome.PASSED if passed else Outcome.FAILED,
                score=float(passed),
                reason="All assertions passed" if passed else "Expected output to contain a",
                reply=Reply(output=" ".join(chance.choices(words, k=90))),
                verdicts=(Verdict(passed=passed, score=float(passed), reason="because", claim=claims[0]),),
                latency_ms=chance.random() * 900,
                session_id=f"session-{test // LANE}-{place}",
                started=index / 100,
                ended=index / 100 + 0.5,
            )
        )
    return made


def events(results: list[TrialResult]) -> list[Event]:
    """Make what happens to one session a lane."""
    told = []
    for each in results:
        tag = each.session_id
        turn = each.trial.test_index % LANE
        opened = (Event(at=each.started - 0.02, what="opening", session="thread", tag=tag),) if not turn else ()
        told += [
            *opened,
            *((Event(at=each.started - 0.01, what="open", session="thread", tag=tag),) if not turn else ()),
            Event(at=each.started, what="lent", session="thread", tag=tag, trial=each.trial.index),
            Event(at=each.ended, what="returned", session="thread", tag=tag, trial=each.trial.index),
        ]
    return told


async def fill(home: Path, results: list[TrialResult], run_id: str) -> float:
    """Record a run as `sojourn eval` does, many rows at a time; returns the rows in a second of processor time."""
    lanes = (Lane(key="all", why="", trials=tuple(each.trial for each in results)),)
    suite = Suite(base="/", prompts=(), providers=(), tests=(), description="bench", config={})
    plan = Plan(suite=suite, columns=COLUMNS, lanes=lanes)
    run = RunResult(run_id=run_id, created="2026-01-02T03:04:05Z", plan=plan, columns=COLUMNS, results=[])
    recorder = Recorder(home, print)
    recorder.begin(run, {"folder": "/", "config": [], "flags": {}})
    told = events(results)
    began = time.process_time()
    for at in range(0, len(results), BATCH):
        run.events = told[: (at + BATCH) * len(told) // len(results)]
        batch = results[at : at + BATCH]
        done = asyncio.Event()
        left = len(batch)

        def count(_: TrialResult, done: asyncio.Event = done) -> None:
            nonlocal left
            left -= 1
            if not left:
                done.set()

        for each in batch:
            recorder.take(each, count)
        await done.wait()
    seconds = time.process_time() - began
    run.results = results
    await recorder.end(run)
    return len(results) / seconds


ASKED = {
    "runs, first page": "/api/runs",
    "run": "/api/run?run=bench-a",
    "tests, first page": "/api/tests?run=bench-a",
    "tests, last page": "/api/tests?run=bench-a&offset={last}",
    "tests, failed only": "/api/tests?run=bench-a&outcome=failed",
    "tests, found by text": "/api/tests?run=bench-a&q=aba+",
    "tests, found by text that is nowhere": "/api/tests?run=bench-a&q=nowhere",
    "tests, slowest first": "/api/tests?run=bench-a&sort=-latency",
    "trial": "/api/trial?run=bench-a&n={middle}",
    "lane": "/api/lane?run=bench-a&lane=lane-7-0",
    "timeline, first page": "/api/timeline?run=bench-a",
    "timeline, last page": "/api/timeline?run=bench-a&offset={last_trial}",
    "pulse": "/api/pulse?run=bench-a",
    "compare, first page": "/api/compare?a=bench-a&b=bench-b",
}


def main() -> None:
    """Measure."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        results = trials(count)
        print(f"{'rows written a second of processor time':<44}{asyncio.run(fill(home, results, 'bench-a')):>10,.0f}")
        results = [msgspec.structs.replace(each, score=0.5) if n % 50 == 0 else each for n, each in enumerate(results)]
        asyncio.run(fill(home, results, "bench-b"))
        del results
        size = sum(each.stat().st_size for each in home.iterdir() if each.is_file())
        print(f"{'store, MB':<44}{size / 1e6:>10,.0f}")
        places = {"last": count // 2 - 50, "middle": count // 2, "last_trial": count - 100}
        process = psutil.Process()
        with TestClient(app(home), base_url="http://127.0.0.1:1") as client:
            before = process.memory_info().rss
            for name, path in ASKED.items():
                print(f"{name + ', ms':<44}{_best(client, path.format(**places)):>10,.1f}")
            after = process.memory_info().rss
        print(f"{'memory grown meanwhile, MB':<44}{(after - before) / 1e6:>10,.1f}")


def _best(client: TestClient, path: str) -> float:
    taken = []
    for _ in range(5):
        began = time.perf_counter()
        answer = client.get(path)
        taken.append(time.perf_counter() - began)
        assert answer.status_code == 200, (path, answer.text)
    return min(taken) * 1000


if __name__ == "__main__":
    main()
