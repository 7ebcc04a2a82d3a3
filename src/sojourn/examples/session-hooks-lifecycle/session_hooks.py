"""Opens the session before the first test and closes it after the last one."""

import json
import os
import sys
from typing import Any

from session_provider import get_shared_state, service, set_shared_state


async def session_hook(hook_name: str, context: dict[str, Any]) -> None:
    """Called by the runner at each of its four moments."""
    if hook_name == "beforeAll":
        await set_up()
    elif hook_name == "afterAll":
        await clean_up()


async def set_up() -> None:
    """Open the session. A failure is logged; the tests then fail with "No active session found"."""
    user_id = os.environ.get("TEST_USER_ID", "test-user-123")
    print("=== Session Lifecycle Hook: Setting up ===")
    try:
        set_shared_state(None)
        await service.initialize()
        session_id = await service.create_session(user_id)
        set_shared_state(session_id)
        print(f"✓ Session created successfully: {session_id}")
        print(f"✓ User ID: {user_id}")
    except Exception as error:
        print(f"✗ Failed to create session: {error}", file=sys.stderr)
    print("===========================================")


async def clean_up() -> None:
    """Close the session. A failure is a warning: the tests' verdicts stand."""
    print("=== Session Lifecycle Hook: Cleaning up ===")
    try:
        session_id = get_shared_state()["session_id"]
        if session_id:
            print(f"✓ Session stats: {json.dumps(service.get_stats(), separators=(',', ':'))}")
            await service.close_session(session_id)
            print(f"✓ Session closed: {session_id}")
        else:
            print("No active session to close")
        set_shared_state(None)
    except Exception as error:
        print(f"Warning: failed to close session: {error}", file=sys.stderr)
    print("============================================")
