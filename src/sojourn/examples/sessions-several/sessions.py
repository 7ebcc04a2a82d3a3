"""What is opened before the tests that need it and closed behind them. Write them as you write fixtures."""

import http.client
import sqlite3

import capitals_service


def database():
    """A connection: sessions are used from other threads than the one that opened them, so SQLite must allow it."""
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.execute("CREATE TABLE capitals (country TEXT PRIMARY KEY, city TEXT)")
    connection.executemany("INSERT INTO capitals VALUES (?, ?)", [("France", "Paris"), ("Japan", "Tokyo")])
    yield connection
    connection.close()


def api():
    """A client whose connection stays open from test to test."""
    with capitals_service.running() as (host, port):
        client = http.client.HTTPConnection(host, port)
        yield client
        client.close()


def cache():
    """What was found out already."""
    yield {}
