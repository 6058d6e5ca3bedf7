"""Where a slowdown of known size is injected, to see whether it is found."""

from __future__ import annotations

import random
from collections.abc import Collection


def choose(contests: Collection[str], share: float, seed: int) -> frozenset[str]:
    """The contests whose head wastes time, by seed: that share of them, one at least; whatever order they come in."""
    if not contests:
        return frozenset()
    count = min(len(contests), max(1, round(share * len(contests))))
    return frozenset(random.Random(f"{seed}/injection").sample(sorted(contests), count))  # noqa: S311 - not for secrets
