"""The one table: built-in names and where they live. Strings, so that start-up imports nothing that it does not use.

One line here and one file elsewhere is all that a new plug needs.
"""

from __future__ import annotations

PROVIDERS = {
    "echo": "sojourn.providers.echo:Echo",
    "exec": "sojourn.providers.command:Command",
    "javascript": "sojourn.providers.script:Script",
    "python": "sojourn.providers.script:Script",
}

ASSERTIONS: dict[str, str] = {
    "contains": "sojourn.assertions.text:contains",
}

REPORTERS = {
    ".csv": "sojourn.reporters.csv_file:report",
    ".html": "sojourn.reporters.html:report",
    ".json": "sojourn.reporters.json_file:report",
    ".jsonl": "sojourn.reporters.jsonl:report",
    ".junit.xml": "sojourn.reporters.junit:report",
    ".txt": "sojourn.reporters.yaml_file:report",
    ".xml": "sojourn.reporters.xml_file:report",
    ".yaml": "sojourn.reporters.yaml_file:report",
    ".yml": "sojourn.reporters.yaml_file:report",
}

FAMILIES = {"provider": PROVIDERS, "assertion": ASSERTIONS, "output format": REPORTERS}
