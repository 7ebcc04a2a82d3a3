"""A provider in Python: writes into the thread and tells what was said before."""

import json
import urllib.request

web = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # the service is next door: no proxy


def call_api(prompt, options, context):
    url = context["sessions"]["threads"]["url"]
    body = json.dumps({"by": "python", "text": prompt}).encode()
    with web.open(url, body) as response:
        before = json.load(response)
    after = f" after {before[-1]['by']}: {before[-1]['text']}" if before else ""
    return {"output": f"message {len(before) + 1}{after}"}
