"""A provider that leaves something behind in its connection, as real ones do."""

import time

from connections import count, lock


def call_api(prompt, options, context):
    connection = context["sessions"]["connection"]
    database = connection.database
    with lock:
        count["tests"] += 1
        now_open = count["open"]
    database.execute("CREATE TEMP TABLE basket (thing TEXT)")  # breaks where the test before left its own
    database.execute("INSERT INTO basket VALUES (?)", (prompt,))
    time.sleep(0.02)
    basket = [thing for (thing,) in database.execute("SELECT thing FROM basket")]
    if context["vars"].get("breaks"):
        database.close()  # as if the server had hung up
        with lock:
            count["broken"] += 1
    return {"output": f"{', '.join(basket)} is the only one in the basket; {now_open} open"}
