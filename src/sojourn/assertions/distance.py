"""The assertion on edit distance."""

from __future__ import annotations

from sojourn.assertions.reading import text_of, text_value
from sojourn.errors import ClaimError
from sojourn.model.reply import Reply
from sojourn.model.suite import Claim
from sojourn.model.verdict import Verdict, judged
from sojourn.protocols import ClaimContext
from sojourn.template.units import wide
from sojourn.template.values import to_text

_MOST = 10**10


def levenshtein(claim: Claim, reply: Reply, _context: ClaimContext) -> Verdict:
    """Pass when at most so many edits (5, or the threshold) lead from the output to the value."""
    threshold = 5 if claim.threshold is None else claim.threshold
    found = distance(wide(text_of(reply)), wide(text_value(claim)))
    passed = found <= threshold
    return judged(passed, float(passed), f"The Levenshtein distance {found} is more than {to_text(threshold)}")


def distance(left: str, right: str) -> int:
    """Return the least number of insertions, deletions and replacements between two texts.

    A whole column of the table is held in the bits of one number (Myers, as put by Hyyro). Raises ClaimError where
    the texts are too long to compare.
    """
    if len(left) * len(right) > _MOST:
        raise ClaimError(f"texts of {len(left)} and {len(right)} characters are too long for levenshtein")
    if not left or not right:
        return len(left) + len(right)
    places: dict[str, int] = {}
    for index, char in enumerate(left):
        places[char] = places.get(char, 0) | 1 << index
    return _walk(places, len(left), right)


def _walk(places: dict[str, int], height: int, text: str) -> int:
    every, last, score = (1 << height) - 1, 1 << (height - 1), height
    rising, falling = every, 0
    for char in text:
        equal = places.get(char, 0)
        across = (((equal & rising) + rising) ^ rising) | equal
        up = falling | (every & ~(across | rising))
        down = rising & across
        score += bool(up & last) - bool(down & last)
        up = (up << 1 | 1) & every
        diagonal = equal | falling
        rising = (down << 1 & every) | (every & ~(diagonal | up))
        falling = up & diagonal
    return score
