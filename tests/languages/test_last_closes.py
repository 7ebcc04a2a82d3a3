"""What a Node.js process still closes when the engine is gone."""

import subprocess
from pathlib import Path

import sojourn.languages

LIVING = Path(sojourn.languages.__file__).parent / "javascript" / "living.js"


def test_a_last_close_that_hangs_is_not_taken_for_done() -> None:
    """What does not end in its time is an error, so that nothing is written down as closed that is not."""
    code = """
    const { inTime } = require(process.argv[1]);
    const never = inTime(new Promise(() => {}), 1).then(() => 'done', (error) => error.message);
    Promise.all([never, inTime(Promise.resolve('closed'))]).then((told) => console.log(told.join(', ')));
    """
    told = subprocess.run(["node", "-e", code, str(LIVING)], capture_output=True, text=True, timeout=60, check=True)
    assert told.stdout == "it took more than 0.001 s, closed\n"
