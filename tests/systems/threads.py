"""A service with conversation threads, for the kind http: `python threads.py PORT TOKEN`, served by uvicorn."""

from __future__ import annotations

import sys
from collections.abc import MutableMapping

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

THREADS: MutableMapping[str, list[str]] = {}
COUNT = [0]


def allowed(request: Request) -> bool:
    """Tell whether a request carries the token."""
    return request.headers.get("authorization") == f"Bearer {sys.argv[2]}"


async def open_thread(request: Request) -> Response:
    """Open a thread; its id is in the body, in a header and in a cookie."""
    if not allowed(request):
        return JSONResponse({"error": "who are you?"}, 401)
    COUNT[0] += 1
    name = f"thread-{COUNT[0]}"
    THREADS[name] = []
    answer = JSONResponse({"thread": {"id": name}}, headers={"x-thread": name})
    answer.set_cookie("thread", name)
    return answer


async def tell_token(request: Request) -> Response:
    """Answer with a token, and with the status that is asked for."""
    return JSONResponse({"user": "ada", "token": "live-3f0a9c"}, int(request.query_params.get("status", "200")))


async def threads(_: Request) -> Response:
    """List the threads that are open."""
    return JSONResponse(list(THREADS))


async def say(request: Request) -> Response:
    """Say a word in a thread; answers with the words before it. Without the cookie it is not your thread."""
    name = request.path_params["name"]
    if name not in THREADS or request.cookies.get("thread") != name:
        return JSONResponse({"error": f"no thread {name}"}, 404)
    found = " ".join(THREADS[name])
    THREADS[name].append((await request.json())["word"])
    return JSONResponse({"found": found})


async def treat(request: Request) -> Response:
    """Read, empty or close a thread."""
    name = request.path_params["name"]
    if not allowed(request):
        return JSONResponse({"error": "who are you?"}, 401)
    if name not in THREADS:
        return JSONResponse({"error": f"no thread {name}"}, 404)
    if request.method == "DELETE":
        del THREADS[name]
    elif request.method == "PUT":
        THREADS[name].clear()
    return JSONResponse({"words": THREADS.get(name, [])})


app = Starlette(
    routes=[
        Route("/threads", open_thread, methods=["POST"]),
        Route("/threads", threads),
        Route("/tokens", tell_token, methods=["POST"]),
        Route("/threads/{name}", treat, methods=["GET", "PUT", "DELETE"]),
        Route("/threads/{name}/words", say, methods=["POST"]),
    ]
)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
