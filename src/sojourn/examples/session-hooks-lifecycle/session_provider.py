"""The provider under test. It opens no session itself: it uses the one whose ID the hook has left in the state file."""

import json
import tempfile
from pathlib import Path
from typing import Any

from session_service import SessionService, write_json

service = SessionService()


def state_file() -> Path:
    """Where the active session's ID stands, for every process of this run."""
    return Path(tempfile.gettempdir()) / "promptfoo_session_state.json"


def get_shared_state() -> dict[str, Any]:
    """Read what the hook has left."""
    try:
        return json.loads(state_file().read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {"session_id": None}


def set_shared_state(session_id: str | None) -> None:
    """Name the active session, or that there is none."""
    write_json(state_file(), {"session_id": session_id})


async def call_api(prompt: str, options: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:
    """Answer within the active session; whatever goes wrong is the response's `error`."""
    try:
        session_id = get_shared_state()["session_id"]
        if not session_id:
            raise LookupError("No active session found. Make sure beforeAll hook ran successfully.")
        answer = await service.make_request(session_id, prompt)
    except Exception as error:
        return {"error": str(error)}
    # sessionId tells the runner which session this was, and so which tests share one.
    return {
        "output": answer["text"],
        "sessionId": session_id,
        "metadata": {
            "sessionId": session_id,
            "priorExchanges": answer["prior"],
            "requestNumber": answer["number"],
        },
    }
