"""A connection that a pool can look after: it can be checked, reset and replaced."""

import contextlib
import os
import sqlite3
import threading

lock = threading.Lock()
count = {"open": 0, "most": 0, "opened": 0, "broken": 0, "tests": 0}


class Connection:
    def open(self, config):
        folder = os.environ["TMPDIR"]  # private to this run
        self.database = sqlite3.connect(os.path.join(folder, config["file"]), check_same_thread=False)
        with lock:
            count["open"] += 1
            count["opened"] += 1
            count["most"] = max(count["most"], count["open"])

    def check(self):
        """Answer whether it may be lent. Raising is as good an answer as False."""
        self.database.execute("SELECT 1")

    def reset(self):
        """Make it as new for the next test. A dead one has nothing to reset; its check will find it out."""
        with contextlib.suppress(sqlite3.ProgrammingError):
            self.database.execute("DROP TABLE IF EXISTS basket")

    def close(self):
        self.database.close()
        with lock:
            count["open"] -= 1


def afterAll(context, call):
    told = "{tests} tests, {opened} connections opened, at most {most} of them at a time, {broken} replaced"
    print(told.format(**count))
    assert count["most"] <= 3 and count["open"] == 0, count
