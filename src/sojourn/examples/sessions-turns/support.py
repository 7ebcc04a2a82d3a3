"""A support bot with a memory: what it knows of a conversation stands in the conversation's thread."""

import asyncio
import os
import re
import time

PACE = 0.05
ORDER = re.compile(r"[A-Z]-\d+")
taken = {"turns": 0}


async def thread():
    """The session: what was said, turn by turn."""
    yield []


async def call_api(say, options, context):
    thread = context["sessions"]["thread"]
    await asyncio.sleep(PACE)
    taken["turns"] += 1
    if os.environ.get("BREAK_AT", "nowhere") in say:
        raise ConnectionError("the bot hung up")
    reply = answer(say, known_order([*thread, {"say": say}]))
    thread.append({"say": say, "reply": reply})
    return {"output": reply}


def known_order(thread):
    """The order that was named last."""
    named = [number for turn in thread for number in ORDER.findall(turn["say"])]
    return named[-1] if named else None


def answer(say, order):
    if say == "Thanks":
        return f"You are welcome{f'; a letter about {order} is on its way' if order else ''}."
    if order:
        return f"I have found order {order}."
    return "What is your order number, please?"


async def clock(hook, context):
    if hook == "beforeAll":
        taken["began"] = time.monotonic()
    if hook == "afterAll":
        seconds = time.monotonic() - taken["began"]
        alone = taken["turns"] * PACE
        told = f"{taken['turns']} turns of {PACE * 1000:.0f} ms took {seconds:.2f} s"
        print(f"{told}; one after another they would have taken {alone:.2f} s")
