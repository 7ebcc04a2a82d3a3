"""Assertions that count how many word sequences an output shares with references: BLEU, GLEU, ROUGE-N."""

from __future__ import annotations

import math
import re
from collections import Counter

from sojourn.assertions.reading import text_of, text_value, text_values
from sojourn.model.reply import Reply
from sojourn.model.suite import Claim
from sojourn.model.verdict import Verdict, judged
from sojourn.protocols import ClaimContext
from sojourn.template.values import to_text

Words = list[str]


def _reached(claim: Claim, score: float, default: float) -> Verdict:
    threshold = default if claim.threshold is None else claim.threshold
    passed = score >= threshold
    return judged(passed, score, f"The {claim.type} score {score:.4f} is less than {to_text(threshold)}")


def sequences(words: Words, length: int) -> Counter[tuple[str, ...]]:
    """Count the runs of `length` words."""
    return Counter(tuple(words[start : start + length]) for start in range(len(words) - length + 1))


def bleu(claim: Claim, reply: Reply, _context: ClaimContext) -> Verdict:
    """Pass when the BLEU score (runs of up to four words, smoothed) against the references reaches 0.5."""
    references = [one.lower().split() for one in text_values(claim)]
    return _reached(claim, bleu_score(text_of(reply).lower().split(), references), 0.5)


def bleu_score(words: Words, references: list[Words]) -> float:
    """Return BLEU: the geometric mean of the precisions, less for a text shorter than the nearest reference."""
    if not words:
        return 0.0
    logs: list[float] = []
    for length in range(1, min(4, len(words)) + 1):
        counts = sequences(words, length)
        shared = max((counts & sequences(reference, length)).total() for reference in references)
        logs.append(math.log(shared / counts.total() or 1e-7))
    nearest = min((abs(len(reference) - len(words)), len(reference)) for reference in references)[1]
    brevity = 1.0 if len(words) > nearest else math.exp(1 - nearest / len(words))
    return brevity * math.exp(sum(logs) / len(logs))


def gleu(claim: Claim, reply: Reply, _context: ClaimContext) -> Verdict:
    """Pass when the best GLEU score against the references reaches 0.5."""
    words = _plain_words(text_of(reply))
    return _reached(claim, max(gleu_score(words, _plain_words(one)) for one in text_values(claim)), 0.5)


def _plain_words(text: str) -> Words:
    return [word.rstrip(".") for word in text.lower().split()]


def gleu_score(words: Words, reference: Words) -> float:
    """Return the smaller of precision and recall over all runs of one to four words."""
    if words == reference:
        return 1.0
    shared = ours = theirs = 0
    for length in range(1, 5):
        mine, other = sequences(words, length), sequences(reference, length)
        shared += (mine & other).total()
        ours += mine.total()
        theirs += other.total()
    return shared / max(ours, theirs) if ours and theirs else 0.0


def rouge_n(claim: Claim, reply: Reply, _context: ClaimContext) -> Verdict:
    """Pass when the ROUGE-1 score (shared words, precision and recall together) reaches 0.75."""
    mine, other = (Counter(treebank_words(text.lower())) for text in (text_of(reply), text_value(claim)))
    shared = (mine & other).total()
    return _reached(claim, 2 * shared / (mine.total() + other.total()) if shared else 0.0, 0.75)


_TREEBANK = [
    (re.compile(r'^"'), "`` "),
    (re.compile(r'([ (\[{<])"'), r"\1 `` "),
    (re.compile(r"\.\.\."), " ... "),
    (re.compile(r"[;@#$%&?!]"), r" \g<0> "),
    (re.compile(r"([:,])(?=\D|$)"), r" \1 "),
    (re.compile(r"([^.])(\.)([\])}>\"']*)\s*$"), r"\1 \2\3 "),
    (re.compile(r"[\][(){}<>]|--"), r" \g<0> "),
    (re.compile(r'"'), " '' "),
    (re.compile(r"^|$"), " "),
    (re.compile(r"([^'])' "), r"\1 ' "),
    (re.compile(r"('(?:[smd]|ll|re|ve)|n't) ", re.IGNORECASE), r" \1 "),
    (re.compile(r"\b(can)(not)\b|\b(d)('ye)\b|\b(gim)(me)\b|\b(gon)(na)\b", re.IGNORECASE), r" \1\3\5\7 \2\4\6\8 "),
    (re.compile(r"\b(got)(ta)\b|\b(lem)(me)\b|\b(more)('n)\b|\b(wan)(na) ", re.IGNORECASE), r" \1\3\5\7 \2\4\6\8 "),
    (re.compile(r" ('t)(is|was)\b", re.IGNORECASE), r" \1 \2 "),
]


def treebank_words(text: str) -> Words:
    """Cut a text into words as the Penn Treebank does: punctuation apart, `don't` as `do n't`."""
    for pattern, by in _TREEBANK:
        text = pattern.sub(by, text)
    return text.replace("``", " `` ").replace("''", " '' ").split()
