"""What several verdicts come to."""

from __future__ import annotations

import pytest
from msgspec import structs

from sojourn.engine.judging import weigh
from sojourn.model.verdict import failing, passing


@pytest.mark.parametrize(
    ("weights", "score"), [((1, 1), 0.5), ((3, 1), 0.75), ((1, 0), 1), ((0, 0), 0), ((-1, -1), 0), ((1, -1), 0)]
)
def test_the_score_is_the_weighted_mean(weights: tuple[float, float], score: float) -> None:
    """Weights that come to nothing, or less, make no score, and so reach no threshold."""
    verdicts = [
        structs.replace(one, weight=weight) for one, weight in zip((passing(), failing("no")), weights, strict=True)
    ]
    assert weigh(verdicts, 0.6)[:2] == (score >= 0.6, score)
