"""Values of assertions that stand in files."""

import os
from pathlib import Path

from sojourn.engine.claiming import load_file


def test_a_file_that_has_changed_is_read_again(tmp_path: Path) -> None:
    """What was read is remembered for as long as the file stays the same, also from one run to the next."""
    path = tmp_path / "value.json"
    path.write_text('{"a": 1}')
    first = load_file(str(path))
    assert load_file(str(path)) is first
    path.write_text('{"a": 2}')
    os.utime(path, ns=(1, 1))

    assert load_file(str(path)) == {"a": 2}
