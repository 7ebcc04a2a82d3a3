"""The METEOR assertion: words matched exactly or by their stem, and how well their order is kept.

Synonyms, which the original also matches, need a dictionary and are left out.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable

from sojourn.assertions.reading import text_of, text_values
from sojourn.assertions.stemming import stem
from sojourn.model.reply import Reply
from sojourn.model.suite import Claim
from sojourn.model.verdict import Verdict, judged
from sojourn.protocols import ClaimContext
from sojourn.template.values import to_text

_ALPHA, _BETA, _GAMMA = 0.9, 3.0, 0.5


def meteor(claim: Claim, reply: Reply, _context: ClaimContext) -> Verdict:
    """Pass when the best METEOR score against the references reaches 0.5, or the threshold."""
    threshold = 0.5 if claim.threshold is None else claim.threshold
    words = _words(text_of(reply))
    score = max(meteor_score(words, _words(reference)) for reference in text_values(claim))
    passed = score >= threshold
    return judged(passed, score, f"The METEOR score {score:.4f} is less than {to_text(threshold)}")


def _words(text: str) -> list[str]:
    return re.findall(r"\w+(?:'\w+)*", text.lower())


def meteor_score(words: list[str], reference: list[str]) -> float:
    """Return the weighted mean of precision and recall, less a penalty for words out of order."""
    pairs = _aligned(words, reference)
    if not pairs:
        return 0.0
    precision, recall = len(pairs) / len(words), len(pairs) / len(reference)
    mean = precision * recall / (_ALPHA * precision + (1 - _ALPHA) * recall)
    chunks = 1 + sum(1 for one, other in itertools.pairwise(pairs) if (other[0] - one[0], other[1] - one[1]) != (1, 1))
    penalty: float = _GAMMA * (chunks / len(pairs)) ** _BETA
    return mean * (1 - penalty)


def _aligned(words: list[str], reference: list[str]) -> list[tuple[int, int]]:
    """Pair words with those of the reference: equal ones first, then those of one stem."""
    pairs: dict[int, int] = {}
    for form in (str, stem):
        _pair(words, reference, form, pairs)
    return sorted(pairs.items())


def _pair(words: list[str], reference: list[str], form: Callable[[str], str], pairs: dict[int, int]) -> None:
    taken = set(pairs.values())
    places: dict[str, list[int]] = {}
    for index in reversed(range(len(reference))):
        if index not in taken:
            places.setdefault(form(reference[index]), []).append(index)
    for index, word in enumerate(words):
        if index not in pairs and places.get(form(word)):
            pairs[index] = _next(places[form(word)], pairs.get(index - 1, -1))


def _next(places: list[int], before: int) -> int:
    """Take the place right behind the word before, if it is free, or else the first."""
    chosen = before + 1 if before + 1 in places else places[-1]
    places.remove(chosen)
    return chosen
