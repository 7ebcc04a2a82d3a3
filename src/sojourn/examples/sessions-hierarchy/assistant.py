"""A provider that keeps its conversation in the thread that it is lent."""

import asyncio


async def call_api(prompt, options, context):
    thread = context["sessions"]["thread"]
    thread["messages"].append(prompt)
    await asyncio.sleep(0.02)
    return {"output": f"message {len(thread['messages'])}: {prompt}"}
