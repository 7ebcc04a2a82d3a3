"""The tables, as each version of Sojourn brought them on: a further version adds a step and changes none."""

from __future__ import annotations

STEPS = (
    """
    CREATE TABLE runs (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        created TEXT NOT NULL,
        description TEXT NOT NULL,
        state TEXT NOT NULL,
        asked TEXT NOT NULL,
        document TEXT NOT NULL,
        expected INTEGER NOT NULL,
        passed INTEGER NOT NULL DEFAULT 0,
        failed INTEGER NOT NULL DEFAULT 0,
        errors INTEGER NOT NULL DEFAULT 0,
        skipped INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE trials (
        run INTEGER NOT NULL,
        number INTEGER NOT NULL,
        test INTEGER NOT NULL,
        prompt INTEGER NOT NULL,
        repeat INTEGER NOT NULL,
        outcome TEXT NOT NULL,
        score REAL NOT NULL,
        began REAL NOT NULL,
        ended REAL NOT NULL,
        latency REAL NOT NULL,
        lane TEXT NOT NULL,
        session TEXT NOT NULL,
        name TEXT NOT NULL,
        mark TEXT NOT NULL,
        PRIMARY KEY (run, number)
    ) WITHOUT ROWID;
    CREATE TABLE rows (
        run INTEGER NOT NULL,
        number INTEGER NOT NULL,
        row TEXT NOT NULL,
        PRIMARY KEY (run, number)
    );
    CREATE TABLE gists (
        run INTEGER NOT NULL,
        number INTEGER NOT NULL,
        twin TEXT NOT NULL,
        answer TEXT NOT NULL,
        shown TEXT NOT NULL,
        PRIMARY KEY (run, number)
    );
    CREATE TABLE words (
        run INTEGER NOT NULL,
        number INTEGER NOT NULL,
        searched TEXT NOT NULL,
        PRIMARY KEY (run, number)
    );
    CREATE INDEX trials_by_test ON trials (run, test);
    CREATE INDEX trials_by_lane ON trials (run, lane);
    CREATE TABLE events (
        run INTEGER NOT NULL,
        number INTEGER NOT NULL,
        at REAL NOT NULL,
        what TEXT NOT NULL,
        session TEXT NOT NULL,
        tag TEXT NOT NULL,
        trial INTEGER,
        PRIMARY KEY (run, number)
    ) WITHOUT ROWID
    """,
)
"""`runs.state` is running, stopped or done; `asked` how the run was asked for, `document` what is told of it as a
whole, its rows left out. Times of trials and events are seconds from the run's beginning. `trials.mark` tells whether
a test is still the one that was run; `gists` holds what lists need of rows and `words` what
is searched in, so that rows are read one by one only. Tables with long texts have row ids: without, each text of more
than a quarter of a page takes pages of its own."""

TRIAL = "INSERT OR REPLACE INTO trials VALUES"
ROW = "INSERT OR REPLACE INTO rows VALUES"
EVENT = "INSERT INTO events VALUES"
GIST = "INSERT OR REPLACE INTO gists VALUES"
WORDS = "INSERT OR REPLACE INTO words VALUES"
