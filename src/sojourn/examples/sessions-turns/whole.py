"""Assertions on a whole conversation: the live session is there for them as it is for providers."""

from support import ORDER


def one_order_only(output, context):
    said = " ".join(turn["reply"] for turn in context["sessions"]["thread"])
    return len(set(ORDER.findall(said))) == 1


def polite(output, context):
    first, *_, last = context["sessions"]["thread"]
    good = "please" in first["reply"] and "welcome" in last["reply"]
    return {"pass": good, "score": float(good), "reason": "asks politely, ends politely" if good else "impolite"}
