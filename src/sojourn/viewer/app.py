"""The viewer's addresses: pages are one file, what they show is asked for as JSON, and nothing is changed."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from sojourn.encoding import encode
from sojourn.errors import StoreError
from sojourn.model.diff import Change
from sojourn.store import queries
from sojourn.store.comparing import compare, earlier
from sojourn.store.queries import SORTS, Wanted
from sojourn.store.runs import Store
from sojourn.viewer import telling
from sojourn.viewer.guard import Guard
from sojourn.viewer.picture import PAGE, picture
from sojourn.viewer.texts import texts

RUNS, TESTS, TURNS, PAIRS = 50, 50, 100, 50
"""How much of each comes at once."""
PAGES = ("/", "/run", "/trial", "/timeline", "/lane", "/compare")
MOST = 1_000_000_000
_OUTCOMES = frozenset({"passed", "failed", "error", "skipped"})

Answer = Callable[[Store, Request], Any]


def app(home: Path) -> Starlette:
    """Return the viewer of the store below a folder."""
    page = files("sojourn.viewer").joinpath("static", "page.html").read_bytes()

    def shell(_: Request) -> Response:
        return Response(page, media_type="text/html; charset=utf-8")

    def asked(path: str, answer: Answer) -> Route:
        return Route(f"/api/{path}", lambda request: _answered(home, answer, request))

    data = [asked(path, answer) for path, answer in ANSWERS.items()]
    static = StaticFiles(packages=[("sojourn.viewer", "static")])
    style = files("sojourn.drawing").joinpath("drawing.css").read_bytes()

    def drawing(_: Request) -> Response:
        return Response(style, media_type="text/css; charset=utf-8")

    return Starlette(
        routes=[
            *(Route(path, shell) for path in PAGES),
            *data,
            Route("/static/drawing.css", drawing),
            Mount("/static", static),
        ],
        middleware=[Middleware(Guard)],
    )


def _answered(home: Path, answer: Answer, request: Request) -> Response:
    """Answer from the store as it is now; who asks for what is not there, or wrongly, is told so."""
    try:
        with contextlib.closing(Store(home)) as store:
            told = answer(store, request)
    except (StoreError, KeyError, ValueError, OverflowError) as error:
        return _json({"error": str(error)}, 404 if isinstance(error, StoreError) else 400)
    except sqlite3.Error as error:
        return _json({"error": f"the store of runs cannot be read: {error}"}, 503)
    return told if isinstance(told, Response) else _json(told)


def _json(told: Any, status: int = 200) -> Response:
    return Response(encode(told), status, media_type="application/json")


def _number(request: Request, name: str) -> int:
    return min(max(int(request.query_params.get(name, 0)), 0), MOST)


def _runs(store: Store, request: Request) -> Any:
    heads = store.heads(RUNS + 1, _number(request, "offset"))
    return {"runs": [msgspec.to_builtins(head) for head in heads[:RUNS]], "more": len(heads) > RUNS, "page": RUNS}


def _run(store: Store, request: Request) -> Any:
    return telling.run(store, store.head(request.query_params["run"]))


def _pulse(store: Store, request: Request) -> Any:
    return msgspec.to_builtins(store.head(request.query_params["run"]))


def _tests(store: Store, request: Request) -> Any:
    asked = request.query_params
    head = store.head(asked["run"])
    sort = asked.get("sort") or "test"
    outcomes = tuple(outcome for outcome in asked.get("outcome", "").split(",") if outcome)
    if sort.removeprefix("-") not in SORTS or not _OUTCOMES.issuperset(outcomes):
        raise ValueError(f"tests are sorted by {', '.join(SORTS)} and chosen by {', '.join(sorted(_OUTCOMES))}")
    wanted = Wanted(
        outcomes=outcomes, text=asked.get("q", "")[:1_000], sort=sort, offset=_number(request, "offset"), limit=TESTS
    )
    total, found = queries.tests(store, head, wanted)
    cells: dict[int, list[Any]] = {test: [] for test in found}
    for cell in queries.cells(store, head, found):
        cells[cell.test].append(telling.cell(cell))
    return {"total": total, "page": TESTS, "tests": [{"test": test, "cells": own} for test, own in cells.items()]}


def _trial(store: Store, request: Request) -> Any:
    head = store.head(request.query_params["run"])
    told = telling.trial(store, head, _number(request, "n"))
    if told is None:
        raise StoreError(f"the run {head.id} has no trial {_number(request, 'n') + 1} yet")
    return told


def _text(store: Store, request: Request) -> Response:
    head = store.head(request.query_params["run"])
    found = queries.row(store, head, _number(request, "n"))
    name = request.query_params["name"]
    text = texts(found[1]).get(name) if found else None
    if text is None:
        raise StoreError(f"there is no text {name!r}")
    start, size = _number(request, "from"), _number(request, "size") or len(text)
    return PlainTextResponse(text[start : start + size].encode("utf-8", "replace"))


def _lane(store: Store, request: Request) -> Any:
    asked = request.query_params
    head = store.head(asked["run"])
    column = "lane" if "lane" in asked else "session"
    cells = queries.lane(store, head, column, asked[column], (TURNS + 1, _number(request, "offset")))
    turns = [telling.turn(store, head, cell) for cell in cells[:TURNS]]
    return {"run": msgspec.to_builtins(head), "turns": turns, "more": len(cells) > TURNS, "page": TURNS}


def _timeline(store: Store, request: Request) -> Any:
    head = store.head(request.query_params["run"])
    total = queries.count(store, head)
    offset = _number(request, "offset")
    return {"run": msgspec.to_builtins(head), "svg": picture(store, head, offset), "total": total, "page": PAGE}


def _earlier(store: Store, request: Request) -> Any:
    found = earlier(store, store.head(request.query_params["run"]))
    return {"run": found.id if found else ""}


def _compare(store: Store, request: Request) -> Any:
    asked = request.query_params
    before, after = store.head(asked["a"]), store.head(asked["b"])
    changes = [change for change in asked.get("change", "").split(",") if change]
    changes = changes or [change.value for change in Change if change is not Change.SAME]
    counts, found = compare(store, before, after, changes, (PAIRS, _number(request, "offset")))
    return {
        "before": telling.side(store, before),
        "after": telling.side(store, after),
        "changes": {change.value: counts.get(change.value, 0) for change in Change},
        "total": sum(count for change, count in counts.items() if change in changes),
        "page": PAIRS,
        "twins": [msgspec.to_builtins(twins) for twins in found],
    }


ANSWERS: dict[str, Answer] = {
    "runs": _runs,
    "run": _run,
    "pulse": _pulse,
    "tests": _tests,
    "trial": _trial,
    "text": _text,
    "lane": _lane,
    "timeline": _timeline,
    "earlier": _earlier,
    "compare": _compare,
}
