"""An environment that takes its time to be built: a warehouse with a long history, from which the stock is computed."""

import contextlib
import sqlite3
import threading
import time

THINGS = ("bolts", "nuts", "gears", "springs")
ENTRIES = 60_000

lock = threading.Lock()
seconds = {"fresh": [], "fork": []}


class Environment:
    def open(self):
        with timed("fresh"):
            self.database = connect()
            self.database.execute("CREATE TABLE history (thing TEXT, change INTEGER)")
            self.database.executemany("INSERT INTO history VALUES (?, ?)", history())
            stock = "SELECT thing, sum(change) AS pieces FROM history GROUP BY thing"
            self.database.execute(f"CREATE TABLE stock AS {stock}")
            self.database.commit()

    def fork(self):
        """A child of one's own: here a copy of the memory. It is closed as its parent is."""
        child = Environment()
        with timed("fork"):
            child.database = connect()
            self.database.backup(child.database)
        return child

    def close(self):
        self.database.close()


def connect():
    return sqlite3.connect(":memory:", check_same_thread=False)


def history():
    for number in range(ENTRIES):
        yield THINGS[number % len(THINGS)], 2 if number % 8 < 4 else -1
    for thing in THINGS:
        yield thing, 1000 - (ENTRIES // len(THINGS)) // 2


@contextlib.contextmanager
def timed(what):
    began = time.perf_counter()
    yield
    with lock:
        seconds[what].append(time.perf_counter() - began)


def afterAll(context, call):
    builds, forks = (sorted(seconds[what]) for what in ("fresh", "fork"))
    build, fork = builds[len(builds) // 2], forks[len(forks) // 2]
    print(f"opened anew: {len(builds) - 1} times for 8 tests, {build * 1000:.0f} ms each")
    print(f"forked: built once, {len(forks)} forks of {fork * 1000:.1f} ms each; a fork costs 1/{build / fork:.0f}")
    assert fork < build, "a fork should be cheaper than a new one"
