"""What is drawn by the seed: the order of contests and of blocks, and the seeds of layouts and of hashes.

Each is drawn from the seed and from what it is drawn for, and from nothing before it: a resumed experiment draws the
same.
"""

from __future__ import annotations

import random
from collections.abc import Iterable

from zoobench.compare.evidence import SideName, Stage

_RUNS = ("ABBA", "BAAB")
"""In either, what drifts evenly through the four blocks is the same on both sides."""

_PAIRS = ("AB", "BA")
_SEEDS = 2**32


def contest_order(contests: Iterable[str], seed: int, stage: Stage, generation: int) -> list[str]:
    """The contests of a generation in random order."""
    ordered = sorted(contests)
    _random(seed, stage, generation, "contests").shuffle(ordered)
    return ordered


def block_order(blocks: int, seed: int, stage: Stage, generation: int, contest: str) -> str:
    """Sides of so many blocks (rounded up to pairs), as runs of four, each begun by either side."""
    drawn = _random(seed, stage, generation, contest, "blocks")
    runs = [drawn.choice(_RUNS) for _ in range(blocks // 4)]
    return "".join([*runs, *(drawn.choice(_PAIRS) for _ in range((blocks % 4 + 1) // 2))])


def layout_seed(seed: int, stage: Stage, generation: int, contest: str, side: SideName) -> int:
    """Of a side's memory layouts in a generation."""
    return _random(seed, stage, generation, contest, side).randrange(_SEEDS)


def hash_seed(seed: int, *drawn_for: object) -> int:
    """Of the hashes of both sides' workers, as PYTHONHASHSEED."""
    return _random(seed, *drawn_for, "hashes").randrange(_SEEDS)


def _random(*drawn_for: object) -> random.Random:
    return random.Random("/".join(map(str, drawn_for)))  # noqa: S311 - not for secrets
