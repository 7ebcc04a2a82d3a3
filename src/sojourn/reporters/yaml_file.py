"""YAML in promptfoo's shape: the same document as JSON, written row by row."""

from __future__ import annotations

from typing import Any, BinaryIO

from sojourn.encoding import writable
from sojourn.model.document import document
from sojourn.model.row import row
from sojourn.model.run_result import RunResult
from sojourn.reporters.stamp import stamp


def report(result: RunResult, out: BinaryIO) -> None:
    """Write the whole run as one YAML document."""
    dump = _dumper()
    whole = document(result, stamp())
    body = whole.pop("results")
    body.pop("results")
    out.write(dump({"evalId": whole.pop("evalId")}) + b"results:\n" + _indented(dump(body)))
    out.write(b"  results:\n" if result.results else b"  results: []\n")
    out.writelines(_indented(dump([row(trial, result.run_id)])) for trial in result.results)
    out.write(dump(whole))


def _indented(block: bytes) -> bytes:
    return b"  " + block.removesuffix(b"\n").replace(b"\n", b"\n  ") + b"\n"


def _dumper() -> Any:
    import yaml

    dumper: Any = type("Dumper", (getattr(yaml, "CSafeDumper", yaml.SafeDumper),), {"ignore_aliases": lambda *_: True})

    def dump(value: Any) -> bytes:
        text = yaml.dump(writable(value), Dumper=dumper, allow_unicode=True, sort_keys=False, width=2**31 - 1)
        return str(text).encode()

    return dump
