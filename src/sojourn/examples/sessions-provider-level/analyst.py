"""A provider with a database of its own, which lives as long as a conversation."""

import itertools
import sqlite3


class Analyst:
    number = itertools.count(1)

    def open(self):
        self.name = f"analyst {next(Analyst.number)}"
        self.statements = 0
        self.database = sqlite3.connect(":memory:")

    def call_api(self, prompt, options, context):
        self.statements += 1
        rows = self.database.execute(prompt).fetchall()
        return {"output": ", ".join(str(row[0]) for row in rows) or "done"}

    def close(self):
        self.database.close()
        print(f"{self.name} closes after {self.statements} statements")
