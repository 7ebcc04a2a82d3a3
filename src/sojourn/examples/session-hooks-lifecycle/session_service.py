"""A stand-in for a service that keeps sessions: it remembers, for each session, what was said in it.

Hooks and providers may run in different processes, so a session is a JSON file in the temporary folder.
"""

import asyncio
import json
import os
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

LATENCY_SECONDS = 0.05


def write_json(path: Path, content: Any) -> None:
    """Write the file whole or not at all, so that no other process reads half of it."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.{uuid.uuid4().hex}")
    draft.write_text(json.dumps(content), encoding="utf-8")
    draft.replace(path)


class SessionService:
    """The service; it holds nothing in memory, so that every process sees the same sessions."""

    @property
    def folder(self) -> Path:
        return Path(tempfile.gettempdir()) / "promptfoo_sessions"

    async def initialize(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        print("SessionService initialized")

    async def create_session(self, user_id: str) -> str:
        if not user_id.strip():
            raise ValueError("a session needs a user ID")
        session_id = str(uuid.uuid4())
        self._save(session_id, {"user_id": user_id, "started_at": time.time(), "requests": 0, "history": []})
        print(f"Session created for user {user_id}: {session_id}")
        return session_id

    async def make_request(self, session_id: str, prompt: str) -> dict[str, Any]:
        session = self._load(session_id)
        prior = len(session["history"])
        session["requests"] += 1
        await asyncio.sleep(LATENCY_SECONDS)
        text = (
            f'Response to: "{prompt}" '
            f"(Session has {prior} prior exchanges, request #{session['requests']} for user {session['user_id']})"
        )
        session["history"].append({"prompt": prompt, "text": text})
        self._save(session_id, session)
        return {"text": text, "prior": prior, "number": session["requests"]}

    async def close_session(self, session_id: str) -> None:
        session = self._load(session_id)
        self._path(session_id).unlink()
        print(f"Closing session {session_id} for user {session['user_id']}")
        print(f"  Total requests: {session['requests']}")
        print(f"  Duration: {round((time.time() - session['started_at']) * 1000)}ms")

    def get_stats(self) -> dict[str, int]:
        sessions = [json.loads(path.read_text(encoding="utf-8")) for path in self.folder.glob("*.json")]
        return {"active_sessions": len(sessions), "total_requests": sum(one["requests"] for one in sessions)}

    def _path(self, session_id: str) -> Path:
        return self.folder / f"{session_id}.json"

    def _save(self, session_id: str, session: dict[str, Any]) -> None:
        write_json(self._path(session_id), session)

    def _load(self, session_id: str) -> dict[str, Any]:
        try:
            return json.loads(self._path(session_id).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise LookupError(f"no session has the ID {session_id}") from None
