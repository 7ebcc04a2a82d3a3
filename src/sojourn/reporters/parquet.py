"""Parquet: a table of records, one a trial, that every tool for columns reads; asked for as `-o results.parquet`."""

from __future__ import annotations

from typing import Any, BinaryIO

from sojourn.encoding import writable
from sojourn.errors import OutputError
from sojourn.model.records import COLUMNS, records
from sojourn.model.run_result import RunResult
from sojourn.reporters.cells import text

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError as missing:
    raise OutputError(".parquet needs pyarrow", todo="pip install 'sojourn[parquet]'") from missing

BATCH = 10_000
_TYPES = {str: pa.string(), int: pa.int64(), float: pa.float64(), object: pa.string()}


def report(result: RunResult, out: BinaryIO) -> None:
    """Write the records: vars and outputs as text (JSON where they are none), named scores as numbers."""
    schema = _schema(result)
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        batch: list[dict[str, Any]] = []
        for record in records(result):
            batch.append(_clean(record))
            if len(batch) == BATCH:
                writer.write_table(pa.Table.from_pylist(batch, schema))
                batch = []
        writer.write_table(pa.Table.from_pylist(batch, schema))


def _schema(result: RunResult) -> Any:
    kinds = dict(COLUMNS)
    for each in result.results:
        kinds |= {f"vars.{writable(str(name))}": str for name in each.case.vars}
        kinds |= {f"scores.{writable(name)}": float for name in each.named_scores}
    return pa.schema([(name, _TYPES[kind]) for name, kind in kinds.items()])


def _clean(record: dict[str, Any]) -> dict[str, Any]:
    return {writable(name): _cell(name, value) for name, value in record.items()}


def _cell(name: str, value: Any) -> Any:
    is_text = COLUMNS.get(name, str) in (str, object) and not name.startswith("scores.")
    return writable(text(value)) if is_text and value is not None else value
