"""A database whose every use is a transaction that is taken back."""

import os
import sqlite3


class Shop:
    def open(self):
        """Once for the whole run: tables and what all tests may rely on."""
        file = os.path.join(os.environ["TMPDIR"], "shop.db")  # private to this run
        self.database = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self.database.execute("CREATE TABLE orders (what TEXT)")
        self.database.executemany("INSERT INTO orders VALUES (?)", [("a sofa",), ("a rug",)])

    def begin(self):
        """Before each test."""
        self.database.execute("BEGIN")

    def rollback(self):
        """After each test, whatever became of it."""
        self.database.execute("ROLLBACK")
        assert self.orders() == 2, "something was left behind"

    def close(self):
        """After the last test."""
        self.database.close()

    def orders(self):
        return self.database.execute("SELECT count(*) FROM orders").fetchone()[0]
