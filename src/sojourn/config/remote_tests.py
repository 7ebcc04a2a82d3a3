"""Tests that lie on the web: Hugging Face datasets and public Google Sheets; other places are refused by name."""

from __future__ import annotations

import asyncio
import json
import re
import urllib.parse
from collections.abc import Iterator, Mapping
from http.client import HTTPException
from typing import Any
from urllib import error as urlerror
from urllib import request as urlrequest

from sojourn.config.expect import Mismatch
from sojourn.config.findings import Source
from sojourn.config.reading import Reading
from sojourn.model.suite import JsonDict

_DATASETS = "huggingface://datasets/"
_SHEETS = "https://docs.google.com/spreadsheets/"
_TOKENS = ("HF_TOKEN", "HF_API_TOKEN", "HUGGING_FACE_HUB_TOKEN")
_PAGE = 100
"""As many rows as the datasets server gives at once."""
_PATIENCE = 60.0
_ELSEWHERE = {
    r"az://": "tests in Azure Blob Storage",
    r"https://[^/]+\.sharepoint\.com/": "tests in SharePoint",
    r"huggingface://": "this kind of Hugging Face address",
    r"langfuse://": "traces kept by Langfuse",
    r"promptfoo://": "tests kept in promptfoo's cloud",
    r"": "tests from this address",
}


async def fetch_tests(address: str, reading: Reading) -> tuple[list[JsonDict], Source]:
    """Fetch the tests behind an address; raises Mismatch where they cannot be had, with the service's name."""
    if address.startswith(_DATASETS):
        tests = await asyncio.to_thread(lambda: list(_dataset(address, reading.env)))
        return tests, Source(name=address)
    if address.startswith(_SHEETS):
        return await _sheet(address, reading)
    named = next(name for start, name in _ELSEWHERE.items() if re.match(start, address, re.IGNORECASE))
    raise Mismatch(f"{named} cannot be read: {address}", todo="save them as CSV or YAML beside the suite")


def _dataset(address: str, env: Mapping[str, str]) -> Iterator[JsonDict]:
    """Yield a test for each row of a dataset, page by page; its columns are the vars as they are."""
    name, _, query = address.removeprefix(_DATASETS).partition("?")
    params = {"split": "test", "config": "default", **dict(urllib.parse.parse_qsl(query))}
    wanted = int(params["limit"]) if params.get("limit", "").isdecimal() else None
    offset, page = 0, _PAGE
    while wanted is None or offset < wanted:
        length = page if wanted is None else min(page, wanted - offset)
        asked = {"dataset": name, **params, "offset": offset, "length": length}
        status, told = _rows(asked, env)
        if status == 422 and page > 1:
            page //= 2
            continue
        rows, total = _page_of(told, status, address)
        yield from ({"vars": row, "options": {"disableVarExpansion": True}} for row in rows)
        offset += len(rows)
        if not rows or offset >= total:
            return


def _rows(asked: Mapping[str, Any], env: Mapping[str, str]) -> tuple[int, Any]:
    base = env.get("SOJOURN_DATASETS_URL") or "https://datasets-server.huggingface.co"
    token = next((env[name] for name in _TOKENS if env.get(name)), "")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    status, body, _ = _get(f"{base}/rows?{urllib.parse.urlencode(asked)}", headers, "Hugging Face datasets")
    try:
        return status, json.loads(body)
    except ValueError:
        return status, body.decode(errors="replace")


def _page_of(told: Any, status: int, address: str) -> tuple[list[JsonDict], int]:
    rows = told.get("rows") if isinstance(told, dict) and status == 200 else None
    if not isinstance(rows, list):
        said = told.get("error", told) if isinstance(told, dict) else told
        todo = "check the name, split and config; a private dataset needs HF_TOKEN"
        raise Mismatch(f"Hugging Face does not give {address}: {status} {str(said)[:200]}", todo=todo)
    found = [row["row"] for row in rows if isinstance(row, dict) and isinstance(row.get("row"), dict)]
    return found, int(told.get("num_rows_total") or len(found))


async def _sheet(address: str, reading: Reading) -> tuple[list[JsonDict], Source]:
    from sojourn.config.csv_tests import tests_from_csv

    gid = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(address).query)).get("gid")
    path = re.sub(r"/edit.*$", "/export", address) + "?format=csv" + (f"&gid={gid}" if gid else "")
    base = reading.env.get("SOJOURN_SHEETS_URL")
    path = path.replace("https://docs.google.com", base.rstrip("/"), 1) if base else path
    status, body, kind = await asyncio.to_thread(_get, path, {}, "Google Sheets")
    if status != 200 or "text/html" in kind:
        todo = "share it with everybody who has the link, or save it as CSV beside the suite"
        raise Mismatch(f"Google Sheets does not give {address} ({status}): it is not public", todo=todo)
    text = body.decode("utf-8-sig", errors="replace")
    tests, lines = tests_from_csv(text, address, {}, reading.findings)
    return tests, Source(name=address, lines=lines)


def _get(address: str, headers: Mapping[str, str], service: str) -> tuple[int, bytes, str]:
    """Ask for an address and return status, body and kind; raises Mismatch where nobody answers."""
    question = urlrequest.Request(address, headers=dict(headers))  # noqa: S310  http(s): both bases are checked or ours
    try:
        with urlrequest.urlopen(question, timeout=_PATIENCE) as answer:  # noqa: S310  as above
            return answer.status, answer.read(), answer.headers.get("content-type", "")
    except urlerror.HTTPError as error:
        return error.code, error.read(), error.headers.get("content-type", "")
    except (OSError, ValueError, HTTPException) as error:
        why = getattr(error, "reason", error)
        todo = "check the network, or save the tests beside the suite"
        raise Mismatch(f"{service} cannot be reached at {address.partition('?')[0]}: {why}", todo=todo) from None
